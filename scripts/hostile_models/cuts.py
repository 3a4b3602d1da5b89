"""Cuts large models into small ones, which are read in milliseconds."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

import flatbuffers
import numpy as np

SMALL_PLANE = b"24"
"""The height and width that pictures get."""


def single_operators(data: bytes, largest: int) -> Iterator[bytes]:
    """A model of one operator for each kind that a TFLite model has."""
    from ai_edge_litert import schema_py_generated as tflite

    whole = tflite.ModelT.InitFromPackedBuf(data, 0)
    codes = [operator.opcodeIndex for operator in whole.subgraphs[0].operators]
    for index in sorted(map(codes.index, set(codes))):
        model = copy.copy(whole)
        model.subgraphs = [copy.deepcopy(whole.subgraphs[0])]
        _keep_operator(model, index)
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        if len(builder.Output()) <= largest:
            yield bytes(builder.Output())


def _keep_operator(model: Any, index: int) -> None:  # a generated class
    """Leave one operator, its tensors and their buffers."""
    graph = model.subgraphs[0]
    operator = graph.operators[index]
    model.operatorCodes = [model.operatorCodes[operator.opcodeIndex]]
    operator.opcodeIndex = 0
    numbers = [int(n) for n in (*operator.inputs, *operator.outputs) if n >= 0]
    kept = list(dict.fromkeys(numbers))
    tensors = [graph.tensors[n] for n in kept]
    constant = [tensor for tensor in tensors if _has_data(model.buffers[tensor.buffer])]
    buffers = [model.buffers[0]]
    for tensor in tensors:
        buffer = model.buffers[tensor.buffer]
        tensor.buffer = len(buffers) if tensor in constant else 0
        if tensor in constant:
            buffers.append(buffer)
    model.buffers, model.metadata, model.metadataBuffer, model.signatureDefs = buffers, [], [], []
    graph.tensors, graph.operators = tensors, [operator]
    operator.inputs = [kept.index(int(n)) if n >= 0 else -1 for n in operator.inputs]
    operator.outputs = [kept.index(int(n)) for n in operator.outputs]
    graph.outputs = list(operator.outputs)
    graph.inputs = [
        n for n in dict.fromkeys(operator.inputs) if n >= 0 and tensors[n] not in constant
    ]


def _has_data(buffer: Any) -> bool:  # a generated class
    return buffer.data is not None and np.size(buffer.data) > 0


def with_small_pictures(prototxt: bytes) -> bytes:
    """A Caffe network whose input is a small picture; its weights stay what they are."""
    head, layers = prototxt[:400], prototxt[400:]
    return re.sub(rb"\b\d{3}\b", SMALL_PLANE, head) + layers
