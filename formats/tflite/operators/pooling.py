"""Reads pools. A mean counts the elements of the plane only, never the pads.

What a sum begins with it also has in its pads.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from opt_tool.formats.elementary import FLOAT_MAX
from opt_tool.formats.shapes import reshape_to
from opt_tool.formats.tflite.bodies import joining
from opt_tool.formats.tflite.node import TfliteNode
from opt_tool.formats.tflite.operators.activation import float_operand, mapped
from opt_tool.formats.tflite.orders import PLANES, Laid
from opt_tool.formats.tflite.registry import tflite_op
from opt_tool.formats.tflite.windows import Extent, paddings, strides_of
from opt_tool.ir import DType, Value
from opt_tool.ir.operations.elementwise import Scale, Sqrt, Square
from opt_tool.ir.operations.padding import Pad2D
from opt_tool.ir.operations.pooling import Pool2D
from opt_tool.ir.types import product


def _pooled(node: TfliteNode, x: Value, kind: str) -> Value:
    if x.dtype is not DType.FLOAT32:
        raise node.unsupported(f"pooling of {x.dtype.value}; Paddle Lite pools float32")
    size, strides = (node.integer("filter_height"), node.integer("filter_width")), strides_of(node)
    if min(size) < 1:
        raise node.unsupported(f"a window of {list(size)}; its sizes must be positive")
    extents = [Extent(*pair) for pair in zip(size, strides, strict=True)]
    pads = paddings(node, x.shape[2:], extents)
    op = Pool2D(pooling_type=kind, ksize=size, strides=strides, paddings=pads, exclusive=True)
    return node.add(op, X=x)


@tflite_op("MAX_POOL_2D")
def max_pool(node: TfliteNode) -> Laid:
    return Laid(node.activated(_pooled(node, node.planes(0), "max")), PLANES)


@tflite_op("AVERAGE_POOL_2D")
def average_pool(node: TfliteNode) -> Laid:
    return Laid(node.activated(_pooled(node, node.planes(0), "avg")), PLANES)


@tflite_op("L2_POOL_2D")
def l2_pool(node: TfliteNode) -> Laid:
    """The root of the mean of squares."""
    squares = node.add(Square(), X=node.planes(0))
    root = node.add(Sqrt(), X=_pooled(node, squares, "avg"))
    return Laid(node.activated(root), PLANES)


# ---- windows along any axes


class _Slide(NamedTuple):
    """How windows go along one axis."""

    size: int
    stride: int
    before: int
    after: int


STILL = _Slide(1, 1, 0, 0)


FIRST: Mapping[str, tuple[float, ...]] = {
    "ADD": (0.0,),
    "MAXIMUM": (-math.inf, -FLOAT_MAX),
    "MINIMUM": (math.inf, FLOAT_MAX),
}
"""How elements are joined, and what each window may begin with, which changes nothing."""


@tflite_op("STABLEHLO_REDUCE_WINDOW")
def reduced_windows(node: TfliteNode) -> Laid:
    """What TFLite's converter leaves of pools: a maximum, minimum or sum, axes two by two."""
    x, kind = float_operand(node), _body(node)
    slides = _slides(node, x.rank)
    moved = [axis for axis, slide in enumerate(slides) if slide != STILL]
    if x.rank < 2:
        raise node.unsupported("windows of a vector; two dimensions are needed")
    opposite = Scale(scale=-1.0)
    if kind == "MINIMUM":
        x = mapped(node, opposite, x)
    for first in range(0, len(moved), 2):
        along = {axis: slides[axis] for axis in moved[first : first + 2]}
        if len(along) == 1:  # beside an axis that stays as it is
            along.setdefault(x.rank - 1 if x.rank - 1 not in along else x.rank - 2, STILL)
        x = _joined(node, x, dict(sorted(along.items())), kind)
    return mapped(node, opposite, x) if kind == "MINIMUM" else x


def _body(node: TfliteNode) -> str:
    """The operator that joins the elements of a window."""
    code = joining(node)
    if code not in FIRST:
        raise node.unsupported("windows that are not joined by a maximum, minimum or sum")
    start = float(node.number(1, "first value"))
    if start not in FIRST[code]:
        raise node.unsupported(f"windows that begin with {start:g}; {FIRST[code][0]:g} is usual")
    return code


def _slides(node: TfliteNode, rank: int) -> list[_Slide]:
    sizes, strides, pads, *gaps = (
        node.vector(name)
        for name in (
            "window_dimensions", "window_strides", "padding", "base_dilations", "window_dilations",
        )
    )  # fmt: skip
    strides, pads = strides or (1,) * rank, pads or (0,) * (2 * rank)
    if any(gap != 1 for gap in (*gaps[0], *gaps[1])):
        raise node.unsupported("windows with gaps, which Paddle Lite does not have")
    if not len(sizes) == len(strides) == len(pads) / 2 == rank or min(*sizes, *strides) < 1:
        raise node.unsupported(f"windows {list(sizes)}, {list(strides)} along {rank} axes")
    slides = [_Slide(*each) for each in zip(sizes, strides, pads[::2], pads[1::2], strict=True)]
    if any(not 0 <= min(each[2:]) <= max(each[2:]) < each.size for each in slides):
        raise node.unsupported(f"windows {list(sizes)} on pads {list(pads)}")
    return slides


def _joined(node: TfliteNode, x: Laid, along: Mapping[int, _Slide], kind: str) -> Laid:
    """X with windows along two ascending axes joined."""
    order = (*(axis for axis in range(x.rank) if axis not in along), *along)
    value, (down, across) = node.in_order(x, order), along.values()
    shape = value.shape
    planes = value
    if x.rank != 4:
        planes = reshape_to(node, value, (1, product(shape[:-2]), *shape[-2:]))
    size, strides = (down.size, across.size), (down.stride, across.stride)
    pads = (down.before, down.after, across.before, across.after)
    if kind == "ADD":
        planes = node.add(Pad2D(paddings=pads), X=planes) if any(pads) else planes
        mean = node.add(Pool2D(pooling_type="avg", ksize=size, strides=strides), X=planes)
        y = node.add(Scale(scale=float(down.size * across.size)), X=mean)
    else:
        y = node.add(Pool2D(ksize=size, strides=strides, paddings=pads), X=planes)
    return Laid(reshape_to(node, y, (*shape[:-2], *y.shape[2:])), order)
