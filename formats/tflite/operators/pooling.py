"""Reads pools. A mean counts the elements of the plane only, never the pads."""

from __future__ import annotations

from opt_tool.formats.tflite.node import TfliteNode
from opt_tool.formats.tflite.orders import PLANES, Laid
from opt_tool.formats.tflite.registry import tflite_op
from opt_tool.formats.tflite.windows import Extent, paddings, strides_of
from opt_tool.ir import DType, Value
from opt_tool.ir.operations.elementwise import Sqrt, Square
from opt_tool.ir.operations.pooling import Pool2D


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
