"""Computes with the bits of whole numbers: by the one operator that there is, and arithmetic.

Paddle Lite has ``bitwise_and`` of int32 and int64. The other operations follow from sums, and
shifts are products and quotients with powers of two.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from opt_tool.formats.broadcasting import expanded_together
from opt_tool.formats.element_types import converted
from opt_tool.formats.elementary import add, divide, multiply, scaled, subtract
from opt_tool.formats.imported_node import ImportedNode
from opt_tool.formats.remainders import whole_remainder
from opt_tool.ir import DType, Value
from opt_tool.ir.operations.comparison import BitwiseAnd
from opt_tool.ir.operations.elementwise import ElementwiseMod

SHIFT_LIMIT = 62
"""The most bits by which an int64 can be shifted with a power of two that fits into it."""


def bits_of_both(node: ImportedNode, x: Value, y: Value) -> Value:
    """x & y"""
    return _whole(node, x, y, lambda a, b: _both(node, a, b))


def bits_of_either(node: ImportedNode, x: Value, y: Value) -> Value:
    """x | y = x + y - (x & y)"""
    return _whole(node, x, y, lambda a, b: subtract(node, add(node, a, b), _both(node, a, b)))


def bits_of_one(node: ImportedNode, x: Value, y: Value) -> Value:
    """x ^ y = x + y - 2 * (x & y)"""

    def compute(a: Value, b: Value) -> Value:
        return subtract(node, add(node, a, b), scaled(node, _both(node, a, b), 2.0))

    return _whole(node, x, y, compute)


def _both(node: ImportedNode, x: Value, y: Value) -> Value:
    x, y = expanded_together(node.builder, x, y)
    return node.add(BitwiseAnd(), X=x, Y=y)


def _whole(
    node: ImportedNode, x: Value, y: Value, compute: Callable[[Value, Value], Value]
) -> Value:
    """What is computed of both in int32 or int64, in their own type; bytes fit into int32."""
    dtype = x.dtype
    if dtype is DType.UINT8:
        x, y = (converted(node.builder, value, DType.INT32) for value in (x, y))
    else:
        _check(node, dtype)
    return narrowed(node, compute(x, y), dtype)


def _check(node: ImportedNode, dtype: DType) -> None:
    if dtype not in (DType.INT32, DType.INT64):
        raise node.unsupported(
            f"{dtype.value} operands; Paddle Lite has bits of int32 and int64, which hold uint8"
        )


def other_bits(node: ImportedNode, x: Value) -> Value:
    """~x, which is -x - 1, of bytes 255 - x."""
    if x.dtype is DType.UINT8:
        numbers = converted(node.builder, x, DType.FLOAT32)
        return converted(node.builder, scaled(node, numbers, -1.0, 255.0), DType.UINT8)
    _check(node, x.dtype)
    return scaled(node, x, -1.0, -1.0)


def shifted_right(node: ImportedNode, x: Value, bits: np.ndarray) -> Value:
    """X by powers of two, rounded down."""
    powers, wide = _powers(node, bits), converted(node.builder, x, DType.INT64)
    below = subtract(node, wide, whole_remainder(node, wide, powers))
    return narrowed(node, divide(node, below, powers), x.dtype)


def shifted_left(node: ImportedNode, x: Value, bits: np.ndarray) -> Value:
    """X times powers of two, without what leaves a byte; wider numbers are refused."""
    if x.dtype is not DType.UINT8:
        raise node.unsupported(f"a shift of {x.dtype.value} to the left may lose its highest bits")
    product = multiply(node, converted(node.builder, x, DType.INT64), _powers(node, bits))
    limit = node.new_constant(np.array([256], np.int64), "limit")
    return narrowed(node, node.add(ElementwiseMod(), X=product, Y=limit), x.dtype)


def _powers(node: ImportedNode, bits: np.ndarray) -> Value:
    if bits.size and not (bits.min() >= 0 and bits.max() <= SHIFT_LIMIT):
        raise node.unsupported(f"shifts by {bits.min()} to {bits.max()} bits; 0 to {SHIFT_LIMIT}")
    return node.new_constant(2 ** bits.astype(np.int64), "powers")


def lower_bits(node: ImportedNode, x: Value, count: int) -> Value:
    """X modulo a power of two, never negative."""
    size = node.new_constant(np.array([2**count], x.dtype.numpy), "size")
    return whole_remainder(node, x, size)


def narrowed(node: ImportedNode, x: Value, dtype: DType) -> Value:
    """Whole numbers in another type that holds them."""
    if dtype is DType.UINT8:
        x = converted(node.builder, x, DType.FLOAT32)
    return converted(node.builder, x, dtype)
