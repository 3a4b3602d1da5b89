"""Reads where the largest elements of windows stand, and MaxUnpool, which puts them back.

ONNX counts those places through the whole tensor, image by image and channel by channel.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.formats.picking import every, gathered
from opt_tool.formats.shapes import flat, reshape_to, stacked, static_shape, unsqueezed
from opt_tool.formats.window import Window
from opt_tool.formats.writing import scattered
from opt_tool.ir import DType, Value
from opt_tool.ir.operations.elementwise import ElementwiseAdd
from opt_tool.ir.operations.padding import Pad2D
from opt_tool.ir.operations.reduction import ArgMax

LOWEST = float(np.finfo(np.float32).min)
"""What stands in pads: no element is below it."""

MOST_ELEMENTS = 64
"""The largest windows, of which each element is a slice of the planes."""


def largest_places(node: OnnxNode, window: Window, pooled: Value) -> Value:
    """Where in the first operand the first largest element of each window stands, int64."""
    x = node.input(0)
    if x.rank != 4 or x.dtype is not DType.FLOAT32 or math.prod(window.kernel) > MOST_ELEMENTS:
        raise node.unsupported(
            f"Indices of windows {list(window.kernel)} of {x.type}; those of float32 planes, in "
            f"windows of at most {MOST_ELEMENTS} elements, are read"
        )
    height, width = static_shape(node, x, "data")[2:]
    steps = (1, height) if node.integer("storage_order", 0) else (width, 1)
    offsets = itertools.product(*map(range, window.kernel))
    within = [
        sum(at * gap * step for at, gap, step in zip(offset, window.dilations, steps, strict=True))
        for offset in offsets
    ]
    table = node.new_constant(np.array(within, np.int64), "offsets")
    element = node.add(ArgMax(axis=1), X=stacked(node, _elements(node, x, window, pooled), 1))
    places = reshape_to(node, gathered(node, table, flat(node, element), 0), pooled.shape)
    for start in _starts(node, window, pooled, steps):
        places = node.add(ElementwiseAdd(), X=places, Y=start)
    return places


def _elements(node: OnnxNode, x: Value, window: Window, pooled: Value) -> list[Value]:
    """The elements of all windows that stand first in them, second, and so on."""
    sizes, counts = x.type.static_shape[2:], pooled.type.static_shape[2:]
    ends = [
        max((count - 1) * stride + extent - size - before, 0)
        for count, stride, extent, size, before in zip(
            counts, window.strides, window.extents, sizes, window.before, strict=True
        )
    ]
    pads = (window.before[0], ends[0], window.before[1], ends[1])
    if any(pads):
        x = node.add(Pad2D(paddings=pads, pad_value=LOWEST), X=x)
    rows = [
        every(node, x, 2, at * window.dilations[0], counts[0], window.strides[0])
        for at in range(window.kernel[0])
    ]
    return [
        every(node, row, 3, at * window.dilations[1], counts[1], window.strides[1])
        for row in rows
        for at in range(window.kernel[1])
    ]


def _starts(
    node: OnnxNode, window: Window, pooled: Value, steps: tuple[int, int]
) -> tuple[Value, Value]:
    """Where the windows of a plane begin (1, 1, P, Q), and the planes (N, C, 1, 1)."""
    batch, channels, *counts = node.made_up(*pooled.type.static_shape)
    height, width = node.input(0).type.static_shape[2:]
    down, across = (
        (np.arange(count, dtype=np.int64) * stride - before) * step
        for count, stride, before, step in zip(
            counts, window.strides, window.before, steps, strict=True
        )
    )
    windows = (down[:, np.newaxis] + across)[np.newaxis, np.newaxis]
    planes = np.arange(batch * channels, dtype=np.int64).reshape(batch, channels, 1, 1)
    return (
        node.new_constant(np.ascontiguousarray(windows), "windows"),
        node.new_constant(planes * (height * width), "planes"),
    )


# ---- MaxUnpool


@onnx_op("MaxUnpool", since=9)
def max_unpool(node: OnnxNode) -> Value:
    """Operands: the elements, where they are put, and the shape, if it is another one."""
    x, index = node.input(0), node.input(1)
    whole = node.made_up(*_unpooled_shape(node, x))
    given = node.maybe_constant(2, "output shape")
    if given is not None and tuple(given.reshape(-1)) != whole:
        raise node.unsupported(
            f"an output of {given.reshape(-1).tolist()}, where its windows make {list(whole)} and "
            "runtimes disagree on what its indices count. Pad behind it instead"
        )
    zeros = node.new_constant(np.zeros(math.prod(whole), np.float32), "zeros")
    places = unsqueezed(node, flat(node, index), (1,))
    return reshape_to(node, scattered(node, zeros, places, flat(node, x), "add"), whole)


def _unpooled_shape(node: OnnxNode, x: Value) -> tuple[int, ...]:
    """The shape of what was pooled, whose windows must not overlap: elements are added."""
    batch, channels, *counts = static_shape(node, x, "data")
    kernel = node.integers("kernel_shape")
    strides = node.integers("strides", (1,) * len(kernel))
    pads = node.integers("pads", (0,) * 2 * len(kernel))
    if not len(kernel) == len(strides) == len(counts) or len(pads) != 2 * len(kernel):
        raise node.unsupported(f"windows {list(kernel)} of {x.type}")
    if any(step < size for step, size in zip(strides, kernel, strict=True)):
        raise node.unsupported(
            f"windows {list(kernel)} that overlap, {list(strides)} apart, in which one element "
            "may be written twice"
        )
    return (batch, channels, *_unpooled_sizes(counts, strides, kernel, pads))


def _unpooled_sizes(
    counts: Sequence[int], strides: Sequence[int], kernel: Sequence[int], pads: Sequence[int]
) -> list[int]:
    both = zip(pads[: len(kernel)], pads[len(kernel) :], strict=True)
    return [
        (count - 1) * step + size - before - after
        for count, step, size, (before, after) in zip(counts, strides, kernel, both, strict=True)
    ]
