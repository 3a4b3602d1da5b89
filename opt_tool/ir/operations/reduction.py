"""Operations along axes: reductions, softmax, sums, the largest elements and their places.

Paddle-Lite: lite/operators/reduce_ops.cc, reduce_mean_op.cc, argmax_op.cc, softmax_op.cc,
cumsum_op.cc, topk_v2_op.cc, argsort_op.cc.
"""

from __future__ import annotations

from typing import ClassVar

from opt_tool.ir.graph import Value
from opt_tool.ir.operation import UNKNOWN, Operands, Operation, ShapeError, slots
from opt_tool.ir.types import Dim, DType, Shape, TensorType, product


def axis_from_front(axis: int, x: TensorType) -> int:
    """An axis counted from the front; raises ShapeError for one that x does not have."""
    if not -x.rank <= axis < x.rank:
        raise ShapeError(f"axis {axis} does not exist in {x}")
    return axis % x.rank


def without_axes(shape: Shape, axes: set[int], *, keep: bool) -> Shape:
    """A shape with axes left out, or kept with one element."""
    kept = (1 if axis in axes else dim for axis, dim in enumerate(shape))
    return tuple(dim for axis, dim in enumerate(kept) if keep or axis not in axes)


class Reduction(Operation):
    """An operation that makes one number of all along the axes ``dim``.

    ``reduce_all`` takes every axis, whatever ``dim`` says; else there is one. Reduced axes stay
    with one element where ``keep_dim`` is set; else, when no axis is left, Out is (1,). The kernels
    for x86 take up to 4 dimensions; those for ARM one axis, or the neighbours (0, 1), (1, 2)
    or (2, 3) of 4 dimensions.
    """

    inputs = slots("X")

    dim: tuple[int, ...] = ()
    keep_dim: bool = False
    reduce_all: bool = False

    def axes(self, x: TensorType) -> tuple[int, ...]:
        """The reduced axes in ascending order."""
        named = {axis_from_front(axis, x) for axis in self.dim}
        if self.reduce_all:
            return tuple(range(x.rank))
        if not named:
            raise ShapeError("a reduction of no axis, which ends the runtime's process")
        return tuple(sorted(named))

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x = inputs.one("X").type
        left = without_axes(x.shape, set(self.axes(x)), keep=self.keep_dim)
        return (x.with_shape(left or (1,)),)

    def infer_elements(self, inputs: Operands[Value]) -> tuple[Dim, ...] | None:
        x = inputs.one("X")
        if x.elements is None or x.rank != 1 or UNKNOWN in x.elements:
            return None
        return self.fold(x.elements)

    def fold(self, elements: tuple[Dim, ...]) -> tuple[Dim, ...] | None:  # noqa: ARG002
        """The one element that a vector of dimensions is reduced to, where it is known."""
        return None


class ReduceSum(Reduction):
    """The sum."""

    type: ClassVar[str] = "reduce_sum"


class ReduceMean(Reduction):
    """The mean, float32."""

    type: ClassVar[str] = "reduce_mean"


class ReduceMax(Reduction):
    """The largest."""

    type: ClassVar[str] = "reduce_max"


class ReduceMin(Reduction):
    """The smallest."""

    type: ClassVar[str] = "reduce_min"


class ReduceProd(Reduction):
    """The product."""

    type: ClassVar[str] = "reduce_prod"

    def fold(self, elements: tuple[Dim, ...]) -> tuple[Dim, ...] | None:
        return (product(elements),)


class ArgMax(Operation):
    """Where along an axis the largest element of X stands, the first of equal ones.

    ``dtype`` is that of the result: int32 or int64.
    """

    type: ClassVar[str] = "arg_max"
    inputs = slots("X")

    axis: int = 0
    keepdims: bool = False
    dtype: DType = DType.INT64

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x = inputs.one("X").type
        axis = axis_from_front(self.axis, x)
        return (TensorType(self.dtype, without_axes(x.shape, {axis}, keep=self.keepdims)),)


class Softmax(Operation):
    """exp(x) divided by its sum along an axis, float32."""

    type: ClassVar[str] = "softmax"
    inputs = slots("X")

    axis: int = -1

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x = inputs.one("X").type
        axis_from_front(self.axis, x)
        return (x,)


class CumSum(Operation):
    """The sum of the elements of X up to each along an axis: float32, int32 or int64.

    ``exclusive`` leaves each element itself out; ``reverse`` sums from the end.
    """

    type: ClassVar[str] = "cumsum"
    inputs = slots("X")

    axis: int = -1
    exclusive: bool = False
    reverse: bool = False

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x = inputs.one("X").type
        axis_from_front(self.axis, x)
        return (x,)


class TopKV2(Operation):
    """The ``k`` largest elements of float32 X along an axis, and where they stand (int64).

    The runtime leaves open in which order it gives equal elements.
    """

    type: ClassVar[str] = "top_k_v2"
    inputs = slots("X")
    outputs = slots("Out Indices")

    k: int = 1
    axis: int = -1

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x = inputs.one("X").type
        axis = axis_from_front(self.axis, x)
        size = x.shape[axis]
        if isinstance(size, int) and self.k > size:
            raise ShapeError(f"there are no {self.k} elements along axis {axis} of {x}")
        out = x.with_shape((*x.shape[:axis], self.k, *x.shape[axis + 1 :]))
        return out, out.with_dtype(DType.INT64)


class ArgSort(Operation):
    """The elements of X sorted along an axis, and where they stood (int64)."""

    type: ClassVar[str] = "argsort"
    inputs = slots("X")
    outputs = slots("Out Indices")

    axis: int = -1
    descending: bool = False

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x = inputs.one("X").type
        axis_from_front(self.axis, x)
        return x, x.with_dtype(DType.INT64)
