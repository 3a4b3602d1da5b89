"""Reads activations.

What Paddle Lite has no operator for on both targets is built from those that it has.
"""

from __future__ import annotations

import math

import numpy as np

from opt_tool.formats.broadcasting import compare
from opt_tool.formats.element_types import converted
from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.ir import DType, Value
from opt_tool.ir.operations import activation as ops
from opt_tool.ir.operations import comparison, elementwise

SELU_ALPHA = 1.67326319217681884765625
SELU_GAMMA = 1.05070102214813232421875
"""ONNX's defaults (Klambauer et al., Self-Normalizing Neural Networks, 2017)."""

GELU_CUBIC = 0.044715
"""The factor of x³ in GELU by tanh (Hendrycks and Gimpel, 2016)."""


@onnx_op("Relu", since=1)
def relu(node: OnnxNode) -> Value:
    return node.add(ops.Relu(), X=float_input(node))


@onnx_op("LeakyRelu", since=1)
def leaky_relu(node: OnnxNode) -> Value:
    return node.add(ops.LeakyRelu(alpha=node.real("alpha", 0.01)), X=float_input(node))


@onnx_op("HardSigmoid", since=1)
def hard_sigmoid(node: OnnxNode) -> Value:
    op = ops.HardSigmoid(slope=node.real("alpha", 0.2), offset=node.real("beta", 0.5))
    return node.add(op, X=float_input(node))


@onnx_op("HardSwish", since=14)
def hard_swish(node: OnnxNode) -> Value:
    return node.add(ops.HardSwish(), X=float_input(node))


@onnx_op("Sigmoid", since=1)
def sigmoid(node: OnnxNode) -> Value:
    return node.add(ops.Sigmoid(), X=float_input(node))


@onnx_op("Tanh", since=1)
def tanh(node: OnnxNode) -> Value:
    return node.add(ops.Tanh(), X=float_input(node))


@onnx_op("Softplus", since=1)
def softplus(node: OnnxNode) -> Value:
    return node.add(ops.Softplus(), X=float_input(node))


@onnx_op("Softsign", since=1)
def softsign(node: OnnxNode) -> Value:
    x = float_input(node)
    size = node.add(elementwise.Scale(bias=1.0), X=node.add(elementwise.Abs(), X=x))
    return node.add(elementwise.ElementwiseDiv(), X=x, Y=size)


@onnx_op("Mish", since=18)
def mish(node: OnnxNode) -> Value:
    return node.add(ops.Mish(), X=float_input(node))


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


def gelu_by_tanh(node: OnnxNode, x: Value) -> Value:
    """x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x³))) / 2; the x86 kernel has no such form."""
    squared = node.add(elementwise.Square(), X=x)
    factor = node.add(elementwise.Scale(scale=GELU_CUBIC, bias=1.0), X=squared)
    inner = node.add(elementwise.ElementwiseMul(), X=x, Y=factor)
    bent = node.add(
        ops.Tanh(), X=node.add(elementwise.Scale(scale=math.sqrt(2 / math.pi)), X=inner)
    )
    half = node.add(elementwise.Scale(scale=0.5, bias=0.5), X=bent)
    return node.add(elementwise.ElementwiseMul(), X=x, Y=half)


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
