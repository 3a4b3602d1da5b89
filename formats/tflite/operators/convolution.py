"""Reads convolutions and fully connected layers.

Filters are put into the order of Paddle Lite here, where they are constants.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from opt_tool.formats.tflite.node import TfliteNode
from opt_tool.formats.tflite.orders import PLANES, Laid, channels_first
from opt_tool.formats.tflite.registry import tflite_op
from opt_tool.formats.tflite.schema import Padding
from opt_tool.formats.tflite.windows import Extent, paddings, same_pads, strides_of
from opt_tool.formats.volumes import Filters, convolved_volume, transposed_volume
from opt_tool.formats.window import Ints, Window
from opt_tool.ir import Value
from opt_tool.ir.operations.convolution import Conv2D, Conv2DTranspose, DepthwiseConv2D
from opt_tool.ir.operations.elementwise import ElementwiseAdd
from opt_tool.ir.operations.matmul import Fc, MatMulV2
from opt_tool.ir.operations.shape import Reshape2
from opt_tool.ir.types import product

CUSTOM_STRIDES = struct.Struct("<iii")
"""The padding and the strides along the width and the height, each a C int."""


def _filter(node: TfliteNode, index: int) -> np.ndarray:
    weights = node.constant(index, "filter")
    if weights.ndim != 4:
        raise node.unsupported(f"a filter of {weights.ndim} dimensions; 4 are needed")
    if weights.size == 0:
        raise node.unsupported(f"a filter {list(weights.shape)} without elements")
    return weights


def _bias(node: TfliteNode, index: int) -> Value | None:
    return node.maybe(index)


def _dilations(node: TfliteNode) -> tuple[int, int]:
    dilations = node.integer("dilation_h_factor"), node.integer("dilation_w_factor")
    if min(dilations) < 1:
        raise node.unsupported(f"dilations {list(dilations)}; they must be positive")
    return dilations


def _convolved(node: TfliteNode, weights: np.ndarray, groups: int) -> Laid:
    """The convolution by filters (O, I, R, S), and what is fused into it."""
    x = node.planes(0)
    strides, dilations = strides_of(node), _dilations(node)
    extents = [
        Extent(kernel, stride, dilation)
        for kernel, stride, dilation in zip(weights.shape[2:], strides, dilations, strict=True)
    ]
    depthwise = groups > 1 and weights.shape[:2] == (groups, 1)
    op = (DepthwiseConv2D if depthwise else Conv2D)(
        strides=strides,
        paddings=paddings(node, x.shape[2:], extents),
        dilations=dilations,
        groups=groups,
    )
    filters = node.new_constant(np.ascontiguousarray(weights), "filter")
    y = node.add(op, Input=x, Filter=filters, Bias=_bias(node, 2))
    return Laid(node.activated(y), PLANES)


@tflite_op("CONV_2D")
def conv(node: TfliteNode) -> Laid:
    """The filter is (O, R, S, I); a smaller I than the input's means groups."""
    weights = _filter(node, 1).transpose(0, 3, 1, 2)
    channels = node.planes(0).shape[1]
    if not isinstance(channels, int) or weights.shape[1] < 1 or channels % weights.shape[1]:
        raise node.unsupported(
            f"a filter for {weights.shape[1]} channels on an input of {channels}"
        )
    return _convolved(node, weights, channels // weights.shape[1])


@tflite_op("DEPTHWISE_CONV_2D")
def depthwise_conv(node: TfliteNode) -> Laid:
    """The filter is (1, R, S, C * multiplier), the multiples of one channel side by side."""
    weights = _filter(node, 1).transpose(3, 0, 1, 2)
    channels = node.planes(0).shape[1]
    if (
        not isinstance(channels, int)
        or weights.shape[1] != 1
        or weights.shape[0] % max(channels, 1)
    ):
        raise node.unsupported(
            f"a depthwise filter {list(weights.shape)} on an input of {channels} channels"
        )
    return _convolved(node, weights, channels)


@tflite_op("CONV_3D")
def conv_of_volumes(node: TfliteNode) -> Laid:
    """The filter is (K, L, M, I, O), on an input (N, D, H, W, I)."""
    x, weights = node.laid(0), node.constant(1, "filter")
    fits = x.rank == weights.ndim == 5 and weights.shape[3] == x.shape[-1]
    if not fits or weights.size == 0:
        raise node.unsupported(f"a filter {list(weights.shape)} on an input {list(x.shape)}")
    window = _volume_window(node, x, weights.shape[:3])
    planes = window.axes((1, 2))
    op = Conv2D(
        strides=(planes.strides[0], planes.strides[1]),
        paddings=planes.paddings,
        dilations=(planes.dilations[0], planes.dilations[1]),
    )
    order = channels_first(5)
    filters = Filters(weights.transpose(4, 3, 0, 1, 2), _bias(node, 2))
    y = convolved_volume(node, node.in_order(x, order), filters, window, op)
    return Laid(node.activated(y), order)


def _volume_window(node: TfliteNode, x: Laid, kernel: tuple[int, ...]) -> Window:
    strides = tuple(node.integer(f"stride_{axis}") for axis in "dhw")
    dilations = tuple(node.integer(f"dilation_{axis}_factor") for axis in "dhw")
    if min(*strides, *dilations) < 1:
        raise node.unsupported(f"strides {list(strides)}, dilations {list(dilations)}")
    pads = [(0, 0)] * 3
    if node.choice("padding", Padding) is Padding.SAME:
        extents = map(Extent, kernel, strides, dilations)
        pads = [
            same_pads(node, size, extent)
            for size, extent in zip(x.shape[1:4], extents, strict=True)
        ]
    before, after = zip(*pads, strict=True)
    return Window(kernel, strides, dilations, before, after)


@tflite_op("TRANSPOSE_CONV")
def transpose_conv(node: TfliteNode) -> Laid:
    """Operands: the output's shape, the filter (O, R, S, I), the input, a bias.

    The output is the window's full reach less what SAME cuts off, which may be less than
    nothing: then it grows.
    """
    wanted = node.integers(0, "output shape")
    y = _transposed(node, node.planes(2), wanted, strides_of(node), _bias(node, 3))
    return Laid(node.activated(y), PLANES)


@tflite_op("Convolution2DTransposeBias")
def transpose_conv_with_bias(node: TfliteNode) -> Laid:
    """MediaPipe's own operator: the input, the filter (O, R, S, I), a bias.

    Its options are TensorFlow Lite's TfLiteTransposeConvParams as C lays them out: the
    padding, the stride along the width, the stride along the height.
    """
    options = node.proto.custom_options
    if len(options) < CUSTOM_STRIDES.size:
        raise node.unsupported("its options are not those of MediaPipe's operator")
    _, along_width, along_height = CUSTOM_STRIDES.unpack_from(options)
    strides = along_height, along_width
    if min(strides) < 1:
        raise node.unsupported(f"strides {list(strides)}; they must be positive")
    wanted = node.declared_shape(0)
    return Laid(_transposed(node, node.planes(0), wanted, strides, _bias(node, 2)), PLANES)


def _transposed(
    node: TfliteNode,
    x: Value,
    wanted: Sequence[int],
    strides: tuple[int, int],
    bias: Value | None,
) -> Value:
    """The transposed convolution to the shape (N, P, Q, O) by the filter, operand 1."""
    weights = _filter(node, 1).transpose(3, 0, 1, 2)
    window, longer = _reach(node, x, wanted, strides, weights.shape[2:])
    op = Conv2DTranspose(
        strides=strides, paddings=window.paddings, output_padding=(longer[0], longer[1])
    )
    filters = node.new_constant(np.ascontiguousarray(weights), "filter")
    return node.add(op, Input=x, Filter=filters, Bias=bias)


@tflite_op("CONV_3D_TRANSPOSE")
def transpose_conv_of_volumes(node: TfliteNode) -> Laid:
    """Operands: the output's shape, the filter (K, L, M, O, I), the input, a bias."""
    wanted, weights = node.integers(0, "output shape"), node.constant(1, "filter")
    given = node.laid(2)
    fits = given.rank == weights.ndim == 5 and weights.shape[4] == given.shape[-1]
    if not fits or weights.size == 0:
        raise node.unsupported(f"a filter {list(weights.shape)} on an input {list(given.shape)}")
    order = channels_first(5)
    x = node.in_order(given, order)
    depth, *strides = (node.integer(f"stride_{axis}") for axis in "dhw")
    dilations = [node.integer(f"dilation_{axis}_factor") for axis in "dhw"]
    if min(depth, *strides) < 1 or dilations != [1, 1, 1]:
        raise node.unsupported(f"strides {[depth, *strides]}, dilations {dilations}")
    kernel = weights.shape[:3]
    window, longer = _reach(node, x, wanted, (depth, *strides), kernel)
    op = Conv2DTranspose(
        strides=(strides[0], strides[1]),
        paddings=window.axes((1, 2)).paddings,
        output_padding=(longer[1], longer[2]),
    )
    filters = Filters(weights.transpose(4, 3, 0, 1, 2), _bias(node, 3))
    y = transposed_volume(node, x, filters, window, op, longer=longer[0])
    return Laid(node.activated(y), order)


def _reach(
    node: TfliteNode, x: Value, wanted: Sequence[int], strides: Ints, kernel: Ints
) -> tuple[Window, Ints]:
    """The window of a transposed convolution, and by how much the output is longer than it says.

    ``wanted`` is the output in the file's order, x has its channels first.
    """
    if not all(isinstance(size, int) for size in x.shape[2:]) or len(wanted) != x.rank:
        raise node.unsupported(f"an input {x.type} for an output {list(wanted)}")
    sizes = zip(x.shape[2:], strides, kernel, wanted[1:], strict=False)
    cuts = [(int(size) - 1) * stride + taps - to for size, stride, taps, to in sizes]
    longer = tuple(max(-cut, 0) for cut in cuts)
    if any(more >= stride for more, stride in zip(longer, strides, strict=True)):
        raise node.unsupported(
            f"an output {list(wanted)} that is larger than strides {list(strides)} reach"
        )
    before = tuple(max(cut, 0) // 2 for cut in cuts)
    after = tuple(max(cut, 0) - max(cut, 0) // 2 for cut in cuts)
    return Window(kernel, strides, (1,) * len(kernel), before, after), longer


@tflite_op("FULLY_CONNECTED")
def fully_connected(node: TfliteNode) -> Value:
    """The weights are (O, K); the input is a matrix of rows of K, whatever its shape."""
    if node.integer("weights_format"):
        raise node.unsupported("weights in a shuffled format; export the model again")
    x, weights = node.value(0), node.value(1)
    if weights.rank != 2 or not weights.type.is_static:
        raise node.unsupported(f"weights {weights.type}; two dimensions are needed")
    columns = weights.type.static_shape[1]
    rows = x.rank - 1
    if x.rank < 2 or x.shape[-1] != columns:
        x, rows = _flattened(node, x, columns, joins=weights.is_constant), 1
    elif not node.flag("keep_num_dims") and x.rank > 2:
        x, rows = node.add(Reshape2(shape=(-1, columns)), X=x), 1
    bias = node.maybe(2)
    if weights.is_constant:
        across = node.new_constant(np.ascontiguousarray(weights.array().T), "weights")
        y = node.add(Fc(in_num_col_dims=rows), Input=x, W=across, Bias=bias)
    else:
        y = node.add(MatMulV2(trans_y=True), X=x, Y=weights)
        y = y if bias is None else node.add(ElementwiseAdd(), X=y, Y=bias)
    return node.activated(y)


def _flattened(node: TfliteNode, x: Value, columns: int, *, joins: bool) -> Value:
    """X as a matrix with rows of that many elements, unless what reads it ``joins`` dimensions."""
    if joins and x.rank >= 2 and product(x.shape[1:]) == columns:
        return x
    return node.add(Reshape2(shape=(-1, columns)), X=x)


@tflite_op("BATCH_MATMUL")
def batch_matmul(node: TfliteNode) -> Value:
    op = MatMulV2(trans_x=node.flag("adj_x"), trans_y=node.flag("adj_y"))
    return node.add(op, X=node.value(0), Y=node.value(1))
