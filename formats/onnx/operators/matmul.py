"""Reads matrix products: MatMul, Gemm and their fused forms."""

from __future__ import annotations

import numpy as np

from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.formats.shapes import reshape_to, transposed, unsqueezed
from opt_tool.ir import DType, Operation, Value
from opt_tool.ir.operations import activation
from opt_tool.ir.operations.elementwise import ElementwiseAdd, Scale
from opt_tool.ir.operations.matmul import Fc, MatMulV2
from opt_tool.ir.operations.shape import Squeeze2


@onnx_op("MatMul", since=1)
def matmul(node: OnnxNode) -> Value:
    return multiplied(node, node.input(0), node.input(1), MatMulV2())


def multiplied(node: OnnxNode, x: Value, y: Value, op: MatMulV2) -> Value:
    """A matrix product by NumPy's rule; vectors are made matrices, which all kernels take."""
    _require_float(node, x, y)
    row = x.rank == 1
    if row:
        x = unsqueezed(node, x, (0,))
    product = node.add(op, X=x, Y=y)
    if not row:
        return product
    axis = product.rank - 1 if y.rank == 1 else product.rank - 2
    return node.add(Squeeze2(axes=(axis,)), X=product)


def _require_float(node: OnnxNode, *values: Value) -> None:
    for value in values:
        if value.dtype is not DType.FLOAT32 and not all(v.is_constant for v in values):
            raise node.unsupported(
                f"it multiplies {value.dtype.value} matrices; Paddle Lite multiplies float32. "
                "Cast around it in the model"
            )


@onnx_op("FusedMatMul", since=1, domain="com.microsoft")
@onnx_op("TransposeMatMul", since=1, domain="com.microsoft")
def fused_matmul(node: OnnxNode) -> Value:
    for name in ("transBatchA", "transBatchB"):
        if node.integer(name, 0):
            raise node.unsupported(f"{name} is set; only transA and transB are supported")
    x, y = node.input(0), node.input(1)
    op = MatMulV2(
        trans_x=bool(node.integer("transA", 0)) and x.rank > 1,
        trans_y=bool(node.integer("transB", 0)) and y.rank > 1,
        alpha=node.real("alpha", 1.0),
    )
    return multiplied(node, x, y, op)


# ---- Gemm


@onnx_op("Gemm", since=1)
def gemm(node: OnnxNode) -> Value:
    return _gemm(node)


def _gemm(node: OnnxNode) -> Value:
    """alpha * A' @ B' + beta * C; with a constant B one fc."""
    a, b, c = node.input(0), node.input(1), node.maybe(2)
    alpha, beta = node.real("alpha", 1.0), node.real("beta", 1.0)
    trans_a, trans_b = bool(node.integer("transA", 0)), bool(node.integer("transB", 0))
    if a.rank != 2 or b.rank != 2:
        raise node.unsupported(f"it multiplies {a.type} by {b.type}; both must be matrices")
    _require_float(node, a, b)
    if not b.is_constant:
        product = node.add(MatMulV2(trans_x=trans_a, trans_y=trans_b, alpha=alpha), X=a, Y=b)
        return _plus(node, product, c, beta)
    weight = _weight(node, b, trans_b, alpha)
    bias = _bias(node, c, beta, weight.array().shape[1])
    rows = transposed(node, a, (1, 0)) if trans_a else a
    product = node.add(Fc(), Input=rows, W=weight, Bias=bias)
    return product if bias is not None else _plus(node, product, c, beta)


def _weight(node: OnnxNode, b: Value, transpose: bool, alpha: float) -> Value:
    """alpha * B' as a constant; B itself where that is the same."""
    if not transpose and alpha == 1:
        return b
    array = b.array().T if transpose else b.array()
    if alpha != 1:
        array = array * array.dtype.type(alpha)
    return node.new_constant(np.ascontiguousarray(array), "weight")


def _bias(node: OnnxNode, c: Value | None, beta: float, columns: int) -> Value | None:
    """beta * C as a vector (columns,), where it is a constant and the same for all rows."""
    if c is None or not c.is_constant or c.dtype is not DType.FLOAT32:
        return None
    array = c.array()
    if array.ndim > 1 and array.shape[0] != 1:
        return None
    if array.shape == (columns,) and beta == 1:
        return c
    wide = np.broadcast_to(array.reshape(-1) * np.float32(beta), node.made_up(columns))
    return node.new_constant(np.ascontiguousarray(wide), "bias")


def _plus(node: OnnxNode, product: Value, c: Value | None, beta: float) -> Value:
    if c is None or beta == 0:
        return product
    scaled = c if beta == 1 else node.add(Scale(scale=beta), X=c)
    if scaled.rank == 0:
        scaled = reshape_to(node, scaled, (1,))
    return node.add(ElementwiseAdd(), X=product, Y=scaled)


@onnx_op("FusedGemm", since=1, domain="com.microsoft")
def fused_gemm(node: OnnxNode) -> Value:
    name = node.text("activation", "")
    alpha, beta = node.real("activation_alpha", 0.01), node.real("activation_beta", 0.0)
    activations: dict[str, Operation] = {
        "Relu": activation.Relu(),
        "LeakyRelu": activation.LeakyRelu(alpha=alpha),
        "Sigmoid": activation.Sigmoid(),
        "Tanh": activation.Tanh(),
        "HardSigmoid": activation.HardSigmoid(slope=alpha, offset=beta),
    }
    y = _gemm(node)
    if not name:
        return y
    if name not in activations:
        raise node.unsupported(f"its activation is {name}; known are {sorted(activations)}")
    return node.add(activations[name], X=y)
