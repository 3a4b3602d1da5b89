"""Reads MaxPool, AveragePool, LpPool and the global pools.

Paddle Lite and ONNX count windows differently where ``ceil_mode`` lets one start in the
pad; then the pads here are those that make Paddle Lite count like ONNX. Windows along
three axes are pooled along two and then along the third.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from opt_tool.formats.casting import carried
from opt_tool.formats.onnx.dilated_pooling import pooled_with_gaps
from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.planes import from_planes, to_planes
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.formats.onnx.windows import read_window
from opt_tool.formats.shapes import reshape_to
from opt_tool.formats.window import Window
from opt_tool.ir import Dim, DType, Value
from opt_tool.ir.operations.elementwise import (
    Abs,
    ElementwiseMul,
    Pow,
    Scale,
    Sqrt,
    Square,
)
from opt_tool.ir.operations.padding import Pad2D
from opt_tool.ir.operations.pooling import Pool2D, pooled_size
from opt_tool.ir.types import multiply, product


class Pooling(NamedTuple):
    """What is made of each window: "max" or "avg"; whether the mean counts the pads."""

    kind: str
    count_pads: bool = False
    ceil_mode: bool = False


class LastWindow(NamedTuple):
    """Where ONNX's last window on an axis ends.

    ``overhang`` is how far it reaches beyond the pads, ``same_count`` whether Paddle
    Lite's ``ceil_mode`` has as many windows.
    """

    overhang: int = 0
    same_count: bool = True


# ---- the nodes


@onnx_op("MaxPool", since=1)
def max_pool(node: OnnxNode) -> Value | tuple[Value, Value]:
    pairs, native = _pools_pairs(node), frozenset({DType.FLOAT32})
    pooling = Pooling("max", ceil_mode=pairs or _ceil_mode(node))
    window = _pairs(node) if pairs else _window(node)
    if node.input(0).dtype is DType.INT8:
        raise node.unsupported("pooling of int8; Paddle Lite pools float32")
    pooled = carried(
        node, [node.input(0)], lambda x: _pooled(node, x, window, pooling), native=native
    )
    if not node.has_output(1):
        return pooled
    from opt_tool.formats.onnx.operators.unpooling import largest_places  # few models read them

    return pooled, largest_places(node, window, pooled)


@onnx_op("AveragePool", since=1)
def average_pool(node: OnnxNode) -> Value:
    count_pads = bool(node.integer("count_include_pad", 0))
    pairs = not count_pads and _pools_pairs(node)
    pooling = Pooling("avg", count_pads, ceil_mode=pairs or _ceil_mode(node))
    return _pooled(node, node.input(0), _pairs(node) if pairs else _window(node), pooling)


@onnx_op("LpPool", since=2)
def lp_pool(node: OnnxNode) -> Value:
    """The mean of powers, the pads counting as zeros, times the size of the window."""
    window = _window(node)
    if _ceil_mode(node):
        lasts = _last_windows(node, window, node.input(0).shape[2:])
        if any(isinstance(dim, str) for dim in node.input(0).shape[2:]):
            raise node.unsupported(
                "ceil_mode on sizes known only at run time; give the input's shape with "
                "--input-shape"
            )
        ends = (a + last.overhang for a, last in zip(window.after, lasts, strict=True))
        window = window._replace(after=tuple(ends))
    powers = _power(node, node.input(0))
    mean = _pooled(node, powers, window, Pooling("avg", count_pads=True))
    return _root(node, node.add(Scale(scale=float(np.prod(window.kernel))), X=mean))


@onnx_op("GlobalMaxPool", since=1)
def global_max_pool(node: OnnxNode) -> Value:
    return _global(node, node.input(0), "max")


@onnx_op("GlobalAveragePool", since=1)
def global_average_pool(node: OnnxNode) -> Value:
    return _global(node, node.input(0), "avg")


@onnx_op("GlobalLpPool", since=2)
def global_lp_pool(node: OnnxNode) -> Value:
    x = node.input(0)
    count = product(x.shape[2:])
    if isinstance(count, str):
        raise node.unsupported(
            f"planes of {list(x.shape[2:])}, known only at run time; give the input's shape "
            "with --input-shape"
        )
    mean = _global(node, _power(node, x), "avg")
    return _root(node, node.add(Scale(scale=float(count)), X=mean))


def _global(node: OnnxNode, x: Value, kind: str) -> Value:
    if x.rank < 3:
        raise node.unsupported(f"the input {x.type} has no spatial dimensions")
    op = Pool2D(pooling_type=kind, global_pooling=True)
    if x.rank <= 4:
        return from_planes(node, node.add(op, X=to_planes(node, x)), x)
    planes = reshape_to(node, x, (*x.shape[:2], 1, product(x.shape[2:])))
    return reshape_to(node, node.add(op, X=planes), (*x.shape[:2], *(1,) * (x.rank - 2)))


def _power(node: OnnxNode, x: Value) -> Value:
    """|x| ** p; whole powers are products, since the runtime's pow takes no zeros."""
    p = node.integer("p", 2)
    if p < 1:
        raise node.unsupported(f"p {p} is not positive")
    if p == 2:
        return node.add(Square(), X=x)
    distance = node.add(Abs(), X=x)
    power = distance
    for _ in range(p - 1):
        power = node.add(ElementwiseMul(), X=power, Y=distance)
    return power


def _root(node: OnnxNode, x: Value) -> Value:
    p = node.integer("p", 2)
    if p == 1:
        return x
    return node.add(Sqrt() if p == 2 else Pow(factor=1 / p), X=x)


