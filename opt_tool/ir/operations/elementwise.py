"""Arithmetic on elements: functions of one operand, and of two that broadcast.

Paddle-Lite: lite/operators/activation_ops.cc, elementwise_ops.cc, scale_op.cc, pow_op.cc,
clip_op.cc, cast_op.cc, sin_op.cc, cos_op.cc.
"""

from __future__ import annotations

import math
from typing import ClassVar

from opt_tool.ir.graph import ELEMENTS_LIMIT, Value
from opt_tool.ir.operation import UNKNOWN, Operands, Operation, ShapeError, slots
from opt_tool.ir.operations.activation import ElementwiseUnary
from opt_tool.ir.types import (
    Dim,
    DType,
    Shape,
    TensorType,
    add,
    broadcast,
    floor_divide,
    multiply,
    subtract,
)

# ---- one operand


class Abs(ElementwiseUnary):
    """The distance of x from 0, float32."""

    type: ClassVar[str] = "abs"


class Exp(ElementwiseUnary):
    """exp(x), float32"""

    type: ClassVar[str] = "exp"


class Log(ElementwiseUnary):
    """The natural logarithm of x, float32."""

    type: ClassVar[str] = "log"


class Sqrt(ElementwiseUnary):
    """The square root of x, float32."""

    type: ClassVar[str] = "sqrt"


class Rsqrt(ElementwiseUnary):
    """1 / sqrt(x), float32"""

    type: ClassVar[str] = "rsqrt"


class Square(ElementwiseUnary):
    """x * x, float32"""

    type: ClassVar[str] = "square"


class Reciprocal(ElementwiseUnary):
    """1 / x, float32"""

    type: ClassVar[str] = "reciprocal"


class Floor(ElementwiseUnary):
    """The largest whole number that is not above x, float32."""

    type: ClassVar[str] = "floor"


class Sin(ElementwiseUnary):
    """sin(x), float32"""

    type: ClassVar[str] = "sin"


class Cos(ElementwiseUnary):
    """cos(x), float32"""

    type: ClassVar[str] = "cos"


class Erf(ElementwiseUnary):
    """The Gauss error function of x, float32."""

    type: ClassVar[str] = "erf"


class Pow(ElementwiseUnary):
    """x ** factor, float32.

    The kernels compute exp(factor * log(x)) on vectors: only x > 0 is safe on them.
    """

    type: ClassVar[str] = "pow"

    factor: float = 1.0


class Clip(Operation):
    """min(max(x, lower), upper), float32.

    The operands Min and Max of one element take the place of the attributes.
    """

    type: ClassVar[str] = "clip"
    inputs = slots("X Min? Max?")

    min: float = -math.inf
    max: float = math.inf

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        return (inputs.one("X").type,)


class Scale(ElementwiseUnary):
    """scale * x + bias, or scale * (x + bias) where bias does not come after scale.

    In int32 and int64 both factors are cut to whole numbers first.
    """

    type: ClassVar[str] = "scale"

    scale: float = 1.0
    bias: float = 0.0
    bias_after_scale: bool = True

    def infer_elements(self, inputs: Operands[Value]) -> tuple[Dim, ...] | None:
        elements = inputs.one("X").elements
        if elements is None or not (math.isfinite(self.scale) and math.isfinite(self.bias)):
            return None
        factor, offset = int(self.scale), int(self.bias)
        if not self.bias_after_scale:
            offset *= factor
        return tuple(_scaled(element, factor, offset) for element in elements)


def _scaled(element: Dim, factor: int, offset: int) -> Dim:
    if isinstance(element, int):
        return element * factor + offset
    if UNKNOWN in element:
        return UNKNOWN
    return add(multiply(element, factor), offset) if factor > 0 else UNKNOWN


class Cast(Operation):
    """X in another element type; numbers are cut towards 0, and bool is 0 or 1."""

    type: ClassVar[str] = "cast"
    inputs = slots("X")

    in_dtype: DType = DType.FLOAT32
    out_dtype: DType = DType.FLOAT32

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x = inputs.one("X").type
        if x.dtype is not self.in_dtype:
            raise ShapeError(f"the cast is from {self.in_dtype.value}, the operand is {x}")
        return (x.with_dtype(self.out_dtype),)

    def infer_elements(self, inputs: Operands[Value]) -> tuple[Dim, ...] | None:
        whole = self.out_dtype in (DType.INT32, DType.INT64)
        return inputs.one("X").elements if whole else None


# ---- two operands


def broadcast_types(op_type: str, x: TensorType, y: TensorType) -> Shape:
    """The shape of two operands of one element type together; raises ShapeError."""
    if x.dtype is not y.dtype:
        raise ShapeError(f"{op_type} of {x} and {y}: the element types differ")
    try:
        return broadcast(x.shape, y.shape)
    except ValueError as error:
        raise ShapeError(f"{op_type}: {error}") from error


