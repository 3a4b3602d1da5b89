"""Cast operands to an element type that a kernel takes, where that changes no number.

Before::

    y = concat(a, b)                     # bool, and the target's concat takes no bool

After::

    y = cast(concat(cast(a, int32), cast(b, int32)), bool)

Whole numbers are cast to wider ones only, and to float32 only where an operation merely
moves them. int64 becomes int32 where the operand is an index, a shape or known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from opt_tool.ir import DType, Graph, Node, Operands, ShapeError, Slot, TensorType, Value
from opt_tool.ir.operations.data_movement import (
    Concat,
    ExpandV2,
    Flip,
    Slice,
    Split,
    Stack,
    StridedSlice,
    Tile,
    Transpose2,
)
from opt_tool.ir.operations.elementwise import Cast
from opt_tool.passes.choose_kernels import fits, kernel_for, takes
from opt_tool.passes.rewrite import Kept, Rewrite
from opt_tool.targets import Kernel, Library, LiteVersion, Target, kernels_for

WIDER: Mapping[DType, DType] = {DType.BOOL: DType.INT32, DType.INT32: DType.INT64}
"""The element type that holds every number of another and is cast both ways."""

FLOAT_HOLDS = (DType.BOOL, DType.UINT8)
"""The element types whose every number float32 holds, and that are cast both ways."""

MOVES = (Concat, ExpandV2, Flip, Slice, Split, Stack, StridedSlice, Tile, Transpose2)
"""Operations whose results are elements of their operands."""

INDICES = frozenset({"Axis", "AxisTensor", "EndsTensor", "EndsTensorList", "Ids", "Index", "K"}) | {
    "RepeatTimes", "SectionsTensorList", "Shape", "ShapeTensor", "ShapeTensorList",
    "StartsTensor", "StartsTensorList", "expand_shapes_tensor", "repeat_times_tensor",
}  # fmt: skip
"""Slots whose numbers count elements along a dimension: int32 holds them."""


class CastNode(NamedTuple):
    """A node and the element types that a kernel wants for its operands."""

    node: Node
    inputs: Operands[DType]


class InsertCasts(Rewrite[CastNode]):
    """Inserts exact casts around nodes whose element types the target has no kernel for."""

    def __init__(
        self, target: Target, version: LiteVersion, library: Library = Library.WITH_EXTRA
    ) -> None:
        self.place = (target, version, library)

    def match(self, graph: Graph, node: Node) -> CastNode | Kept | None:  # noqa: ARG002
        kernels = kernels_for(node.op.type, *self.place)
        if not kernels or kernel_for(node, *self.place) is not None:
            return None
        for kernel in kernels:
            inputs = _cast_inputs(node, kernel)
            if inputs is not None and _computes(node, kernel, inputs):
                return CastNode(node, inputs)
        return Kept("no cast to an element type that a kernel takes is exact")

    def rewrite(self, graph: Graph, match: CastNode) -> Node:
        node = match.node
        inputs = {
            slot: [
                _cast(graph, value, dtype, node)
                for value, dtype in zip(node.inputs[slot], match.inputs[slot], strict=True)
            ]
            for slot in node.inputs
        }
        made = graph.add(node.op, inputs, name=node.name, sources=node.sources, before=node)
        for old, new in zip(tuple(node.outputs.flat()), tuple(made.outputs.flat()), strict=True):
            graph.replace_uses(old, _cast(graph, new, old.dtype, node))
        return made


def _cast(graph: Graph, value: Value, dtype: DType, before: Node) -> Value:
    if value.dtype is dtype:
        return value
    if value.is_constant:
        return graph.add_constant(value.name, value.array().astype(dtype.numpy))
    op = Cast(in_dtype=value.dtype, out_dtype=dtype)
    return graph.add(op, {"X": value}, sources=before.sources, before=before).output


def _cast_inputs(node: Node, kernel: Kernel) -> Operands[DType] | None:
    """The element types that a kernel wants, if the operands can have them exactly."""
    wanted = {slot.name: tuple(_slot_dtypes(node, kernel, slot)) for slot in node.op.inputs}
    if any(dtype is None for dtypes in wanted.values() for dtype in dtypes):
        return None
    return Operands(
        {slot: tuple(d for d in dtypes if d is not None) for slot, dtypes in wanted.items()}
    )


def _slot_dtypes(node: Node, kernel: Kernel, slot: Slot) -> Iterator[DType | None]:
    """The element type for each operand of a slot; None where no exact one is wanted."""
    for value in node.inputs[slot.name]:
        dtypes = (value.dtype, *_exact(node, slot, value))
        yield next((dtype for dtype in dtypes if takes(kernel, slot, dtype)), None)


def _exact(node: Node, slot: Slot, value: Value) -> Iterator[DType]:
    if value.dtype in WIDER:
        yield WIDER[value.dtype]
    if isinstance(node.op, MOVES) and value.dtype in FLOAT_HOLDS:
        yield DType.FLOAT32
    if value.dtype is DType.INT64 and (slot.name in INDICES or _is_small(value)):
        yield DType.INT32


def _is_small(value: Value) -> bool:
    """Whether int32 holds all elements of a constant."""
    if not value.is_constant:
        return False
    limits, array = np.iinfo(np.int32), value.array()
    return bool(((array >= limits.min) & (array <= limits.max)).all())


def _computes(node: Node, kernel: Kernel, dtypes: Operands[DType]) -> bool:
    """Whether the operation and the kernel take operands of these element types."""
    operands = Operands(
        {
            slot: tuple(
                _retyped(value, dtype)
                for value, dtype in zip(node.inputs[slot], dtypes[slot], strict=True)
            )
            for slot in node.inputs
        }
    )
    try:
        types = node.op.infer(operands)
    except ShapeError:
        return False
    positions = iter(types)
    outputs = node.outputs.map(lambda _: next(positions))
    return fits(kernel.outputs, node.op.outputs, outputs)


def _retyped(value: Value, dtype: DType) -> Value:
    """A stand-in for a value of another element type, for shape rules."""
    stand_in = Value(value.name, TensorType(dtype, value.shape))
    stand_in.elements = value.elements
    return stand_in
