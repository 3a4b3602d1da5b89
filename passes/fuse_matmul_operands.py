"""Let a matrix product transpose and scale what it reads.

Before::

    y = matmul_v2(scale(q, a), transpose2(scale(k, b), axis=(0, 1, 3, 2)))

After::

    y = matmul_v2(q, k, trans_y=True, alpha=a * b)

Attention scales both of its factors. The kernels multiply by alpha as they order the left
one; where one side is a single row or column, that keeps ARM from its faster kernel
(lite/backends/arm/math/sgemm.cc), so that scales stay there.
"""

from __future__ import annotations

from typing import NamedTuple

from opt_tool.ir import Graph, Node, Value
from opt_tool.ir.operations.data_movement import Transpose2
from opt_tool.ir.operations.matmul import MatMulV2
from opt_tool.passes.affine import read_arithmetic
from opt_tool.passes.rewrite import Kept, Rewrite

SLOTS = {"X": "trans_x", "Y": "trans_y"}
"""The operands, and which attribute says that one is transposed."""


class ProductOfChanged(NamedTuple):
    """A product, what changes one of its operands, and the product that does so itself."""

    node: Node
    change: Node
    slot: str
    x: Value
    op: MatMulV2


class FuseMatmulOperands(Rewrite[ProductOfChanged]):
    """Takes transposes and scales in front of matrix products into their attributes."""

    roots = (MatMulV2,)

    def match(self, graph: Graph, node: Node) -> ProductOfChanged | Kept | None:
        if not isinstance(node.op, MatMulV2):
            return None
        for slot, flag in SLOTS.items():
            change = node.input(slot).producer
            if change is None or not graph.read_once(change.output):
                continue
            if _swaps_rows_and_columns(change):
                turned = not getattr(node.op, flag)
                op = node.op.replaced(**{flag: turned})
                return ProductOfChanged(node, change, slot, change.input("X"), op)
            factor = _factor(change)
            if factor is not None and _has_rows_and_columns(node):
                x, scale = factor
                op = node.op.replaced(alpha=node.op.alpha * scale)
                return ProductOfChanged(node, change, slot, x, op)
        return None

    def rewrite(self, graph: Graph, match: ProductOfChanged) -> Node:
        inputs = {slot: match.node.input(slot) for slot in SLOTS} | {match.slot: match.x}
        return graph.fuse((match.change, match.node), match.op, inputs)


def _swaps_rows_and_columns(node: Node) -> bool:
    if not isinstance(node.op, Transpose2):
        return False
    rank = len(node.op.axis)
    return rank >= 2 and node.op.axis == (*range(rank - 2), rank - 1, rank - 2)


def _factor(node: Node) -> tuple[Value, float] | None:
    """What a node multiplies by one number, and the number."""
    affine = read_arithmetic(node, 0)
    if affine is None or affine.scale.size != 1 or not (affine.keeps_zero and affine.is_finite):
        return None
    if affine.x.type != node.output.type:
        return None
    return affine.x, float(affine.scale.reshape(-1)[0])


def _has_rows_and_columns(node: Node) -> bool:
    """Whether both sides are matrices of more than one row or column."""
    if min(node.input("X").rank, node.input("Y").rank) < 2:
        return False
    return all(isinstance(dim, int) and dim > 1 for dim in node.output.shape[-2:])
