"""What is left of a division, by the rules that the source formats have."""

from __future__ import annotations

from opt_tool.formats.broadcasting import compare
from opt_tool.formats.element_types import converted
from opt_tool.formats.elementary import (
    FLOAT_MAX,
    add,
    divide,
    multiply,
    scalar,
    sign_of,
    subtract,
    where_compared,
)
from opt_tool.formats.imported_node import ImportedNode
from opt_tool.ir import DType, Value
from opt_tool.ir.operations import comparison, elementwise


def whole_remainder(node: ImportedNode, x: Value, y: Value) -> Value:
    """mod(mod(x, y) + y, y), which is right whichever sign a target's mod leaves."""
    op = elementwise.ElementwiseMod()
    first = node.add(op, X=x, Y=y)
    if x.elements is not None and y.elements is not None:
        return first  # sizes are not negative
    return node.add(op, X=add(node, first, y), Y=y)


def float_remainder(node: ImportedNode, x: Value, y: Value) -> Value:
    """|x| - floor(|x| / |y|) * |y| with the sign of x, mended where the quotient was rounded."""
    finite = elementwise.Clip(min=-FLOAT_MAX, max=FLOAT_MAX)  # 0 times infinity is no number
    size = node.add(elementwise.Abs(), X=x)
    step = node.add(elementwise.Abs(), X=node.add(finite, X=y))
    count = node.add(elementwise.Floor(), X=divide(node, size, step))
    rest = subtract(node, size, multiply(node, count, step))
    low = where_compared(node, comparison.LessThan(), rest, 0)
    rest = add(node, rest, multiply(node, low, step))
    beyond = compare(node.builder, comparison.GreaterEqual(), rest, step)
    high = converted(node.builder, beyond, DType.FLOAT32)
    rest = subtract(node, rest, multiply(node, high, step))
    return multiply(node, rest, sign_of(node, x))


def moved_to_sign(node: ImportedNode, rest: Value, y: Value) -> Value:
    """A remainder of float32, plus y where it has the other sign."""
    zero = scalar(node, 0, rest)
    differs = compare(node.builder, comparison.LessThan(), multiply(node, rest, y), zero)
    return node.add(comparison.Where(), Condition=differs, X=add(node, rest, y), Y=rest)
