"""Comparisons, logic on truth values, logic on bits, and the choice between two operands.

Paddle-Lite: lite/operators/compare_op.cc, logical_op.cc, bitwise_ops.cc, where_op.cc.
"""

from __future__ import annotations

from typing import ClassVar

from opt_tool.ir.graph import Value
from opt_tool.ir.operation import UNKNOWN, Operands, Operation, ShapeError, slots
from opt_tool.ir.operations.elementwise import broadcast_types, paired_elements
from opt_tool.ir.types import Dim, DType, TensorType, may_be_equal


def _require_same_type(op_type: str, *types: TensorType) -> None:
    first = types[0]
    for other in types[1:]:
        if other.dtype is not first.dtype or not may_be_equal(other.shape, first.shape):
            raise ShapeError(f"{op_type} needs operands of one type, found {first} and {other}")


class Comparison(Operation):
    """An operation on X and Y that makes bool.

    The operands have as many dimensions, or Y has one element. Beyond that the kernel
    broadcasts right only where the shape of one operand is the shape of the result.
    """

    inputs = slots("X Y")

    axis: int = -1

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x, y = inputs.one("X").type, inputs.one("Y").type
        shape = broadcast_types(self.type, x, y)
        if x.rank != y.rank and not (y.is_static and y.size == 1 and y.rank <= x.rank):
            raise ShapeError(f"{self.type} needs operands of equal rank, found {x} and {y}")
        return (TensorType(DType.BOOL, shape),)

    def infer_elements(self, inputs: Operands[Value]) -> tuple[Dim, ...] | None:
        pairs = paired_elements(inputs)
        return None if pairs is None else tuple(self.compare(x, y) for x, y in pairs)

    def compare(self, x: Dim, y: Dim) -> Dim:  # noqa: ARG002
        """1 or 0 where the result is known."""
        return UNKNOWN


def _equal(x: Dim, y: Dim) -> bool | None:
    """Whether two elements of shapes are equal; dimensions are never negative."""
    if isinstance(x, int) and isinstance(y, int):
        return x == y
    if UNKNOWN in (x, y):
        return None
    if x == y:
        return True
    number = x if isinstance(x, int) else y
    return False if isinstance(number, int) and number < 0 else None


class Equal(Comparison):
    """x == y; in float32 with a tolerance of 1e-8, and infinities are never equal."""

    type: ClassVar[str] = "equal"

    def compare(self, x: Dim, y: Dim) -> Dim:
        known = _equal(x, y)
        return UNKNOWN if known is None else int(known)


class NotEqual(Comparison):
    """x != y, the opposite of ``equal``."""

    type: ClassVar[str] = "not_equal"

    def compare(self, x: Dim, y: Dim) -> Dim:
        known = _equal(x, y)
        return UNKNOWN if known is None else int(not known)


class LessThan(Comparison):
    """x < y"""

    type: ClassVar[str] = "less_than"


class LessEqual(Comparison):
    """x <= y"""

    type: ClassVar[str] = "less_equal"


class GreaterThan(Comparison):
    """x > y"""

    type: ClassVar[str] = "greater_than"


class GreaterEqual(Comparison):
    """x >= y"""

    type: ClassVar[str] = "greater_equal"


class LogicalBinary(Operation):
    """An operation on bool X and Y of one shape."""

    inputs = slots("X Y")

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x, y = inputs.one("X").type, inputs.one("Y").type
        if x.dtype is not DType.BOOL:
            raise ShapeError(f"{self.type} needs bool, found {x}")
        _require_same_type(self.type, x, y)
        return (x,)


class LogicalAnd(LogicalBinary):
    """Whether both are true."""

    type: ClassVar[str] = "logical_and"


class LogicalOr(LogicalBinary):
    """Whether one or both are true."""

    type: ClassVar[str] = "logical_or"


class LogicalXor(LogicalBinary):
    """Whether just one is true."""

    type: ClassVar[str] = "logical_xor"


class LogicalNot(Operation):
    """Whether bool x is false."""

    type: ClassVar[str] = "logical_not"
    inputs = slots("X")

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x = inputs.one("X").type
        if x.dtype is not DType.BOOL:
            raise ShapeError(f"logical_not needs bool, found {x}")
        return (x,)


class BitwiseAnd(Operation):
    """The bits that X and Y, int32 or int64 of one shape, both have.

    Runtimes before 2.13 do not have it; none for ARM has the other operations on bits.
    """

    type: ClassVar[str] = "bitwise_and"
    inputs = slots("X Y")

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x, y = inputs.one("X").type, inputs.one("Y").type
        _require_same_type(self.type, x, y)
        return (x,)


class Where(Operation):
    """X where Condition (bool) is true, else Y; all three of one shape."""

    type: ClassVar[str] = "where"
    inputs = slots("Condition X Y")

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        condition = inputs.one("Condition").type
        x, y = inputs.one("X").type, inputs.one("Y").type
        if condition.dtype is not DType.BOOL:
            raise ShapeError(f"the condition of where must be bool, found {condition}")
        _require_same_type("where", x, y)
        _require_same_type("where", x, condition.with_dtype(x.dtype))
        return (x,)

    def infer_elements(self, inputs: Operands[Value]) -> tuple[Dim, ...] | None:
        chosen = inputs.one("Condition").elements
        if chosen is None and inputs.one("Condition").data is not None:
            data = inputs.one("Condition").array()
            chosen = tuple(int(x) for x in data) if data.ndim == 1 else None
        x, y = inputs.one("X").elements, inputs.one("Y").elements
        if chosen is None or x is None or y is None:
            return None
        if not len(chosen) == len(x) == len(y):
            return None
        return tuple(
            UNKNOWN if c == UNKNOWN else a if c else b for c, a, b in zip(chosen, x, y, strict=True)
        )
