"""From the constants of a TFLite file to arrays: integers become the numbers that they stand for.

Half-precision and quantized weights are restored as float32, sparse ones are spread out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from opt_tool.errors import DamagedFileError, UnsupportedError
from opt_tool.formats.tflite.schema import SparseLevel, Sparsity, Tensor, TensorType
from opt_tool.ir import DType

DTYPES: Mapping[TensorType, DType] = {
    TensorType.FLOAT32: DType.FLOAT32,
    TensorType.FLOAT16: DType.FLOAT16,
    TensorType.FLOAT64: DType.FLOAT64,
    TensorType.INT8: DType.INT8,
    TensorType.INT16: DType.INT16,
    TensorType.INT32: DType.INT32,
    TensorType.INT64: DType.INT64,
    TensorType.UINT8: DType.UINT8,
    TensorType.BOOL: DType.BOOL,
}
"""The element types that the graph has too."""

SPARSEST = 4096
"""A tensor of more elements than this for each stored one is not taken for a weight."""


class TensorError(ValueError):
    """A constant whose bytes are not what its type and shape ask for."""


@contextmanager
def refusing_damaged(tensor: Tensor, path: Path) -> Iterator[None]:
    """Make of a constant's ``TensorError`` the error that the file is damaged."""
    try:
        yield
    except TensorError as error:
        raise DamagedFileError(
            path,
            f"not a whole TFLite model: constant {tensor.name!r}: {error}; export or copy it again",
        ) from error


def dtype_of(type: TensorType) -> DType:
    """The graph's element type.

    Raises:
        UnsupportedError: when it has none.
    """
    if type not in DTYPES:
        raise UnsupportedError(f"element type {type.name} is not supported")
    return DTYPES[type]


def is_quantized(tensor: Tensor) -> bool:
    """Whether the tensor holds small integers that stand for real numbers."""
    return tensor.quantization is not None and tensor.type in (
        TensorType.INT4,
        TensorType.INT8,
        TensorType.UINT8,
        TensorType.INT16,
    )


def to_array(tensor: Tensor) -> np.ndarray:
    """A constant as the operators of the graph see it.

    Raises:
        TensorError: when the file does not hold as many bytes as the tensor needs.
        UnsupportedError: when the element type is not supported.
    """
    if is_quantized(tensor):
        return restored(tensor)
    array = _spread_out(tensor)
    return array.astype(np.float32) if tensor.type is TensorType.FLOAT16 else array


def restored(tensor: Tensor) -> np.ndarray:
    """The numbers that a quantized constant's integers stand for; raises like ``to_array``."""
    return _dequantized(tensor, _spread_out(tensor))


def _spread_out(tensor: Tensor) -> np.ndarray:
    stored = _stored(tensor)
    if tensor.sparsity is None:
        return stored.reshape(tensor.shape)
    return spread(stored, tensor.shape, tensor.sparsity)


def _stored(tensor: Tensor) -> np.ndarray:
    """The stored elements one behind the other."""
    count = None if tensor.sparsity is not None else math.prod(tensor.shape)
    if tensor.type is TensorType.INT4:
        elements = _nibbles(np.frombuffer(tensor.data, np.uint8), count)
    else:
        dtype = dtype_of(tensor.type).numpy
        if len(tensor.data) % dtype.itemsize:
            raise TensorError(f"{len(tensor.data)} bytes are no whole {dtype.name} numbers")
        elements = np.frombuffer(tensor.data, dtype.newbyteorder("<")).astype(dtype, copy=False)
    if count is not None and len(elements) != count:
        raise TensorError(
            f"the file holds {len(elements)} elements of a tensor of shape {list(tensor.shape)}"
        )
    return np.require(elements, requirements="A")


def _nibbles(data: np.ndarray, count: int | None) -> np.ndarray:
    """Two signed integers of 4 bits from each byte, the lower half first."""
    both = np.stack([data << 4, data & 0xF0], axis=1).reshape(-1).view(np.int8) >> 4
    odd = count is not None and count == len(both) - 1
    return both[:-1] if odd else both


