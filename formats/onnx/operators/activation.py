"""Reads activations."""

from __future__ import annotations

from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.ir import Value
from opt_tool.ir.operations import activation as ops


@onnx_op("Relu", since=1)
def relu(node: OnnxNode) -> Value:
    return node.add(ops.Relu(), X=node.input(0))


@onnx_op("LeakyRelu", since=1)
def leaky_relu(node: OnnxNode) -> Value:
    return node.add(ops.LeakyRelu(alpha=node.real("alpha", 0.01)), X=node.input(0))


@onnx_op("HardSigmoid", since=1)
def hard_sigmoid(node: OnnxNode) -> Value:
    op = ops.HardSigmoid(slope=node.real("alpha", 0.2), offset=node.real("beta", 0.5))
    return node.add(op, X=node.input(0))


@onnx_op("HardSwish", since=14)
def hard_swish(node: OnnxNode) -> Value:
    return node.add(ops.HardSwish(), X=node.input(0))
