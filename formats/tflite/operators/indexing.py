"""Reads operators that join, cut and repeat elements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from opt_tool.formats.shapes import reshape_to
from opt_tool.formats.tflite.node import TfliteNode
from opt_tool.formats.tflite.orders import Laid
from opt_tool.formats.tflite.registry import tflite_op
from opt_tool.ir import Dim, Value
from opt_tool.ir.operations.data_movement import (
    Concat,
    ExpandV2,
    Flip,
    Slice,
    Split,
    Stack,
    StridedSlice,
    Tile,
)
from opt_tool.ir.operations.indexing import Gather
from opt_tool.ir.operations.shape import Squeeze2

ENDLESS = 2**31 - 1

# ---- joining


@tflite_op("CONCATENATION")
def concatenation(node: TfliteNode) -> Laid:
    operands = [node.laid(index) for index in range(node.count)]
    if len({operand.rank for operand in operands}) != 1:
        raise node.unsupported("operands of different numbers of dimensions")
    axis = node.axis(node.integer("axis"), operands[0].rank)
    values, order = node.together(operands)
    kept = [value for value in values if 0 not in value.shape]
    y = kept[0] if len(kept) == 1 else node.add(Concat(axis=order.index(axis)), X=kept)
    return Laid(node.activated(y), order)


@tflite_op("PACK")
def pack(node: TfliteNode) -> Value:
    values = [node.value(index) for index in range(node.count)]
    axis = node.axis(node.integer("axis"), values[0].rank + 1)
    return node.add(Stack(axis=axis), X=values)


@tflite_op("UNPACK")
def unpack(node: TfliteNode) -> list[Value]:
    x = node.laid(0)
    axis = node.axis(node.integer("axis"), x.rank)
    parts = _split(node, x, axis, (1,) * len(node.proto.outputs))
    return [node.add(Squeeze2(axes=(axis,)), X=node.in_order(part)) for part in parts]


# ---- cutting


def _split(node: TfliteNode, x: Laid, axis: int, sections: Sequence[int]) -> list[Laid]:
    if len(sections) == 1:
        return [x]
    op = Split(axis=x.order.index(axis), sections=tuple(size for size in sections if size))
    parts = iter(node.add_all(op, X=x.value) if len(op.sections) > 1 else (x.value,))
    return [Laid(next(parts) if size else _empty(node, x, axis), x.order) for size in sections]


def _empty(node: TfliteNode, x: Laid, axis: int) -> Value:
    """A part without elements, which no operation of the runtime could make."""
    if not x.value.type.is_static:
        raise node.unsupported("a part without elements of sizes that are known at run time only")
    sizes = list(x.value.type.static_shape)
    sizes[x.order.index(axis)] = 0
    return node.new_constant(np.zeros(sizes, x.value.dtype.numpy), "empty")


@tflite_op("SPLIT")
def split(node: TfliteNode) -> list[Laid]:
    """Operands: the axis, then what is split into equal parts."""
    x, parts = node.laid(1), len(node.proto.outputs)
    axis = node.axis(node.whole(0, "axis"), x.rank)
    size = x.shape[axis]
    if not isinstance(size, int) or parts < 1 or size % parts:
        raise node.unsupported(f"a dimension of {size} in {parts} equal parts")
    return _split(node, x, axis, (size // parts,) * parts)


@tflite_op("SPLIT_V")
def split_v(node: TfliteNode) -> list[Laid]:
    x, sizes = node.laid(0), list(node.integers(1, "sizes"))
    axis = node.axis(node.whole(2, "axis"), x.rank)
    size = x.shape[axis]
    if sizes.count(-1) == 1 and isinstance(size, int):
        sizes[sizes.index(-1)] = size - sum(sizes) - 1
    if min(sizes, default=-1) < 0 or not any(sizes) or len(sizes) != len(node.proto.outputs):
        raise node.unsupported(f"a dimension of {size} in parts of {sizes}")
    return _split(node, x, axis, sizes)


@tflite_op("SLICE")
def slice_of(node: TfliteNode) -> Laid:
    """Operands: x, where each dimension begins, and how many elements stay (-1: the rest)."""
    x = node.laid(0)
    begins, sizes = node.integers(1, "begin"), node.integers(2, "size")
    if not len(begins) == len(sizes) == x.rank:
        raise node.unsupported(f"{len(begins)} starts and {len(sizes)} sizes for {x.rank} axes")
    cuts = {
        axis: Cut(begin, ENDLESS if size == -1 else begin + size, 1)
        for axis, (begin, size) in enumerate(zip(begins, sizes, strict=True))
        if not (begin == 0 and size in (-1, x.shape[axis]))
    }
    for axis, cut in cuts.items():
        size = x.shape[axis]
        if cut.start < 0 or (isinstance(size, int) and ENDLESS > cut.end > size):
            raise node.unsupported(f"elements {cut.start} to {cut.end} of a dimension of {size}")
    return _cut(node, x, cuts)


class Cut(NamedTuple):
    """Every ``step``-th element of an axis, from ``start`` to before ``end``."""

    start: int
    end: int
    step: int


def _cut(node: TfliteNode, x: Laid, cuts: dict[int, Cut]) -> Laid:
    """The elements of x that are within the cuts, in the order that x has."""
    simple = {axis: cut for axis, cut in cuts.items() if cut.step == 1}
    y = x.value
    if simple:
        op = Slice(
            axes=tuple(x.order.index(axis) for axis in simple),
            starts=tuple(cut.start for cut in simple.values()),
            ends=tuple(cut.end for cut in simple.values()),
            infer_flags=(1,) * len(simple),
        )
        y = node.add(op, Input=y)
    for axis, cut in cuts.items():
        if cut.step != 1:
            y = _stepped(node, y, x.order.index(axis), cut)
    return Laid(y, x.order)


def _stepped(node: TfliteNode, x: Value, axis: int, cut: Cut) -> Value:
    size = x.shape[axis]
    if cut.step > 1:
        op = StridedSlice(
            axes=(axis,),
            starts=(cut.start,),
            ends=(cut.end,),
            strides=(cut.step,),
            infer_flags=(1,),
        )
        return node.add(op, Input=x)
    if not isinstance(size, int):
        raise node.unsupported(f"it reverses a dimension ({size}) known only at run time")
    node.made_up(size)
    chosen = np.arange(cut.start, cut.end, cut.step, dtype=np.int32)
    if np.array_equal(chosen, np.arange(size)[::-1]):
        return node.add(Flip(axis=(axis,)), X=x)
    return node.add(Gather(axis=axis), X=x, Index=node.new_constant(chosen, "indices"))


@dataclass
class _Bounds:
    """The bounds of STRIDED_SLICE as they are worked out, axis by axis."""

    cuts: dict[int, Cut]
    left_out: list[int]
    new: list[int]
    axis: int = 0


@tflite_op("STRIDED_SLICE")
def strided_slice(node: TfliteNode) -> Laid | Value:
    """Python's indexing: bit i of a mask says how entry i of the bounds is to be read."""
    x = node.laid(0)
    bounds = [node.integers(index, what) for index, what in enumerate(BOUNDS, 1)]
    if node.flag("offset") or len({len(bound) for bound in bounds}) != 1:
        raise node.unsupported("its bounds are not one number for each axis")
    found = _read_bounds(node, x, list(zip(*bounds, strict=True)))
    y = _cut(node, x, found.cuts)
    if not found.left_out and not found.new:
        return y
    value = node.in_order(y)
    if found.left_out:
        value = node.add(Squeeze2(axes=tuple(found.left_out)), X=value)
    shape: list[Dim] = list(value.shape)
    for place in found.new:
        shape.insert(place, 1)
    return reshape_to(node, value, tuple(shape)) if found.new else value


