"""The geometry of Caffe's sliding windows: sizes for both axes, or for each by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from opt_tool.formats.caffe import caffe_pb2
from opt_tool.formats.caffe.layer import CaffeLayer

Pair = tuple[int, int]


class Window(NamedTuple):
    """Heights and widths; the pad lies on both sides of an axis."""

    kernel: Pair
    stride: Pair
    pad: Pair
    dilation: Pair = (1, 1)

    @property
    def paddings(self) -> tuple[int, int, int, int]:
        """The pads in Paddle's order: top, bottom, left, right."""
        (height, width) = self.pad
        return height, height, width, width


def convolution_window(
    layer: CaffeLayer, param: caffe_pb2.ConvolutionParameter, kernel: Pair | None = None
) -> Window:
    """The window of a convolution, whose sizes may be repeated for each axis."""
    return _checked(
        layer,
        kernel
        or _pair(layer, "kernel_size", param.kernel_size, _named(param, "kernel_h", "kernel_w")),
        _pair(layer, "stride", param.stride, _named(param, "stride_h", "stride_w"), 1),
        _pair(layer, "pad", param.pad, _named(param, "pad_h", "pad_w"), 0),
        _pair(layer, "dilation", param.dilation, None, 1),
    )


def pooling_window(layer: CaffeLayer, param: caffe_pb2.PoolingParameter, plane: Pair) -> Window:
    """The window of a pooling, which may be the whole plane."""
    if param.global_pooling:
        return Window(plane, (1, 1), (0, 0))
    sizes = [param.kernel_size] if param.HasField("kernel_size") else []
    return _checked(
        layer,
        _pair(layer, "kernel_size", sizes, _named(param, "kernel_h", "kernel_w")),
        _pair(layer, "stride", [param.stride], _named(param, "stride_h", "stride_w"), 1),
        _pair(layer, "pad", [param.pad], _named(param, "pad_h", "pad_w"), 0),
        (1, 1),
    )


def _named(
    param: caffe_pb2.ConvolutionParameter | caffe_pb2.PoolingParameter, height: str, width: str
) -> Pair | None:
    """The sizes that have a field for each axis, if one of the fields is there."""
    if not param.HasField(height) and not param.HasField(width):
        return None
    return getattr(param, height), getattr(param, width)


def _pair(
    layer: CaffeLayer,
    what: str,
    sizes: Sequence[int],
    named: Pair | None,
    default: int | None = None,
) -> Pair:
    if named is not None:
        return named
    if len(sizes) == 1:
        return sizes[0], sizes[0]
    if len(sizes) == 2:
        return sizes[0], sizes[1]
    if len(sizes) == 0 and default is not None:
        return default, default
    raise layer.unsupported(f"{what} {list(sizes)}; one size or two are supported")


def _checked(layer: CaffeLayer, kernel: Pair, stride: Pair, pad: Pair, dilation: Pair) -> Window:
    for what, sizes in (("kernel_size", kernel), ("stride", stride), ("dilation", dilation)):
        if min(sizes) < 1:
            raise layer.unsupported(f"{what} {list(sizes)} is not positive")
    return Window(kernel, stride, pad, dilation)
