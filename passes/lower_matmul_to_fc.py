"""Make a matrix product with a constant matrix a fully connected layer.

Before::

    y = matmul_v2(x, w)        # or matmul, mul; w constant (K, N), or (N, K) transposed

After::

    y = fc(x, w)

A constant that the product transposes or multiplies by alpha is so once, here. ``fc`` is
in the small library, takes all rows of x as one matrix and is what weights are restored
for when they are quantized.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from opt_tool.ir import Graph, Node, Value
from opt_tool.ir.operations.matmul import Fc, MatMul, MatMulV2, Mul
from opt_tool.passes.affine import is_parameter
from opt_tool.passes.rewrite import Kept, Rewrite


class MatrixProduct(NamedTuple):
    """A product of rows with a constant matrix."""

    node: Node
    row_dims: int
    transposed: bool
    alpha: float


class LowerMatmulToFc(Rewrite[MatrixProduct]):
    """Writes products with constant matrices as ``fc``."""

    roots = (MatMul, MatMulV2, Mul)

    def match(self, graph: Graph, node: Node) -> MatrixProduct | Kept | None:  # noqa: ARG002
        product = _read(node)
        if product is None:
            return None
        x, y = node.input("X"), node.input("Y")
        if x.rank < 2 or y.rank != 2 or x.is_constant:
            return Kept("it is no product of rows with a matrix")
        if not y.is_constant:
            return Kept("the matrix is computed")
        if not is_parameter(y) and (product.transposed or product.alpha != 1):
            return Kept("the matrix is quantized and would have to change")
        return product

    def rewrite(self, graph: Graph, match: MatrixProduct) -> Node:
        weight = _weight(graph, match)
        op = Fc(in_num_col_dims=match.row_dims)
        return graph.replace(match.node, op, {"Input": match.node.input("X"), "W": weight})


def _read(node: Node) -> MatrixProduct | None:
    op = node.op
    if isinstance(op, MatMulV2) and not op.trans_x:
        return MatrixProduct(node, node.input("X").rank - 1, op.trans_y, op.alpha)
    if isinstance(op, MatMul) and not op.transpose_X:
        return MatrixProduct(node, node.input("X").rank - 1, op.transpose_Y, op.alpha)
    if isinstance(op, Mul):
        return MatrixProduct(node, op.x_num_col_dims, False, 1.0)
    return None


def _weight(graph: Graph, match: MatrixProduct) -> Value:
    weight = match.node.input("Y")
    if not match.transposed and match.alpha == 1:
        return weight
    array = weight.array()
    if match.transposed:
        array = np.ascontiguousarray(array.T)
    if match.alpha != 1:
        array = array * array.dtype.type(match.alpha)
    return graph.add_constant(f"{match.node.name}.weight", array)
