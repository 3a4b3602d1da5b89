"""Chooses which planes lie in memory with the channels of a place in a row.

Convolutions make them so: windows, tiles and pointwise products then read stretches of
memory, two to four times as fast as planes (see ``docs/runtime.md``). What works
element by element or place by place writes in the order that it reads. All others see
(N, C, H, W) in any case and are handed a copy where they need elements in that order.
"""

from __future__ import annotations

from collections.abc import Iterable

from opt_tool.ir import Node, Value
from opt_tool.ir.operations.convolution import Conv2D, Conv2DTranspose, DepthwiseConv2D
from opt_tool.ir.operations.data_movement import Concat
from opt_tool.ir.operations.interpolation import BilinearInterp, NearestInterp
from opt_tool.ir.operations.pooling import Pool2D
from opt_tool.runtime.binding import binding_of

MAKERS = frozenset({Conv2D, Conv2DTranspose, DepthwiseConv2D, Pool2D})
"""Operations whose kernels write planes channels last."""

FOLLOWERS = frozenset({BilinearInterp, Concat, NearestInterp})
"""Operations that write planes as they read them; so do all that can overwrite an operand."""


def channels_last_values(nodes: Iterable[Node]) -> frozenset[Value]:
    """The planes that are to lie channels last."""
    values: set[Value] = set()
    for node in nodes:
        outputs = tuple(node.outputs.flat())
        if len(outputs) == 1 and outputs[0].rank == 4 and _writes_so(node, values):
            values.add(outputs[0])
    return frozenset(values)


def _writes_so(node: Node, values: set[Value]) -> bool:
    if type(node.op) in MAKERS:
        return True
    follows = type(node.op) in FOLLOWERS or binding_of(node.op).in_place != ()
    return follows and any(value in values for value in node.inputs.flat())
