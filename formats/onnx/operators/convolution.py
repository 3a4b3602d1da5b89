"""Reads Conv and ConvTranspose.

A convolution along one axis becomes one of planes of height 1, one along three axes a sum
of convolutions along two. Transposed ones are read in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence

from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.planes import from_planes, to_planes
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.formats.onnx.windows import read_window
from opt_tool.formats.volumes import Filters, convolved_volume, transposed_volume
from opt_tool.formats.window import Ints, Window
from opt_tool.ir import Dim, Value
from opt_tool.ir.operations.convolution import Conv2D, Conv2DTranspose, DepthwiseConv2D


def _filter_shape(node: OnnxNode, x: Value, weight: Value, ranks: Ints) -> Ints:
    """The filter's shape; refuses a node whose operands Paddle's kernels cannot take."""
    if x.rank not in ranks:
        raise node.unsupported(
            f"a convolution along {x.rank - 2} axes; up to {ranks[-1] - 2} are possible"
        )
    if weight.rank != x.rank or not weight.type.is_static:
        raise node.unsupported(f"the filter {weight.type} does not fit the input {x.type}")
    shape = weight.type.static_shape
    given = node.integers("kernel_shape", shape[2:])
    if given != shape[2:]:
        raise node.unsupported(f"kernel_shape {list(given)} is not that of the filter {shape[2:]}")
    return shape


@onnx_op("Conv", since=1)
def conv(node: OnnxNode) -> Value:
    x, weight = node.input(0), node.input(1)
    shape = _filter_shape(node, x, weight, (3, 4, 5))
    window = read_window(node, shape[2:], x.shape[2:])
    pads = (*window.before, *window.after)
    if min(pads) < 0:
        raise node.unsupported(f"pads {list(pads)}: negative ones are not supported")
    groups = node.integer("group", 1)
    if x.rank == 5:
        op = _operation(window.axes((1, 2)), groups, shape)
        filters = Filters(node.constant(1, "filter"), node.maybe(2))
        return convolved_volume(node, x, filters, window, op)
    op = _operation(window.planar(), groups, shape)
    planes, kernel = to_planes(node, x), to_planes(node, weight)
    return from_planes(node, node.add(op, Input=planes, Filter=kernel, Bias=node.maybe(2)), x)


def _operation(window: Window, groups: int, filter_shape: Ints) -> Conv2D:
    depthwise = groups > 1 and filter_shape[:2] == (groups, 1)
    return (DepthwiseConv2D if depthwise else Conv2D)(
        strides=(window.strides[0], window.strides[1]),
        paddings=window.paddings,
        dilations=(window.dilations[0], window.dilations[1]),
        groups=groups,
    )


@onnx_op("ConvTranspose", since=1)
def conv_transpose(node: OnnxNode) -> Value:
    x, weight = node.input(0), node.input(1)
    shape = _filter_shape(node, x, weight, (3, 4, 5))
    extra = node.integers("output_padding", (0,) * (x.rank - 2))
    window, extra = _transposed_window(node, shape[2:], x.shape[2:], extra)
    window, extra = window.planar(), (0, *extra) if x.rank == 3 else extra
    if any(size >= stride for size, stride in zip(extra, window.strides, strict=True)):
        raise node.unsupported(
            f"an output that grows by {list(extra)}; less than the strides {window.strides} is "
            "possible"
        )
    plane = window.axes((-2, -1))
    op = Conv2DTranspose(
        strides=(plane.strides[0], plane.strides[1]),
        paddings=plane.paddings,
        dilations=(plane.dilations[0], plane.dilations[1]),
        groups=node.integer("group", 1),
        output_padding=(extra[-2], extra[-1]),
    )
    if x.rank == 5:
        volume = Filters(node.constant(1, "filter"), node.maybe(2))
        return transposed_volume(node, x, volume, window, op, longer=extra[0])
    planes, filters = to_planes(node, x), to_planes(node, weight)
    return from_planes(node, node.add(op, Input=planes, Filter=filters, Bias=node.maybe(2)), x)


def _transposed_window(
    node: OnnxNode, kernel: Ints, spatial: Sequence[Dim], extra: Ints
) -> tuple[Window, Ints]:
    """The window and output_padding with what ``output_shape`` or ``auto_pad`` ask for."""
    window = read_window(node, kernel, spatial)
    if len(extra) != len(kernel) or min(extra) < 0:
        raise node.unsupported(f"output_padding {list(extra)} is not a size for each axis")
    mode = node.text("auto_pad", "NOTSET")
    wanted = node.integers("output_shape")
    if not wanted and mode not in ("SAME_UPPER", "SAME_LOWER"):
        return window, extra
    cuts = _cuts(node, window, spatial, extra, wanted)
    totals = tuple(max(cut, 0) for cut in cuts)
    smaller = tuple(total // 2 for total in totals)
    larger = tuple(total - half for total, half in zip(totals, smaller, strict=True))
    before, after = (smaller, larger) if mode == "SAME_UPPER" else (larger, smaller)
    longer = tuple(size - min(cut, 0) for size, cut in zip(extra, cuts, strict=True))
    return window._replace(before=before, after=after), longer


def _cuts(
    node: OnnxNode, window: Window, spatial: Sequence[Dim], extra: Ints, wanted: Ints
) -> Ints:
    """How much is to be cut off each axis for the wanted size; negative where it is to grow."""
    if not wanted:  # auto_pad SAME: the output is the input times the stride
        sizes = zip(window.extents, window.strides, extra, strict=True)
        return tuple(max(extent - stride + more, 0) for extent, stride, more in sizes)
    cuts = []
    for axis, size in enumerate(spatial):
        if isinstance(size, str):
            raise node.unsupported(
                f"output_shape with a dimension ({size}) that is known only at run time; "
                "give the input's shape with --input-shape"
            )
        full = (size - 1) * window.strides[axis] + window.extents[axis] + extra[axis]
        cuts.append(full - wanted[len(wanted) - len(spatial) + axis])
    return tuple(cuts)
