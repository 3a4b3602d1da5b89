"""Reads arithmetic, functions of one operand, comparisons and choices."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from opt_tool.formats.broadcasting import compare, equal, expanded_together
from opt_tool.formats.element_types import converted
from opt_tool.formats.tflite.node import TfliteNode
from opt_tool.formats.tflite.operators.activation import float_operand, mapped
from opt_tool.formats.tflite.orders import Laid
from opt_tool.formats.tflite.registry import tflite_op
from opt_tool.formats.tflite.tensors import dtype_of
from opt_tool.ir import DType, Operation, Value
from opt_tool.ir.operations import comparison, elementwise

COMPUTED = (DType.FLOAT32, DType.INT32, DType.INT64)
"""The element types that the kernels for arithmetic have."""

BINARY: Mapping[str, elementwise.ElementwiseBinary] = {
    "ADD": elementwise.ElementwiseAdd(),
    "DIV": elementwise.ElementwiseDiv(),
    "MUL": elementwise.ElementwiseMul(),
    "SUB": elementwise.ElementwiseSub(),
}
"""Arithmetic with a fused activation."""

EXTREMES: Mapping[str, tuple[elementwise.ElementwiseBinary, comparison.Comparison]] = {
    "MAXIMUM": (elementwise.ElementwiseMax(), comparison.GreaterThan()),
    "MINIMUM": (elementwise.ElementwiseMin(), comparison.LessThan()),
}
"""How the larger or smaller is computed in float32, and how it is chosen in whole numbers."""

UNARY: Mapping[str, Operation] = {
    "ABS": elementwise.Abs(),
    "COS": elementwise.Cos(),
    "EXP": elementwise.Exp(),
    "FLOOR": elementwise.Floor(),
    "LOG": elementwise.Log(),
    "RSQRT": elementwise.Rsqrt(),
    "SIN": elementwise.Sin(),
    "SQRT": elementwise.Sqrt(),
    "SQUARE": elementwise.Square(),
}
"""Functions that are one operation in float32."""

COMPARISONS: Mapping[str, comparison.Comparison] = {
    "EQUAL": comparison.Equal(),
    "GREATER": comparison.GreaterThan(),
    "GREATER_EQUAL": comparison.GreaterEqual(),
    "LESS": comparison.LessThan(),
    "LESS_EQUAL": comparison.LessEqual(),
    "NOT_EQUAL": comparison.NotEqual(),
}

LOGICAL: Mapping[str, Operation] = {
    "LOGICAL_AND": comparison.LogicalAnd(),
    "LOGICAL_OR": comparison.LogicalOr(),
}

POWERS: Mapping[float, Operation] = {
    -1.0: elementwise.Reciprocal(),
    -0.5: elementwise.Rsqrt(),
    0.5: elementwise.Sqrt(),
    2.0: elementwise.Square(),
}
"""Exponents that have an operation of their own."""

# ---- two operands


def numbers(node: TfliteNode) -> tuple[Value, Value, Laid]:
    """Both operands in one order, of an element type that arithmetic has kernels for.

    The third stands for the order of the result.
    """
    operands = [node.laid(0), node.laid(1)]
    (x, y), order = node.together(operands)
    if x.dtype not in COMPUTED and not (x.is_constant and y.is_constant):
        raise node.unsupported(
            f"{x.dtype.value} operands; Paddle Lite computes it in float32, int32 and int64"
        )
    return x, y, Laid(x if x.rank == len(order) else y, order)


@tflite_op(*BINARY)
def binary(node: TfliteNode) -> Laid:
    x, y, like = numbers(node)
    result = node.add(BINARY[node.operator], X=x, Y=y)
    return Laid(node.activated(result), like.order)


@tflite_op("SQUARED_DIFFERENCE")
def squared_difference(node: TfliteNode) -> Laid:
    x, y, like = numbers(node)
    difference = node.add(elementwise.ElementwiseSub(), X=x, Y=y)
    product = node.add(elementwise.ElementwiseMul(), X=difference, Y=difference)
    return Laid(product, like.order)


@tflite_op("ADD_N")
def add_n(node: TfliteNode) -> Laid:
    values, order = node.together([node.laid(index) for index in range(node.count)])
    op = elementwise.ElementwiseAdd()
    return Laid(functools.reduce(lambda x, y: node.add(op, X=x, Y=y), values), order)


@tflite_op(*EXTREMES)
def extreme(node: TfliteNode) -> Laid:
    """Whole numbers are compared and chosen, since ARM has no kernel for them."""
    x, y, like = numbers(node)
    op, test = EXTREMES[node.operator]
    if x.dtype is DType.FLOAT32 or (x.is_constant and y.is_constant):
        return Laid(node.add(op, X=x, Y=y), like.order)
    x, y = expanded_together(node.builder, x, y)
    chosen = compare(node.builder, test, x, y)
    return Laid(node.add(comparison.Where(), Condition=chosen, X=x, Y=y), like.order)


@tflite_op("POW")
def power(node: TfliteNode) -> Laid:
    exponent = node.laid(1).value
    if exponent.is_constant and exponent.type.size == 1:
        op = POWERS.get(float(exponent.array().reshape(-1)[0]))
        x = node.laid(0)
        if op is not None and x.value.dtype is DType.FLOAT32 and exponent.rank <= x.rank:
            return mapped(node, op, x)
    x_value, y_value, like = numbers(node)
    base, power_of = expanded_together(node.builder, x_value, y_value)  # ARM may swap a smaller one
    return Laid(node.add(elementwise.ElementwisePow(), X=base, Y=power_of), like.order)


# ---- one operand


@tflite_op(*UNARY)
def unary(node: TfliteNode) -> Laid:
    return mapped(node, UNARY[node.operator], float_operand(node))


@tflite_op("NEG")
def negative(node: TfliteNode) -> Laid:
    return mapped(node, elementwise.Scale(scale=-1.0), node.laid(0))


@tflite_op("CEIL")
def ceiling(node: TfliteNode) -> Laid:
    opposite = elementwise.Scale(scale=-1.0)
    x = mapped(node, opposite, float_operand(node))
    return mapped(node, opposite, mapped(node, elementwise.Floor(), x))


@tflite_op("ZEROS_LIKE")
def zeros_like(node: TfliteNode) -> Laid:
    return mapped(node, elementwise.Scale(scale=0.0), node.laid(0))


@tflite_op("CAST")
def cast(node: TfliteNode) -> Laid:
    """Of complex numbers the real parts."""
    x = node.pair(0).real if node.is_complex(0) else node.laid(0)
    dtype = dtype_of(node.output().type)
    if dtype is DType.FLOAT16:
        raise node.unsupported("a cast to float16, in which Paddle Lite does not compute")
    return Laid(converted(node.builder, x.value, dtype), x.order)


@tflite_op("DEQUANTIZE", "DENSIFY")
def restore(node: TfliteNode) -> Laid:
    """Constants were restored as they were read."""
    x = node.laid(0)
    if not x.value.is_constant:
        raise node.unsupported(f"what it restores ({x.value.type}) is computed at run time")
    return x


# ---- comparisons and choices


@tflite_op(*COMPARISONS)
def compared(node: TfliteNode) -> Laid:
    """``equal`` of floats has a tolerance, so that it is asked for both sides."""
    (x, y), order = node.together([node.laid(0), node.laid(1)])
    if x.dtype is DType.FLOAT32 and node.operator in ("EQUAL", "NOT_EQUAL"):
        same = equal(node.builder, x, y)
        if node.operator == "NOT_EQUAL":
            return Laid(node.add(comparison.LogicalNot(), X=same), order)
        return Laid(same, order)
    return Laid(compare(node.builder, COMPARISONS[node.operator], x, y), order)


@tflite_op(*LOGICAL)
def logical(node: TfliteNode) -> Laid:
    values, order = node.together([node.laid(0), node.laid(1)])
    x, y = expanded_together(node.builder, *values)
    return Laid(node.add(LOGICAL[node.operator], X=x, Y=y), order)


@tflite_op("LOGICAL_NOT")
def logical_not(node: TfliteNode) -> Laid:
    return mapped(node, comparison.LogicalNot(), node.laid(0))


@tflite_op("SELECT", "SELECT_V2")
def select(node: TfliteNode) -> Laid:
    operands = [node.laid(index) for index in range(3)]
    test, x = operands[:2]
    if node.operator == "SELECT" and test.shape != x.shape and test.rank > 0:
        raise node.unsupported(
            f"a condition of shape {list(test.shape)} for values of {list(x.shape)}; only equal "
            "shapes are supported. Export the model with SELECT_V2"
        )
    values, order = node.together(operands)
    condition, x_value, y_value = expanded_together(node.builder, *values)
    return Laid(node.add(comparison.Where(), Condition=condition, X=x_value, Y=y_value), order)
