"""Cast in two steps where the runtime has no cast in one.

Before::

    y = cast(x)            # int64 to bool

After::

    y = cast(cast(x))      # int64 to float32 to bool

The runtime has one kernel for all casts, which ends the process on a pair of element
types that it does not know. A step in between is taken only where it changes no result.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from opt_tool.ir import DType, Graph, Node
from opt_tool.ir.operations.elementwise import Cast
from opt_tool.passes.rewrite import Rewrite

BOOL, UINT8, INT8 = DType.BOOL, DType.UINT8, DType.INT8
INT32, INT64, FLOAT32 = DType.INT32, DType.INT64, DType.FLOAT32

CASTS: Mapping[DType, frozenset[DType]] = {
    BOOL: frozenset({BOOL, INT32, INT64, FLOAT32}),
    UINT8: frozenset({FLOAT32}),
    INT8: frozenset({FLOAT32}),
    INT32: frozenset({BOOL, INT32, INT64, FLOAT32}),
    INT64: frozenset({INT32, INT64, FLOAT32}),
    FLOAT32: frozenset({BOOL, UINT8, INT32, INT64, FLOAT32}),
}
"""What the kernel casts each element type to: lite/kernels/host/cast_compute.cc."""

VIA: Mapping[tuple[DType, DType], DType] = {
    (INT64, BOOL): FLOAT32,  # no whole number but 0 becomes 0.0
    (BOOL, UINT8): FLOAT32,
    (UINT8, BOOL): FLOAT32,
    (UINT8, INT32): FLOAT32,
    (UINT8, INT64): FLOAT32,
    (INT8, BOOL): FLOAT32,  # no byte but 0 becomes 0.0, with a sign or without
}
"""The exact step between two element types that the kernel does not cast directly.

There is none from int8 to whole numbers: ARM's kernel takes bytes for unsigned, so readers
cast them to float32 and take 256 off what is too large.
"""


class IndirectCast(NamedTuple):
    """A cast and the element type between."""

    node: Node
    via: DType


def is_direct(before: DType, after: DType) -> bool:
    """Whether the runtime casts from one element type to another in one step."""
    return after in CASTS.get(before, frozenset())


class LowerCasts(Rewrite[IndirectCast]):
    """Splits casts that the runtime has no kernel for."""

    roots = (Cast,)

    def match(self, graph: Graph, node: Node) -> IndirectCast | None:  # noqa: ARG002
        assert isinstance(node.op, Cast)
        via = VIA.get((node.op.in_dtype, node.op.out_dtype))
        return None if via is None else IndirectCast(node, via)

    def rewrite(self, graph: Graph, match: IndirectCast) -> Node:
        node, via = match.node, match.via
        assert isinstance(node.op, Cast)
        first = Cast(in_dtype=node.op.in_dtype, out_dtype=via)
        step = graph.add(first, node.inputs, name=node.name, sources=node.sources, before=node)
        second = Cast(in_dtype=via, out_dtype=node.op.out_dtype)
        return graph.replace(node, second, {"X": step.output})
