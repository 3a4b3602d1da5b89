"""Operations that give a tensor another shape and move no element."""

from __future__ import annotations

from typing import TypeAlias

from opt_tool.ir import Node, Shape
from opt_tool.ir.operations.shape import (
    Flatten2,
    FlattenContiguousRange,
    Reshape2,
    Squeeze2,
    Unsqueeze2,
    reshape_attribute,
)

ShapeChange: TypeAlias = Reshape2 | Squeeze2

SHAPE_CHANGES = (Flatten2, FlattenContiguousRange, Reshape2, Squeeze2, Unsqueeze2)


def is_shape_change(node: Node | None) -> bool:
    """Whether a node only changes a shape, by its attributes alone."""
    return node is not None and isinstance(node.op, SHAPE_CHANGES) and set(node.inputs) == {"X"}


def reshape_between(old: Shape, new: Shape) -> ShapeChange | None:
    """The operation from one shape to another; None where its attribute cannot say it.

    The runtime knows no reshape to a scalar: that is a squeeze of dimensions of 1.
    """
    if 0 in new or old == new == ():
        return None
    if not new:
        return Squeeze2(axes=tuple(range(len(old))))
    attribute = reshape_attribute(old, new)
    return None if attribute is None else Reshape2(shape=attribute)
