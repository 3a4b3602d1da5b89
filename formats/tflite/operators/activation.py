"""Reads activations and softmax."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from opt_tool.formats.elementary import gelu_by_tanh
from opt_tool.formats.tflite.node import TfliteNode
from opt_tool.formats.tflite.orders import Laid, channels_first
from opt_tool.formats.tflite.registry import tflite_op
from opt_tool.ir import DType, Operation
from opt_tool.ir.operations.activation import (
    Elu,
    Gelu,
    HardSwish,
    LeakyRelu,
    PRelu,
    Relu,
    Relu6,
    Sigmoid,
    Tanh,
)
from opt_tool.ir.operations.elementwise import (
    Clip,
    ElementwiseAdd,
    ElementwiseMin,
    ElementwiseMul,
    ElementwiseSub,
    Exp,
    Log,
    Scale,
)
from opt_tool.ir.operations.reduction import ReduceMax, ReduceSum, Softmax
from opt_tool.ir.types import product

DIRECT: Mapping[str, Operation] = {
    "ELU": Elu(),
    "HARD_SWISH": HardSwish(),
    "LOGISTIC": Sigmoid(),
    "RELU": Relu(),
    "RELU6": Relu6(),
    "RELU_0_TO_1": Clip(min=0.0, max=1.0),
    "RELU_N1_TO_1": Clip(min=-1.0, max=1.0),
    "TANH": Tanh(),
}
"""Operators that are one operation in float32."""


def float_operand(node: TfliteNode, index: int = 0) -> Laid:
    """An operand that must be float32, in the order that it has."""
    x = node.laid(index)
    if x.value.dtype is not DType.FLOAT32:
        raise node.unsupported(
            f"{x.value.dtype.value} operands; Paddle Lite computes it in float32"
        )
    return x


def mapped(node: TfliteNode, op: Operation, x: Laid) -> Laid:
    """Each element of x by an operation."""
    return Laid(node.add(op, X=x.value), x.order)


@tflite_op(*DIRECT)
def direct(node: TfliteNode) -> Laid:
    return mapped(node, DIRECT[node.operator], float_operand(node))


@tflite_op("LEAKY_RELU")
def leaky_relu(node: TfliteNode) -> Laid:
    return mapped(node, LeakyRelu(alpha=node.real("alpha")), float_operand(node))


@tflite_op("GELU")
def gelu(node: TfliteNode) -> Laid:
    x = float_operand(node)
    if not node.flag("approximate"):
        return mapped(node, Gelu(), x)
    return Laid(gelu_by_tanh(node, x.value), x.order)


@tflite_op("PRELU")
def prelu(node: TfliteNode) -> Laid:
    """Slopes broadcast to the input without its batch: one, one a channel, or one an element."""
    x, slopes = float_operand(node), node.laid(1)
    if slopes.value.is_constant and x.rank >= 2:
        alpha = slopes.value.array()
        if alpha.size == 1:
            flat = node.new_constant(alpha.reshape(1), "slope")
            return Laid(node.add(PRelu(mode="all"), X=x.value, Alpha=flat), x.order)
        if alpha.size == alpha.shape[-1] == x.shape[-1]:
            order = channels_first(x.rank)
            flat = node.new_constant(alpha.reshape(-1), "slopes")
            y = node.add(PRelu(mode="channel"), X=node.in_order(x, order), Alpha=flat)
            return Laid(y, order)
        if alpha.size == product(x.shape):
            (value, all_slopes), order = node.together([x, slopes])
            return Laid(node.add(PRelu(mode="element"), X=value, Alpha=all_slopes), order)
    (value, alpha_value), order = node.together([x, slopes])
    zero = node.new_constant(np.zeros((1,) * x.rank, np.float32), "zero")
    below = node.add(ElementwiseMin(), X=value, Y=zero)
    scaled = node.add(ElementwiseMul(), X=below, Y=alpha_value)
    return Laid(node.add(ElementwiseAdd(), X=node.add(Relu(), X=value), Y=scaled), order)


@tflite_op("SOFTMAX")
def softmax(node: TfliteNode) -> Laid:
    x = float_operand(node)
    beta = node.real("beta")
    value = x.value if beta == 1 else node.add(Scale(scale=beta), X=x.value)
    return Laid(node.add(Softmax(axis=x.last), X=value), x.order)


@tflite_op("LOG_SOFTMAX")
def log_softmax(node: TfliteNode) -> Laid:
    """X - max - log(sum(exp(x - max))), which does not underflow as log(softmax) does."""
    x = float_operand(node)
    dim = (x.last,)
    largest = node.add(ReduceMax(dim=dim, keep_dim=True), X=x.value)
    shifted = node.add(ElementwiseSub(), X=x.value, Y=largest)
    total = node.add(ReduceSum(dim=dim, keep_dim=True), X=node.add(Exp(), X=shifted))
    return Laid(node.add(ElementwiseSub(), X=shifted, Y=node.add(Log(), X=total)), x.order)
