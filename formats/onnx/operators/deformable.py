"""Reads DeformConv.

Channels are divided twice: into parts with offsets of their own and into groups of filters.
Paddle Lite takes as many of both, and its ARM kernel finds the filters of the first group only
(it packs each group to whole blocks and goes on by unpacked ones). So each share of the channels
is an operation of its own; those of a group are added, and the groups joined.
"""

from __future__ import annotations

import math
from functools import partial, reduce

import numpy as np

from opt_tool.formats.elementary import add, scaled
from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.formats.onnx.windows import read_window
from opt_tool.formats.picking import part
from opt_tool.formats.shapes import reshape_to
from opt_tool.ir import Value
from opt_tool.ir.operations.convolution import DeformableConv
from opt_tool.ir.operations.data_movement import Concat
from opt_tool.ir.operations.padding import Pad2D


@onnx_op("DeformConv", since=19)
def deform_conv(node: OnnxNode) -> Value:
    x, weight, offset = node.input(0), node.constant(1, "filter"), node.input(2)
    if x.rank != 4 or weight.ndim != 4 or offset.rank != 4:
        raise node.unsupported(f"a deformable convolution of {x.type}; planes are possible")
    kernel = (weight.shape[2], weight.shape[3])
    if node.integers("kernel_shape", kernel) != kernel:
        raise node.unsupported(f"its kernel_shape is not that of the filter {list(kernel)}")
    groups, parts = node.integer("group", 1), node.integer("offset_group", 1)
    shares = math.lcm(groups, parts)
    if min(groups, parts) < 1 or weight.shape[1] * groups % shares or weight.shape[0] % groups:
        raise node.unsupported(f"{groups} groups and {parts} offset groups of {weight.shape}")
    taps = kernel[0] * kernel[1]
    mask = node.maybe(4)
    if mask is None:
        mask = scaled(node, part(node, offset, 1, 0, parts * taps), 0.0, 1.0)
    x, op = _operation(node, x, kernel)
    shared = _divided(node, x, shares, weight.shape[1] * groups // shares)
    offsets, masks = _divided(node, offset, parts, 2 * taps), _divided(node, mask, parts, taps)
    made = []
    for group, filters in enumerate(np.split(weight, groups)):
        sums = []
        for local, filter in enumerate(np.split(filters, shares // groups, axis=1)):
            share = group * shares // groups + local
            place = share * parts // shares
            operands = {"Input": shared[share], "Offset": offsets[place], "Mask": masks[place]}
            constant = node.new_constant(np.ascontiguousarray(filter), "filter")
            sums.append(node.add(op, Filter=constant, **operands))
        made.append(reduce(partial(add, node), sums))
    y = made[0] if groups == 1 else node.add(Concat(axis=1), X=tuple(made))
    bias = node.maybe(3)
    return y if bias is None else add(node, y, reshape_to(node, bias, (1, weight.shape[0], 1, 1)))


def _operation(node: OnnxNode, x: Value, kernel: tuple[int, int]) -> tuple[Value, DeformableConv]:
    """The operation, and x with the pads that are not the same at both sides."""
    window = read_window(node, kernel, x.shape[2:])
    top, bottom, left, right = pads = window.paddings
    if min(pads) < 0:
        raise node.unsupported(f"pads {list(pads)}: negative ones are not supported")
    if (top, left) != (bottom, right):
        x, top, left = node.add(Pad2D(paddings=pads), X=x), 0, 0
    (down, across), (row, column) = window.strides, window.dilations
    return x, DeformableConv(strides=(down, across), paddings=(top, left), dilations=(row, column))


def _divided(node: OnnxNode, x: Value, count: int, size: int) -> list[Value]:
    """So many stretches of channels of a size."""
    if count == 1:
        return [x]
    return [part(node, x, 1, start * size, (start + 1) * size) for start in range(count)]
