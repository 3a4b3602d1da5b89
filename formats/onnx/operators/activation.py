"""Reads activations.

What Paddle Lite has no operator for on both targets is built from those that it has.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from opt_tool.formats.broadcasting import compare
from opt_tool.formats.element_types import converted
from opt_tool.formats.elementary import gelu_by_tanh
from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.ir import DType, Operation, Value
from opt_tool.ir.operations import activation as ops
from opt_tool.ir.operations import comparison, elementwise

SELU_ALPHA = 1.67326319217681884765625
SELU_GAMMA = 1.05070102214813232421875
"""ONNX's defaults (Klambauer et al., Self-Normalizing Neural Networks, 2017)."""

DIRECT: Mapping[str, tuple[int, Operation]] = {
    "HardSwish": (14, ops.HardSwish()),
    "Mish": (18, ops.Mish()),
    "Relu": (1, ops.Relu()),
    "Sigmoid": (1, ops.Sigmoid()),
    "Softplus": (1, ops.Softplus()),
    "Tanh": (1, ops.Tanh()),
}
"""Operators that are one operation in float32, with the opset that they came with."""


def direct(node: OnnxNode) -> Value:
    _, op = DIRECT[node.operator]
    return node.add(op, X=float_input(node))


for _name, (_since, _) in DIRECT.items():
    onnx_op(_name, since=_since)(direct)


@onnx_op("LeakyRelu", since=1)
def leaky_relu(node: OnnxNode) -> Value:
    return node.add(ops.LeakyRelu(alpha=node.real("alpha", 0.01)), X=float_input(node))


@onnx_op("HardSigmoid", since=1)
def hard_sigmoid(node: OnnxNode) -> Value:
    op = ops.HardSigmoid(slope=node.real("alpha", 0.2), offset=node.real("beta", 0.5))
    return node.add(op, X=float_input(node))


@onnx_op("Softsign", since=1)
def softsign(node: OnnxNode) -> Value:
    x = float_input(node)
    size = node.add(elementwise.Scale(bias=1.0), X=node.add(elementwise.Abs(), X=x))
    return node.add(elementwise.ElementwiseDiv(), X=x, Y=size)


@onnx_op("Swish", since=24)
def swish(node: OnnxNode) -> Value:
    return node.add(ops.Swish(beta=node.real("alpha", 1.0)), X=float_input(node))


@onnx_op("Gelu", since=20)
def gelu(node: OnnxNode) -> Value:
    form = node.text("approximate", "none")
    if form == "none":
        return node.add(ops.Gelu(), X=float_input(node))
    if form != "tanh":
        raise node.unsupported(f"GELU by {form!r}; there are 'none' and 'tanh'")
    return gelu_by_tanh(node, float_input(node))


@onnx_op("Elu", since=1)
def elu(node: OnnxNode) -> Value:
    return node.add(ops.Elu(alpha=node.real("alpha", 1.0)), X=float_input(node))


@onnx_op("Selu", since=1)
def selu(node: OnnxNode) -> Value:
    gamma = node.real("gamma", SELU_GAMMA if node.opset >= 6 else 1.0507)
    alpha = node.real("alpha", SELU_ALPHA if node.opset >= 6 else 1.6732)
    curved = node.add(ops.Elu(alpha=alpha), X=float_input(node))
    return node.add(elementwise.Scale(scale=gamma), X=curved)


@onnx_op("Celu", since=12)
def celu(node: OnnxNode) -> Value:
    alpha = node.real("alpha", 1.0)
    if alpha <= 0:
        raise node.unsupported(f"alpha {alpha}; only positive ones are supported")
    x = float_input(node)
    if alpha == 1:
        return node.add(ops.Elu(), X=x)
    scaled = node.add(elementwise.Scale(scale=1 / alpha), X=x)
    return node.add(elementwise.Scale(scale=alpha), X=node.add(ops.Elu(), X=scaled))


@onnx_op("ThresholdedRelu", since=1)
def thresholded_relu(node: OnnxNode) -> Value:
    return node.add(ops.ThresholdedRelu(threshold=node.real("alpha", 1.0)), X=float_input(node))


@onnx_op("Shrink", since=9)
def shrink(node: OnnxNode) -> Value:
    """x + bias below -lambd, x - bias above lambd, 0 between."""
    bias, edge = node.real("bias", 0.0), node.real("lambd", 0.5)
    x = float_input(node)
    bound = node.new_constant(np.array([edge], np.float32), "lambd")
    below = node.new_constant(np.array([-edge], np.float32), "minus_lambd")
    parts = []
    for op, limit, shift in (
        (comparison.GreaterThan(), bound, -bias),
        (comparison.LessThan(), below, bias),
    ):
        chosen = converted(node.builder, compare(node.builder, op, x, limit), DType.FLOAT32)
        shifted = node.add(elementwise.Scale(bias=shift), X=x)
        parts.append(node.add(elementwise.ElementwiseMul(), X=shifted, Y=chosen))
    return node.add(elementwise.ElementwiseAdd(), X=parts[0], Y=parts[1])


@onnx_op("PRelu", since=7)
def prelu(node: OnnxNode) -> Value:
    """``prelu`` where the slopes fit one of its modes, else relu(x) - slope * relu(-x)."""
    x, slope = float_input(node), node.input(1)
    if x.rank >= 2 and slope.type.is_static:
        padded = (1,) * (x.rank - slope.rank) + slope.type.static_shape
        if slope.type.size == 1:
            return node.add(ops.PRelu(mode="all"), X=x, Alpha=slope)
        if slope.type.size == padded[1] == x.shape[1]:
            return node.add(ops.PRelu(mode="channel"), X=x, Alpha=slope)
    negative = node.add(ops.Relu(), X=node.add(elementwise.Scale(scale=-1.0), X=x))
    product = node.add(elementwise.ElementwiseMul(), X=negative, Y=slope)
    positive = node.add(ops.Relu(), X=x)
    return node.add(elementwise.ElementwiseSub(), X=positive, Y=product)


def float_input(node: OnnxNode, index: int = 0) -> Value:
    """An operand that must be float32; whole numbers are refused."""
    x = node.input(index)
    if x.dtype is not DType.FLOAT32 and not x.is_constant:
        raise node.unsupported(f"{x.dtype.value} operands; Paddle Lite computes it in float32 only")
    return x
