"""Operations that make a tensor from a shape, a range or a pattern.

Paddle-Lite: lite/operators/fill_constant_op.cc, range_op.cc, one_hot_v2_op.cc,
tril_triu_op.cc.
"""

from __future__ import annotations

import math
from typing import ClassVar

from opt_tool.ir.graph import ELEMENTS_LIMIT, Value
from opt_tool.ir.operation import UNKNOWN, Operands, Operation, ShapeError, slots
from opt_tool.ir.operations.activation import ElementwiseUnary
from opt_tool.ir.operations.shape import shape_elements
from opt_tool.ir.types import Dim, DType, TensorType, subtract


class FillConstant(Operation):
    """A tensor of ``shape`` in which every element is ``value``.

    The operands ShapeTensor (int32) or ShapeTensorList (one int32 tensor for each
    dimension) take the place of ``shape``, ValueTensor that of ``value``.
    """

    type: ClassVar[str] = "fill_constant"
    inputs = slots("ShapeTensor? ShapeTensorList* ValueTensor?")

    shape: tuple[int, ...] = ()
    dtype: DType = DType.FLOAT32
    value: float = 0.0

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        given = shape_elements(inputs.maybe("ShapeTensor"), inputs["ShapeTensorList"])
        return (TensorType(self.dtype, self.shape if given is None else given),)

    def infer_elements(self, inputs: Operands[Value]) -> tuple[Dim, ...] | None:
        result = self.infer(inputs)[0]
        if not self.dtype.is_integer or result.rank > 1 or not result.is_static:
            return None
        if "ValueTensor" in inputs or result.size > ELEMENTS_LIMIT:
            return None
        if not math.isfinite(self.value):
            raise ShapeError(f"{self.value} is no {self.dtype.value}")
        return (int(self.value),) * result.size


class Range(Operation):
    """The numbers from Start to before End at distances of Step, each of them (1,)."""

    type: ClassVar[str] = "range"
    inputs = slots("Start End Step")

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        start = inputs.one("Start")
        return (TensorType(start.dtype, (_range_length(inputs),)),)

    def infer_elements(self, inputs: Operands[Value]) -> tuple[Dim, ...] | None:
        numbers = [_number(inputs.one(slot)) for slot in ("Start", "End", "Step")]
        if not inputs.one("Start").dtype.is_integer or None in numbers:
            return None
        start, end, step = (int(number) for number in numbers if number is not None)
        elements = range(start, end, step)
        return tuple(elements) if len(elements) <= ELEMENTS_LIMIT else None


def _number(value: Value) -> float | None:
    """The one element of a tensor, when it is known in numbers."""
    if value.type.is_static and value.type.size != 1:
        raise ShapeError(f"{value.type} is not one number")
    if value.data is not None:
        number = value.data.reshape(-1)[0].item()
        if not math.isfinite(number):
            raise ShapeError(f"a range of {number}")
        return number
    if value.elements is not None and isinstance(value.elements[0], int):
        return value.elements[0]
    return None


def _range_length(inputs: Operands[Value]) -> Dim:
    start, end, step = (_number(inputs.one(slot)) for slot in ("Start", "End", "Step"))
    if step == 0:
        raise ShapeError("the step of a range is 0")
    if start is not None and end is not None and step is not None:
        return max(0, math.ceil((end - start) / step))
    elements = inputs.one("Start").elements, inputs.one("End").elements
    if step == 1 and elements[0] is not None and elements[1] is not None:
        return subtract(elements[1][0], elements[0][0])
    return UNKNOWN


class OneHotV2(Operation):
    """1 at the index that X holds along a new last dimension of ``depth``, else 0.

    X is int32 or int64. Indices outside of the depth are refused by the runtime, or give
    zeros with ``allow_out_of_range``. The operand depth_tensor (int32) takes the place of
    ``depth``; X must then have at least one dimension.
    """

    type: ClassVar[str] = "one_hot_v2"
    inputs = slots("X depth_tensor?")

    depth: int = 1
    dtype: DType = DType.FLOAT32
    allow_out_of_range: bool = False

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x, depth = inputs.one("X").type, inputs.maybe("depth_tensor")
        known: Dim = self.depth
        if depth is not None:
            known = UNKNOWN if depth.elements is None else depth.elements[0]
        return (TensorType(self.dtype, (*x.shape, known)),)


class TrilTriu(ElementwiseUnary):
    """The lower or the upper triangle of the matrices X (..., H, W), zero elsewhere.

    Element (i, j) is kept when j - i <= diagonal (lower) or j - i >= diagonal (upper).
    """

    type: ClassVar[str] = "tril_triu"

    diagonal: int = 0
    lower: bool = True
