"""TFLite's operators that move elements."""

from __future__ import annotations

import numpy as np

from random_models.drawing import Draw, Menu, Row, Tensor
from random_models.rules.tflite import ints


def reshape(d: Draw, x: Tensor) -> str:
    return d.add("RESHAPE", x.name, ints(d, d.factors(x.array.size)))


def transpose(d: Draw, x: Tensor) -> str | None:
    return d.add("TRANSPOSE", x.name, ints(d, d.shuffled(range(x.rank)))) if x.rank else None


def concat(d: Draw, x: Tensor) -> str | None:
    if not x.rank:
        return None
    axis = d.between(0, x.rank - 1)
    shape = [d.between(1, 4) if place == axis else size for place, size in enumerate(x.shape)]
    parts = d.shuffled([x.name, d.partner(x, shape)])
    return d.add("CONCATENATION", *parts, axis=axis - (x.rank if d.chance(0.3) else 0))


def pad(d: Draw, x: Tensor) -> str | None:
    if not 1 <= x.rank <= 4:
        return None
    widths = [[d.between(0, 2), d.between(0, 2)] for _ in x.shape]
    if x.rank == 4 and d.chance(0.7):
        widths[0] = widths[3] = [0, 0]
    if d.chance(0.6):
        return d.add("PAD", x.name, ints(d, widths))
    return d.add("PADV2", x.name, ints(d, widths), d.constant(np.array(2).astype(x.array.dtype)))


def mirror_pad(d: Draw, x: Tensor) -> str | None:
    if not x.rank:
        return None
    symmetric = d.between(0, 1)
    widths = [[0, 0] for _ in x.shape]
    for axis in (1, 2) if x.rank == 4 else range(x.rank):
        most = min(2, x.shape[axis] - 1 + symmetric)
        widths[axis] = [d.between(0, most), d.between(0, most)]
    return d.add("MIRROR_PAD", x.name, ints(d, widths), mode=symmetric)


def strided_slice(d: Draw, x: Tensor) -> str | None:
    if not 1 <= x.rank <= 4:
        return None
    begins, ends, steps = [], [], []
    for size in x.shape:
        start = d.between(0, size - 1)
        back = d.chance(0.15)
        steps.append(-1 if back else d.pick((1, 1, 2, 3)))
        begins.append(size - 1 if back else d.pick((start, start, start - size)))
        ends.append(-size - 1 if back else d.pick((start + 1, size, size + 3)))
    forward = min(steps) > 0
    masks = {name: d.pick((0, 0, 1, 3)) for name in ("begin_mask", "end_mask")} if forward else {}
    if forward and d.chance(0.3):
        masks["shrink_axis_mask"] = 1 << d.between(0, x.rank - 1)
    return d.add("STRIDED_SLICE", x.name, ints(d, begins), ints(d, ends), ints(d, steps), **masks)


def slice_(d: Draw, x: Tensor) -> str | None:
    if not x.rank:
        return None
    begins = [d.between(0, size - 1) for size in x.shape]
    rooms = [size - begin for size, begin in zip(x.shape, begins, strict=True)]
    sizes = [d.pick((-1, d.between(1, room))) for room in rooms]
    return d.add("SLICE", x.name, ints(d, begins), ints(d, sizes))


def split(d: Draw, x: Tensor) -> str | None:
    if not x.rank:
        return None
    axis = d.between(0, x.rank - 1)
    size = x.shape[axis]
    counts = [count for count in range(2, min(size, 6) + 1) if size % count == 0]
    if counts and d.chance():
        count = d.pick(counts)
        operands = (ints(d, axis), x.name)
        return d.pick(d.results(count, "SPLIT", *operands, num_splits=count))
    if size < 2:
        return None
    first = d.between(1, size - 1)
    sizes = ints(d, [first, size - first])
    return d.pick(d.results(2, "SPLIT_V", x.name, sizes, ints(d, axis), num_splits=2))


def pack(d: Draw, x: Tensor) -> str | None:
    if x.rank > 4:
        return None
    parts = d.shuffled([x.name, d.partner(x, x.shape)])
    return d.add("PACK", *parts, values_count=2, axis=d.between(0, x.rank))


