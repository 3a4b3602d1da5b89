"""Inputs for a model from a fixed seed, in a range that exercises it.

What looks like an image gets pictures, integers that a lookup reads get numbers that its
table has, everything else gets normal numbers.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from opt_tool.api.pictures import picture
from opt_tool.ir import DType, Graph, Node, TensorType, Value

BATCH, SPATIAL, SEQUENCE, COLORS = 1, 224, 16, 3
IMAGE_CHANNELS = (1, 3, 4)
SMALLEST_IMAGE = 8
LOOKUPS: Mapping[str, tuple[str, str]] = {
    "gather": ("X", "Index"),
    "lookup_table": ("W", "Ids"),
    "lookup_table_v2": ("W", "Ids"),
}
"""Operations that read rows of a table: the slots of the table and of the row numbers."""

PASSES_IDS = frozenset(
    {"assign", "cast", "flatten", "reshape", "reshape2", "squeeze2", "unsqueeze2", "transpose2"}
)
"""Operations that hand on row numbers as they are."""

CHANNEL_FILTERS = frozenset({"conv2d", "depthwise_conv2d"})


def sample_inputs(graph: Graph, count: int, seed: int = 0) -> list[dict[str, np.ndarray]]:
    """``count`` sets of inputs, the same ones for the same graph and seed."""
    types = concrete_types(graph)
    rng = np.random.default_rng(seed)
    return [
        {value.name: _sample(rng, value, types[value.name]) for value in graph.inputs}
        for _ in range(count)
    ]


def concrete_types(graph: Graph) -> dict[str, TensorType]:
    """The types of the inputs with a sensible number for each symbol, the same for each use."""
    sizes: dict[str, int] = {}
    types: dict[str, TensorType] = {}
    for value in graph.inputs:
        shape = [
            sizes.setdefault(dim, _size(value, axis)) if isinstance(dim, str) else dim
            for axis, dim in enumerate(value.shape)
        ]
        types[value.name] = value.type.with_shape(shape)
    return types


def _size(value: Value, axis: int) -> int:
    """A number for a dimension that the model leaves open."""
    if axis == 0:
        return BATCH
    if value.rank != 4:
        return SEQUENCE
    channel_axis = 3 if value.shape[3] in IMAGE_CHANNELS and axis != 3 else 1
    return _channels(value) if axis == channel_axis else SPATIAL


def _channels(value: Value) -> int:
    """How many channels the first convolution takes, else those of a colour picture."""
    for node in value.users:
        if node.op.type in CHANNEL_FILTERS:
            size = node.input("Filter").type.static_shape[1]
            return size * int(getattr(node.op, "groups", 1))
    return COLORS


def _sample(rng: np.random.Generator, value: Value, type: TensorType) -> np.ndarray:
    shape = type.static_shape
    axis = image_channel_axis(shape)
    if axis is not None and (type.dtype.is_float or type.dtype is DType.UINT8):
        images = _pictures(rng, shape, axis)
        return images if type.dtype.is_float else np.round(images * 255).astype(np.uint8)
    if type.dtype.is_float:
        values = rng.standard_normal(shape) if len(shape) > 1 else rng.uniform(0.5, 1.5, shape)
        return np.asarray(values, type.dtype.numpy)
    if type.dtype is DType.BOOL:
        return rng.integers(0, 2, shape).astype(np.bool_)
    return np.asarray(_integers(rng, value, shape), type.dtype.numpy)


def image_channel_axis(shape: tuple[int, ...]) -> int | None:
    """The axis of the channels where a shape is that of pictures, else None."""
    if len(shape) not in (3, 4):
        return None
    first, last = len(shape) - 3, len(shape) - 1
    for axis, sides in ((first, shape[-2:]), (last, shape[-3:-1])):
        if shape[axis] in IMAGE_CHANNELS and min(sides) >= SMALLEST_IMAGE:
            return axis
    return None


def _pictures(rng: np.random.Generator, shape: tuple[int, ...], axis: int) -> np.ndarray:
    """Pictures (N?, C, H, W) or (N?, H, W, C)."""
    channels_last = axis == len(shape) - 1
    height, width = shape[-3:-1] if channels_last else shape[-2:]
    batch = shape[0] if len(shape) == 4 else 1
    images = np.stack([picture(rng, height, width, shape[axis]) for _ in range(batch)])
    if not channels_last:
        images = images.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(images.reshape(shape))


def _integers(rng: np.random.Generator, value: Value, shape: tuple[int, ...]) -> np.ndarray:
    rows = _table_rows(value)
    if rows is not None:
        return rng.integers(0, max(rows, 1), shape)
    if "mask" in value.name.lower():
        return np.ones(shape)
    return rng.integers(0, 2, shape)


def _table_rows(value: Value) -> int | None:
    """How many rows the smallest table has that the value picks from, else None."""
    found = []
    seen: set[Node] = set()
    waiting = [value]
    while waiting:
        current = waiting.pop()
        for node in current.users:
            if node in seen:
                continue
            seen.add(node)
            if node.op.type in PASSES_IDS:
                waiting.append(node.output)
            table = _table(node, current)
            if table is not None:
                found.append(table)
    return min(found, default=None)


def _table(node: Node, ids: Value) -> int | None:
    table_slot, ids_slot = LOOKUPS.get(node.op.type, ("", ""))
    if ids_slot == "" or node.inputs.maybe(ids_slot) is not ids:
        return None
    table = node.input(table_slot)
    rows = table.shape[0] if table.rank > 0 else None
    return rows if isinstance(rows, int) else None
