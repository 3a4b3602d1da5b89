"""Reads the transform of real signals, and what is taken of the complex numbers that it makes.

A transform of a known length is a product with constant cosines, and one with sines.
"""

from __future__ import annotations

import numpy as np

from opt_tool.formats.elementary import add
from opt_tool.formats.shapes import reshape_to
from opt_tool.formats.spectrum import require_bearable, transform
from opt_tool.formats.tflite.node import TfliteNode
from opt_tool.formats.tflite.operators.activation import float_operand
from opt_tool.formats.tflite.orders import Laid, Pair
from opt_tool.formats.tflite.registry import tflite_op
from opt_tool.ir import Value
from opt_tool.ir.operations.elementwise import Sqrt, Square
from opt_tool.ir.operations.matmul import MatMulV2


@tflite_op("RFFT2D")
def real_transform(node: TfliteNode) -> Pair:
    """Operands: signals (..., 1, size), and the lengths of the transform along two axes."""
    x = node.in_order(float_operand(node))
    lengths = node.integers(1, "lengths")
    size = x.shape[-1] if x.rank > 1 else None
    if len(lengths) != 2 or lengths[1] < 1 or not isinstance(size, int):
        raise node.unsupported(f"a transform of lengths {list(lengths)} of {x.type}")
    if x.shape[-2] != 1 or lengths[0] != 1:
        raise node.unsupported(
            f"a transform of lengths {list(lengths)} of {x.type} along two axes; only one along "
            "the last axis is read"
        )
    require_bearable(node, max(size, lengths[1]))
    matrix = transform(size, 1, lengths[1], inverse=False, onesided=True)
    rows = reshape_to(node, x, (*x.shape[:-2], size))
    return Pair(*(_product(node, rows, matrix[:, 0, :, part]) for part in range(2)))


def _product(node: TfliteNode, rows: Value, matrix: np.ndarray) -> Laid:
    """Each row (..., size) by a matrix (size, bins), as (..., 1, bins)."""
    weight = node.new_constant(np.ascontiguousarray(matrix), "transform")
    y = node.add(MatMulV2(), X=rows, Y=weight)
    return Laid(reshape_to(node, y, (*y.shape[:-1], 1, y.shape[-1])))


@tflite_op("REAL")
def real_part(node: TfliteNode) -> Laid:
    return node.pair(0).real


@tflite_op("IMAG")
def imaginary_part(node: TfliteNode) -> Laid:
    return node.pair(0).imaginary


@tflite_op("COMPLEX_ABS")
def size_of(node: TfliteNode) -> Laid:
    pair = node.pair(0)
    other = node.in_order(pair.imaginary, pair.real.order)
    squares = [node.add(Square(), X=part) for part in (pair.real.value, other)]
    return Laid(node.add(Sqrt(), X=add(node, *squares)), pair.real.order)
