"""Reads products with weights of few bits, which have a scale for each block of a row.

onnxruntime's ContribOperators.md says how they lie: the lowest bits of a byte come first, and
a row's blocks begin with a byte of their own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.operators.matmul import multiplied
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.ir import Value
from opt_tool.ir.operations.elementwise import ElementwiseAdd
from opt_tool.ir.operations.matmul import MatMulV2

WIDTHS = (2, 4, 8)
"""How many bits a weight may have."""


class Rows(NamedTuple):
    """A row of weights for each output, in blocks of so many weights of so many bits."""

    outputs: int
    inputs: int
    block: int
    bits: int

    @property
    def blocks(self) -> int:
        return -(-self.inputs // self.block)


@onnx_op("MatMulNBits", since=1, domain="com.microsoft")
def matmul_of_few_bits(node: OnnxNode) -> Value:
    """Operands: A (.., K), B (N, blocks, bytes), scales, zero points?, order?, bias? (N,)."""
    outputs, inputs, block = (node.integer(name, 0) for name in ("N", "K", "block_size"))
    rows = Rows(outputs, inputs, block, _bits(node))
    if min(rows) < 1 or rows.block * rows.bits % 8:
        raise node.unsupported(f"{rows.outputs} x {rows.inputs} weights in blocks of {rows.block}")
    order = node.maybe_constant(4, "order of blocks")
    if order is not None and order.size:
        raise node.unsupported("its blocks are in an order of their own (g_idx)")
    weight = node.new_constant(np.ascontiguousarray(_weights(node, rows).T), "weight")
    product = multiplied(node, node.input(0), weight, MatMulV2())
    bias = node.maybe(5)
    return product if bias is None else node.add(ElementwiseAdd(), X=product, Y=bias)


def _bits(node: OnnxNode) -> int:
    bits = node.integer("bits", 4)
    if bits not in WIDTHS:
        raise node.unsupported(f"weights of {bits} bits; there are {list(WIDTHS)}")
    return bits


def _weights(node: OnnxNode, rows: Rows) -> np.ndarray:
    """The numbers (N, K) that the stored ones stand for: scale * (q - zero point)."""
    stored = node.constant(1, "weights")
    wide = rows.blocks * rows.block * rows.bits // 8
    if stored.dtype != np.uint8 or stored.size != rows.outputs * wide:
        raise node.unsupported(
            f"{stored.size} {stored.dtype} hold no {rows.outputs} x {rows.inputs} weights of "
            f"{rows.bits} bits"
        )
    integers = _unpacked(stored.reshape(rows.outputs, wide), rows.bits)
    blocks = integers.reshape(rows.outputs, rows.blocks, rows.block).astype(np.float32)
    scales = _of_blocks(node, node.constant(2, "scales"), rows, "scales")
    numbers = (blocks - _zeros(node, rows)[..., np.newaxis]) * scales[..., np.newaxis]
    return numbers.reshape(rows.outputs, -1)[:, : rows.inputs]


def _zeros(node: OnnxNode, rows: Rows) -> np.ndarray:
    """The zero points (N, blocks), or what stands for them where there are none."""
    given = node.maybe_constant(3, "zero points")
    if given is None or not given.size:
        return np.full((1, 1), 1 << (rows.bits - 1), np.float32)
    if given.dtype != np.uint8:
        return _of_blocks(node, given, rows, "zero points")
    wide = -(-rows.blocks * rows.bits // 8)
    if given.size != rows.outputs * wide:
        raise node.unsupported(f"zero points of shape {list(given.shape)}")
    unpacked = _unpacked(given.reshape(rows.outputs, wide), rows.bits)
    return unpacked[:, : rows.blocks].astype(np.float32)


def _of_blocks(node: OnnxNode, given: np.ndarray, rows: Rows, what: str) -> np.ndarray:
    """One number for each block (N, blocks)."""
    if given.size != rows.outputs * rows.blocks or given.dtype.kind != "f":
        raise node.unsupported(f"{what} of {given.dtype} and shape {list(given.shape)}")
    return given.reshape(rows.outputs, rows.blocks).astype(np.float32)


def _unpacked(stored: np.ndarray, bits: int) -> np.ndarray:
    """The integers (rows, columns * 8 / bits) in bytes (rows, columns)."""
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    parts = (stored[..., np.newaxis] >> shifts) & np.uint8((1 << bits) - 1)
    return parts.reshape(len(stored), -1)
