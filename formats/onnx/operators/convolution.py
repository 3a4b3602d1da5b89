"""Reads Conv and ConvTranspose."""

from __future__ import annotations

from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.ir import Value
from opt_tool.ir.operations.convolution import Conv2D, DepthwiseConv2D


@onnx_op("Conv", since=1)
def conv(node: OnnxNode) -> Value:
    x, weight = node.input(0), node.input(1)
    if x.rank != 4:
        raise node.unsupported(f"{x.rank - 2}-D convolution; only 2-D is supported")
    top, left, bottom, right = node.integers("pads", (0, 0, 0, 0))
    groups = node.integer("group", 1)
    strides, dilations = node.integers("strides", (1, 1)), node.integers("dilations", (1, 1))
    depthwise = groups > 1 and weight.shape[:2] == (groups, 1)
    op = (DepthwiseConv2D if depthwise else Conv2D)(
        strides=(strides[0], strides[1]),
        paddings=(top, bottom, left, right),
        dilations=(dilations[0], dilations[1]),
        groups=groups,
    )
    return node.add(op, Input=x, Filter=weight, Bias=node.maybe(2))