def unpack(d: Draw, x: Tensor) -> str | None:
    axis = d.between(0, x.rank - 1) if x.rank else 0
    if not x.rank or not 2 <= x.shape[axis] <= 6:
        return None
    count = x.shape[axis]
    return d.pick(d.results(count, "UNPACK", x.name, num=count, axis=axis))


def gather(d: Draw, x: Tensor) -> str | None:
    if not x.rank:
        return None
    axis = d.between(0, x.rank - 1)
    places = d.numbers.integers(0, x.shape[axis], d.pick(((), (3,), (1, 2))))
    if d.chance(0.3):
        rows = d.numbers.integers(0, x.shape[0], (3, 1))
        return d.add("GATHER_ND", x.name, d.operand(rows.astype(np.int32)))
    return d.add("GATHER", x.name, d.operand(np.asarray(places, np.int32)), axis=axis)


def tile(d: Draw, x: Tensor) -> str | None:
    return d.add("TILE", x.name, ints(d, [d.pick((1, 1, 2)) for _ in x.shape])) if x.rank else None


def broadcast(d: Draw, x: Tensor) -> str | None:
    shape = [d.between(1, 3) if size == 1 else size for size in x.shape]
    return d.add("BROADCAST_TO", x.name, ints(d, shape)) if x.rank else None


def squeeze(d: Draw, x: Tensor) -> str | None:
    ones = [axis for axis, size in enumerate(x.shape) if size == 1]
    if not ones:
        return None
    axes = d.rng.sample(ones, d.between(1, len(ones)))
    return d.add("SQUEEZE", x.name, squeeze_dims=None if d.chance(0.3) else axes)


def expand_dims(d: Draw, x: Tensor) -> str | None:
    return d.add("EXPAND_DIMS", x.name, ints(d, d.between(0, x.rank))) if x.rank < 5 else None


def blocks(d: Draw, x: Tensor) -> str | None:
    if x.rank != 4:
        return None
    _, height, width, channels = x.shape
    if channels % 4 == 0 and d.chance():
        return d.add("DEPTH_TO_SPACE", x.name, block_size=2)
    if height % 2 == width % 2 == 0 and d.chance():
        return d.add("SPACE_TO_DEPTH", x.name, block_size=2)
    pads = ints(d, [[0, -height % 2], [0, -width % 2]])
    return d.add("SPACE_TO_BATCH_ND", x.name, ints(d, [2, 2]), pads)


def reverse(d: Draw, x: Tensor) -> str | None:
    return d.add("REVERSE_V2", x.name, ints(d, [d.between(0, x.rank - 1)])) if x.rank else None


def resize(d: Draw, x: Tensor) -> str | None:
    if x.rank != 4:
        return None
    size = [d.between(1, 12), d.between(1, 12)]
    if d.chance(0.4):
        size = [x.shape[1] * 2, x.shape[2] * 2]
    aligned, half = d.pick(((False, False), (True, False), (False, True)))
    type = d.pick(("RESIZE_BILINEAR", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"))
    own = {"align_corners": aligned, "half_pixel_centers": half}
    return d.add(type, x.name, ints(d, size), **own)


def top_k(d: Draw, x: Tensor) -> str | None:
    if not x.rank:
        return None
    count = ints(d, d.between(1, x.shape[-1]))
    return d.results(2, "TOPK_V2", x.name, count)[0]


MENU: Menu = (
    Row(2, reshape, "fi"),
    Row(2, transpose, "fi"),
    Row(2, concat, "fi"),
    Row(2, pad, "fi"),
    Row(1, mirror_pad),
    Row(2, strided_slice, "fi"),
    Row(1, slice_, "fi"),
    Row(2, split, "fi"),
    Row(1, pack, "fi"),
    Row(1, unpack, "fi"),
    Row(2, gather, "fi"),
    Row(1, tile, "fi"),
    Row(1, broadcast),
    Row(1, squeeze, "fi"),
    Row(1, expand_dims, "fi"),
    Row(1, blocks),
    Row(1, reverse, "fi"),
    Row(2, resize),
    Row(1, top_k),
)
