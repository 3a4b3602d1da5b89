"""Reads operators of com.microsoft that stand for a chain of standard ones.

onnxruntime's optimizer and the exporters of transformers write them.
"""

from __future__ import annotations

import numpy as np

from opt_tool.formats.elementary import add, divide, gelu_by_tanh, multiply
from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.operators.activation import float_input
from opt_tool.formats.onnx.operators.convolution import conv
from opt_tool.formats.onnx.operators.creation import range_, trilu
from opt_tool.formats.onnx.operators.indexing import gather_nd
from opt_tool.formats.onnx.operators.normalization import layer_normalization, rms_normalization
from opt_tool.formats.onnx.operators.padding import pad
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.formats.shapes import unsqueezed
from opt_tool.ir import Operation, Value
from opt_tool.ir.operations import activation as ops
from opt_tool.ir.operations.elementwise import Clip, Scale, Sqrt, Square
from opt_tool.ir.operations.normalization import LayerNorm
from opt_tool.ir.operations.reduction import ReduceMean

MICROSOFT = "com.microsoft"

TINY_EPSILON = 1e-12
"""What the operators with a skip connection add to the variance."""

onnx_op("GatherND", since=1, domain=MICROSOFT)(gather_nd)
onnx_op("Pad", since=1, domain=MICROSOFT)(pad)
onnx_op("Range", since=1, domain=MICROSOFT)(range_)
onnx_op("Trilu", since=1, domain=MICROSOFT)(trilu)

# onnxruntime has them in the standard domain, whatever the opset is
onnx_op("LayerNormalization", since=1)(layer_normalization)
onnx_op("SimplifiedLayerNormalization", since=1)(rms_normalization)


def biased(node: OnnxNode) -> Value:
    """The first operand plus the second, if there is one."""
    x, bias = float_input(node), node.maybe(1)
    return x if bias is None else add(node, x, bias)


@onnx_op("BiasGelu", since=1, domain=MICROSOFT)
@onnx_op("Gelu", since=1, domain=MICROSOFT)
def gelu(node: OnnxNode) -> Value:
    return node.add(ops.Gelu(), X=biased(node))


@onnx_op("FastGelu", since=1, domain=MICROSOFT)
def fast_gelu(node: OnnxNode) -> Value:
    return gelu_by_tanh(node, biased(node))


@onnx_op("QuickGelu", since=1, domain=MICROSOFT)
def quick_gelu(node: OnnxNode) -> Value:
    return node.add(ops.Swish(beta=node.real("alpha", 1.702)), X=float_input(node))


@onnx_op("ExpandDims", since=1, domain=MICROSOFT)
def expand_dims(node: OnnxNode) -> Value:
    x = node.input(0)
    axis = node.whole(1, "axis")
    return unsqueezed(node, x, (node.axis(axis, x.rank + 1),))


# ---- convolutions


def _activation(node: OnnxNode) -> Operation | None:
    """What a FusedConv applies at its end; nothing where it has no activation."""
    name, given = node.text("activation", ""), node.reals("activation_params")
    first, second = (*given, 0.0, 0.0)[:2]
    known: dict[str, Operation] = {
        "Clip": Clip(min=first, max=second),
        "HardSigmoid": ops.HardSigmoid(slope=first, offset=second),
        "LeakyRelu": ops.LeakyRelu(alpha=first),
        "Relu": ops.Relu(),
        "Sigmoid": ops.Sigmoid(),
        "Tanh": ops.Tanh(),
    }
    if not name:
        return None
    if name not in known:
        raise node.unsupported(f"its activation is {name}; known are {', '.join(known)}")
    return known[name]


@onnx_op("FusedConv", since=1, domain=MICROSOFT)
def fused_conv(node: OnnxNode) -> Value:
    y, beside, last = conv(node), node.maybe(3), _activation(node)
    if beside is not None:
        y = add(node, y, beside)
    return y if last is None else node.add(last, X=y)


# ---- normalizations behind a skip connection


def normalized(node: OnnxNode, x: Value, scale: Value, bias: Value | None, epsilon: float) -> Value:
    """The layer norm of x along its last axis."""
    if bias is None:
        bias = node.new_constant(np.zeros(scale.type.static_shape, np.float32), "bias")
    op = LayerNorm(begin_norm_axis=x.rank - 1, epsilon=epsilon)
    return node.add(op, X=x, Scale=scale, Bias=bias)


def _sum(node: OnnxNode, bias: Value | None) -> Value:
    """Input, skip and bias, which is what the node normalizes and its fourth output."""
    if node.has_output(1) or node.has_output(2):
        raise node.unsupported("its mean and deviation as outputs; onnxruntime's are empty too")
    total = add(node, float_input(node), node.input(1))
    return total if bias is None else add(node, total, bias)


@onnx_op("SkipLayerNormalization", since=1, domain=MICROSOFT)
def skip_layer_normalization(node: OnnxNode) -> tuple[Value | None, ...]:
    total = _sum(node, node.maybe(4))
    epsilon = node.real("epsilon", TINY_EPSILON)
    return normalized(node, total, node.input(2), node.maybe(3), epsilon), None, None, total


@onnx_op("SkipSimplifiedLayerNormalization", since=1, domain=MICROSOFT)
def skip_rms_normalization(node: OnnxNode) -> tuple[Value | None, ...]:
    total = _sum(node, node.maybe(3))
    squares = node.add(ReduceMean(dim=(-1,), keep_dim=True), X=node.add(Square(), X=total))
    shifted = node.add(Scale(bias=node.real("epsilon", TINY_EPSILON)), X=squares)
    y = divide(node, total, node.add(Sqrt(), X=shifted))
    return multiply(node, y, node.input(2)), None, None, total
