"""Remove operations that hand on what they read.

Before::

    y = assign(x)

After::

    y = x

So are casts to the same type, reshapes to the same shape, transposes to the same order,
pads of nothing, slices of everything, gathers of everything in order,
 concats and splits of one, repetitions once, scales
by one, sums with zero and the like.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from opt_tool.ir import Graph, Node, Operation, Value
from opt_tool.ir.operations.data_movement import (
    Assign,
    Concat,
    ExpandV2,
    Slice,
    Split,
    StridedSlice,
    Tile,
    Transpose2,
)
from opt_tool.ir.operations.elementwise import (
    Cast,
    Clip,
    ElementwiseAdd,
    ElementwiseDiv,
    ElementwiseMul,
    ElementwiseSub,
    Pow,
    Scale,
)
from opt_tool.ir.operations.indexing import Gather
from opt_tool.ir.operations.padding import Pad2D
from opt_tool.passes.cancel_transposes import is_sorted
from opt_tool.passes.rewrite import Kept, Rewrite
from opt_tool.passes.shape_change import SHAPE_CHANGES


class Identity(NamedTuple):
    """A node and what it hands on."""

    node: Node
    x: Value


class RemoveIdentity(Rewrite[Identity]):
    """Removes nodes whose output is their input."""

    def match(self, graph: Graph, node: Node) -> Identity | Kept | None:
        read = READERS.get(type(node.op))
        x = None if read is None else read(node)
        if x is None or x.type != node.output.type:
            return None
        if not graph.can_replace(node.output, x):
            return Kept("a graph input or a constant would be the output")
        return Identity(node, x)

    def rewrite(self, graph: Graph, match: Identity) -> None:
        graph.replace_uses(match.node.output, match.x)


def _first(node: Node) -> Value:
    return next(node.inputs.flat())


def _only(node: Node) -> Value | None:
    return _first(node) if len(node.inputs["X"]) == 1 and len(node.outputs["Out"]) == 1 else None


def _transposed(node: Node) -> Value | None:
    assert isinstance(node.op, Transpose2)
    return node.input("X") if is_sorted(node.op.axis) else None


def _padded(node: Node) -> Value | None:
    assert isinstance(node.op, Pad2D)
    return None if any(node.op.paddings) else node.input("X")


def _sliced(node: Node) -> Value | None:
    """The operand of a slice by attributes alone; whether it is whole, the shape says."""
    return node.input("Input") if set(node.inputs) == {"Input"} else None


def _gathered(node: Node) -> Value | None:
    index = node.input("Index")
    if not index.is_constant:
        return None
    numbers = index.array().reshape(-1)
    return node.input("X") if np.array_equal(numbers, np.arange(numbers.size)) else None


def _scaled(node: Node) -> Value | None:
    assert isinstance(node.op, Scale)
    return node.input("X") if (node.op.scale, node.op.bias) == (1, 0) else None


def _raised(node: Node) -> Value | None:
    assert isinstance(node.op, Pow)
    return node.input("X") if node.op.factor == 1 else None


def _clipped(node: Node) -> Value | None:
    assert isinstance(node.op, Clip)
    bounds = (node.op.min, node.op.max)
    unbounded = set(node.inputs) == {"X"} and bounds == (-math.inf, math.inf)
    return node.input("X") if unbounded else None


def _neutral(number: float, *, either: bool) -> Callable[[Node], Value | None]:
    """What is left of arithmetic where the other operand is all ``number``."""

    def read(node: Node) -> Value | None:
        x, y = node.input("X"), node.input("Y")
        if y.is_constant and (y.array() == number).all():
            return x
        return y if either and x.is_constant and (x.array() == number).all() else None

    return read


READERS: Mapping[type[Operation], Callable[[Node], Value | None]] = {
    Assign: _first,
    Cast: _first,
    **dict.fromkeys(SHAPE_CHANGES, _first),
    Transpose2: _transposed,
    Pad2D: _padded,
    Slice: _sliced,
    StridedSlice: _sliced,
    Gather: _gathered,
    Concat: _only,
    Split: _only,
    ExpandV2: _first,
    Tile: _first,
    Scale: _scaled,
    Pow: _raised,
    Clip: _clipped,
    ElementwiseAdd: _neutral(0, either=True),
    ElementwiseSub: _neutral(0, either=False),
    ElementwiseMul: _neutral(1, either=True),
    ElementwiseDiv: _neutral(1, either=False),
}
"""What a node hands on, if its output has the type of that; None if it does more."""
