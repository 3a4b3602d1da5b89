from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from opt_tool.errors import DamagedFileError, UnsupportedModelError
from opt_tool.formats.tflite.schema import Quantization
from opt_tool.ir.operations.activation import Tanh
from tflite_models import Made, Op, assert_same, normal

X = np.zeros((2, 3), np.float32)
SHAPES = {"y": (2, 3)}


def branch(code: str, shape: tuple[int, ...] = (2, 3), **more: object) -> Made:
    """A graph of one operator, with an inner name that the others have too."""
    made = Made([Op(code, ["a"], ["b"])], {"a": np.zeros((2, 3), np.float32)}, outputs=("b",))
    return dataclasses.replace(made, shapes={"b": shape}, **more)  # type: ignore[arg-type]


def chosen(first: Made, second: Made, *, condition: np.ndarray | None = None) -> Made:
    """IF of a condition, an input unless it is given, between two graphs."""
    options = {"then_subgraph_index": 1, "else_subgraph_index": 2}
    known = {} if condition is None else {"c": condition}
    inputs = {"x": normal(2, 3)} if known else {"c": np.array([True]), "x": normal(2, 3)}
    return Made(
        [Op("IF", ["c", "x"], ["y"], options)], inputs, known, shapes=SHAPES,
        branches=(first, second),
    )  # fmt: skip


@pytest.mark.parametrize("condition", [True, False])
def test_a_branch_is_chosen_as_the_model_runs(tmp_path: Path, condition: bool) -> None:
    made = chosen(branch("TANH"), branch("NEG"))
    inputs = {**made.inputs, "c": np.array([condition])}
    assert_same(dataclasses.replace(made, inputs=inputs), tmp_path)


@pytest.mark.parametrize("condition", [True, False])
def test_a_known_condition_leaves_one_branch(condition: bool) -> None:
    made = chosen(branch("TANH"), branch("WHILE"), condition=np.array([True]))
    if not condition:
        made = chosen(branch("WHILE"), branch("TANH"), condition=np.array([False]))
    graph = made.read()
    assert [type(node.op) for node in graph.nodes] == [Tanh]


def test_a_branch_that_cannot_be_read_is_named() -> None:
    with pytest.raises(UnsupportedModelError, match="how many elements it finds"):
        chosen(branch("TANH"), branch("UNIQUE")).read()


def test_branches_of_different_shapes_are_refused() -> None:
    squeezed = Made(
        [Op("EXPAND_DIMS", ["a", "axis"], ["b"])], {"a": X}, {"axis": np.array([0], np.int32)},
        outputs=("b",),
    )  # fmt: skip
    with pytest.raises(UnsupportedModelError, match="its branches make"):
        chosen(branch("TANH"), squeezed).read()


def test_a_branch_that_calls_itself_is_refused() -> None:
    again = {"then_subgraph_index": 1, "else_subgraph_index": 1}
    inner = Made(
        [Op("IF", ["c", "a"], ["b"], again)], {"a": X}, {"c": np.array([True])}, outputs=("b",)
    )
    with pytest.raises(UnsupportedModelError, match="calls itself"):
        chosen(inner, branch("TANH"), condition=np.array([True])).read()


def test_branches_that_multiply_are_refused() -> None:
    def level(number: int) -> Made:
        both = {"then_subgraph_index": number + 1, "else_subgraph_index": number + 1}
        ops = [Op("IF", ["c", "a"], ["b"], both), Op("IF", ["c", "b"], ["d"], both)]
        known = {"c": np.array([True])}
        made = Made(ops, {"a": X}, known, outputs=("d",))
        return dataclasses.replace(made, shapes={"b": (2, 3), "d": (2, 3)})

    branches = (*(level(number) for number in range(1, 16)), branch("TANH"))
    made = dataclasses.replace(level(0), branches=branches)
    with pytest.raises(UnsupportedModelError, match="more than 1000 graphs"):
        made.read()


def test_operands_of_integers_that_a_branch_reads_as_such_are_refused() -> None:
    rule = Quantization((0.1,), (0,), 0)
    integers = Made(
        [Op("CAST", ["a"], ["b"])], {"a": np.zeros((2, 3), np.int8)}, outputs=("b",),
        rules={"a": rule},
    )  # fmt: skip
    with pytest.raises(UnsupportedModelError, match="stand for other numbers"):
        chosen(integers, branch("TANH"), condition=np.array([True])).read()


def test_a_branch_that_is_not_there_is_damage() -> None:
    made = dataclasses.replace(chosen(branch("TANH"), branch("TANH")), branches=(branch("TANH"),))
    with pytest.raises(DamagedFileError, match="graph 2 of 2"):
        made.read()
