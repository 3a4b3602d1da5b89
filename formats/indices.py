"""Indices: ONNX counts negative ones from the end, the runtime takes none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from opt_tool.formats.casting import cast
from opt_tool.formats.imported_node import ImportedNode
from opt_tool.ir import DType, Operation, Value
from opt_tool.ir.operations import creation, data_movement, detection, indexing, shape
from opt_tool.ir.operations.elementwise import (
    Cast,
    ElementwiseAdd,
    ElementwiseFloorDiv,
    ElementwiseMod,
)

MOVES: tuple[type[Operation], ...] = (
    Cast,
    data_movement.Assign,
    data_movement.Concat,
    data_movement.ExpandV2,
    data_movement.Slice,
    data_movement.StridedSlice,
    data_movement.Tile,
    data_movement.Transpose2,
    indexing.Gather,
    shape.Reshape2,
    shape.Squeeze2,
    shape.Unsqueeze2,
)
"""Operations whose output holds nothing but elements of their first operands."""

COUNTS: tuple[type[Operation], ...] = (
    creation.OneHotV2,
    detection.MulticlassNms,
    indexing.WhereIndex,
    shape.Shape,
)
"""Operations that make no negative number."""

QUOTIENTS: tuple[type[Operation], ...] = (ElementwiseFloorDiv, ElementwiseMod)
"""Operations that make a negative number of negative ones only."""

COUNT_NAMES = frozenset({"arg_max", "arg_min", "top_k", "top_k_v2", "argsort"})


def may_be_negative(value: Value) -> bool:
    """Whether a tensor of integers could hold a negative number, as far as its source tells."""
    waiting, seen = [value], set()
    while waiting:
        source = waiting.pop()
        if source in seen:
            continue
        seen.add(source)
        numbers = _known_numbers(source)
        if numbers is None:
            computed_from = _holders(source)
            if computed_from is None:
                return True
            waiting.extend(computed_from)
        elif any(number < 0 for number in numbers):
            return True
    return False


def _known_numbers(value: Value) -> Sequence[float] | None:
    """The least of a constant, or what is known of a shape; None of what is computed."""
    if value.data is not None:
        return [value.data.min()] if value.data.size > 0 else []
    if value.elements is None:
        return None
    return [element for element in value.elements if isinstance(element, int)]


def _holders(value: Value) -> Sequence[Value] | None:
    """The values that a value is negative because of, if it is; None where these are not known."""
    node = value.producer
    if node is None:
        return None
    if isinstance(node.op, COUNTS) or node.op.type in COUNT_NAMES:
        return ()
    if isinstance(node.op, creation.Range):
        return node.input("Start"), node.input("Step")
    if isinstance(node.op, QUOTIENTS):
        return node.input("X"), node.input("Y")
    return node.inputs[node.op.inputs[0].name] if isinstance(node.op, MOVES) else None


def counted_from_front(node: ImportedNode, index: Value, x: Value, axis: int) -> Value:
    """Indices into an axis of x, int32 or int64, with negative ones counted from the front.

    Adding the size before taking the remainder keeps both operands positive, so that the
    kernels of all targets agree. The indices are not a scalar.
    """
    if index.dtype not in (DType.INT32, DType.INT64):
        index = cast(node, index, DType.INT32)
    if not may_be_negative(index):
        return index
    size = size_of(node, x, axis, index.dtype)
    return node.add(ElementwiseMod(), X=node.add(ElementwiseAdd(), X=index, Y=size), Y=size)


def size_of(node: ImportedNode, x: Value, axis: int, dtype: DType) -> Value:
    """A dimension of x as a tensor (1,), computed at run time where it must be."""
    size = x.shape[axis]
    if isinstance(size, int):
        return node.new_constant(np.full(1, size, dtype.numpy), "size")
    dims = node.add(shape.Shape(), Input=x)
    bounds = data_movement.Slice(axes=(0,), starts=(axis,), ends=(axis + 1,))
    return cast(node, node.add(bounds, Input=dims), dtype)
