"""Convolution along three axes by those along two, which Paddle Lite's kernels have.

The planes of a volume become a batch. Each depth of the filter is a convolution of those
planes that it meets on its way; their sum is the output. Transposed, it is a transposed
convolution of all planes, and each result belongs to one plane of the output.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from opt_tool.formats.imported_node import ImportedNode
from opt_tool.formats.picking import every, part
from opt_tool.formats.shapes import reshape_to
from opt_tool.formats.window import Window
from opt_tool.ir import Shape, Value
from opt_tool.ir.operations.convolution import Conv2D, Conv2DTranspose
from opt_tool.ir.operations.data_movement import Concat, Transpose2
from opt_tool.ir.operations.elementwise import ElementwiseAdd, Scale
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
    batch, channels, _, *size = x.shape
    depth = _depth(node, x)
    before, after = window.before[0], window.after[0]
    deep = depth + before + after
    steps = Steps(
        (deep - window.extents[0]) // window.strides[0] + 1,
        window.strides[0],
        window.dilations[0],
    )
    if steps.count < 1:
        raise node.unsupported(f"a filter of depth {window.extents[0]} does not fit {deep}")
    planes = _planes(node, x, before, after)
    parts = []
    for tap in range(filters.weights.shape[2]):
        met = reshape_to(
            node,
            every(node, planes, 1, tap * steps.dilation, steps.count, steps.stride),
            (multiply(batch, steps.count), channels, *size),
        )
        weight = node.new_constant(
            np.ascontiguousarray(filters.weights[:, :, tap]), f"filter.{tap}"
        )
        bias = filters.bias if tap == 0 else None
        parts.append(node.add(op, Input=met, Filter=weight, Bias=bias))
    total = _sum(node, parts)
    return _volume(node, total, (batch, steps.count, *total.shape[1:]))


def _depth(node: ImportedNode, x: Value) -> int:
    """How many planes a volume has."""
    depth = x.shape[2]
    if isinstance(depth, str):
        raise node.unsupported(
            f"a depth ({depth}) that is known only at run time; give the input's shape with "
            "--input-shape"
        )
    return depth


def _planes(node: ImportedNode, x: Value, before: int, after: int) -> Value:
    """X (N, C, D, H, W) as (N, D, C, H * W), with planes of zeros before and after."""
    batch, channels, depth, *size = x.shape
    rows = reshape_to(node, x, (batch, channels, depth, product(size)))
    if before or after:
        rows = node.add(Pad2D(paddings=(before, after, 0, 0)), X=rows)
    return node.add(Transpose2(axis=SWAPPED), X=rows)


def _volume(node: ImportedNode, planes: Value, shape: Shape) -> Value:
    """Planes in whatever shape, which is (N, D, C, H, W) as well, as (N, C, D, H, W)."""
    batch, depth, channels, *size = shape
    rows = reshape_to(node, planes, (batch, depth, channels, product(size)))
    swapped = node.add(Transpose2(axis=SWAPPED), X=rows)
    return reshape_to(node, swapped, (batch, channels, depth, *size))


def _sum(node: ImportedNode, parts: Sequence[Value]) -> Value:
    return functools.reduce(lambda a, b: node.add(ElementwiseAdd(), X=a, Y=b), parts)


# ---- transposed

LONGEST_STRIDE = 64
"""Each plane between two of the input is made apart."""


def transposed_volume(
    node: ImportedNode,
    x: Value,
    filters: Filters,
    window: Window,
    op: Conv2DTranspose,
    *,
    longer: int = 0,
) -> Value:
    """Convolve x (N, C, D, H, W) transposed by weights (C, O / groups, K, L, M).

    Args:
        node: The node being read.
        x: The volume.
        filters: What it is convolved with.
        window: How the filter goes along the three axes.
        op: The transposed convolution of the planes.
        longer: How many planes the output has more than the window says.
    """
    batch, channels, _, *size = x.shape
    depth = _depth(node, x)
    stride = window.strides[0]
    if stride > LONGEST_STRIDE:
        raise node.unsupported(
            f"a stride of {stride} along the depth; {LONGEST_STRIDE} is the most"
        )
    reach = (depth - 1) * stride + window.extents[0]
    before, end = window.before[0], reach + longer - window.after[0]
    if end <= before:
        raise node.unsupported(f"an output of depth {end - before}")
    planes = reshape_to(node, _planes(node, x, 0, 0), (multiply(batch, depth), channels, *size))
    made = [
        node.add(op, Input=planes, Filter=node.new_constant(kernel.copy(), f"filter.{tap}"))
        for tap, kernel in enumerate(np.moveaxis(filters.weights, 2, 0))
    ]
    plane = made[0].shape[1:]
    rows = [reshape_to(node, each, (batch, 1, depth, product(plane))) for each in made]
    steps = Steps(-(-max(reach, end) // stride), stride, window.dilations[0])
    whole = _interleaved(node, rows, steps)
    kept = part(node, whole, 1, before, end)
    together = reshape_to(node, kept, (multiply(batch, end - before), *plane))
    if filters.bias is not None:
        bias = reshape_to(node, filters.bias, (1, plane[0], 1, 1))
        together = node.add(ElementwiseAdd(), X=together, Y=bias)
    return _volume(node, together, (batch, end - before, *plane))


def _interleaved(node: ImportedNode, rows: Sequence[Value], steps: Steps) -> Value:
    """What each tap made (N, 1, D, P), added up where it belongs: (N, steps * stride, P).

    Planes that are a stride apart are next to each other among those of one remainder.
    """
    batch, _, depth, size = rows[0].shape
    assert isinstance(depth, int)
    of_rest: list[list[Value]] = [[] for _ in range(steps.stride)]
    for tap, row in enumerate(rows):
        behind, rest = divmod(tap * steps.dilation, steps.stride)
        pads = (behind, steps.count - depth - behind, 0, 0)
        of_rest[rest].append(node.add(Pad2D(paddings=pads), X=row) if any(pads) else row)
    sums = [_sum(node, parts or [node.add(Scale(scale=0.0), X=of_rest[0][0])]) for parts in of_rest]
    columns = [reshape_to(node, total, (batch, steps.count, 1, size)) for total in sums]
    joined = columns[0] if steps.stride == 1 else node.add(Concat(axis=2), X=columns)
    return reshape_to(node, joined, (batch, steps.count * steps.stride, size))