def paired_elements(
    inputs: Operands[Value],
) -> tuple[tuple[Dim, Dim], ...] | None:
    """The elements of X and Y side by side, where both are known; one element is repeated."""
    x, y = inputs.one("X").elements, inputs.one("Y").elements
    if x is None or y is None or max(inputs.one("X").rank, inputs.one("Y").rank) > 1:
        return None
    size = max(len(x), len(y)) if min(len(x), len(y)) > 0 else 0
    if size > ELEMENTS_LIMIT or not {len(x), len(y)} <= {1, size}:
        return None
    xs, ys = (side * size if len(side) == 1 else side for side in (x, y))
    return tuple(zip(xs, ys, strict=True))


class ElementwiseBinary(Operation):
    """An operation on X and Y, broadcast together by NumPy's rule.

    ``axis`` says where the shape of the operand of fewer dimensions stands in that of the
    other; -1 sets them flush at the end, as NumPy does.
    """

    inputs = slots("X Y")

    axis: int = -1

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x, y = aligned(self.type, self.axis, inputs.one("X").type, inputs.one("Y").type)
        return (x.with_shape(broadcast_types(self.type, x, y)),)

    def infer_elements(self, inputs: Operands[Value]) -> tuple[Dim, ...] | None:
        pairs = paired_elements(inputs)
        if pairs is None:
            return None
        return tuple(
            UNKNOWN if UNKNOWN in (str(x), str(y)) else self.combine(x, y) for x, y in pairs
        )

    def combine(self, x: Dim, y: Dim) -> Dim:  # noqa: ARG002
        """One element of the result where the operands are dimensions."""
        return UNKNOWN


def aligned(op_type: str, axis: int, x: TensorType, y: TensorType) -> tuple[TensorType, TensorType]:
    """The types of X and Y with ones behind the shorter shape, so that it stands at ``axis``."""
    if axis == -1 or x.rank == y.rank:
        return x, y
    short, long = (x, y) if x.rank < y.rank else (y, x)
    behind = long.rank - short.rank - axis
    if axis < 0 or behind < 0:
        raise ShapeError(f"{op_type} of {x} and {y} cannot be at axis {axis}")
    padded = short.with_shape((*short.shape, *(1,) * behind))
    return (padded, y) if short is x else (x, padded)


class ElementwiseAdd(ElementwiseBinary):
    """x + y"""

    type: ClassVar[str] = "elementwise_add"

    def combine(self, x: Dim, y: Dim) -> Dim:
        return add(x, y)


class ElementwiseSub(ElementwiseBinary):
    """x - y"""

    type: ClassVar[str] = "elementwise_sub"

    def combine(self, x: Dim, y: Dim) -> Dim:
        return subtract(x, y)


class ElementwiseMul(ElementwiseBinary):
    """x * y"""

    type: ClassVar[str] = "elementwise_mul"

    def combine(self, x: Dim, y: Dim) -> Dim:
        return multiply(x, y)


class ElementwiseDiv(ElementwiseBinary):
    """x / y, cut towards 0 in whole numbers"""

    type: ClassVar[str] = "elementwise_div"

    def combine(self, x: Dim, y: Dim) -> Dim:
        if not isinstance(y, int) or y == 0:
            return 1 if x == y and y != 0 else UNKNOWN
        if isinstance(x, int):
            quotient = abs(x) // abs(y)
            return quotient if (x < 0) == (y < 0) else -quotient
        return floor_divide(x, y) if y > 0 else UNKNOWN


class ElementwiseFloorDiv(ElementwiseBinary):
    """x / y in whole numbers, cut towards 0 for all its name"""

    type: ClassVar[str] = "elementwise_floordiv"


class ElementwiseMod(ElementwiseBinary):
    """What x / y leaves, in whole numbers.

    Where the signs of x and y differ, the kernels for x86 leave what has the sign of y,
    those for ARM what has the sign of x.
    """

    type: ClassVar[str] = "elementwise_mod"

    def combine(self, x: Dim, y: Dim) -> Dim:
        known = isinstance(x, int) and isinstance(y, int) and x >= 0 and y > 0
        return x % y if known else UNKNOWN  # type: ignore[operator]  # both are numbers


class ElementwiseMax(ElementwiseBinary):
    """The larger of x and y; in whole numbers only on x86"""

    type: ClassVar[str] = "elementwise_max"


class ElementwiseMin(ElementwiseBinary):
    """The smaller of x and y; in whole numbers only on x86"""

    type: ClassVar[str] = "elementwise_min"


class ElementwisePow(ElementwiseBinary):
    """x ** y

    The kernel for ARM may swap the operands where X is the one that is broadcast.
    """

    type: ClassVar[str] = "elementwise_pow"
