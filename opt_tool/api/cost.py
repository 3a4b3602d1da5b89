"""How much work an operation is: multiply-accumulates, parameters, bytes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from opt_tool.ir import Node, Value

Count: TypeAlias = Callable[[Node], int]


def size(value: Value) -> int | None:
    """The number of elements; None where the model leaves a dimension open."""
    return value.type.size if value.type.is_static else None


def value_bytes(value: Value) -> int | None:
    """The bytes of a value in memory or in the file."""
    if value.data is not None:
        return value.data.nbytes
    return value.type.nbytes if value.type.is_static else None


def parameters(node: Node) -> int:
    """The numbers in the constants that a node reads."""
    return sum(value.data.size for value in _constants(node) if value.data is not None)


def parameter_bytes(node: Node) -> int:
    """The bytes of those numbers in the file."""
    return sum(value.data.nbytes for value in _constants(node) if value.data is not None)


def bits(node: Node) -> int | None:
    """The bits of each weight in the file: those of quantized ones, else the widest; or None."""
    constants = _constants(node)
    quantized = [value.quantization.bits for value in constants if value.quantization is not None]
    if quantized:
        return min(quantized)
    widths = [8 * value.dtype.numpy.itemsize for value in constants if value.dtype.is_float]
    return max(widths, default=None)


def macs(node: Node) -> int | None:
    """The multiply-accumulates of a node: 0 where it has none, None where a size is open."""
    count = MACS.get(node.op.type)
    if count is None:
        return 0
    static = all(value.type.is_static for value in (*node.inputs.flat(), *node.outputs.flat()))
    return count(node) if static else None


def _constants(node: Node) -> list[Value]:
    return list(dict.fromkeys(value for value in node.inputs.flat() if value.is_constant))


def _convolution(node: Node) -> int:
    """Each output element is a sum over one filter: (O, C / groups, R, S)."""
    return node.output.type.size * math.prod(node.input("Filter").type.static_shape[1:])


def _transposed_convolution(node: Node) -> int:
    """Each input element is spread by one filter: (C, O / groups, R, S)."""
    weight = node.input("Filter").type.static_shape
    return node.input("Input").type.size * math.prod(weight[1:])


def _product(first: str) -> Count:
    """Each output element is a sum over the axis that both operands share."""

    def count(node: Node) -> int:
        x = node.input(first).type
        transposed = bool(getattr(node.op, "trans_x", getattr(node.op, "transpose_X", False)))
        if x.rank < 2:
            return node.output.type.size * x.size
        return node.output.type.size * x.static_shape[-2 if transposed else -1]

    return count


def _fc(node: Node) -> int:
    """The weight is (K, N); the output is (..., N)."""
    return node.output.type.size * node.input("W").type.static_shape[0]


def _mul(node: Node) -> int:
    """The operands are flattened to matrices; Y's is (K, N)."""
    y = node.input("Y").type.static_shape
    columns = int(getattr(node.op, "y_num_col_dims", 1))
    return node.output.type.size * math.prod(y[:columns])


MACS: Mapping[str, Count] = {
    "conv2d": _convolution,
    "depthwise_conv2d": _convolution,
    "conv3d": _convolution,
    "deformable_conv": _convolution,
    "conv2d_transpose": _transposed_convolution,
    "fc": _fc,
    "mul": _mul,
    "matmul": _product("X"),
    "matmul_v2": _product("X"),
}
"""The operations that multiply and add; all others count as none."""


def known_sum(numbers: Iterable[int | None]) -> int | None:
    """The sum; None where a number is not known."""
    total = 0
    for number in numbers:
        if number is None:
            return None
        total += number
    return total
