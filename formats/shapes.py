"""Gives tensors other shapes, and dimensions another order."""

from __future__ import annotations

import numpy as np

from opt_tool.formats.casting import carried
from opt_tool.formats.imported_node import ImportedNode
from opt_tool.ir import Shape, Value
from opt_tool.ir.operations import data_movement
from opt_tool.ir.operations import shape as ops
from opt_tool.ir.operations.data_movement import Transpose2
from opt_tool.ir.types import product

MAX_UNSQUEEZED_RANK = 6
"""unsqueeze2 makes no tensor of more dimensions; reshape2 does."""


def reshape_to(node: ImportedNode, x: Value, new: Shape) -> Value:
    """X in a shape of numbers and symbols; refuses what the symbols leave open."""
    if x.shape == new:
        return x
    if product(new) == 0:
        return node.new_constant(np.zeros([int(dim) for dim in new], x.dtype.numpy), "empty")
    if not new:
        return node.add(ops.Squeeze2(axes=tuple(range(x.rank))), X=x)
    attribute = ops.reshape_attribute(x.shape, new)
    if attribute is None:
        raise node.unsupported(
            f"it reshapes {list(x.shape)} to {list(new)}, of which more than one dimension is "
            "known only at run time. Fix the input shapes with --input-shape"
        )
    return node.add(ops.Reshape2(shape=attribute), X=x)


def unsqueezed(node: ImportedNode, x: Value, axes: tuple[int, ...]) -> Value:
    """X with dimensions of 1 at ascending axes of the result.

    A scalar may be fed to the runtime as a vector of one element, which unsqueeze2 would keep.
    """
    if 0 < x.rank <= MAX_UNSQUEEZED_RANK - len(axes):
        return node.add(ops.Unsqueeze2(axes=axes), X=x)
    new = list(x.shape)
    for axis in axes:
        new.insert(axis, 1)
    return reshape_to(node, x, tuple(new))


def static_shape(node: ImportedNode, value: Value, what: str) -> tuple[int, ...]:
    """A shape in numbers; refuses the node when a dimension is symbolic."""
    if not value.type.is_static:
        raise node.unsupported(
            f"its {what} have the shape {list(value.shape)}, known only at run time. "
            "Fix the input shapes with --input-shape"
        )
    return value.type.static_shape


def flat(node: ImportedNode, x: Value) -> Value:
    """X as a vector."""
    return x if x.rank == 1 else node.add(ops.Reshape2(shape=(ops.INFER,)), X=x)


def transposed(node: ImportedNode, x: Value, order: tuple[int, ...]) -> Value:
    """X with its dimensions in another order; x itself where that is the same."""
    if order == tuple(range(x.rank)):
        return x
    return carried(node, [x], lambda value: node.add(Transpose2(axis=order), X=value))


def stacked(node: ImportedNode, values: list[Value], axis: int) -> Value:
    """Tensors of one shape side by side along a new axis."""
    rows = [unsqueezed(node, value, (axis,)) for value in values]
    return carried(node, rows, lambda *xs: node.add(data_movement.Concat(axis=axis), X=xs))
