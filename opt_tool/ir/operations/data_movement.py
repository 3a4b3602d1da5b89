"""Operations that move elements and compute nothing.

Paddle-Lite: lite/operators/assign_op.cc, transpose_op.cc, concat_op.cc, split_op.cc,
stack_op.cc, slice_op.cc, strided_slice_op.cc, flip_op.cc, expand_v2_op.cc, tile_op.cc,
shuffle_channel_op.cc.
"""

from __future__ import annotations

from typing import ClassVar

from opt_tool.ir.graph import ELEMENTS_LIMIT, Value
from opt_tool.ir.operation import UNKNOWN, Operands, Operation, ShapeError, slots
from opt_tool.ir.operations.activation import ElementwiseUnary
from opt_tool.ir.operations.shape import INFER, checked_axis, shape_elements
from opt_tool.ir.types import (
    Dim,
    Shape,
    TensorType,
    add,
    ceil_divide,
    floor_divide,
    multiply,
    subtract,
)


class Assign(ElementwiseUnary):
    """A copy of X."""

    type: ClassVar[str] = "assign"

    def infer_elements(self, inputs: Operands[Value]) -> tuple[Dim, ...] | None:
        return inputs.one("X").elements


class Transpose2(Operation):
    """X with its dimensions in another order: dimension i of Out is ``axis[i]`` of X."""

    type: ClassVar[str] = "transpose2"
    inputs = slots("X")

    axis: tuple[int, ...] = ()

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x = inputs.one("X").type
        if sorted(self.axis) != list(range(x.rank)):
            raise ShapeError(f"{list(self.axis)} is no order of the dimensions of {x}")
        return (x.with_shape(x.shape[axis] for axis in self.axis),)


class ShuffleChannel(Operation):
    """X (N, C, H, W) with its channels, which lie group by group, one of each group in turn."""

    type: ClassVar[str] = "shuffle_channel"
    inputs = slots("X")

    group: int = 1

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x = inputs.one("X").type
        if x.rank != 4:
            raise ShapeError(f"takes 4 dimensions, found {x}")
        channels = x.shape[1]
        if self.group < 1 or (isinstance(channels, int) and channels % self.group):
            raise ShapeError(f"{channels} channels do not divide into {self.group} groups")
        return (x,)


