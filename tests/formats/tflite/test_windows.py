from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from opt_tool.errors import UnsupportedModelError
from opt_tool.ir.operations.data_movement import Transpose2
from tflite_models import Made, Op, assert_same, normal

FIRST = {"ADD": 0.0, "MAXIMUM": -np.inf, "MINIMUM": np.inf}


def windows(
    shape: tuple[int, ...],
    sizes: tuple[int, ...],
    *,
    kind: str = "MAXIMUM",
    strides: tuple[int, ...] = (),
    pads: tuple[int, ...] = (),
    **more: Any,  # other options
) -> Made:
    """Windows over x of a shape, joined by an operator of another graph."""
    rank = len(shape)
    options = {
        "window_dimensions": sizes,
        "window_strides": strides or (1,) * rank,
        "base_dilations": (1,) * rank,
        "window_dilations": (1,) * rank,
        "padding": pads or (0,) * (2 * rank),
        "body_subgraph_index": 1,
        **more,
    }
    number = np.zeros((), np.float32)
    body = Made([Op(kind, ["a", "b"], ["c"])], {"a": number, "b": number}, outputs=("c",))
    first = np.array(FIRST.get(kind, 1.0), np.float32)
    return Made(
        [Op("STABLEHLO_REDUCE_WINDOW", ["x", "first"], ["y"], options)],
        {"x": normal(*shape)},
        {"first": first},
        branches=(body,),
    )


@pytest.mark.parametrize("kind", ["ADD", "MAXIMUM", "MINIMUM"])
@pytest.mark.parametrize(
    ("shape", "sizes", "strides", "pads"),
    [
        ((2, 3, 9, 8), (1, 1, 3, 2), (1, 1, 2, 1), (0, 0, 0, 0, 1, 2, 0, 1)),
        ((2, 9, 8, 3), (1, 3, 3, 1), (1, 2, 2, 1), (0, 0, 1, 1, 1, 0, 0, 0)),
        ((1, 2, 5, 6, 7), (1, 1, 2, 3, 2), (1, 1, 2, 1, 2), (0, 0, 0, 0, 1, 0, 1, 1, 0, 1)),
        ((4, 6), (1, 6), (1, 1), (0, 0, 5, 0)),
        ((4, 6), (2, 1), (2, 1), ()),
        ((3, 4, 5), (2, 2, 2), (1, 2, 1), ()),
        ((3, 4), (1, 1), (1, 1), ()),
    ],
    ids=str,
)
def test_windows(
    tmp_path: Path,
    kind: str,
    shape: tuple[int, ...],
    sizes: tuple[int, ...],
    strides: tuple[int, ...],
    pads: tuple[int, ...],
) -> None:
    assert_same(windows(shape, sizes, kind=kind, strides=strides, pads=pads), tmp_path)


def test_windows_between_operators_on_planes_need_no_transpose_of_their_own(tmp_path: Path) -> None:
    made = windows((1, 6, 6, 3), (1, 2, 2, 1))
    pool = {"padding": 1, "stride_w": 1, "stride_h": 1, "filter_width": 2, "filter_height": 2}
    ops = [Op("MAX_POOL_2D", ["x"], ["p"], pool), dataclasses.replace(made.ops[0])]
    ops[1] = dataclasses.replace(ops[1], inputs=["p", "first"])
    made = dataclasses.replace(made, ops=ops, shapes={"p": (1, 5, 5, 3)})
    graph = assert_same(made, tmp_path)
    assert sum(isinstance(node.op, Transpose2) for node in graph.nodes) == 2


def handing_on() -> Made:
    """Windows of which only the last element counts."""
    made = windows((2, 5), (1, 2))
    return dataclasses.replace(
        made, branches=(dataclasses.replace(made.branches[0], outputs=("b",)),)
    )


@pytest.mark.parametrize(
    ("made", "match"),
    [
        (windows((2, 5), (1, 2), kind="MUL"), "a maximum, minimum or sum"),
        (handing_on(), "a maximum, minimum or sum"),
        (windows((2, 5), (1, 2), window_dilations=(1, 2)), "gaps"),
        (windows((2, 5), (1, 2), base_dilations=(1, 2)), "gaps"),
        (windows((2, 5), (1, 2), pads=(0, 0, 2, 0)), "on pads"),
        (windows((2, 5), (1, 2), pads=(0, 0, -1, 0)), "on pads"),
        (windows((2, 5), (1, 2), strides=(1, 0)), "along 2 axes"),
        (windows((2, 5), (2,)), "along 2 axes"),
        (windows((5,), (2,)), "a vector"),
        (
            dataclasses.replace(windows((2, 5), (1, 2)), constants={"first": normal()}),
            "windows that begin with",
        ),
    ],
)
def test_other_windows_are_refused(made: Made, match: str) -> None:
    with pytest.raises(UnsupportedModelError, match=match):
        made.read()
