"""Binds matrix products."""

from __future__ import annotations

import math

import numpy as np

from opt_tool.ir import Node
from opt_tool.ir.operations import matmul as ops
from opt_tool.kernels import matmul as kernels
from opt_tool.kernels.products import in_pieces, piece_width
from opt_tool.runtime.binding import Arrays, Out, Settings, computes, prepares
from opt_tool.runtime.bindings.activation import in_place
from opt_tool.runtime.threads import multiplies_small


@computes(ops.MatMulV2)
def matmul_v2(op: ops.MatMulV2, arrays: Arrays) -> np.ndarray:
    x, y = arrays.one("X"), arrays.one("Y")
    return kernels.matmul(x, y, trans_x=op.trans_x, trans_y=op.trans_y, alpha=op.alpha)


@computes(ops.MatMul)
def matmul(op: ops.MatMul, arrays: Arrays) -> np.ndarray:
    x, y = arrays.one("X"), arrays.one("Y")
    return kernels.matmul(x, y, trans_x=op.transpose_X, trans_y=op.transpose_Y, alpha=op.alpha)


@computes(ops.Mul)
def mul(op: ops.Mul, arrays: Arrays) -> np.ndarray:
    return kernels.mul(
        arrays.one("X"),
        arrays.one("Y"),
        x_num_col_dims=op.x_num_col_dims,
        y_num_col_dims=op.y_num_col_dims,
    )


class FullyConnected:
    """An fc, ready to run; the weight may be kept in the pieces that BLAS multiplies fastest."""

    def __init__(self, node: Node, settings: Settings) -> None:
        assert isinstance(node.op, ops.Fc)
        self._columns = node.op.in_num_col_dims
        self._activate = in_place(node.op.activation)
        self._pieces = _pieces(node, self._columns, settings)

    @property
    def prepared_bytes(self) -> int:
        return 0 if self._pieces is None else self._pieces.nbytes

    @property
    def replaced(self) -> tuple[str, ...]:
        return () if self._pieces is None else ("W",)

    def __call__(self, arrays: Arrays, out: Out) -> np.ndarray:
        y = kernels.fc(
            arrays.one("Input"),
            arrays.one("W"),
            arrays.maybe("Bias"),
            in_num_col_dims=self._columns,
            pieces=self._pieces,
            out=out,
        )
        if self._activate is not None:
            self._activate(y)
        return y


def _pieces(node: Node, columns: int, settings: Settings) -> np.ndarray | None:
    """The weight in pieces, where that pays for as many rows as there are."""
    x, weight = node.input("Input").type, node.input("W")
    if not (x.is_static and weight.is_constant and multiplies_small(settings.threads)):
        return None
    rows = math.prod(x.static_shape[:columns])
    width = None if settings.as_stored else piece_width(rows, *weight.type.static_shape)
    return None if width is None else in_pieces(weight.array().T, width)


prepares(ops.Fc)(FullyConnected)
