"""Reads arithmetic on two and more operands, which broadcast by NumPy's rule."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping

import numpy as np

from opt_tool.formats import bits
from opt_tool.formats.broadcasting import compare, expanded_together
from opt_tool.formats.element_types import converted
from opt_tool.formats.elementary import (
    add,
    divide,
    multiply,
    scaled,
    subtract,
)
from opt_tool.formats.onnx.messages import TensorProto
from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.formats.remainders import float_remainder, moved_to_sign, whole_remainder
from opt_tool.ir import DType, Value
from opt_tool.ir.operations import activation, comparison, elementwise
from opt_tool.ir.types import broadcast

COMPUTED = (DType.FLOAT32, DType.INT32, DType.INT64)
"""The element types that the kernels for arithmetic have."""

BINARY: Mapping[str, elementwise.ElementwiseBinary] = {
    "Add": elementwise.ElementwiseAdd(),
    "Sub": elementwise.ElementwiseSub(),
    "Mul": elementwise.ElementwiseMul(),
    "Div": elementwise.ElementwiseDiv(),
}

EXTREMES: Mapping[str, tuple[elementwise.ElementwiseBinary, comparison.Comparison]] = {
    "Max": (elementwise.ElementwiseMax(), comparison.GreaterThan()),
    "Min": (elementwise.ElementwiseMin(), comparison.LessThan()),
}
"""How the larger or smaller is computed in float32, and how it is chosen in whole numbers."""

CHAIN_LIMIT = 16
"""Powers up to this one are products; beyond it pow is no worse."""


def numbers(node: OnnxNode) -> tuple[Value, ...]:
    """The operands, of an element type that arithmetic has kernels for."""
    values = tuple(node.input(index) for index in range(len(node.inputs)))
    if all(value.is_constant for value in values) or values[0].dtype in COMPUTED:
        return values
    raise node.unsupported(
        f"{values[0].dtype.value} operands; Paddle Lite computes it in float32, int32 and int64"
    )


def _binary(node: OnnxNode) -> Value:
    x, y = node.input(0), node.input(1)
    if x.dtype is DType.UINT8 and not (x.is_constant and y.is_constant):
        return _binary_of_bytes(node, x, y)
    x, y = numbers(node)
    return node.add(BINARY[node.operator], X=x, Y=y)


def _binary_of_bytes(node: OnnxNode, x: Value, y: Value) -> Value:
    """Modulo 256 in int32; quotients in float32, in which a byte by 0 ends no process."""
    if node.operator == "Div":
        quotient = divide(node, *(converted(node.builder, v, DType.FLOAT32) for v in (x, y)))
        return converted(node.builder, node.add(elementwise.Floor(), X=quotient), x.dtype)
    wide = [converted(node.builder, value, DType.INT32) for value in (x, y)]
    made = node.add(BINARY[node.operator], X=wide[0], Y=wide[1])
    return bits.narrowed(node, bits.lower_bits(node, made, 8), x.dtype)


for _name in BINARY:
    onnx_op(_name, since=7)(_binary)


@onnx_op("Sum", since=6)
def sum_of(node: OnnxNode) -> Value:
    return functools.reduce(lambda x, y: add(node, x, y), numbers(node))


@onnx_op("Mean", since=6)
def mean_of(node: OnnxNode) -> Value:
    values = numbers(node)
    total = functools.reduce(lambda x, y: add(node, x, y), values)
    return total if len(values) == 1 else scaled(node, total, 1 / len(values))


def _extreme(node: OnnxNode) -> Value:
    """Max and Min; whole numbers are compared and chosen, since ARM has no kernel for them."""
    values = [node.input(index) for index in range(len(node.inputs))]
    dtype = values[0].dtype
    if dtype is DType.FLOAT32 or all(value.is_constant for value in values):
        op = EXTREMES[node.operator][0]
        return functools.reduce(lambda x, y: node.add(op, X=x, Y=y), values)
    if dtype not in COMPUTED:
        as_float = [converted(node.builder, value, DType.FLOAT32) for value in values]
        op = EXTREMES[node.operator][0]
        chosen = functools.reduce(lambda x, y: node.add(op, X=x, Y=y), as_float)
        return converted(node.builder, chosen, dtype)
    test = EXTREMES[node.operator][1]
    return functools.reduce(lambda x, y: chosen_of(node, test, x, y), values)


def chosen_of(node: OnnxNode, test: comparison.Comparison, x: Value, y: Value) -> Value:
    """X where it compares with y so, else y."""
    x, y = expanded_together(node.builder, x, y)
    return node.add(comparison.Where(), Condition=compare(node.builder, test, x, y), X=x, Y=y)


for _name in EXTREMES:
    onnx_op(_name, since=6)(_extreme)


# ---- remainders


@onnx_op("Mod", since=10)
def modulo(node: OnnxNode) -> Value:
    x, y = numbers(node)
    cut = node.integer("fmod", 0) != 0
    if x.dtype is DType.FLOAT32:
        rest = float_remainder(node, x, y)
        return rest if cut else moved_to_sign(node, rest, y)
    if not cut:
        return whole_remainder(node, x, y)
    return subtract(node, x, multiply(node, divide(node, x, y), y))


# ---- powers


@onnx_op("Pow", since=7)
def power(node: OnnxNode) -> Value:
    base, exponent = node.input(0), node.input(1)
    if exponent.is_constant and exponent.type.size == 1:
        fixed = _fixed_power(node, base, float(exponent.array().reshape(-1)[0]))
        if fixed is not None and exponent.rank <= base.rank:
            return fixed
    if base.dtype is DType.FLOAT32:
        return _float_power(node, base, converted(node.builder, exponent, DType.FLOAT32))
    if base.is_constant and exponent.is_constant:
        return node.add(
            elementwise.ElementwisePow(), X=base, Y=converted(node.builder, exponent, base.dtype)
        )
    if base.dtype is DType.INT32 and exponent.dtype in (DType.INT32, DType.INT64):
        whole = converted(node.builder, exponent, DType.INT32)
        return _computed_power(node, base, whole)
    raise node.unsupported(
        f"{base.dtype.value} to a power of {exponent.dtype.value} that is computed at run time; "
        "cast the base to float32 in the model"
    )


def _fixed_power(node: OnnxNode, x: Value, exponent: float) -> Value | None:
    """X to a number that products, roots and quotients give, else None."""
    if exponent == 1:
        return x
    if 2 <= exponent <= CHAIN_LIMIT and exponent == int(exponent):
        return _product(node, x, int(exponent))
    if x.dtype is not DType.FLOAT32:
        return None
    simple = {
        0.5: elementwise.Sqrt(),
        -0.5: elementwise.Rsqrt(),
        -1.0: elementwise.Reciprocal(),
    }
    op = simple.get(exponent)
    return None if op is None else node.add(op, X=x)


def _product(node: OnnxNode, x: Value, exponent: int) -> Value:
    """X to a whole power by squaring."""
    if exponent == 1:
        return x
    half = _product(node, x, exponent // 2)
    if x.dtype is DType.FLOAT32:
        squared = node.add(elementwise.Square(), X=half)
    else:
        squared = multiply(node, half, half)
    return multiply(node, squared, x) if exponent % 2 else squared


def _float_power(node: OnnxNode, base: Value, exponent: Value) -> Value:
    """exp(exponent * log(base)) where the base is a positive number, else elementwise_pow."""
    if base.is_constant and base.type.size == 1 and base.rank <= exponent.rank:
        number = float(base.array().reshape(-1)[0])
        if number > 0 and not exponent.is_constant:
            return node.add(elementwise.Exp(), X=scaled(node, exponent, math.log(number)))
    return _computed_power(node, base, exponent)


def _computed_power(node: OnnxNode, base: Value, exponent: Value) -> Value:
    """elementwise_pow, with the base in the shape of the result: ARM may swap a smaller one."""
    try:
        shape = broadcast(base.shape, exponent.shape)
    except ValueError as error:
        raise node.unsupported(str(error)) from error
    if shape != base.shape:
        base, exponent = expanded_together(node.builder, base, exponent)
    return node.add(elementwise.ElementwisePow(), X=base, Y=exponent)


# ---- bounds


@onnx_op("Clip", since=1)
def clip_by_attributes(node: OnnxNode) -> Value:
    limit = float(np.finfo(np.float32).max)
    lower, upper = node.real("min", -limit), node.real("max", limit)
    return _clipped(node, None if lower == -limit else lower, None if upper == limit else upper)


@onnx_op("Clip", since=11)
def clip_by_operands(node: OnnxNode) -> Value:
    bounds = [node.maybe(1), node.maybe(2)]
    if all(bound is None or bound.is_constant for bound in bounds):
        lower, upper = node.maybe_number(1, "minimum"), node.maybe_number(2, "maximum")
        return _clipped(node, lower, upper)
    if node.input(0).dtype is DType.FLOAT32:
        return node.add(elementwise.Clip(), X=node.input(0), Min=bounds[0], Max=bounds[1])
    return _clipped_whole(node, bounds[0], bounds[1])


def _clipped(node: OnnxNode, lower: float | None, upper: float | None) -> Value:
    """X between bounds known at conversion; ``relu`` and ``relu6`` where they say so."""
    x = node.input(0)
    if lower is None and upper is None:
        return x
    if x.dtype is not DType.FLOAT32:
        bounds = [
            None if bound is None else node.new_constant(np.array([bound], x.dtype.numpy))
            for bound in (lower, upper)
        ]
        return _clipped_whole(node, bounds[0], bounds[1])
    if lower == 0 and upper is None:
        return node.add(activation.Relu(), X=x)
    if lower == 0 and upper == 6:
        return node.add(activation.Relu6(), X=x)
    op = elementwise.Clip(
        min=-math.inf if lower is None else float(lower),
        max=math.inf if upper is None else float(upper),
    )
    return node.add(op, X=x)


def _clipped_whole(node: OnnxNode, lower: Value | None, upper: Value | None) -> Value:
    """Whole numbers between bounds, by comparison and choice."""
    x = node.input(0)
    dtype = x.dtype
    if dtype not in COMPUTED:
        x = converted(node.builder, x, DType.FLOAT32)
    for bound, test in ((lower, comparison.GreaterThan()), (upper, comparison.LessThan())):
        if bound is not None:
            x = chosen_of(node, test, x, converted(node.builder, bound, x.dtype))
    return converted(node.builder, x, dtype)


# ---- bits


@onnx_op("BitShift", since=11)
def bit_shift(node: OnnxNode) -> Value:
    """A product or a quotient with powers of two that are known at conversion."""
    x, counts = node.input(0), node.constant(1, "number of bits")
    if node.text("direction", "") == "RIGHT":
        return bits.shifted_right(node, x, counts)
    return bits.shifted_left(node, x, counts)


@onnx_op("BitwiseNot", since=18)
def bitwise_not(node: OnnxNode) -> Value:
    if _is_unsigned(node, node.proto.input[0]) and node.input(0).dtype is not DType.UINT8:
        raise node.unsupported("unsigned operands of more than 8 bits; Paddle Lite has none")
    return bits.other_bits(node, node.input(0))


def _is_unsigned(node: OnnxNode, name: str) -> bool:
    """Whether the model says that a tensor is unsigned, which the graph does not."""
    graph = node.reader.model.graph
    known = (*graph.input, *graph.value_info, *graph.output)
    types = [info.type.tensor_type.elem_type for info in known if info.name == name]
    types += [tensor.data_type for tensor in graph.initializer if tensor.name == name]
    return any(TensorProto.DataType.Name(type).startswith("UINT") for type in types)


@onnx_op("BitwiseAnd", since=18)
def bitwise_and(node: OnnxNode) -> Value:
    return bits.bits_of_both(node, node.input(0), node.input(1))


@onnx_op("BitwiseOr", since=18)
def bitwise_or(node: OnnxNode) -> Value:
    return bits.bits_of_either(node, node.input(0), node.input(1))


@onnx_op("BitwiseXor", since=18)
def bitwise_xor(node: OnnxNode) -> Value:
    return bits.bits_of_one(node, node.input(0), node.input(1))
