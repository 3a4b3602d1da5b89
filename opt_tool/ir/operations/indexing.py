"""Operations that read or write elements at indices.

Indices count from 0; the runtime takes no negative ones, and most of its kernels do not
check. Paddle-Lite: lite/operators/gather_op.cc, gather_nd_op.cc, scatter_nd_add_op.cc,
scatter_op.cc, where_index_op.cc, lookup_table_op.cc, lookup_table_v2_op.cc.
"""

from __future__ import annotations

from typing import ClassVar

from opt_tool.ir.graph import ELEMENTS_LIMIT, Value
from opt_tool.ir.operation import UNKNOWN, Operands, Operation, ShapeError, slots
from opt_tool.ir.types import Dim, DType, TensorType, product


def _require_index(value: Value) -> None:
    if value.dtype not in (DType.INT32, DType.INT64):
        raise ShapeError(f"indices must be int32 or int64, found {value.type}")


class Gather(Operation):
    """The slices of X at Index along ``axis``.

    Index counts as a vector whatever its shape: Out has its number of elements in the
    place of the dimension ``axis``, which is not negative.
    """

    type: ClassVar[str] = "gather"
    inputs = slots("X Index")

    axis: int = 0

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x, index = inputs.one("X").type, inputs.one("Index")
        _require_index(index)
        if not 0 <= self.axis < x.rank:
            raise ShapeError(f"axis {self.axis} is not in {x}")
        count = product(index.shape)
        return (x.with_shape((*x.shape[: self.axis], count, *x.shape[self.axis + 1 :])),)

    def infer_elements(self, inputs: Operands[Value]) -> tuple[Dim, ...] | None:
        x, index = inputs.one("X"), inputs.one("Index")
        if x.elements is None or x.rank != 1 or index.data is None:
            return None
        if index.data.size > ELEMENTS_LIMIT:
            return None
        return tuple(x.elements[int(i)] for i in index.data.reshape(-1))


class GatherNd(Operation):
    """The slices of X at Index (..., K), whose last dimension is an index of K axes."""

    type: ClassVar[str] = "gather_nd"
    inputs = slots("X Index")

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x, index = inputs.one("X").type, inputs.one("Index")
        _require_index(index)
        return (x.with_shape((*index.shape[:-1], *x.shape[_depth(index, x) :])),)


def _depth(index: Value, x: TensorType) -> int:
    """How many axes each index of a gather_nd or scatter_nd counts."""
    depth = index.shape[-1] if index.rank else 0
    if not isinstance(depth, int) or not 0 < depth <= x.rank:
        raise ShapeError(f"indices {index.type} do not fit {x}")
    return depth


class ScatterNdAdd(Operation):
    """X with Updates (..., rest of X) added at Index (..., K); equal indices add up.

    X has at least two dimensions.
    """

    type: ClassVar[str] = "scatter_nd_add"
    inputs = slots("X Index Updates")

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x, index, updates = (inputs.one(slot) for slot in ("X", "Index", "Updates"))
        _require_index(index)
        expected = index.rank - 1 + x.rank - _depth(index, x.type)
        if updates.dtype != x.dtype or updates.rank != expected:
            raise ShapeError(f"updates {updates.type} at {index.type} do not fit {x.type}")
        return (x.type,)


class Scatter(Operation):
    """X with the slices Updates written, or else added up, at the indices Ids of axis 0.

    ARM only; where ``overwrite`` is false, the slices at Ids start from zero, not from X.
    """

    type: ClassVar[str] = "scatter"
    inputs = slots("X Ids Updates")

    overwrite: bool = True

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        _require_index(inputs.one("Ids"))
        return (inputs.one("X").type,)


class WhereIndex(Operation):
    """The indices of the elements of Condition that are not zero, int64 (count, rank)."""

    type: ClassVar[str] = "where_index"
    inputs = slots("Condition")

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        condition = inputs.one("Condition")
        if condition.rank == 0:
            raise ShapeError("where_index needs at least one dimension")
        return (TensorType(DType.INT64, (UNKNOWN, condition.rank)),)


class LookupTableV2(Operation):
    """The rows of the table W (rows, width) at Ids (...): (..., width).

    An id that is ``padding_idx`` gives zeros, unless that is -1.
    """

    type: ClassVar[str] = "lookup_table_v2"
    inputs = slots("W Ids")

    padding_idx: int = -1

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        table, ids = inputs.one("W").type, inputs.one("Ids")
        _require_index(ids)
        if table.rank != 2:
            raise ShapeError(f"the table must be a matrix, found {table}")
        return (table.with_shape((*ids.shape, table.shape[1])),)


class LookupTable(Operation):
    """The rows of the table W (rows, width) at Ids (..., 1): (..., width).

    An id that is ``padding_idx`` gives zeros, unless that is -1.
    """

    type: ClassVar[str] = "lookup_table"
    inputs = slots("W Ids")

    padding_idx: int = -1

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        table, ids = inputs.one("W").type, inputs.one("Ids")
        _require_index(ids)
        if table.rank != 2 or ids.rank == 0 or ids.shape[-1] != 1:
            raise ShapeError(f"ids {ids.type} must end in a dimension of 1, the table {table} in 2")
        return (table.with_shape((*ids.shape[:-1], table.shape[1])),)
