"""ONNX tensors as arrays, and the element types that the graph keeps.

Paddle Lite computes in float32, so half, bfloat16 and double tensors become float32;
unsigned integers of more than 8 bits become int64 where their values fit.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from opt_tool.errors import DamagedFileError, UnsupportedError
from opt_tool.formats.onnx.external_data import DataFolders
from opt_tool.formats.onnx.messages import TensorProto
from opt_tool.ir import DType
from opt_tool.ir.attributes import MAX_RANK
from opt_tool.ir.mapped_arrays import mapped

DTYPES: Mapping[int, DType] = {
    TensorProto.FLOAT: DType.FLOAT32,
    TensorProto.FLOAT16: DType.FLOAT32,
    TensorProto.BFLOAT16: DType.FLOAT32,
    TensorProto.DOUBLE: DType.FLOAT32,
    TensorProto.UINT8: DType.UINT8,
    TensorProto.INT8: DType.INT8,
    TensorProto.INT16: DType.INT16,
    TensorProto.UINT16: DType.INT32,
    TensorProto.INT32: DType.INT32,
    TensorProto.UINT32: DType.INT64,
    TensorProto.INT64: DType.INT64,
    TensorProto.UINT64: DType.INT64,
    TensorProto.BOOL: DType.BOOL,
}
"""What stands in the graph for each ONNX element type."""


class Elements(NamedTuple):
    """How the elements of a type are encoded, and the field that may hold them as numbers.

    The numbers of the types without a field are bits, or in more of them than they need.
    """

    encoding: np.dtype
    field: str | None = None


ELEMENTS: Mapping[int, Elements] = {
    TensorProto.FLOAT: Elements(np.dtype("<f4"), "float_data"),
    TensorProto.FLOAT16: Elements(np.dtype("<f2")),
    TensorProto.DOUBLE: Elements(np.dtype("<f8"), "double_data"),
    TensorProto.UINT8: Elements(np.dtype("u1")),
    TensorProto.INT8: Elements(np.dtype("i1")),
    TensorProto.INT16: Elements(np.dtype("<i2")),
    TensorProto.UINT16: Elements(np.dtype("<u2")),
    TensorProto.INT32: Elements(np.dtype("<i4"), "int32_data"),
    TensorProto.UINT32: Elements(np.dtype("<u4")),
    TensorProto.INT64: Elements(np.dtype("<i8"), "int64_data"),
    TensorProto.UINT64: Elements(np.dtype("<u8")),
    TensorProto.BOOL: Elements(np.dtype("?")),
}
"""The types that are NumPy's, too; those that are not, onnx.numpy_helper reads."""

KEPT: Mapping[DType, int] = {
    DTYPES[number]: number
    for number, elements in ELEMENTS.items()
    if elements.encoding == DTYPES[number].numpy
}
"""The ONNX element types that the graph keeps as they are."""

LONGEST_NUMBER = 18
"""Digits of a number that is a position in a file."""


def dtype_of(elem_type: int) -> DType:
    """The graph's element type for an ONNX one; raises UnsupportedError."""
    if elem_type not in DTYPES:
        name = _type_name(elem_type)
        raise UnsupportedError(f"element type {name} has no counterpart in Paddle Lite")
    return DTYPES[elem_type]


def _type_name(elem_type: int) -> str:
    names = {number: name for name, number in TensorProto.DataType.items()}
    return names.get(elem_type, str(elem_type)).lower()


class DataFile(NamedTuple):
    """A file of external data, mapped where it holds any."""

    path: Path
    exists: bool
    data: mmap.mmap | None


class TensorReader:
    """Reads the tensors of one model, whose data may lie in files of the model's folder.

    Attributes:
        folders: Where external data may lie.
    """

    def __init__(self, folders: DataFolders) -> None:
        self.folders = folders
        self._files: dict[str, DataFile] = {}

    def array(self, tensor: TensorProto) -> np.ndarray:
        """The contents of a tensor in the graph's element type.

        External data stay where they are: the array is a view of the mapped file, which need
        not lie at a multiple of its elements' size.

        Raises:
            UnsupportedError: for an element type that the graph does not have.
            DamagedFileError: when the data do not fit the shape or cannot be found.
        """
        dtype = dtype_of(tensor.data_type)
        return self.stored(tensor).astype(dtype.numpy, copy=False)

    def stored(self, tensor: TensorProto) -> np.ndarray:
        """The contents in the element type of the file; see ``array``."""
        if any(dim < 0 for dim in tensor.dims) or len(tensor.dims) > MAX_RANK:
            shape = list(tensor.dims)[:MAX_RANK]
            raise DamagedFileError(
                self.folders.own, f"tensor {tensor.name!r} has the shape {shape}"
            )
        if tensor.data_location == TensorProto.EXTERNAL:
            return self._external(tensor)
        try:
            return _contents(tensor)
        except (ValueError, TypeError) as error:
            raise DamagedFileError(
                self.folders.own, f"tensor {tensor.name!r} does not fit its shape ({error})"
            ) from error

    def _external(self, tensor: TensorProto) -> np.ndarray:
        """A view of a tensor whose data lie in the model's file or beside it."""
        entries = {entry.key: entry.value for entry in tensor.external_data}
        file = self._file(entries.get("location", ""), tensor.name)
        dtype_of(tensor.data_type)  # refuses elements without a size of their own
        source = element_type(tensor.data_type)
        shape = tuple(tensor.dims)
        offset = _number(entries.get("offset", "0"), file.path, tensor.name)
        count = math.prod(shape)
        size = 0 if file.data is None else len(file.data)
        if not file.exists or size < offset + count * source.itemsize:
            raise DamagedFileError(
                file.path, f"external data of tensor {tensor.name!r} are missing"
            )
        if count == 0 or file.data is None:
            return np.zeros(shape, source)
        return np.frombuffer(file.data, source, count, offset).reshape(shape)

    def _file(self, location: str, name: str) -> DataFile:
        """The file that a tensor names, found and mapped once: systems limit how many maps are."""
        if location not in self._files:
            path = self.folders.located(location, name)
            exists = path.is_file()
            self._files[location] = DataFile(path, exists, mapped(path) if exists else None)
        return self._files[location]


def _contents(tensor: TensorProto) -> np.ndarray:
    """What a message holds itself; raises ValueError or TypeError where it does not fit."""
    elements = ELEMENTS.get(tensor.data_type)
    if elements is not None and not tensor.HasField("segment"):
        if tensor.HasField("raw_data"):
            return np.frombuffer(tensor.raw_data, elements.encoding).reshape(tuple(tensor.dims))
        if elements.field is not None:
            numbers = np.array(getattr(tensor, elements.field), elements.encoding)
            return numbers.reshape(tuple(tensor.dims))
    from onnx import numpy_helper

    return numpy_helper.to_array(tensor)


def element_type(elem_type: int) -> np.dtype:
    """How raw data of an ONNX element type are encoded."""
    if elem_type in ELEMENTS:
        return ELEMENTS[elem_type].encoding
    from onnx import helper

    return np.dtype(helper.tensor_dtype_to_np_dtype(elem_type))


def _number(text: str, path: Path, name: str) -> int:
    """A position in a file, which the model holds as text."""
    if not text.isdecimal() or len(text) > LONGEST_NUMBER:
        raise DamagedFileError(path, f"external data of tensor {name!r} begin at {text!r}")
    return int(text)
