"""Samples at positions for which Paddle Lite has no operator: volumes, and cubically.

A position on an axis has one, two or four elements around it, its taps. What is sampled is
the sum, over every choice of a tap on each axis, of the element there times their weights.
Elements outside follow the padding mode one by one, as ONNX's specification has it.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from opt_tool.formats.casting import cast
from opt_tool.formats.elementary import add, multiply, rounded, scaled, subtract
from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.picking import gathered, part
from opt_tool.formats.shapes import flat, reshape_to, static_shape, transposed
from opt_tool.ir import DType, Value
from opt_tool.ir.operations.elementwise import Clip, ElementwiseMax, ElementwiseMin, Floor

SHARPNESS = -0.75
"""The parameter of ONNX's cubic convolution (Keys, 1981)."""

EXACT = 1 << 24
"""Whole numbers up to this one are exact in float32, in which elements are counted."""


class Sampling(NamedTuple):
    """How elements are taken; the names are ONNX's."""

    mode: str
    padding: str
    align_corners: bool


class Tap(NamedTuple):
    """One of the elements around each position (rows, axes), and its weight, 1 if there is none.

    ``place`` is the element's number on its axis times the axis' step.
    """

    place: Value
    weight: Value | None


def sampled(node: OnnxNode, x: Value, grid: Value, sampling: Sampling) -> Value:
    """Sample x (N, C, ..) at a grid (N, .., axes), the last axis of x first."""
    batch, channels, *sizes = static_shape(node, x, "input")
    _, *places, axes = static_shape(node, grid, "grid")
    count = math.prod(places)
    if axes != len(sizes) or grid.shape[0] != batch or batch * math.prod(sizes) > EXACT:
        raise node.unsupported(f"a grid {grid.type} for {x.type}")
    node.made_up(batch, count, axes)
    rows = reshape_to(node, grid, (batch * count, axes))
    taps = _taps(node, denormalized(node, rows, sizes[::-1], sampling), sizes[::-1], sampling)
    order = (0, *range(2, x.rank), 1)
    elements = reshape_to(node, transposed(node, x, order), (batch * math.prod(sizes), channels))
    images = np.repeat(np.arange(batch, dtype=np.float32) * math.prod(sizes), count)[:, np.newaxis]
    offset = node.new_constant(images, "images") if batch > 1 else None
    total = _sum_of_choices(node, elements, [_columns(node, tap, axes) for tap in taps], offset)
    turned = transposed(node, reshape_to(node, total, (batch, count, channels)), (0, 2, 1))
    return reshape_to(node, turned, (batch, channels, *places))


def _sum_of_choices(
    node: OnnxNode, elements: Value, taps: Sequence[Sequence[Tap]], offset: Value | None
) -> Value:
    """The sum over every choice of a tap for each axis; offset says where images begin."""
    terms = []
    for choice in itertools.product(range(len(taps)), repeat=len(taps[0])):
        chosen = [taps[tap][axis] for axis, tap in enumerate(choice)]
        known = [tap.place for tap in chosen] + ([] if offset is None else [offset])
        place = functools.reduce(functools.partial(add, node), known)
        index = cast(node, flat(node, place), DType.INT32)
        weights = [tap.weight for tap in chosen if tap.weight is not None]
        factors = [gathered(node, elements, index, 0), *weights]
        terms.append(functools.reduce(functools.partial(multiply, node), factors))
    return functools.reduce(functools.partial(add, node), terms)


def _columns(node: OnnxNode, tap: Tap, axes: int) -> list[Tap]:
    """A tap for each axis (rows, 1)."""
    return [
        Tap(
            part(node, tap.place, 1, axis, axis + 1),
            None if tap.weight is None else part(node, tap.weight, 1, axis, axis + 1),
        )
        for axis in range(axes)
    ]


# ---- positions


def scaling(sizes: Sequence[int], *, align_corners: bool) -> tuple[np.ndarray, np.ndarray]:
    """How far 1 of a grid reaches on each axis, and the element at its 0."""
    known = np.array(sizes, np.float64)
    steps = np.maximum(known - 1, 0) / 2 if align_corners else known / 2
    return steps, steps if align_corners else steps - 0.5


