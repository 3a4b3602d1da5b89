"""Tensors of one spatial axis as planes of height 1, which is what Paddle's kernels take."""

from __future__ import annotations

from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.ir import Value
from opt_tool.ir.operations.shape import Squeeze2, Unsqueeze2


def to_planes(node: OnnxNode, x: Value) -> Value:
    """(N, C, W) as (N, C, 1, W); four dimensions stay."""
    return x if x.rank == 4 else node.add(Unsqueeze2(axes=(2,)), X=x)


def from_planes(node: OnnxNode, y: Value, x: Value) -> Value:
    """y with as many dimensions as x had before ``to_planes``."""
    return y if x.rank == 4 else node.add(Squeeze2(axes=(2,)), X=y)
