"""Reads layers that move elements: joins, cuts, changes of shape and of order."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from opt_tool.formats.caffe.layer import CaffeLayer
from opt_tool.formats.caffe.registry import caffe_layer
from opt_tool.ir import Value
from opt_tool.ir.operations.data_movement import Concat, Slice, Split, Tile, Transpose2
from opt_tool.ir.types import product


@caffe_layer("Concat")
def concat(layer: CaffeLayer) -> Value:
    param, x = layer.proto.concat_param, layer.bottom()
    axis = param.concat_dim if param.HasField("concat_dim") else param.axis
    if len(layer.bottoms) == 1:
        return x
    return layer.add(Concat(axis=layer.axis(axis, x.rank)), X=layer.bottoms)


@caffe_layer("Slice")
def slice_blob(layer: CaffeLayer) -> Sequence[Value]:
    """Parts that end at ``slice_point``, or as many equal ones as there are tops."""
    param, x, count = layer.proto.slice_param, layer.bottom(), len(layer.tops)
    axis = layer.axis(param.slice_dim if param.HasField("slice_dim") else param.axis, x.rank)
    size = layer.sizes(x)[axis]
    points = list(param.slice_point) or [size * i // count for i in range(1, count)]
    bounds = [0, *points, size]
    sections = tuple(end - start for start, end in itertools.pairwise(bounds))
    even = bool(param.slice_point) or size % count == 0
    if len(sections) != count or min(sections) < 1 or not even:
        raise layer.unsupported(f"{size} elements do not part into {count} tops at {points}")
    if count == 1:
        return (x,)
    return layer.add_all(Split(axis=axis, sections=sections), X=x)


@caffe_layer("Flatten")
def flatten(layer: CaffeLayer) -> Value:
    param, x = layer.proto.flatten_param, layer.bottom()
    start, end = layer.axis(param.axis, x.rank), layer.axis(param.end_axis, x.rank)
    if start > end:
        raise layer.unsupported(f"there is nothing from axis {start} to axis {end}")
    flat = product(x.shape[start : end + 1])
    return layer.reshaped(x, (*x.shape[:start], flat, *x.shape[end + 1 :]))


@caffe_layer("Reshape")
def reshape(layer: CaffeLayer) -> Value:
    """Some axes in another shape, where 0 keeps a dimension and one -1 is what remains."""
    param, x = layer.proto.reshape_param, layer.bottom()
    sizes, dims = layer.sizes(x), list(param.shape.dim)
    start = param.axis if param.axis >= 0 else x.rank + param.axis + 1
    end = x.rank if param.num_axes == -1 else start + param.num_axes
    if not 0 <= start <= end <= x.rank:
        raise layer.unsupported(f"{param.num_axes} axes from {param.axis} on are not in {x.type}")
    for index, dim in enumerate(dims):
        if dim == 0 and start + index < x.rank:
            dims[index] = sizes[start + index]
    inside = math.prod(sizes[start:end])
    known = math.prod(dim for dim in dims if dim != -1)
    if dims.count(-1) == 1 and known > 0 and inside % known == 0:
        dims[dims.index(-1)] = inside // known
    if min(dims, default=1) < 1 or math.prod(dims) != inside:
        raise layer.unsupported(
            f"{x.type} does not reshape to {list(param.shape.dim)} from axis {start} to {end}"
        )
    return layer.reshaped(x, (*sizes[:start], *dims, *sizes[end:]))


@caffe_layer("Permute")
def permute(layer: CaffeLayer) -> Value:
    """Axes in another order; those that are left out follow in theirs."""
    x = layer.bottom()
    order = [layer.axis(axis, x.rank) for axis in layer.proto.permute_param.order]
    order += [axis for axis in range(x.rank) if axis not in order]
    return layer.add(Transpose2(axis=tuple(order)), X=x)


@caffe_layer("Crop")
def crop(layer: CaffeLayer) -> Value:
    """The part of the first bottom that has the size of the second."""
    param, x = layer.proto.crop_param, layer.bottom()
    axis = layer.axis(param.axis, x.rank)
    wanted, sizes = layer.sizes(layer.bottom(1)), layer.sizes(x)
    offsets = list(param.offset) or [0]
    if len(offsets) == 1:
        offsets = offsets * (x.rank - axis)
    if len(offsets) != x.rank - axis or len(wanted) != x.rank:
        raise layer.unsupported(f"{len(offsets)} offsets for {x.rank - axis} axes")
    axes = tuple(range(axis, x.rank))
    ends = tuple(offset + wanted[axis] for axis, offset in zip(axes, offsets, strict=True))
    if any(end > sizes[axis] for axis, end in zip(axes, ends, strict=True)):
        raise layer.unsupported(f"{list(sizes)} is too small to be cropped to {list(wanted)}")
    if all(wanted[axis] == sizes[axis] for axis in axes):
        return x
    return layer.add(Slice(axes=axes, starts=tuple(offsets), ends=ends), Input=x)


@caffe_layer("Tile")
def tile(layer: CaffeLayer) -> Value:
    param, x = layer.proto.tile_param, layer.bottom()
    axis = layer.axis(param.axis, x.rank)
    if param.tiles < 1:
        raise layer.unsupported(f"{param.tiles} tiles")
    repeats = tuple(param.tiles if index == axis else 1 for index in range(x.rank))
    return layer.add(Tile(repeat_times=repeats), X=x)


@caffe_layer("ShuffleChannel")
def shuffle_channel(layer: CaffeLayer) -> Value:
    """Channels that lay group by group, one of each group in turn."""
    x, groups = layer.planes(), layer.proto.shuffle_channel_param.group
    batch, channels, height, width = layer.sizes(x)
    if groups < 1 or channels % groups:
        raise layer.unsupported(f"{channels} channels do not divide into {groups} groups")
    grouped = layer.reshaped(x, (batch, groups, channels // groups, height * width))
    turned = layer.add(Transpose2(axis=(0, 2, 1, 3)), X=grouped)
    return layer.reshaped(turned, (batch, channels, height, width))