# ---- the window


def _ceil_mode(node: OnnxNode) -> bool:
    return bool(node.integer("ceil_mode", 0))


def _window(node: OnnxNode) -> Window:
    x = node.input(0)
    if not 3 <= x.rank <= 5:
        raise node.unsupported(f"pooling along {x.rank - 2} axes; 1 to 3 are possible")
    window = read_window(node, node.integers("kernel_shape"), x.shape[2:])
    gaps = (s - e for s, e in zip(window.strides, window.extents, strict=True))
    odd = max(gaps) > 1 or max(window.dilations) > 1
    if odd and node.text("auto_pad", "NOTSET").startswith("SAME"):
        raise node.unsupported(
            f"auto_pad SAME of windows {window.kernel} with strides {window.strides} and "
            f"dilations {window.dilations}, where runtimes disagree; write the pads out"
        )
    pads = (*window.before, *window.after)
    if min(pads) < 0 or any(p >= e for p, e in zip(pads, window.extents * 2, strict=True)):
        raise node.unsupported(f"pads {list(pads)} do not lie within a window {window.kernel}")
    return window


def _pools_pairs(node: OnnxNode) -> bool:
    """Whether SAME_UPPER on sizes known only at run time is what ``ceil_mode`` does.

    Of two elements each, the windows cover a size that is even without a pad, and one that
    is odd with a pad behind it: a last window that is not full.
    """
    x, kernel = node.input(0), node.integers("kernel_shape")
    ones = (1,) * len(kernel)
    return (
        node.text("auto_pad", "NOTSET") == "SAME_UPPER"
        and any(isinstance(size, str) for size in x.shape[2:])
        and len(kernel) == x.rank - 2
        and all(size in (1, 2) for size in kernel)
        and node.integers("strides", ones) == kernel
        and node.integers("dilations", ones) == ones
    )


def _pairs(node: OnnxNode) -> Window:
    """The window of a node that ``_pools_pairs``."""
    kernel = node.integers("kernel_shape")
    zeros = (0,) * len(kernel)
    return Window(kernel, kernel, (1,) * len(kernel), zeros, zeros)


def _last_windows(node: OnnxNode, window: Window, spatial: Sequence[Dim]) -> list[LastWindow]:
    return [_last_window(node, window, axis, size) for axis, size in enumerate(spatial)]


def _last_window(node: OnnxNode, window: Window, axis: int, size: Dim) -> LastWindow:
    extent, stride = window.extents[axis], window.strides[axis]
    before, after = window.before[axis], window.after[axis]
    if isinstance(size, str):
        if stride + after > extent:
            raise node.unsupported(
                f"ceil_mode on a dimension ({size}) that is known only at run time, where a "
                "window may start in the pad; give the input's shape with --input-shape"
            )
        return LastWindow(overhang=stride - 1)
    count = pooled_size(size, extent, before, after, stride, ceil_mode=True)
    assert isinstance(count, int)
    same = (count - 1) * stride < size + before
    end = (count - (1 if same else 2)) * stride + extent
    return LastWindow(max(end - size - before - after, 0), same)


# ---- pooling


def _pooled(node: OnnxNode, x: Value, window: Window, pooling: Pooling) -> Value:
    if x.rank == 5:
        return _pooled_volume(node, x, window, pooling)
    y = _pooled_planes(node, to_planes(node, x), window.planar(), pooling)
    return from_planes(node, y, x)


def _pooled_volume(node: OnnxNode, x: Value, window: Window, pooling: Pooling) -> Value:
    """Pool (N, C, D, H, W) plane by plane, then along D: maxima and means allow it."""
    batch, channels, depth, *size = x.shape
    planes = reshape_to(node, x, (batch, multiply(channels, depth), *size))
    flat = _pooled_planes(node, planes, window.axes((1, 2)), pooling)
    rows = (batch, channels, depth, product(flat.shape[2:]))
    upright = window.axes((0,)).planar().axes((1, 0))
    y = _pooled_planes(node, reshape_to(node, flat, rows), upright, pooling)
    return reshape_to(node, y, (batch, channels, y.shape[2], *flat.shape[2:]))


def _pooled_planes(node: OnnxNode, x: Value, window: Window, pooling: Pooling) -> Value:
    """Pool planes; pads that count are explicit, and may fold into the pool later."""
    lasts = [LastWindow()] * 2
    if pooling.ceil_mode:
        lasts = _last_windows(node, window, x.shape[2:])
    overhangs = tuple(last.overhang for last in lasts)
    planes = x
    if pooling.count_pads and window.is_padded:
        planes = node.add(Pad2D(paddings=window.paddings), X=x)
        window = window._replace(before=(0, 0), after=(0, 0))
    ceil_mode = any(overhangs) and all(last.same_count for last in lasts)
    dilated = max(window.dilations) > 1
    if not ceil_mode or dilated:
        ends = tuple(a + b for a, b in zip(window.after, overhangs, strict=True))
        window = window._replace(after=ends)
    if dilated:
        return pooled_with_gaps(node, planes, window, pooling.kind)
    op = Pool2D(
        pooling_type=pooling.kind,
        ksize=(window.kernel[0], window.kernel[1]),
        strides=(window.strides[0], window.strides[1]),
        paddings=window.paddings,
        exclusive=True,
        ceil_mode=ceil_mode,
    )
    return node.add(op, X=planes)
