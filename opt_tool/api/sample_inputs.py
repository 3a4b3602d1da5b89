"""Inputs for a model from a fixed seed, in a range that exercises it.

What looks like an image gets pictures, integers that a lookup reads get numbers that its
table has, the limits of a range leave elements between them, everything else gets normal numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from opt_tool.api.pictures import picture
from opt_tool.ir import DType, Graph, Node, TensorType, Value

BATCH, SEQUENCE, COLORS = 1, 16, 3
SAMPLES = 3
"""On how many inputs a file is compared with its source, unless the user says."""

SPATIAL_SIZES = ((224, 224), (48, 320), (320, 320), (640, 640))
"""Heights and widths to try where a model leaves them open; some models take few sizes."""

IMAGE_CHANNELS = (1, 3, 4)
SMALLEST_IMAGE = 8
LARGEST_PICTURE = 4 << 20
"""Pictures of more pixels would take longer to draw than the model to run."""

LOOKUPS: Mapping[str, tuple[str, str]] = {
    "gather": ("X", "Index"),
    "lookup_table": ("W", "Ids"),
    "lookup_table_v2": ("W", "Ids"),
}
"""Operations that read rows of a table: the slots of the table and of the row numbers."""

HANDS_ON = frozenset(
    {"assign", "cast", "flatten", "reshape", "reshape2", "squeeze2", "unsqueeze2", "transpose2"}
)
"""Operations that hand on row numbers and limits as they are."""

RANGE_LIMITS: Mapping[str, tuple[int, int]] = {"Start": (0, 3), "End": (8, 17), "Step": (1, 3)}
"""What the operands of a range get: from the first number to before the second."""

CONVOLUTIONS = frozenset({"conv2d", "depthwise_conv2d"})


class InputSpec(NamedTuple):
    """What is known of an input and of what reads it.

    ``rows`` is how many rows the smallest table has that the input picks from; ``limits`` are
    those of its numbers where a range reads it; ``channels`` is how many channels its
    convolution takes.
    """

    name: str
    type: TensorType
    rows: int | None
    limits: tuple[int, int] | None
    channels: int

    @classmethod
    def of(cls, value: Value) -> InputSpec:
        rows, limits = _table_rows(value), _range_limits(value)
        return cls(value.name, value.type, rows, limits, _channels(value))


def input_specs(graph: Graph) -> tuple[InputSpec, ...]:
    """What samples are made from; holds nothing of the graph."""
    return tuple(InputSpec.of(value) for value in graph.inputs)


def sample_inputs(
    specs: Sequence[InputSpec],
    count: int,
    *,
    spatial: tuple[int, int] = SPATIAL_SIZES[0],
    seed: int = 0,
) -> list[dict[str, np.ndarray]]:
    """``count`` sets of inputs, the same ones for the same arguments.

    A symbol is the same number wherever it stands.
    """
    sizes: dict[str, int] = {}
    shapes = {
        spec.name: tuple(
            sizes.setdefault(dim, _size(spec, axis, spatial)) if isinstance(dim, str) else dim
            for axis, dim in enumerate(spec.type.shape)
        )
        for spec in specs
    }
    rng = np.random.default_rng(seed)
    return [
        {spec.name: _sample(rng, spec, shapes[spec.name]) for spec in specs} for _ in range(count)
    ]


def has_open_spatial_size(specs: Sequence[InputSpec]) -> bool:
    """Whether another height and width may be tried."""
    return any(
        isinstance(dim, str) and axis in _spatial_axes(spec)
        for spec in specs
        for axis, dim in enumerate(spec.type.shape)
    )


def _spatial_axes(spec: InputSpec) -> tuple[int, ...]:
    """The axes of height and width of what may be an image."""
    if spec.type.rank != 4:
        return ()
    return (1, 2) if spec.type.shape[3] in IMAGE_CHANNELS else (2, 3)


def _size(spec: InputSpec, axis: int, spatial: tuple[int, int]) -> int:
    """A number for a dimension that the model leaves open."""
    if axis == 0:
        return BATCH
    if spec.type.rank != 4:
        return SEQUENCE
    axes = _spatial_axes(spec)
    return spatial[axes.index(axis)] if axis in axes else spec.channels


def _channels(value: Value) -> int:
    """How many channels the first convolution takes, else those of a colour picture."""
    for node in value.users:
        if node.op.type in CONVOLUTIONS:
            size = node.input("Filter").type.static_shape[1]
            return size * int(getattr(node.op, "groups", 1))
    return COLORS


def _sample(rng: np.random.Generator, spec: InputSpec, shape: tuple[int, ...]) -> np.ndarray:
    dtype = spec.type.dtype
    if spec.limits is not None:
        return _between(rng, spec.limits, shape, dtype)
    axis = image_channel_axis(shape)
    if axis is not None and (dtype.is_float or dtype is DType.UINT8):
        images = _pictures(rng, shape, axis)
        return images if dtype.is_float else np.round(images * 255).astype(np.uint8)
    if dtype.is_float:
        values = rng.standard_normal(shape) if len(shape) > 1 else rng.uniform(0.5, 1.5, shape)
        return np.asarray(values, dtype.numpy)
    if dtype is DType.BOOL:
        return rng.integers(0, 2, shape).astype(np.bool_)
    return np.asarray(_integers(rng, spec, shape), dtype.numpy)


def image_channel_axis(shape: tuple[int, ...]) -> int | None:
    """The axis of the channels where a shape is that of pictures, else None."""
    if len(shape) not in (3, 4):
        return None
    first, last = len(shape) - 3, len(shape) - 1
    for axis, sides in ((first, shape[-2:]), (last, shape[-3:-1])):
        if shape[axis] in IMAGE_CHANNELS and _is_picture(sides):
            return axis
    return None


def _is_picture(sides: tuple[int, ...]) -> bool:
    return min(sides) >= SMALLEST_IMAGE and math.prod(sides) <= LARGEST_PICTURE


def _pictures(rng: np.random.Generator, shape: tuple[int, ...], axis: int) -> np.ndarray:
    """Pictures (N?, C, H, W) or (N?, H, W, C)."""
    channels_last = axis == len(shape) - 1
    height, width = shape[-3:-1] if channels_last else shape[-2:]
    batch = shape[0] if len(shape) == 4 else 1
    images = np.stack([picture(rng, height, width, shape[axis]) for _ in range(batch)])
    if not channels_last:
        images = images.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(images.reshape(shape))


def _integers(rng: np.random.Generator, spec: InputSpec, shape: tuple[int, ...]) -> np.ndarray:
    if spec.rows is not None:
        return rng.integers(0, max(spec.rows, 1), shape)
    if "mask" in spec.name.lower():
        return np.ones(shape)
    return rng.integers(0, 2, shape)


def _between(
    rng: np.random.Generator, limits: tuple[int, int], shape: tuple[int, ...], dtype: DType
) -> np.ndarray:
    draw = rng.uniform if dtype.is_float else rng.integers
    return np.asarray(draw(*limits, shape), dtype.numpy)


def _table_rows(value: Value) -> int | None:
    """How many rows the smallest table has that the value picks from, else None."""
    tables = (_table(node, read) for node, read in _readers(value))
    return min((rows for rows in tables if rows is not None), default=None)


def _range_limits(value: Value) -> tuple[int, int] | None:
    """What the value may be as an operand of the first range that reads it, else None."""
    for node, read in _readers(value):
        if node.op.type != "range":
            continue
        return next(limits for slot, limits in RANGE_LIMITS.items() if node.input(slot) is read)
    return None


def _readers(value: Value) -> Iterator[tuple[Node, Value]]:
    """The nodes that a value's numbers reach as they are, each with what it reads of them."""
    seen: set[Node] = set()
    waiting = [value]
    while waiting:
        current = waiting.pop()
        for node in current.users:
            if node in seen:
                continue
            seen.add(node)
            if node.op.type in HANDS_ON:
                waiting.append(node.output)
            yield node, current


def _table(node: Node, ids: Value) -> int | None:
    table_slot, ids_slot = LOOKUPS.get(node.op.type, ("", ""))
    if ids_slot == "" or node.inputs.maybe(ids_slot) is not ids:
        return None
    table = node.input(table_slot)
    rows = table.shape[0] if table.rank > 0 else None
    return rows if isinstance(rows, int) else None