class PixelShuffle(Operation):
    """X (N, C * r * r, H, W) with its channels moved into blocks of r x r: (N, C, H * r, W * r).

    ``upscale_factor`` is r. Element (i, j) of a block is channel (c * r + i) * r + j.
    """

    type: ClassVar[str] = "pixel_shuffle"
    inputs = slots("X")

    upscale_factor: int = 1

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x = inputs.one("X").type
        r = self.upscale_factor
        if x.rank != 4:
            raise ShapeError(f"takes 4 dimensions, found {x}")
        batch, channels, height, width = x.shape
        if r < 1 or not isinstance(channels, int) or channels % (r * r):
            raise ShapeError(f"{channels} channels do not divide into blocks of {r} x {r}")
        return (
            x.with_shape((batch, channels // (r * r), multiply(height, r), multiply(width, r))),
        )


class Concat(Operation):
    """The tensors X one behind the other along ``axis``."""

    type: ClassVar[str] = "concat"
    inputs = slots("X+ AxisTensor?")

    axis: int = 0

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        types = [value.type for value in inputs["X"]]
        first = types[0]
        axis = checked_axis(self.axis, first.rank)
        shape, total = first.shape, first.shape[axis]
        for other in types[1:]:
            if other.dtype != first.dtype or other.rank != first.rank:
                raise ShapeError(f"{first} and {other} do not concatenate")
            shape = _same_but_for(axis, shape, other.shape)
            total = add(total, other.shape[axis])
        return (first.with_shape((*shape[:axis], total, *shape[axis + 1 :])),)

    def infer_elements(self, inputs: Operands[Value]) -> tuple[Dim, ...] | None:
        return joined_elements(inputs["X"])


def joined_elements(values: tuple[Value, ...]) -> tuple[Dim, ...] | None:
    """The elements of vectors one behind the other, when all are known."""
    elements: list[Dim] = []
    for value in values:
        if value.elements is None or value.rank > 1:
            return None
        elements.extend(value.elements)
    return tuple(elements) if len(elements) <= ELEMENTS_LIMIT else None


def _same_but_for(axis: int, a: Shape, b: Shape) -> Shape:
    """What is known of two shapes that must agree everywhere but at an axis."""
    merged = list(a)
    for index, (x, y) in enumerate(zip(a, b, strict=True)):
        if index == axis or x == y:
            continue
        if isinstance(x, int) and isinstance(y, int):
            raise ShapeError(f"{list(a)} and {list(b)} differ in dimension {index}, not {axis}")
        merged[index] = x if isinstance(x, int) else y
    return tuple(merged)


class Stack(Operation):
    """The tensors X, all of one shape, side by side along a new dimension ``axis``."""

    type: ClassVar[str] = "stack"
    inputs = slots("X+")
    outputs = slots("Y")

    axis: int = 0

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        types = [value.type for value in inputs["X"]]
        shape = types[0].shape
        for other in types[1:]:
            if other.dtype != types[0].dtype or other.rank != types[0].rank:
                raise ShapeError(f"{types[0]} and {other} do not stack")
            shape = _same_but_for(-1, shape, other.shape)
        axis = checked_axis(self.axis, len(shape) + 1)
        return (types[0].with_shape((*shape[:axis], len(types), *shape[axis:])),)

    def infer_elements(self, inputs: Operands[Value]) -> tuple[Dim, ...] | None:
        values = inputs["X"]
        return joined_elements(values) if all(value.rank == 0 for value in values) else None


MAX_PARTS = 0xFFFF
"""More outputs than this no operation has."""


class Split(Operation):
    """X cut along ``axis``: into ``num`` equal parts, or into parts of ``sections``."""

    type: ClassVar[str] = "split"
    inputs = slots("X AxisTensor? SectionsTensorList*")
    outputs = slots("Out+")

    axis: int = 0
    num: int = 0
    sections: tuple[int, ...] = ()

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x = inputs.one("X").type
        axis = checked_axis(self.axis, x.rank)
        sizes = self._sizes(x.shape[axis])
        return tuple(x.with_shape((*x.shape[:axis], s, *x.shape[axis + 1 :])) for s in sizes)

    def _sizes(self, size: Dim) -> tuple[Dim, ...]:
        if self.num > MAX_PARTS:
            raise ShapeError(f"{self.num} parts; at most {MAX_PARTS} are supported")
        if self.num > 0:
            if isinstance(size, int) and size % self.num:
                raise ShapeError(f"a dimension of {size} does not divide into {self.num} parts")
            return (floor_divide(size, self.num),) * self.num
        known = sum(section for section in self.sections if section >= 0)
        if isinstance(size, int) and INFER not in self.sections and known != size:
            raise ShapeError(f"sections {list(self.sections)} do not add up to {size}")
        return tuple(subtract(size, known) if s == INFER else s for s in self.sections)


def sliced(size: Dim, start: Dim, end: Dim) -> Dim:
    """How many of ``size`` elements lie from ``start`` to before ``end``, as NumPy counts.

    A symbol is taken to be large enough for the numbers beside it, except where a slice
    with a positive end may be cut short.
    """
    if isinstance(size, int) and isinstance(start, int) and isinstance(end, int):
        return len(range(*slice(start, end).indices(size)))
    if UNKNOWN in (start, end):
        return UNKNOWN
    if end == size or _is_endless(end):
        return size if start == 0 else _from_start(size, start)
    if isinstance(start, int) and isinstance(end, int):
        if (start < 0) == (end < 0) and end - start <= 1:
            return max(end - start, 0)
        return add(subtract(size, start), end) if start >= 0 > end else UNKNOWN
    return end if start == 0 else subtract(end, start)


def _is_endless(end: Dim) -> bool:
    return isinstance(end, int) and end >= ENDLESS


def _from_start(size: Dim, start: Dim) -> Dim:
    if isinstance(start, int) and start < 0:
        return 1 if start == -1 else UNKNOWN
    return subtract(size, start)


ENDLESS = 2**31 - 1
"""As the end of a slice: up to the end of the dimension."""


class Slice(Operation):
    """The elements of Input from ``starts`` to before ``ends`` along ``axes``.

    Negative bounds count from the end; bounds outside are cut to the dimension. The
    operands StartsTensor (int32 or int64, one element for each axis) or StartsTensorList
    take the place of ``starts``, those of the ends likewise; ``infer_flags`` is then -1 for
    every axis, else left out or 1.
    Dimensions in ``decrease_axis`` are 1 after slicing and left out; when none remains,
    Out has the shape (1,).
    """

    type: ClassVar[str] = "slice"
    inputs = slots("Input StartsTensor? EndsTensor? StartsTensorList* EndsTensorList*")

    axes: tuple[int, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    infer_flags: tuple[int, ...] | None = None
    decrease_axis: tuple[int, ...] = ()

    def bounds(self, inputs: Operands[Value]) -> tuple[tuple[Dim, Dim], ...]:
        """Start and end for each axis, as far as they are known."""
        starts = shape_elements(inputs.maybe("StartsTensor"), inputs["StartsTensorList"])
        ends = shape_elements(inputs.maybe("EndsTensor"), inputs["EndsTensorList"])
        starts = self.starts if starts is None else starts
        ends = self.ends if ends is None else ends
        if not len(self.axes) == len(starts) == len(ends):
            raise ShapeError(f"{len(self.axes)} axes, {len(starts)} starts and {len(ends)} ends")
        return tuple(zip(starts, ends, strict=True))

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x = inputs.one("Input").type
        shape = list(x.shape)
        for axis, (start, end) in zip(self.axes, self.bounds(inputs), strict=True):
            index = checked_axis(axis, x.rank)
            shape[index] = sliced(shape[index], start, end)
        for axis in self.decrease_axis:
            if not 0 <= axis < x.rank or (isinstance(shape[axis], int) and shape[axis] != 1):
                raise ShapeError(f"dimension {axis} of {shape} is left out but not 1")
        kept = [dim for axis, dim in enumerate(shape) if axis not in self.decrease_axis]
        return (x.with_shape(kept or (1,)),)

    def infer_elements(self, inputs: Operands[Value]) -> tuple[Dim, ...] | None:
        x = inputs.one("Input")
        if x.elements is None or x.rank != 1 or self.axes not in ((0,), (-1,)):
            return None
        ((start, end),) = self.bounds(inputs)
        if not (isinstance(start, int) and isinstance(end, int)):
            return None
        return x.elements[start:end]


class StridedSlice(Operation):
    """Every ``strides``-th element of Input from ``starts`` to before ``ends`` along ``axes``.

    Strides are positive: the runtime reverses no axis but the first (use flip). Starts
    are not cut to the dimension, ends are. ``infer_flags`` is 1 for every axis.
    """

    type: ClassVar[str] = "strided_slice"
    inputs = slots("Input")

    axes: tuple[int, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    strides: tuple[int, ...]
    infer_flags: tuple[int, ...]
    decrease_axis: tuple[int, ...] = ()

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x = inputs.one("Input").type
        shape = list(x.shape)
        if not len(self.axes) == len(self.starts) == len(self.ends) == len(self.strides):
            raise ShapeError("axes, starts, ends and strides are not of one length")
        bounds = zip(self.axes, self.starts, self.ends, self.strides, strict=True)
        for axis, start, end, stride in bounds:
            if stride < 1:
                raise ShapeError(f"stride {stride} is not positive")
            index = checked_axis(axis, x.rank)
            span = sliced(shape[index], start, end)
            shape[index] = UNKNOWN if span == UNKNOWN else ceil_divide(span, stride)
        kept = [dim for axis, dim in enumerate(shape) if axis not in self.decrease_axis]
        return (x.with_shape(kept or (1,)),)

    def infer_elements(self, inputs: Operands[Value]) -> tuple[Dim, ...] | None:
        x = inputs.one("Input")
        if x.elements is None or x.rank != 1 or self.axes not in ((0,), (-1,)):
            return None
        return x.elements[self.starts[0] : self.ends[0] : self.strides[0]]


class Flip(ElementwiseUnary):
    """X with the order of its elements reversed along the dimensions ``axis``."""

    type: ClassVar[str] = "flip"

    axis: tuple[int, ...] = ()

    def infer_elements(self, inputs: Operands[Value]) -> tuple[Dim, ...] | None:
        x = inputs.one("X")
        if x.elements is None or x.rank != 1:
            return None
        return x.elements[::-1] if self.axis else x.elements


class ExpandV2(Operation):
    """X repeated along its dimensions of size 1, and along new ones in front, to ``shape``.

    A -1 in ``shape`` keeps the dimension. The operands Shape (int32) or
    expand_shapes_tensor (one int32 tensor for each dimension) take its place. No dimension
    of the shape may be smaller than that of X.
    """

    type: ClassVar[str] = "expand_v2"
    inputs = slots("X Shape? expand_shapes_tensor*")

    shape: tuple[int, ...] = ()

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x = inputs.one("X").type
        given = shape_elements(inputs.maybe("Shape"), inputs["expand_shapes_tensor"])
        wanted = self.shape if given is None else given
        if len(wanted) < x.rank:
            raise ShapeError(f"{x} does not expand to {list(wanted)}")
        padded = (1,) * (len(wanted) - x.rank) + x.shape
        return (x.with_shape(_expanded(a, b) for a, b in zip(padded, wanted, strict=True)),)

    def infer_elements(self, inputs: Operands[Value]) -> tuple[Dim, ...] | None:
        x = inputs.one("X")
        result = self.infer(inputs)[0]
        if x.elements is None or len(x.elements) != 1 or result.rank > 1 or not result.is_static:
            return None
        return x.elements * result.size if result.size <= ELEMENTS_LIMIT else None


def _expanded(old: Dim, wanted: Dim) -> Dim:
    if wanted == INFER or (wanted == UNKNOWN and old != 1):
        return old
    if isinstance(old, int) and isinstance(wanted, int) and old not in (1, wanted):
        raise ShapeError(f"a dimension of {old} does not expand to {wanted}")
    return wanted


class Tile(Operation):
    """X repeated ``repeat_times`` along each dimension; the shorter shape is padded by ones.

    The operands RepeatTimes (int32) or repeat_times_tensor take the place of the attribute.
    """

    type: ClassVar[str] = "tile"
    inputs = slots("X RepeatTimes? repeat_times_tensor*")

    repeat_times: tuple[int, ...] = ()

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x = inputs.one("X").type
        given = shape_elements(inputs.maybe("RepeatTimes"), inputs["repeat_times_tensor"])
        repeats = self.repeat_times if given is None else given
        rank = max(x.rank, len(repeats))
        shape = (1,) * (rank - x.rank) + x.shape
        repeats = (1,) * (rank - len(repeats)) + tuple(repeats)
        return (
            x.with_shape(
                UNKNOWN if times == UNKNOWN else multiply(dim, times)
                for dim, times in zip(shape, repeats, strict=True)
            ),
        )
