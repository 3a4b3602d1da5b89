"""Deformable convolutions, whose taps are moved by computed distances."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from onnx_models import assert_reads, node_model, read_model
from opt_tool.errors import UnsupportedModelError
from opt_tool.ir.operations.convolution import DeformableConv

RNG = np.random.default_rng(0)
X = (2, 8, 7, 6)
KERNEL = (3, 2)


def operands(
    counts: tuple[int, int],
    *,
    groups: int = 1,
    parts: int = 1,
    mask: bool = True,
    bias: bool = True,
) -> dict[str, np.ndarray | None]:
    """Operands with taps that are moved by up to some elements, also out of the plane."""
    images, channels = X[:2]
    taps = parts * KERNEL[0] * KERNEL[1]
    return {
        "x": RNG.standard_normal(X).astype(np.float32),
        "filter": RNG.standard_normal((4, channels // groups, *KERNEL)).astype(np.float32),
        "offset": RNG.normal(0, 2, (images, 2 * taps, *counts)).astype(np.float32),
        "bias": RNG.standard_normal(4).astype(np.float32) if bias else None,
        "mask": RNG.uniform(0, 1, (images, taps, *counts)).astype(np.float32) if mask else None,
    }


def assert_deforms(inputs: dict[str, np.ndarray | None], count: int = 1, **options: Any) -> None:
    """Assert the numbers and how many operations there are."""
    graph = assert_reads("DeformConv", inputs, opset=19, constants=("filter",), **options)
    assert sum(isinstance(node.op, DeformableConv) for node in graph.nodes) == count


@pytest.mark.parametrize("mask", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_reads_taps_that_are_moved_and_weighed(mask: bool, bias: bool) -> None:
    assert_deforms(operands((5, 5), mask=mask, bias=bias))


def test_strides_dilations_and_pads() -> None:
    assert_deforms(
        operands((3, 3)), strides=[2, 3], dilations=[2, 2], pads=[1, 2, 1, 2], kernel_shape=[3, 2]
    )


def test_pads_of_two_widths_are_a_pad_of_their_own() -> None:
    assert_deforms(operands((6, 8)), pads=[1, 2, 0, 1])


@pytest.mark.parametrize(
    ("groups", "parts", "count"), [(2, 2, 2), (4, 4, 4), (4, 1, 4), (1, 4, 4), (2, 4, 4), (4, 2, 4)]
)
def test_each_share_of_the_channels_is_an_operation(groups: int, parts: int, count: int) -> None:
    inputs = operands((5, 5), groups=groups, parts=parts, mask=parts != 4)
    assert_deforms(inputs, count=count, group=groups, offset_group=parts)


def test_refuses_channels_that_do_not_divide() -> None:
    model = node_model(
        "DeformConv", operands((5, 5), parts=3), opset=19, constants=("filter",), offset_group=3
    )
    with pytest.raises(UnsupportedModelError, match="1 groups and 3 offset groups"):
        read_model(model)


def test_refuses_a_computed_filter() -> None:
    model = node_model("DeformConv", operands((5, 5)), opset=19)
    with pytest.raises(UnsupportedModelError, match="filter"):
        read_model(model)
