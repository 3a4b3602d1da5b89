"""Reads operators that move elements between channels and space.

DepthToSpace and SpaceToDepth are a reshape, a transpose and a reshape, or, where the size
of the planes is known only at run time, a convolution whose filters pick one element each.
"""

from __future__ import annotations

import numpy as np

from opt_tool.formats.casting import carried
from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.formats.shapes import reshape_to
from opt_tool.ir import Dim, DType, Value
from opt_tool.ir.operations.convolution import Conv2D, Conv2DTranspose
from opt_tool.ir.operations.data_movement import Transpose2


def _checked(node: OnnxNode, x: Value, divisor: int) -> tuple[Dim, int, Dim, Dim]:
    """The dimensions of a batch of planes whose channels divide as they must."""
    channels = x.shape[1] if x.rank == 4 else None
    if not isinstance(channels, int) or channels % divisor:
        raise node.unsupported(
            f"the input {x.type}; it takes planes (N, C, H, W) with C a multiple of {divisor}"
        )
    batch, _, height, width = x.shape
    return batch, channels, height, width


def _size(node: OnnxNode) -> int:
    size = node.integer("blocksize", 0)
    if size < 1:
        raise node.unsupported(f"blocksize {size} is not positive")
    return size


def _mode(node: OnnxNode) -> str:
    """Which comes first in the channels: the place in a block (DCR) or the depth (CRD)."""
    mode = node.text("mode", "DCR")
    if mode not in ("DCR", "CRD"):
        raise node.unsupported(f"mode {mode!r}; there are DCR and CRD")
    return mode


@onnx_op("DepthToSpace", since=1)
def depth_to_space(node: OnnxNode) -> Value:
    b, mode = _size(node), _mode(node)
    return carried(node, [node.input(0)], lambda x: _spread(node, x, b, mode))


def _spread(node: OnnxNode, x: Value, b: int, mode: str) -> Value:
    batch, channels, height, width = _checked(node, x, b * b)
    depth = channels // (b * b)
    if isinstance(height, str) or isinstance(width, str):
        picked = np.eye(*node.made_up(channels, channels), dtype=np.float32)
        filters = (
            picked.reshape(channels, b, b, depth).transpose(0, 3, 1, 2)
            if mode == "DCR"
            else picked.reshape(channels, depth, b, b)
        )
        op = Conv2DTranspose(strides=(b, b))
        return _convolved(node, x, op, filters)
    if mode == "DCR":
        split, order = (batch, b, b, depth, height, width), (0, 3, 4, 1, 5, 2)
    else:
        split, order = (batch, depth, b, b, height, width), (0, 1, 4, 2, 5, 3)
    y = node.add(Transpose2(axis=order), X=reshape_to(node, x, split))
    return reshape_to(node, y, (batch, depth, height * b, width * b))


@onnx_op("SpaceToDepth", since=1)
def space_to_depth(node: OnnxNode) -> Value:
    b, mode = _size(node), _mode(node)
    return carried(node, [node.input(0)], lambda x: _gathered(node, x, b, mode))


def _gathered(node: OnnxNode, x: Value, b: int, mode: str) -> Value:
    batch, channels, height, width = _checked(node, x, 1)
    if isinstance(height, str) or isinstance(width, str):
        count = b * b * channels
        picked = np.eye(*node.made_up(count, count), dtype=np.float32)
        filters = (
            picked.reshape(-1, b, b, channels).transpose(0, 3, 1, 2)
            if mode == "DCR"
            else picked.reshape(-1, channels, b, b)
        )
        return _convolved(node, x, Conv2D(strides=(b, b)), filters)
    if height % b or width % b:
        raise node.unsupported(f"planes of {height} x {width} do not divide into blocks of {b}")
    rows, columns = height // b, width // b
    split = reshape_to(node, x, (batch, channels, rows, b, columns, b))
    order = (0, 3, 5, 1, 2, 4) if mode == "DCR" else (0, 1, 3, 5, 2, 4)
    y = node.add(Transpose2(axis=order), X=split)
    return reshape_to(node, y, (batch, channels * b * b, rows, columns))


def _convolved(
    node: OnnxNode, x: Value, op: Conv2D | Conv2DTranspose, filters: np.ndarray
) -> Value:
    if x.dtype is not DType.FLOAT32:
        raise node.unsupported(
            f"{x.type} with planes of a size known only at run time; only float32 can be moved "
            "then. Give the input's shape with --input-shape"
        )
    weight = node.new_constant(np.ascontiguousarray(filters), "picks")
    return node.add(op, Input=x, Filter=weight)


@onnx_op("Col2Im", since=18)
def col2im(node: OnnxNode) -> Value:
    """The columns are the input of a transposed convolution whose filters pick an element."""
    x = node.input(0)
    image = node.wholes(1, "image_shape")
    kernel = node.wholes(2, "block_shape")
    if len(image) != 2 or x.rank != 3 or not isinstance(x.shape[1], int):
        raise node.unsupported(f"columns {x.type} of an image of {len(image)} axes; 2 are possible")
    strides, dilations = (node.integers(name, (1, 1)) for name in ("strides", "dilations"))
    top, left, bottom, right = node.integers("pads", (0, 0, 0, 0))
    count = kernel[0] * kernel[1]
    channels = x.shape[1] // count
    rows, columns = (
        (size + pads - d * (k - 1) - 1) // s + 1
        for size, pads, d, k, s in zip(
            image, (top + bottom, left + right), dilations, kernel, strides, strict=True
        )
    )
    extra = tuple(
        (size + pads - d * (k - 1) - 1) % s
        for size, pads, d, k, s in zip(
            image, (top + bottom, left + right), dilations, kernel, strides, strict=True
        )
    )
    op = Conv2DTranspose(
        strides=(strides[0], strides[1]),
        paddings=(top, bottom, left, right),
        dilations=(dilations[0], dilations[1]),
        groups=channels,
        output_padding=(extra[0], extra[1]),
    )
    picks = np.tile(np.eye(count, dtype=np.float32), (channels, 1)).reshape(-1, 1, *kernel)
    planes = reshape_to(node, x, (x.shape[0], x.shape[1], rows, columns))
    return node.add(op, Input=planes, Filter=node.new_constant(picks, "picks"))
