"""Matrix products.

Paddle-Lite: lite/operators/matmul_v2_op.cc, matmul_op.cc, mul_op.cc, fc_op.cc.
"""

from __future__ import annotations

from typing import ClassVar

from opt_tool.ir.graph import Value
from opt_tool.ir.operation import Operands, Operation, ShapeError, slots
from opt_tool.ir.operations.activation import Relu, Relu6
from opt_tool.ir.types import Dim, Shape, TensorType, broadcast, product


def _swapped(shape: Shape, swap: bool) -> Shape:
    """A shape with its last two dimensions exchanged, or as it is."""
    return (*shape[:-2], shape[-1], shape[-2]) if swap else shape


def _require_equal(a: Dim, b: Dim, x: TensorType, y: TensorType) -> None:
    if isinstance(a, int) and isinstance(b, int) and a != b:
        raise ShapeError(f"{x} and {y} do not multiply: {a} columns meet {b} rows")


def product_shape(x: TensorType, y: TensorType, *, swap_x: bool, swap_y: bool) -> Shape:
    """The shape of a matrix product by NumPy's rule; a scalar is (1,), as in the runtime.

    Raises:
        ShapeError: when the matrices do not fit.
    """
    if x.rank == 0 or y.rank == 0:
        raise ShapeError(f"{x} and {y} are not both vectors or matrices")
    left = (1, *x.shape) if x.rank == 1 else _swapped(x.shape, swap_x)
    right = (*y.shape, 1) if y.rank == 1 else _swapped(y.shape, swap_y)
    _require_equal(left[-1], right[-2], x, y)
    try:
        batch = broadcast(left[:-2], right[:-2])
    except ValueError as error:
        raise ShapeError(f"{x} and {y} do not multiply: {error}") from error
    rows = () if x.rank == 1 else (left[-2],)
    columns = () if y.rank == 1 else (right[-1],)
    return (*batch, *rows, *columns) or (1,)


class MatMulV2(Operation):
    """alpha * X @ Y by NumPy's rule for batches.

    X is (..., M, K) or, with ``trans_x``, (..., K, M); Y is (..., K, N) or, with
    ``trans_y``, (..., N, K). A vector X is a row, a vector Y a column, and that dimension
    is left out of the result; of two vectors it is (1,). The runtimes want equal numbers
    of matrices on both sides, or one side of two dimensions.
    """

    type: ClassVar[str] = "matmul_v2"
    inputs = slots("X Y")

    trans_x: bool = False
    trans_y: bool = False
    alpha: float = 1.0

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x, y = inputs.one("X").type, inputs.one("Y").type
        shape = product_shape(x, y, swap_x=self.trans_x, swap_y=self.trans_y)
        return (x.with_shape(shape),)


class MatMul(Operation):
    """alpha * X @ Y as in matmul_v2, under the attribute names of its first version."""

    type: ClassVar[str] = "matmul"
    inputs = slots("X Y")

    transpose_X: bool = False  # noqa: N815  # Paddle's names
    transpose_Y: bool = False  # noqa: N815
    alpha: float = 1.0

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x, y = inputs.one("X").type, inputs.one("Y").type
        shape = product_shape(x, y, swap_x=self.transpose_X, swap_y=self.transpose_Y)
        return (x.with_shape(shape),)


class Mul(Operation):
    """X @ Y, both taken as matrices.

    The first ``x_num_col_dims`` dimensions of X are rows, the others columns; those of Y
    likewise. Out has the row dimensions of X and the column dimensions of Y.
    """

    type: ClassVar[str] = "mul"
    inputs = slots("X Y")

    x_num_col_dims: int = 1
    y_num_col_dims: int = 1

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x, y = inputs.one("X").type, inputs.one("Y").type
        if not (0 < self.x_num_col_dims < x.rank and 0 < self.y_num_col_dims < y.rank):
            raise ShapeError(f"{x} and {y} have no such rows and columns")
        columns = product(x.shape[self.x_num_col_dims :])
        _require_equal(columns, product(y.shape[: self.y_num_col_dims]), x, y)
        return (x.with_shape((*x.shape[: self.x_num_col_dims], *y.shape[self.y_num_col_dims :])),)


class Fc(Operation):
    """activation(Input @ W + Bias), with Input taken as a matrix.

    The first ``in_num_col_dims`` dimensions of Input are rows, the others the K columns.
    W is a constant (K, N), Bias (N,) or (1, N).
    """

    type: ClassVar[str] = "fc"
    inputs = slots("Input W Bias?")

    in_num_col_dims: int = 1
    activation: Relu | Relu6 | None = None

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x, weight, bias = inputs.one("Input").type, inputs.one("W").type, inputs.maybe("Bias")
        if weight.rank != 2 or not 0 < self.in_num_col_dims < x.rank:
            raise ShapeError(f"{x} and the weight {weight} do not make an fc")
        _require_equal(product(x.shape[self.in_num_col_dims :]), weight.shape[0], x, weight)
        columns = weight.shape[1]
        if bias is not None and bias.shape not in ((columns,), (1, columns)):
            raise ShapeError(f"the bias {bias.type} does not fit the weight {weight}")
        return (x.with_shape((*x.shape[: self.in_num_col_dims], columns)),)
