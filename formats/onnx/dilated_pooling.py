"""Pools windows with gaps, which Paddle Lite's pool2d does not have.

A maximum is taken of shifted copies of the planes; a mean is a convolution of each
channel by a filter of equal weights, corrected where pads do not count.
"""

from __future__ import annotations

import functools

import numpy as np

from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.window import Window
from opt_tool.ir import Value
from opt_tool.ir.operations.convolution import DepthwiseConv2D
from opt_tool.ir.operations.data_movement import Slice
from opt_tool.ir.operations.elementwise import ElementwiseMax, ElementwiseMul
from opt_tool.ir.operations.padding import Pad2D
from opt_tool.ir.operations.pooling import Pool2D

LOWEST = float(np.finfo(np.float32).min)


def pooled_with_gaps(node: OnnxNode, x: Value, window: Window, kind: str) -> Value:
    """The maximum ("max") or mean ("avg", without pads) of dilated windows of planes x."""
    if not all(isinstance(dim, int) for dim in x.shape[1:]):
        raise node.unsupported(
            f"dilations on {x.type}, of which more than the first dimension is known only at "
            "run time; give the input's shape with --input-shape"
        )
    if min(_counts(x, window)) < 1:
        raise node.unsupported(f"a window that reaches {window.extents} does not fit into {x.type}")
    if kind == "max":
        return _maximum(node, x, window)
    return _mean(node, x, window)


def _counts(x: Value, window: Window) -> tuple[int, ...]:
    """How many windows there are on each axis."""
    return tuple(
        (int(size) + before + after - extent) // stride + 1
        for size, before, after, extent, stride in zip(
            x.shape[2:], window.before, window.after, window.extents, window.strides, strict=True
        )
    )


def _maximum(node: OnnxNode, x: Value, window: Window) -> Value:
    counts = _counts(x, window)
    y = x
    if window.is_padded:
        y = node.add(Pad2D(paddings=window.paddings, pad_value=LOWEST), X=x)
    for axis in (0, 1):
        length = (counts[axis] - 1) * window.strides[axis] + 1
        starts = range(0, window.extents[axis], window.dilations[axis])
        y = functools.reduce(
            lambda a, b: node.add(ElementwiseMax(), X=a, Y=b),
            [_span(node, y, axis + 2, start, length) for start in starts],
        )
    if max(window.strides) == 1:
        return y
    return node.add(Pool2D(strides=(window.strides[0], window.strides[1])), X=y)


def _span(node: OnnxNode, x: Value, axis: int, start: int, length: int) -> Value:
    if (start, length) == (0, x.shape[axis]):
        return x
    op = Slice(axes=(axis,), starts=(start,), ends=(start + length,), infer_flags=(1,))
    return node.add(op, Input=x)


def _mean(node: OnnxNode, x: Value, window: Window) -> Value:
    height, width = (
        _taps(int(size), window, axis, count)
        for axis, (size, count) in enumerate(zip(x.shape[2:], _counts(x, window), strict=True))
    )
    channels = int(x.shape[1])
    op = DepthwiseConv2D(
        strides=(window.strides[0], window.strides[1]),
        paddings=window.paddings,
        dilations=(window.dilations[0], window.dilations[1]),
        groups=channels,
    )
    size = window.kernel[0] * window.kernel[1]
    equal = np.full((channels, 1, *window.kernel), 1 / size, np.float32)
    y = node.add(op, Input=x, Filter=node.new_constant(equal, "equal_weights"))
    correction = np.float32(size) / np.outer(height, width).astype(np.float32)
    if np.all(correction == 1):
        return y
    factor = node.new_constant(correction[np.newaxis, np.newaxis], "correction")
    return node.add(ElementwiseMul(), X=y, Y=factor)


def _taps(size: int, window: Window, axis: int, count: int) -> np.ndarray:
    """How many elements of each window on an axis count."""
    starts = np.arange(count)[:, np.newaxis] * window.strides[axis] - window.before[axis]
    taps = starts + np.arange(window.kernel[axis]) * window.dilations[axis]
    return np.maximum(((taps >= 0) & (taps < size)).sum(axis=1), 1)
