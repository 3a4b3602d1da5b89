"""Operations that give a tensor another shape and move no element."""

from __future__ import annotations

from opt_tool.ir import Node, Shape
from opt_tool.ir.operations.shape import (
    INFER,
    KEEP,
    Flatten2,
    FlattenContiguousRange,
    Reshape2,
    Squeeze2,
    Unsqueeze2,
)

SHAPE_CHANGES = (Flatten2, FlattenContiguousRange, Reshape2, Squeeze2, Unsqueeze2)


def is_shape_change(node: Node | None) -> bool:
    """Whether a node only changes a shape, by its attributes alone."""
    return node is not None and isinstance(node.op, SHAPE_CHANGES) and set(node.inputs) == {"X"}


def reshape_between(old: Shape, new: Shape) -> Reshape2 | None:
    """The reshape from one shape to another; None where its attribute cannot say it.

    The attribute has numbers, copies of X's dimension at the same place, and one rest.
    """
    target: list[int] = []
    for index, dim in enumerate(new):
        if dim == 0:
            return None
        if isinstance(dim, int):
            target.append(dim)
        elif index < len(old) and old[index] == dim:
            target.append(KEEP)
        else:
            target.append(INFER)
    return Reshape2(shape=tuple(target)) if target.count(INFER) <= 1 else None
