"""Says how an operation computes on operands whose dimensions stand in another order.

An operation that reads ``transpose2(x, axis=p)`` can read x and have its result transposed
instead, if its attributes name axes: axis ``a`` of the transposed tensor is ``p[a]`` of x.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from opt_tool.ir import Node, Operation, Value
from opt_tool.ir.operations.activation import ElementwiseUnary, PRelu
from opt_tool.ir.operations.creation import TrilTriu
from opt_tool.ir.operations.data_movement import Concat, Flip, Slice, Split, StridedSlice
from opt_tool.ir.operations.elementwise import Cast, Clip, ElementwiseBinary, aligned
from opt_tool.ir.operations.normalization import BatchNorm
from opt_tool.ir.operations.reduction import ArgMax, ArgSort, CumSum, Reduction, Softmax, TopKV2

Order: TypeAlias = tuple[int, ...]


def inverse(order: Order) -> Order:
    """The transpose that takes another one back."""
    return tuple(order.index(axis) for axis in range(len(order)))


def reordered(node: Node, order: Order) -> Operation | None:
    """What ``node`` does where its operands lose a transpose by ``order``; None if nothing does.

    Every output of as many dimensions then has lost it too; one of fewer stays as it is.
    """
    op = node.op
    if len(node.output.shape) != len(order) and not isinstance(op, (ArgMax, Reduction)):
        return None
    for kind, write in OPERATIONS:
        if isinstance(op, kind):
            return write(node, order)
    return None


def reordered_constant(node: Node, value: Value, order: Order) -> np.ndarray:
    """A constant operand of a node that loses a transpose by ``order``."""
    array = value.array()
    if array.size == 1 and not isinstance(node.op, Concat):
        return array
    if isinstance(node.op, ElementwiseBinary):
        other = node.input("Y") if node.input("X") is value else node.input("X")
        _, padded = aligned(node.op.type, node.op.axis, other.type, value.type)
        array = array.reshape((1,) * (len(order) - padded.rank) + padded.static_shape)
    moved = np.ascontiguousarray(array.transpose(inverse(order)))
    if isinstance(node.op, ElementwiseBinary):
        while moved.ndim > 1 and moved.shape[0] == 1:
            moved = moved[0]
    return moved


def _axes(order: Order, axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(order[axis] for axis in axes)


def _same(node: Node, order: Order) -> Operation | None:  # noqa: ARG001
    others = (value for value in tuple(node.inputs.flat())[1:])
    return (
        node.op if all(value.type.is_static and value.type.size == 1 for value in others) else None
    )


def _never(node: Node, order: Order) -> Operation | None:  # noqa: ARG001
    return None


def _binary(node: Node, order: Order) -> Operation | None:
    assert isinstance(node.op, ElementwiseBinary)
    ranks = {value.rank for value in node.inputs.flat() if not _fits_anywhere(value)}
    if any(rank != len(order) for rank in ranks):
        return None
    lone = any(not value.is_constant and _fits_anywhere(value) for value in node.inputs.flat())
    return node.op if lone else node.op.replaced(axis=-1)


def _fits_anywhere(value: Value) -> bool:
    """Whether an operand means the same in any order of dimensions once constants move."""
    return value.is_constant or (value.rank <= 1 and value.shape in ((), (1,)))


def _along(node: Node, order: Order) -> Operation | None:
    """Operations with one attribute ``axis``."""
    if len(node.inputs) > 1:
        return None
    axis = getattr(node.op, "axis", 0)
    return node.op.replaced(axis=order[axis])


def _flip(node: Node, order: Order) -> Operation | None:
    assert isinstance(node.op, Flip)
    return node.op.replaced(axis=_axes(order, node.op.axis))


def _slice(node: Node, order: Order) -> Operation | None:
    assert isinstance(node.op, (Slice, StridedSlice))
    if len(node.inputs) > 1 or node.op.decrease_axis:
        return None
    return node.op.replaced(axes=_axes(order, node.op.axes))


def _reduction(node: Node, order: Order) -> Operation | None:
    assert isinstance(node.op, Reduction)
    x = node.input("X")
    if x.rank != len(order):
        return None
    axes = node.op.axes(x.type)
    if not node.op.keep_dim and not _keeps_order(order, axes):
        return None
    return node.op.replaced(dim=tuple(sorted(_axes(order, axes))))


def _arg_max(node: Node, order: Order) -> Operation | None:
    assert isinstance(node.op, ArgMax)
    axis = node.op.axis % node.input("X").rank
    if node.input("X").rank != len(order):
        return None
    if not node.op.keepdims and not _keeps_order(order, (axis,)):
        return None
    return node.op.replaced(axis=order[axis])


def _keeps_order(order: Order, left_out: tuple[int, ...]) -> bool:
    """Whether the dimensions that are not left out stand in order without the transpose."""
    kept = [dim for axis, dim in enumerate(order) if axis not in left_out]
    return kept == sorted(kept)


def _by_channel(node: Node, order: Order) -> Operation | None:
    """Operations whose axis 1 is fixed."""
    whole = isinstance(node.op, PRelu) and node.op.mode == "all"
    fixed = order[1] == 1 and not (isinstance(node.op, PRelu) and node.op.mode == "element")
    return node.op if whole or fixed else None


OPERATIONS: tuple[tuple[type[Operation], Callable[[Node, Order], Operation | None]], ...] = (
    (Flip, _flip),
    (TrilTriu, _never),
    (ElementwiseUnary, _same),
    (Clip, _same),
    (Cast, _same),
    (ElementwiseBinary, _binary),
    (Concat, _along),
    (Split, _along),
    (Softmax, _along),
    (CumSum, _along),
    (ArgSort, _along),
    (TopKV2, _along),
    (Slice, _slice),
    (StridedSlice, _slice),
    (Reduction, _reduction),
    (ArgMax, _arg_max),
    (BatchNorm, _by_channel),
    (PRelu, _by_channel),
)
"""The operations that work in any order of dimensions; the first that fits counts."""

LAYOUT_SLOTS: Mapping[type[Operation], tuple[str, ...]] = {
    BatchNorm: ("X",),
    Clip: ("X",),
    PRelu: ("X",),
}
"""The slots whose operands have dimensions to be ordered, where not all are."""


def layout_operands(node: Node) -> tuple[Value, ...]:
    """The operands, constants too, that are read in the order of dimensions."""
    slots = LAYOUT_SLOTS.get(type(node.op), tuple(node.inputs))
    return tuple(value for slot in slots for value in node.inputs[slot])
