"""ONNX operators that move elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from random_models.drawing import Draw, Menu, Row, Tensor
from random_models.rules.onnx_windows import pads

FAR = 10**6
"""An end far behind every axis."""


def listed(
    d: Draw, type: str, x: Tensor, since: int, name: str, values: list[int], **attributes: Any
) -> str:
    """An operator whose numbers are an operand since an opset, and an attribute before."""
    if d.opset >= since:
        return d.add(type, x.name, d.ints(values), **attributes)
    return d.add(type, x.name, **{name: values}, **attributes)


def transpose(d: Draw, x: Tensor) -> str | None:
    order = d.shuffled(range(x.rank)) if d.chance(0.9) else None
    return d.add("Transpose", x.name, perm=order) if x.rank else None


def reshape(d: Draw, x: Tensor) -> str:
    shape = d.factors(x.array.size)
    place = d.between(0, len(shape) - 1)
    if d.chance(0.4):
        shape[place] = -1
    elif place < x.rank and shape[place] == x.shape[place]:
        shape[place] = 0
    return d.add("Reshape", x.name, d.ints(shape))


def flatten(d: Draw, x: Tensor) -> str | None:
    axis = d.between(0, x.rank) if d.opset < 11 else d.between(-x.rank, x.rank)
    return d.add("Flatten", x.name, axis=axis) if x.rank else None


def squeeze(d: Draw, x: Tensor) -> str | None:
    ones = [axis for axis, size in enumerate(x.shape) if size == 1]
    if not ones:
        return None
    if d.chance(0.2):
        return d.add("Squeeze", x.name)
    return listed(d, "Squeeze", x, 13, "axes", d.rng.sample(ones, d.between(1, len(ones))))


def unsqueeze(d: Draw, x: Tensor) -> str | None:
    if x.rank > 4:
        return None
    count = d.between(1, 5 - x.rank)
    return listed(d, "Unsqueeze", x, 13, "axes", d.rng.sample(range(x.rank + count), count))


def expand(d: Draw, x: Tensor) -> str | None:
    if d.opset < 8:
        return None
    shape = [d.pick((1, 2, 3)) if size == 1 else d.pick((1, size)) for size in x.shape]
    front = [d.between(1, 2)] if x.rank < 5 and d.chance(0.3) else []
    return d.add("Expand", x.name, d.ints([*front, *shape]))


def tile(d: Draw, x: Tensor) -> str | None:
    if not x.rank:
        return None
    return d.add("Tile", x.name, d.ints([d.pick((1, 1, 2, 3)) for _ in x.shape]))


def slice_(d: Draw, x: Tensor) -> str | None:
    if not x.rank:
        return None
    axes = d.rng.sample(range(x.rank), d.between(1, x.rank))
    starts, ends, steps = [], [], []
    for axis in axes:
        size = x.shape[axis]
        start = d.between(0, size - 1)
        back = d.opset >= 10 and d.chance(0.2)
        steps.append(d.pick((-1, -2)) if back else d.pick((1, 1, 2, 3)))
        starts.append(start - size if d.chance(0.3) else start)
        ends.append(-size - 1 if back else d.pick((size, FAR, start + 1, start + 2, -1)))
    if d.opset < 10:
        return d.add("Slice", x.name, axes=axes, starts=starts, ends=ends)
    return d.add("Slice", x.name, d.ints(starts), d.ints(ends), d.ints(axes), d.ints(steps))


def split(d: Draw, x: Tensor) -> str | None:
    axis = d.axis(x.rank) if x.rank else 0
    if not x.rank or x.shape[axis] < 2 or d.opset < 11:
        return None
    if d.opset >= 18 and d.chance(0.3):
        count = d.between(2, min(4, x.shape[axis]))
        return d.pick(d.results(count, "Split", x.name, axis=axis, num_outputs=count))
    first = d.between(1, x.shape[axis] - 1)
    sizes = [first, x.shape[axis] - first]
    operands = [d.ints(sizes)] if d.opset >= 13 else []
    own = {} if operands else {"split": sizes}
    return d.pick(d.results(2, "Split", x.name, *operands, axis=axis, **own))


def concat(d: Draw, x: Tensor) -> str | None:
    if not x.rank:
        return None
    axis = d.between(0, x.rank - 1)
    shape = [d.between(1, 4) if place == axis else size for place, size in enumerate(x.shape)]
    parts = [x.name, d.partner(x, shape)] + ([x.name] if d.chance(0.2) else [])
    shift = x.rank if d.opset >= 11 and d.chance(0.3) else 0
    return d.add("Concat", *d.shuffled(parts), axis=axis - shift)


def pad(d: Draw, x: Tensor) -> str | None:
    if not x.rank:
        return None
    modes = ["constant", "constant", "reflect", "edge"] + (["wrap"] if d.opset >= 19 else [])
    mode = d.pick(modes)
    outer = [0, 0] if x.rank == 4 and d.chance(0.7) else None
    most = [2] * x.rank if outer is None else [*outer, 2, 2]
    if mode in ("reflect", "wrap"):
        most = [min(wide, size - 1) for wide, size in zip(most, x.shape, strict=True)]
    widths = pads(d, most)
    if mode == "constant" and d.chance(0.1):
        widths[d.between(0, len(widths) - 1)] = -1
    if d.opset < 11:
        return d.add("Pad", x.name, pads=widths, mode=mode)
    fill = np.array(d.pick((0, 0, 1.5))).astype(x.array.dtype)
    value = [d.constant(fill)] if mode == "constant" else []
    if d.opset >= 18 and d.chance(0.2) and x.rank > 1:
        wide = d.ints([widths[-1], 1])
        return d.add("Pad", x.name, wide, value[0] if value else "", d.ints([-1]), mode=mode)
    return d.add("Pad", x.name, d.ints(widths), *value, mode=mode)


def gather(d: Draw, x: Tensor) -> str | None:
    if not x.rank:
        return None
    axis = d.axis(x.rank)
    size = x.shape[axis]
    shape = d.pick(((), (2,), (1, 3), (4,)))
    places = d.numbers.integers(-size if d.opset >= 11 else 0, size, shape)
    return d.add("Gather", x.name, d.operand(np.asarray(places, np.int64)), axis=axis)


def gather_elements(d: Draw, x: Tensor) -> str | None:
    if not x.rank or d.opset < 11:
        return None
    axis = d.axis(x.rank)
    shape = list(x.shape)
    shape[axis] = d.between(1, x.shape[axis] + 1)
    places = d.numbers.integers(0, x.shape[axis], shape)
    return d.add("GatherElements", x.name, d.operand(places), axis=axis)


def gather_nd(d: Draw, x: Tensor) -> str | None:
    if not x.rank or d.opset < 11:
        return None
    depth = d.between(1, x.rank)
    rows = d.pick(((2,), (1, 3), (4,)))
    places = [d.numbers.integers(0, size, rows) for size in x.shape[:depth]]
    return d.add("GatherND", x.name, d.operand(np.stack(places, -1)))


def scatter(d: Draw, x: Tensor) -> str | None:
    if not x.rank or d.opset < 11:
        return None
    if d.chance():
        axis = d.axis(x.rank)
        count = d.between(1, x.shape[axis])
        shape = list(x.shape)
        shape[axis] = count
        order = np.argsort(d.numbers.random(x.shape), axis=axis)
        places = np.take(order, range(count), axis=axis)
        updates = d.operand(d.like(x, shape))
        return d.add("ScatterElements", x.name, d.operand(places), updates, axis=axis)
    count = d.between(1, x.shape[0])
    rows = d.numbers.permutation(x.shape[0])[:count, None]
    updates = d.operand(d.like(x, (count, *x.shape[1:])))
    return d.add("ScatterND", x.name, d.operand(rows), updates)


def pick_rows(d: Draw, x: Tensor) -> str:
    """Whole numbers that say which rows of a table are taken."""
    rows = d.between(2, 9)
    numbers = d.constant(np.array(rows, x.array.dtype))
    return d.add("Gather", d.constant(d.normal((rows, 3))), d.add("Mod", x.name, numbers), axis=0)


def depth_to_space(d: Draw, x: Tensor) -> str | None:
    if x.rank != 4:
        return None
    if x.shape[1] % 4 == 0:
        mode = d.pick(("DCR", "CRD")) if d.opset >= 11 else None
        return d.add("DepthToSpace", x.name, blocksize=2, mode=mode)
    even = x.shape[2] % 2 == x.shape[3] % 2 == 0
    return d.add("SpaceToDepth", x.name, blocksize=2) if even else None


def shuffle(d: Draw, x: Tensor) -> str | None:
    """Channels in another order, as exporters write it."""
    if x.rank != 4 or x.shape[1] < 4 or x.shape[1] % 2:
        return None
    n, c, h, w = x.shape
    apart = d.add("Reshape", x.name, d.ints([n, 2, c // 2, h, w]))
    turned = d.add("Transpose", apart, perm=[0, 2, 1, 3, 4])
    return d.add("Reshape", turned, d.ints([n, c, h, w]))


def reshape_by_shape(d: Draw, x: Tensor) -> str | None:
    """A shape that is computed from another one."""
    if not x.rank:
        return None
    first = d.add("Gather", d.add("Shape", x.name), d.ints([0]), axis=0)
    shape = d.add("Concat", first, d.ints([-1]), axis=0)
    return d.add("Reshape", x.name, shape)


def top_k(d: Draw, x: Tensor) -> str | None:
    if not x.rank or d.opset < 10:
        return None
    axis = d.axis(x.rank)
    own = {"largest": d.between(0, 1)} if d.opset >= 11 else {}
    count = d.ints([d.between(1, x.shape[axis])])
    return d.results(2, "TopK", x.name, count, axis=axis, **own)[0]


def sizes_known(d: Draw, x: Tensor) -> str | None:
    """A constant in a shape that is computed, added to what has it."""
    if d.opset < 9 or not x.rank:
        return None
    filled = d.add("ConstantOfShape", d.add("Shape", x.name))
    return d.add("Add", x.name, filled)


def crop_to_multiple(d: Draw, x: Tensor) -> str | None:
    """A slice whose end is computed from a size, as exporters of detectors write it."""
    if d.opset < 13 or x.rank < 2:
        return None
    axis = d.between(0, x.rank - 1)
    size = d.add("Gather", d.add("Shape", x.name), d.ints([axis]), axis=0)
    half = d.add("Div", d.add("Add", size, d.ints([1])), d.ints([2]))
    return d.add("Slice", x.name, d.ints([0]), half, d.ints([axis]))


def triangle(d: Draw, x: Tensor) -> str | None:
    if x.rank < 2 or d.opset < 14:
        return None
    diagonal = [d.ints(d.between(-2, 2))] if d.chance() else []
    return d.add("Trilu", x.name, *diagonal, upper=d.between(0, 1))


def reverse_sequence(d: Draw, x: Tensor) -> str | None:
    if x.rank < 2 or d.opset < 10:
        return None
    batch, time = d.shuffled((0, 1))
    lengths = d.numbers.integers(1, x.shape[time] + 1, x.shape[batch])
    return d.add("ReverseSequence", x.name, d.constant(lengths), batch_axis=batch, time_axis=time)


def one_hot(d: Draw, x: Tensor) -> str | None:
    if x.rank > 3 or d.opset < 11:
        return None
    depth = d.between(2, 7)
    values = d.constant(d.uniform([2], -1, 2))
    axis = d.pick((-1, 0, d.between(0, x.rank)))
    below = d.add("Mod", x.name, d.constant(np.array(depth, x.array.dtype)))
    return d.add("OneHot", below, d.ints(depth), values, axis=axis)


MENU: Menu = (
    Row(2, transpose, "fib"),
    Row(2, reshape, "fib"),
    Row(1, flatten, "fi"),
    Row(1, squeeze, "fib"),
    Row(1, unsqueeze, "fib"),
    Row(1, expand, "fib"),
    Row(1, tile, "fi"),
    Row(3, slice_, "fib"),
    Row(1, split, "fi"),
    Row(3, concat, "fib"),
    Row(2, pad, "fi"),
    Row(2, gather, "fib"),
    Row(1, gather_elements, "fi"),
    Row(1, gather_nd, "fi"),
    Row(1, scatter, "fi"),
    Row(3, pick_rows, "i"),
    Row(1, depth_to_space),
    Row(1, shuffle),
    Row(1, reshape_by_shape, "fi"),
    Row(1, top_k, "f"),
    Row(1, sizes_known),
    Row(1, crop_to_multiple, "fi"),
    Row(1, triangle, "f"),
    Row(1, reverse_sequence, "f"),
    Row(2, one_hot, "i"),
)
