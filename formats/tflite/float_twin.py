"""Makes of a file with quantized weights one that computes the same in float32.

LiteRT rounds the activations in front of quantized weights to 8 bits as it runs, by an
amount that depends on the input. What such a file means is what it computes without that:
the restored weights are written behind the file's end, and the tensors are made to refer
to them. Nothing else is changed.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from opt_tool.errors import DamagedFileError, UnsupportedError
from opt_tool.formats.flatbuffer import Buffer, Table
from opt_tool.formats.tflite import layout
from opt_tool.formats.tflite.schema import ABSENT, Model, TensorType
from opt_tool.formats.tflite.tensors import is_quantized, to_array

RESTORING = frozenset({"DENSIFY", "DEQUANTIZE"})
"""Operators after which LiteRT computes in float anyway."""

ALIGNMENT = 16
OFFSET = struct.Struct("<I")
EMPTY_TABLE = struct.pack("<HHi", 4, 4, 4)
"""A table's layout without fields (its own size and the table's), and the table itself."""


def rounded_weights(model: Model) -> frozenset[int]:
    """The constants, by index, in front of which LiteRT rounds the activations."""
    return frozenset(
        index
        for operator in model.operators
        if operator.code not in RESTORING
        for index in operator.inputs
        if index != ABSENT and model.tensors[index].data and is_quantized(model.tensors[index])
    )


def float_twin(data: bytes, model: Model, path: Path) -> bytes:
    """The bytes of the file with such weights in float32; ``path`` is for messages.

    Raises:
        UnsupportedError: when a weight is stored in a way that this cannot change.
    """
    weights = rounded_weights(model)
    result = bytearray(data)
    places = _Places(data, path)
    shared = [places.buffer_index(index) for index in weights]
    if len(set(shared)) != len(shared):
        raise UnsupportedError(f"{path}: two weights share their bytes")
    for index in sorted(weights):
        tensor = places.tensors[index]
        content = np.ascontiguousarray(to_array(model.tensors[index]), "<f4").tobytes()
        vector = _append(result, OFFSET.pack(len(content)) + content, shift=OFFSET.size)
        _refer(result, places.data_of(index), vector)
        _refer(result, places.of(tensor, layout.Tensor.QUANTIZATION), _append(result, EMPTY_TABLE))
        result[places.of(tensor, layout.Tensor.TYPE)] = TensorType.FLOAT32.value
    return bytes(result)


class _Places:
    """Where in a file the fields stand that are to be changed."""

    def __init__(self, data: bytes, path: Path) -> None:
        self.path = path
        root = Buffer(memoryview(data), lambda problem: DamagedFileError(path, problem)).root()
        graph = next(root.tables(layout.Model.SUBGRAPHS))
        self.tensors = list(graph.tables(layout.SubGraph.TENSORS))
        self.buffers = list(root.tables(layout.Model.BUFFERS))

    def of(self, table: Table, field: int) -> int:
        position = table.position(field)
        if position is None:
            raise UnsupportedError(f"{self.path}: a quantized weight is stored in an unusual way")
        return position

    def buffer_index(self, tensor: int) -> int:
        return int(self.tensors[tensor].scalar(layout.Tensor.BUFFER, "I", 0))

    def data_of(self, tensor: int) -> int:
        return self.of(self.buffers[self.buffer_index(tensor)], layout.Buffer.DATA)


def _append(data: bytearray, content: bytes, *, shift: int = 0) -> int:
    """Put content behind the end, aligned from ``shift`` on; return where the object starts.

    A table starts behind its layout, a vector with its length.
    """
    data.extend(bytes(-(len(data) + shift) % ALIGNMENT))
    start = len(data)
    data.extend(content)
    return start if shift else start + 4


def _refer(data: bytearray, position: int, target: int) -> None:
    """Let the offset at a position point to a target behind it."""
    OFFSET.pack_into(data, position, target - position)