def _dequantized(tensor: Tensor, array: np.ndarray) -> np.ndarray:
    """scale * (integer - zero point), in float32 as the reference does it."""
    rule = tensor.quantization
    assert rule is not None
    shape = [1] * array.ndim
    if len(rule.scale) > 1:
        shape[rule.axis] = -1
    scale = np.array(rule.scale, np.float32).reshape(shape)
    zero = np.array(rule.zero_point, np.int64)
    if (np.abs(zero) > np.iinfo(np.int16).max + 1).any():
        raise TensorError(f"its zero points {rule.zero_point[:4]} are out of range")
    offset = zero.astype(np.float32).reshape(shape if zero.size > 1 else [1] * array.ndim)
    return (array.astype(np.float32) - offset) * scale


# ---- sparse tensors


def spread(values: np.ndarray, shape: tuple[int, ...], sparsity: Sparsity) -> np.ndarray:
    """The tensor of which ``values`` are the stored elements, in traversal order.

    Level by level, each place so far is continued by all the places below it, until there
    is one for each stored element.

    Raises:
        TensorError: when the levels do not fit the shape or the elements.
    """
    blocks = _block_sizes(shape, sparsity)
    total = math.prod(shape)
    if total > SPARSEST * max(len(values), 1):
        raise TensorError(f"{len(values)} elements are stored of a tensor of {list(shape)}")
    extents = [size // blocks.get(axis, 1) for axis, size in enumerate(shape)]
    extents += [blocks[axis] for axis in sparsity.block_map]
    places: list[np.ndarray] = []
    count = 1
    for axis, level in zip(sparsity.traversal_order, sparsity.levels, strict=True):
        parents, index = _continued(level, count, extents[axis], total)
        places = [place[parents] for place in places] + [index]
        count = len(index)
    if count != len(values):
        raise TensorError(f"{len(values)} elements are stored for {count} places")
    by_axis = dict(zip(sparsity.traversal_order, places, strict=True))
    for number, axis in enumerate(sparsity.block_map):
        by_axis[axis] = by_axis[axis] * blocks[axis] + by_axis[len(shape) + number]
    result = np.zeros(shape, values.dtype)
    result[tuple(by_axis[axis] for axis in range(len(shape)))] = values
    return result


def _block_sizes(shape: tuple[int, ...], sparsity: Sparsity) -> dict[int, int]:
    """How many elements of an axis are in a block, for the axes that are cut into blocks."""
    sizes = {}
    for number, axis in enumerate(sparsity.block_map):
        level = sparsity.levels[sparsity.traversal_order.index(len(shape) + number)]
        if level.segments is not None or level.size < 1 or shape[axis] % level.size:
            raise TensorError(f"blocks of {level.size} do not divide a dimension of {shape[axis]}")
        sizes[axis] = level.size
    return sizes


def _continued(
    level: SparseLevel, count: int, extent: int, total: int
) -> tuple[np.ndarray, np.ndarray]:
    """For each place of the next level, the place that it continues and its own index."""
    if level.segments is None:
        if level.size != extent or count * level.size > total:
            raise TensorError(f"a dimension of {extent} is stored as one of {level.size}")
        return np.repeat(np.arange(count), level.size), np.tile(np.arange(level.size), count)
    segments, indices = np.array(level.segments, np.int64), np.array(level.indices, np.int64)
    sizes = np.diff(segments)
    if (
        len(segments) != count + 1
        or segments[0] != 0
        or segments[-1] != len(indices)
        or (sizes < 0).any()
        or (indices.size > 0 and not (indices.min() >= 0 and indices.max() < extent))
    ):
        raise TensorError("the places of its stored elements are out of range")
    return np.repeat(np.arange(count), sizes), indices
