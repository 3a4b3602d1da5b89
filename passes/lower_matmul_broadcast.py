"""Give both sides of a batched matrix product the same batches.

Before::

    y = matmul_v2(a, b)                          # a (B, M, K), b (1, K, N) or (B, 1, K, N)

After::

    y = matmul_v2(a, reshape2(b, (K, N)))        # where one side is a single matrix
    y = matmul_v2(a, expand_v2(b, (B, K, N)))    # else

The kernels multiply matrix by matrix in the order of memory: they want the same batches
on both sides, or two dimensions on one (lite/kernels/{arm,x86}/matmul_v2_compute).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from opt_tool.ir import Graph, Node, Operation, Shape
from opt_tool.ir.operations.data_movement import ExpandV2
from opt_tool.ir.operations.matmul import MatMul, MatMulV2
from opt_tool.passes.rewrite import Kept, Rewrite
from opt_tool.passes.shape_change import reshape_between

KEEP = -1
"""In expand_v2's shape: the dimension as it is."""


class BroadcastProduct(NamedTuple):
    """A matrix product and what gives its operands equal batches, by slot."""

    node: Node
    changes: Mapping[str, Operation]


def multiplies_directly(x: Shape, y: Shape) -> bool:
    """Whether the kernels can multiply operands of these shapes as they are."""
    if 1 in (len(x), len(y)):
        return len(y) <= 2 or len(x) != 1
    return len(x) == 2 or len(y) == 2 or _batch(x) == _batch(y)


class LowerMatmulBroadcast(Rewrite[BroadcastProduct]):
    """Writes out the broadcasting of batched matrix products."""

    roots = (MatMul, MatMulV2)

    def match(self, graph: Graph, node: Node) -> BroadcastProduct | Kept | None:  # noqa: ARG002
        assert isinstance(node.op, (MatMul, MatMulV2))
        x, y = node.input("X").shape, node.input("Y").shape
        if multiplies_directly(x, y) or 1 in (len(x), len(y)):
            return None
        for slot, shape in (("X", x), ("Y", y)):
            reshape = reshape_between(shape, shape[-2:])
            if not _batch(shape) and reshape is not None:
                return BroadcastProduct(node, {slot: reshape})
        batch = node.output.shape[:-2]
        differing = {slot: s for slot, s in (("X", x), ("Y", y)) if s[:-2] != batch}
        expands = {slot: _expand(shape, batch) for slot, shape in differing.items()}
        if None in expands.values():
            return Kept(f"the batches of {list(x)} and {list(y)} are known only at run time")
        changes = {slot: op for slot, op in expands.items() if op is not None}
        return BroadcastProduct(node, changes)

    def rewrite(self, graph: Graph, match: BroadcastProduct) -> Node:
        node = match.node
        inputs = {
            slot: graph.add(op, {"X": node.input(slot)}, sources=node.sources, before=node).output
            for slot, op in match.changes.items()
        }
        return graph.replace(node, node.op, {**node.inputs, **inputs})


def _batch(shape: Shape) -> Shape:
    """The dimensions of the batch without leading ones."""
    batch = shape[:-2]
    while batch and batch[0] == 1:
        batch = batch[1:]
    return batch


def _expand(shape: Shape, batch: Shape) -> ExpandV2 | None:
    """What expands a shape to a batch; None where that is known only at run time."""
    padded = (1,) * (len(batch) - len(shape) + 2) + shape[:-2]
    target = []
    for old, new in zip(padded, batch, strict=True):
        if old == new:
            target.append(KEEP if isinstance(new, str) else new)
        elif isinstance(new, int):
            target.append(new)
        else:
            return None
    return ExpandV2(shape=(*target, KEEP, KEEP))
