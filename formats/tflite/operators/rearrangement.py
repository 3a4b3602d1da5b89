"""Reads operators that move elements between channels, space and batch.

Each is a reshape of planes, a transpose and a reshape. In TensorFlow the place in a block
counts before the depth.
"""

from __future__ import annotations

from opt_tool.formats.shapes import reshape_to
from opt_tool.formats.tflite.node import TfliteNode
from opt_tool.formats.tflite.orders import PLANES, Laid
from opt_tool.formats.tflite.registry import tflite_op
from opt_tool.ir import DType, Value
from opt_tool.ir.operations.data_movement import Slice, Transpose2
from opt_tool.ir.operations.padding import Pad2D


def _sizes(node: TfliteNode, x: Value) -> tuple[int, int, int, int]:
    if not x.type.is_static:
        raise node.unsupported(
            f"an input {x.type} of a size known only at run time; give it with --input-shape"
        )
    batch, channels, height, width = x.type.static_shape
    return batch, channels, height, width


def _block(node: TfliteNode) -> int:
    size = node.integer("block_size")
    if size < 1:
        raise node.unsupported(f"block_size {size} is not positive")
    return size


@tflite_op("DEPTH_TO_SPACE")
def depth_to_space(node: TfliteNode) -> Laid:
    x, b = node.planes(0), _block(node)
    batch, channels, height, width = _sizes(node, x)
    if channels % (b * b):
        raise node.unsupported(f"{channels} channels do not divide into blocks of {b} x {b}")
    depth = channels // (b * b)
    split = reshape_to(node, x, (batch, b, b, depth, height, width))
    y = node.add(Transpose2(axis=(0, 3, 4, 1, 5, 2)), X=split)
    return Laid(reshape_to(node, y, (batch, depth, height * b, width * b)), PLANES)


@tflite_op("SPACE_TO_DEPTH")
def space_to_depth(node: TfliteNode) -> Laid:
    x, b = node.planes(0), _block(node)
    batch, channels, height, width = _sizes(node, x)
    if height % b or width % b:
        raise node.unsupported(f"planes of {height} x {width} do not divide into blocks of {b}")
    split = reshape_to(node, x, (batch, channels, height // b, b, width // b, b))
    y = node.add(Transpose2(axis=(0, 3, 5, 1, 2, 4)), X=split)
    return Laid(reshape_to(node, y, (batch, channels * b * b, height // b, width // b)), PLANES)


def _blocks(node: TfliteNode) -> tuple[int, int, tuple[int, int, int, int]]:
    """Height and width of a block, and what is put around or cut off the planes."""
    block, margins = node.integers(1, "block shape"), node.integers(2, "margins")
    if len(block) != 2 or len(margins) != 4 or min(block) < 1 or min(margins) < 0:
        raise node.unsupported(f"blocks {list(block)} with margins {list(margins)}; 2 axes only")
    return block[0], block[1], (margins[0], margins[1], margins[2], margins[3])


@tflite_op("SPACE_TO_BATCH_ND")
def space_to_batch(node: TfliteNode) -> Laid:
    x = node.planes(0)
    rows, columns, pads = _blocks(node)
    if any(pads):
        if x.dtype is not DType.FLOAT32:
            raise node.unsupported(f"padding of {x.dtype.value}; Paddle Lite pads float32")
        x = node.add(Pad2D(paddings=pads), X=x)
    batch, channels, height, width = _sizes(node, x)
    if height % rows or width % columns:
        raise node.unsupported(f"{height} x {width} do not divide into {rows} x {columns}")
    shape = (batch, channels, height // rows, rows, width // columns, columns)
    y = node.add(Transpose2(axis=(3, 5, 0, 1, 2, 4)), X=reshape_to(node, x, shape))
    new = (rows * columns * batch, channels, height // rows, width // columns)
    return Laid(reshape_to(node, y, new), PLANES)


@tflite_op("BATCH_TO_SPACE_ND")
def batch_to_space(node: TfliteNode) -> Laid:
    x = node.planes(0)
    rows, columns, (top, bottom, left, right) = _blocks(node)
    batch, channels, height, width = _sizes(node, x)
    if batch % (rows * columns):
        raise node.unsupported(f"a batch of {batch} in blocks of {rows} x {columns}")
    count = batch // (rows * columns)
    split = reshape_to(node, x, (rows, columns, count, channels, height, width))
    y = node.add(Transpose2(axis=(2, 3, 4, 0, 5, 1)), X=split)
    y = reshape_to(node, y, (count, channels, height * rows, width * columns))
    if top or bottom or left or right:
        ends = (height * rows - bottom, width * columns - right)
        cut = Slice(axes=(2, 3), starts=(top, left), ends=ends, infer_flags=(1, 1))
        y = node.add(cut, Input=y)
    return Laid(y, PLANES)
