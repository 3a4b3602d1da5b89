"""Reads pads of one axis that is no side of a plane, as readers have to write them.

``pad2d`` pads planes only; another axis is made the height of a plane by a reshape::

    y = reshape2(pad2d(reshape2(x, (1, before, axis, behind)), paddings=(b, a, 0, 0)))
"""

from __future__ import annotations

from typing import NamedTuple

from opt_tool.ir import Graph, Node, Shape, Value
from opt_tool.ir.operations.padding import Pad2D
from opt_tool.ir.types import add, product
from opt_tool.passes.shape_change import is_shape_change


class AxisPad(NamedTuple):
    """``before`` and ``after`` zeros along one axis of x, and the nodes that put them there."""

    x: Value
    axis: int
    before: int
    after: int
    nodes: tuple[Node, ...]


def read_axis_pad(graph: Graph, node: Node | None) -> AxisPad | None:
    """The pad of one axis that ends with a reshape, if it pads with zeros."""
    if node is None or not is_shape_change(node):
        return None
    pad = node.input("X").producer
    if pad is None or not graph.read_once(pad.output) or not _pads_height_with_zeros(pad):
        return None
    first = pad.input("X").producer
    if first is None or not graph.read_once(first.output) or not is_shape_change(first):
        return None
    assert isinstance(pad.op, Pad2D)
    before, after = pad.op.paddings[:2]
    x = first.input("X")
    axis = _padded_axis(x.shape, node.output.shape, before + after)
    if axis is None or first.output.shape[2:] != (x.shape[axis], product(x.shape[axis + 1 :])):
        return None
    return AxisPad(x, axis, before, after, (first, pad, node))


def _pads_height_with_zeros(node: Node) -> bool:
    op = node.op
    return (
        isinstance(op, Pad2D)
        and op.mode == "constant"
        and op.pad_value == 0
        and not any(op.paddings[2:])
    )


def _padded_axis(old: Shape, new: Shape, size: int) -> int | None:
    """The one axis by which two shapes differ, and that by ``size``."""
    if len(old) != len(new):
        return None
    axes = [axis for axis, (a, b) in enumerate(zip(old, new, strict=True)) if a != b]
    if len(axes) != 1 or new[axes[0]] != add(old[axes[0]], size):
        return None
    return axes[0]