def affine(node: OnnxNode, x: Value, factors: np.ndarray, terms: np.ndarray) -> Value:
    """X (.., axes) times factors (axes,) plus terms (axes,)."""
    factor = node.new_constant(factors.astype(np.float32), "factors")
    term = node.new_constant(terms.astype(np.float32), "terms")
    return add(node, multiply(node, x, factor), term)


def denormalized(node: OnnxNode, grid: Value, sizes: Sequence[int], sampling: Sampling) -> Value:
    """Positions from -1 to 1 as those of elements."""
    return affine(node, grid, *scaling(sizes, align_corners=sampling.align_corners))


# ---- taps


def _taps(node: OnnxNode, position: Value, sizes: Sequence[int], sampling: Sampling) -> list[Tap]:
    if sampling.mode == "nearest":
        return [_tap(node, rounded(node, position), None, sizes, sampling)]
    before = node.add(Floor(), X=position)
    share = subtract(node, position, before)
    if sampling.mode == "linear":
        weights = [(0, scaled(node, share, -1.0, 1.0)), (1, share)]
    else:
        weights = [
            (-1, _far(node, scaled(node, share, 1.0, 1.0))),
            (0, _near(node, share)),
            (1, _near(node, scaled(node, share, -1.0, 1.0))),
            (2, _far(node, scaled(node, share, -1.0, 2.0))),
        ]
    return [
        _tap(node, scaled(node, before, 1.0, offset), weight, sizes, sampling)
        for offset, weight in weights
    ]


def _near(node: OnnxNode, d: Value) -> Value:
    """((a + 2) d - (a + 3)) d d + 1, the weight of an element at most 1 away."""
    inner = scaled(node, d, SHARPNESS + 2, -(SHARPNESS + 3))
    return scaled(node, multiply(node, multiply(node, inner, d), d), 1.0, 1.0)


def _far(node: OnnxNode, d: Value) -> Value:
    """((a d - 5 a) d + 8 a) d - 4 a, the weight of one between 1 and 2 away."""
    inner = multiply(node, scaled(node, d, SHARPNESS, -5 * SHARPNESS), d)
    return scaled(
        node, multiply(node, scaled(node, inner, 1.0, 8 * SHARPNESS), d), 1.0, -4 * SHARPNESS
    )


def _tap(
    node: OnnxNode,
    element: Value,
    weight: Value | None,
    sizes: Sequence[int],
    sampling: Sampling,
) -> Tap:
    """The tap of elements (rows, axes), some of which may lie outside."""
    last = np.array(sizes, np.float32) - 1
    if sampling.padding == "zeros":
        inside = _inside(node, element, last)
        weight = inside if weight is None else multiply(node, weight, inside)
    elif sampling.padding == "reflection":
        element = _reflected(node, element, last, align_corners=sampling.align_corners)
    steps = np.cumprod([1, *sizes[:-1]]).astype(np.float32)
    place = multiply(node, _clipped(node, element, last), node.new_constant(steps, "steps"))
    return Tap(place, weight)


def _clipped(node: OnnxNode, element: Value, last: np.ndarray) -> Value:
    highest = node.new_constant(last, "last")
    lowest = node.new_constant(np.zeros_like(last), "first")
    below = node.add(ElementwiseMin(), X=element, Y=highest)
    return node.add(ElementwiseMax(), X=below, Y=lowest)


def _inside(node: OnnxNode, element: Value, last: np.ndarray) -> Value:
    """1 for the elements from 0 to the last one, else 0."""
    off = subtract(node, element, _clipped(node, element, last))
    return node.add(Clip(min=0.0, max=1.0), X=scaled(node, multiply(node, off, off), -1.0, 1.0))


def _reflected(node: OnnxNode, element: Value, last: np.ndarray, *, align_corners: bool) -> Value:
    """Elements mirrored at the middles of the first and the last, or at their outer edges."""
    far = np.maximum(2 * last, 1) if align_corners else 2 * last + 1
    period = far if align_corners else far + 1
    whole = node.add(Floor(), X=affine(node, element, 1 / period, np.zeros_like(period)))
    turned = multiply(node, whole, node.new_constant(period.astype(np.float32), "period"))
    left = subtract(node, element, turned)
    mirrored = affine(node, left, np.full_like(far, -1), far)
    return node.add(ElementwiseMin(), X=left, Y=mirrored)
