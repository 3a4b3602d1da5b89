"""Convolution along three axes by those along two, which Paddle Lite's kernels have.

The planes of a volume become a batch. Each depth of the filter is a convolution of those
planes that it meets on its way; their sum is the output.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from opt_tool.formats.imported_node import ImportedNode
from opt_tool.formats.shapes import reshape_to
from opt_tool.formats.window import Window
from opt_tool.ir import Value
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.data_movement import Slice, StridedSlice, Transpose2
from opt_tool.ir.operations.elementwise import ElementwiseAdd
from opt_tool.ir.operations.padding import Pad2D
from opt_tool.ir.types import multiply, product

SWAPPED = (0, 2, 1, 3)


@dataclass(frozen=True, slots=True)
class Steps:
    """How a filter goes along the depth: ``count`` steps of ``stride``, taps ``dilation`` apart."""

    count: int
    stride: int
    dilation: int


class Filters(NamedTuple):
    """The weights (O, C / groups, K, L, M) of a convolution of volumes, and its bias (O,)."""

    weights: np.ndarray
    bias: Value | None


def convolved_volume(
    node: ImportedNode, x: Value, filters: Filters, window: Window, op: Conv2D
) -> Value:
    """Convolve x (N, C, D, H, W).

    Args:
        node: The node being read.
        x: The volume.
        filters: What it is convolved with.
        window: How the filter goes along the three axes.
        op: The convolution of the planes.
    """
    batch, channels, depth, *size = x.shape
    if isinstance(depth, str):
        raise node.unsupported(
            f"a depth ({depth}) that is known only at run time; give the input's shape with "
            "--input-shape"
        )
    before, after = window.before[0], window.after[0]
    deep = depth + before + after
    steps = Steps(
        (deep - window.extents[0]) // window.strides[0] + 1,
        window.strides[0],
        window.dilations[0],
    )
    if steps.count < 1:
        raise node.unsupported(f"a filter of depth {window.extents[0]} does not fit {deep}")
    rows = reshape_to(node, x, (batch, channels, depth, product(size)))
    if before or after:
        rows = node.add(Pad2D(paddings=(before, after, 0, 0)), X=rows)
    planes = node.add(Transpose2(axis=SWAPPED), X=rows)
    parts = []
    for tap in range(filters.weights.shape[2]):
        met = reshape_to(
            node,
            _every(node, planes, tap * steps.dilation, steps),
            (multiply(batch, steps.count), channels, *size),
        )
        weight = node.new_constant(
            np.ascontiguousarray(filters.weights[:, :, tap]), f"filter.{tap}"
        )
        bias = filters.bias if tap == 0 else None
        parts.append(node.add(op, Input=met, Filter=weight, Bias=bias))
    total = functools.reduce(lambda a, b: node.add(ElementwiseAdd(), X=a, Y=b), parts)
    _, out_channels, *out = total.shape
    stacked = reshape_to(node, total, (batch, steps.count, out_channels, product(out)))
    swapped = node.add(Transpose2(axis=SWAPPED), X=stacked)
    return reshape_to(node, swapped, (batch, out_channels, steps.count, *out))


def _every(node: ImportedNode, planes: Value, start: int, steps: Steps) -> Value:
    """The planes (N, D, C, H * W) that one depth of the filter meets."""
    ends = (start + (steps.count - 1) * steps.stride + 1,)
    if steps.stride == 1:
        return node.add(Slice(axes=(1,), starts=(start,), ends=ends), Input=planes)
    return node.add(
        StridedSlice(
            axes=(1,), starts=(start,), ends=ends, strides=(steps.stride,), infer_flags=(1,)
        ),
        Input=planes,
    )