BOUNDS = ("begin", "end", "strides")


def _read_bounds(node: TfliteNode, x: Laid, entries: list[tuple[int, ...]]) -> _Bounds:
    masks = {
        name: node.integer(f"{name}_mask")
        for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    }
    given = sum(
        not (masks["new_axis"] | masks["ellipsis"]) >> index & 1 for index in range(len(entries))
    )
    found, place = _Bounds({}, [], []), 0
    for index, (begin, end, step) in enumerate(entries):
        set_bits = {name for name, mask in masks.items() if mask >> index & 1}
        if "ellipsis" in set_bits:
            found.axis += x.rank - given
            place += x.rank - given
        elif "new_axis" in set_bits:
            found.new.append(place)
            place += 1
        else:
            if found.axis >= x.rank:
                raise node.unsupported(f"it slices axis {found.axis} of {x.rank}")
            _add_cut(node, x, found, set_bits, (begin, end, step))
            place += "shrink_axis" not in set_bits
            found.axis += 1
    return found


def _add_cut(
    node: TfliteNode,
    x: Laid,
    found: _Bounds,
    set_bits: set[str],
    bounds: tuple[int, int, int],
) -> None:
    """Note what one entry cuts off the current axis, and whether the axis is left out."""
    begin, end, step = bounds
    axis = found.axis
    size = x.shape[axis]
    if step == 0:
        raise node.unsupported("a stride of 0")
    if "shrink_axis" in set_bits:
        found.left_out.append(axis)
        begin = 0 if "begin" in set_bits else begin
        end, step = ENDLESS if begin == -1 else begin + 1, 1
        set_bits = set()
    if isinstance(size, str):
        start = 0 if "begin" in set_bits else begin
        stop = ENDLESS if "end" in set_bits else end
        if step < 0:
            raise node.unsupported(f"it reverses a dimension ({size}) known only at run time")
        if (start, stop, step) != (0, ENDLESS, 1):
            found.cuts[axis] = Cut(start, stop, step)
        return
    chosen = range(size)[
        slice(
            None if "begin" in set_bits else begin,
            None if "end" in set_bits else end,
            step,
        )
    ]
    if len(chosen) == 0:
        raise node.unsupported(f"it takes no element of a dimension of {size}")
    if len(chosen) == 1:
        chosen = range(chosen.start, chosen.start + 1)
    if chosen != range(size):
        found.cuts[axis] = Cut(chosen.start, chosen.stop, chosen.step)


# ---- repeating


@tflite_op("TILE")
def tile(node: TfliteNode) -> Laid:
    x, repeats = node.laid(0), node.integers(1, "multiples")
    if len(repeats) != x.rank or min(repeats, default=1) < 1:
        raise node.unsupported(f"multiples {list(repeats)} for {x.rank} axes")
    times = tuple(repeats[axis] for axis in x.order)
    return Laid(node.add(Tile(repeat_times=times), X=x.value), x.order)


@tflite_op("BROADCAST_TO")
def broadcast_to(node: TfliteNode) -> Value:
    return node.add(ExpandV2(shape=node.integers(1, "shape")), X=node.value(0))


@tflite_op("FILL")
def fill(node: TfliteNode) -> Value:
    shape, number = node.integers(0, "shape"), node.number(1, "value")
    filled = np.full(node.made_up(*shape), number, number.dtype)
    return node.new_constant(filled, "filled")


@tflite_op("REVERSE_V2")
def reverse(node: TfliteNode) -> Laid:
    x = node.laid(0)
    axes = tuple(x.order.index(node.axis(axis, x.rank)) for axis in node.integers(1, "axes"))
    return Laid(node.add(Flip(axis=axes), X=x.value), x.order)
