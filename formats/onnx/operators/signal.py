"""Reads DFT, STFT and MelWeightMatrix.

A transform of a known length is linear, so it is a product with a constant matrix whose
rows are the transforms of unit vectors. One of overlapping frames is a convolution.
"""

from __future__ import annotations

import math

import numpy as np

from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.operators.activation import float_input
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.formats.onnx.tensors import dtype_of
from opt_tool.formats.shapes import reshape_to, transposed
from opt_tool.formats.spectrum import require_bearable, transform
from opt_tool.ir import Value
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.matmul import MatMulV2


@onnx_op("DFT", since=17)
def dft_17(node: OnnxNode) -> Value:
    return _dft(node, node.integer("axis", 1))


@onnx_op("DFT", since=20)
def dft(node: OnnxNode) -> Value:
    axis = node.maybe_whole(2, "axis")
    return _dft(node, -2 if axis is None else axis)


def _dft(node: OnnxNode, given: int) -> Value:
    x = float_input(node)
    axis = node.axis(given, x.rank)
    size, parts = x.shape[axis], x.shape[-1]
    if not isinstance(size, int) or not isinstance(parts, int) or axis == x.rank - 1:
        raise node.unsupported(
            f"a transform of {x.type} along axis {axis}; the size of it must be known. Fix the "
            "input shapes with --input-shape"
        )
    inverse, onesided = bool(node.integer("inverse", 0)), bool(node.integer("onesided", 0))
    length = node.maybe_whole(1, "length")
    if length is None:
        length = 2 * (size - 1) if inverse and onesided else size
    require_bearable(node, max(size, length))
    matrix = transform(size, parts, length, inverse=inverse, onesided=onesided)
    bins, results = matrix.shape[2:]
    others = tuple(other for other in range(x.rank - 1) if other != axis)
    order = (*others, axis, x.rank - 1)
    outside = tuple(x.shape[other] for other in others)
    rows = reshape_to(node, transposed(node, x, order), (*outside, size * parts))
    weight = node.new_constant(matrix.reshape(size * parts, bins * results), "transform")
    y = node.add(MatMulV2(), X=rows, Y=weight)
    back = tuple(order.index(place) for place in range(x.rank))
    return transposed(node, reshape_to(node, y, (*outside, bins, results)), back)


@onnx_op("STFT", since=17)
def stft(node: OnnxNode) -> Value:
    x = float_input(node)
    parts = x.shape[2] if x.rank == 3 else 1
    if x.rank not in (2, 3) or not isinstance(parts, int):
        raise node.unsupported(f"the signal {x.type} is not (batch, length, 1 or 2)")
    step = node.whole(1, "step")
    window, wanted = node.maybe_constant(2, "window"), node.maybe_whole(3, "frame length")
    size = wanted if window is None or wanted is not None else window.size
    if size is None:
        raise node.unsupported("it has neither a window nor a frame length")
    if window is not None and window.size != size:
        raise node.unsupported(f"a window of {window.size} for frames of {size}")
    require_bearable(node, size)
    onesided = bool(node.integer("onesided", 1))
    matrix = transform(size, parts, size, inverse=False, onesided=onesided)
    if window is not None:
        matrix *= window.reshape(-1, 1, 1, 1).astype(np.float32)
    bins = matrix.shape[2]
    filters = matrix.transpose(2, 3, 1, 0).reshape(bins * 2, parts, 1, size)
    weight = node.new_constant(np.ascontiguousarray(filters), "transform")
    batch, length = x.shape[:2]
    signal = transposed(node, reshape_to(node, x, (batch, length, parts)), (0, 2, 1))
    planes = reshape_to(node, signal, (batch, parts, 1, length))
    y = node.add(Conv2D(strides=(1, step)), Input=planes, Filter=weight)
    frames = y.shape[3]
    rows = transposed(node, reshape_to(node, y, (batch, bins * 2, frames)), (0, 2, 1))
    return reshape_to(node, rows, (batch, frames, bins, 2))


@onnx_op("MelWeightMatrix", since=17)
def mel_weight_matrix(node: OnnxNode) -> Value:
    names = ("number of bins", "length", "sample rate")
    bins, length, rate = (node.whole(index, what) for index, what in enumerate(names))
    low, high = node.number(3, "lower edge"), node.number(4, "upper edge")
    if rate < 1 or not 0 <= low <= high <= rate / 2:
        raise node.unsupported(f"from {low:g} to {high:g} Hz of {rate} samples in a second")
    node.made_up(length // 2 + 1, bins)
    matrix = mel_weights(bins, length, rate, low, high)
    dtype = dtype_of(node.integer("output_datatype", 1))
    return node.new_constant(matrix.astype(dtype.numpy), "weights")


def mel_weights(bins: int, length: int, rate: int, low: float, high: float) -> np.ndarray:
    """Triangles over the frequencies (length // 2 + 1, bins), equally wide in mel."""
    edges = np.array([low, high])
    start, end = 2595 * np.log10(1 + edges / 700)
    mels = np.arange(bins + 2) * ((end - start) / (bins + 2)) + start
    hertz = 700 * (10 ** (mels / 2595) - 1)
    places = [math.floor((length + 1) * frequency / rate) for frequency in hertz]
    matrix = np.zeros((length // 2 + 1, bins))
    for index in range(bins):
        left, centre, right = places[index : index + 3]
        rising, falling = np.arange(left, centre + 1), np.arange(centre, right)
        if centre == left:
            matrix[centre, index] = 1
        else:
            matrix[rising, index] = (rising - left) / (centre - left)
        if right > centre:
            matrix[falling, index] = (right - falling) / (right - centre)
    return matrix
