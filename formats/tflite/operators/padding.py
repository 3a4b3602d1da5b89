"""Reads PAD, PADV2 and MIRROR_PAD.

Two dimensions are padded by pad2d as the height and width of planes, which they are in
some order. A single other one is the height of planes after a reshape.
"""

from __future__ import annotations

import numpy as np

from opt_tool.formats.shapes import reshape_to
from opt_tool.formats.tflite.node import TfliteNode
from opt_tool.formats.tflite.orders import PLANES, Laid, Order
from opt_tool.formats.tflite.registry import tflite_op
from opt_tool.formats.tflite.schema import MirrorPadMode
from opt_tool.ir import DType, Value
from opt_tool.ir.operations.indexing import Gather
from opt_tool.ir.operations.padding import Pad2D
from opt_tool.ir.types import product

Sizes = dict[int, tuple[int, int]]
"""What to put before and after each axis of the file's tensor."""


def _sizes(node: TfliteNode, x: Laid) -> Sizes:
    pairs = node.constant(1, "paddings")
    if pairs.shape != (x.rank, 2) or pairs.min() < 0:
        raise node.unsupported(f"paddings {pairs.tolist()} for {x.rank} axes")
    if x.value.dtype is not DType.FLOAT32:
        raise node.unsupported(f"padding of {x.value.dtype.value}; Paddle Lite pads float32")
    return {
        axis: (int(before), int(after))
        for axis, (before, after) in enumerate(pairs)
        if before or after
    }


@tflite_op("PAD", "PADV2")
def pad(node: TfliteNode) -> Laid:
    x = node.laid(0)
    value = node.constant(2, "value").reshape(-1)[0].item() if node.has(2) else 0.0
    return _padded(node, x, _sizes(node, x), "constant", value)


@tflite_op("MIRROR_PAD")
def mirror_pad(node: TfliteNode) -> Laid:
    x = node.laid(0)
    sizes = _sizes(node, x)
    reflects = node.choice("mode", MirrorPadMode) is MirrorPadMode.REFLECT
    for axis, pair in sizes.items():
        size = x.shape[axis]
        if not isinstance(size, int) or max(pair) > size - reflects:
            raise node.unsupported(f"it mirrors {max(pair)} elements of a dimension of {size}")
        node.made_up(size + sum(pair))
    if reflects:
        return _padded(node, x, sizes, "reflect", 0.0)
    y = x.value
    for axis, pair in sizes.items():
        indices = np.pad(np.arange(x.shape[axis], dtype=np.int32), pair, mode="symmetric")
        place = x.order.index(axis)
        y = node.add(Gather(axis=place), X=y, Index=node.new_constant(indices, "indices"))
    return Laid(y, x.order)


def _padded(node: TfliteNode, x: Laid, sizes: Sizes, mode: str, value: float) -> Laid:
    order = _plane_order(x, sizes)
    if order is not None:
        (top, bottom), (left, right) = (sizes.get(axis, (0, 0)) for axis in order[2:])
        op = Pad2D(paddings=(top, bottom, left, right), mode=mode, pad_value=value)
        return Laid(node.add(op, X=node.in_order(x, order)), order)
    y = x.value
    for axis, pair in sizes.items():
        y = _padded_as_planes(node, y, x.order.index(axis), Pad2D((*pair, 0, 0), mode, value))
    return Laid(y, x.order)


def _plane_order(x: Laid, sizes: Sizes) -> Order | None:
    """An order of four dimensions in which the padded ones are height and width, if any.

    That of planes is preferred, since what pads one side of a picture is mostly a convolution.
    """
    if x.rank != 4 or not sizes:
        return None
    return next((order for order in (PLANES, x.order) if set(sizes) <= set(order[2:])), None)


def _padded_as_planes(node: TfliteNode, x: Value, axis: int, op: Pad2D) -> Value:
    """Pad one axis of x, seen as the height of a plane."""
    planes = (1, product(x.shape[:axis]), x.shape[axis], product(x.shape[axis + 1 :]))
    y = node.add(op, X=reshape_to(node, x, planes))
    return reshape_to(node, y, (*x.shape[:axis], y.shape[2], *x.shape[axis + 1 :]))
