"""Reads Pooling.

Caffe rounds the number of windows up, drops a last one that would start behind the input,
and lets the means of windows that reach over the pads count what of the pads they cover.
"""

from __future__ import annotations

from typing import NamedTuple

from opt_tool.formats.caffe import caffe_pb2
from opt_tool.formats.caffe.layer import CaffeLayer
from opt_tool.formats.caffe.registry import caffe_layer
from opt_tool.formats.caffe.windows import pooling_window
from opt_tool.ir import Value
from opt_tool.ir.operations.padding import Pad2D
from opt_tool.ir.operations.pooling import Pool2D

METHODS = {
    caffe_pb2.PoolingParameter.MAX: "max",
    caffe_pb2.PoolingParameter.AVE: "avg",
}


class Axis(NamedTuple):
    """One axis of a pooling: ``end`` is how far the last window reaches behind the input."""

    size: int
    kernel: int
    stride: int
    pad: int
    end: int

    @property
    def after(self) -> int:
        """The pad behind the input with which windows are laid without rounding up."""
        return max(self.end, 0)


@caffe_layer("Pooling")
def pooling(layer: CaffeLayer) -> Value:
    param, x = layer.proto.pooling_param, layer.planes()
    if param.pool not in METHODS:
        raise layer.unsupported("stochastic pooling; its result is random")
    if len(layer.tops) > 1:
        raise layer.unsupported("a second top with the places of the maxima")
    if param.global_pooling:
        return layer.add(Pool2D(pooling_type=METHODS[param.pool], global_pooling=True), X=x)
    rows, columns = _axes(layer, param, x)
    return _pooled(layer, x, METHODS[param.pool], rows, columns)


def _axes(layer: CaffeLayer, param: caffe_pb2.PoolingParameter, x: Value) -> tuple[Axis, Axis]:
    _, _, height, width = layer.sizes(x)
    window = pooling_window(layer, param, (height, width))
    if any(pad >= kernel for pad, kernel in zip(window.pad, window.kernel, strict=True)):
        raise layer.unsupported(f"pads {list(window.pad)} of a window {list(window.kernel)}")
    padded, floor = any(window.pad), _rounds_down(param)
    rows, columns = (
        _axis(layer, *sizes, padded=padded, floor=floor)
        for sizes in zip((height, width), window.kernel, window.stride, window.pad, strict=True)
    )
    return rows, columns


def _rounds_down(param: caffe_pb2.PoolingParameter) -> bool:
    """Whether the number of windows is rounded down, which forks write in two ways."""
    return param.round_mode == caffe_pb2.PoolingParameter.FLOOR or not param.ceil_mode


def _axis(
    layer: CaffeLayer, size: int, kernel: int, stride: int, pad: int, *, padded: bool, floor: bool
) -> Axis:
    room = size + 2 * pad - kernel
    if room < 0:
        raise layer.unsupported(f"a window of {kernel} does not fit into {size}")
    count = (room if floor else room + stride - 1) // stride + 1
    if padded and (count - 1) * stride >= size + pad:
        count -= 1
    if (count - 1) * stride - pad >= size:
        raise layer.unsupported(
            f"the last window of {kernel} at stride {stride} lies behind the input of {size}; "
            "Caffe's result there is undefined"
        )
    return Axis(size, kernel, stride, pad, (count - 1) * stride - pad + kernel - size)


def _pooled(layer: CaffeLayer, x: Value, method: str, rows: Axis, columns: Axis) -> Value:
    """Pool with pads that are written out where they count; they may fold into the pool later."""
    padded = rows.pad > 0 or columns.pad > 0
    paddings = (rows.pad, rows.after, columns.pad, columns.after)
    if method == "avg" and padded:
        borders = (rows.pad, rows.pad, columns.pad, columns.pad)
        x = layer.add(Pad2D(paddings=borders), X=x)
        paddings = (0, max(rows.end - rows.pad, 0), 0, max(columns.end - columns.pad, 0))
    op = Pool2D(
        pooling_type=method,
        ksize=(rows.kernel, columns.kernel),
        strides=(rows.stride, columns.stride),
        paddings=paddings,
        exclusive=True,
    )
    return layer.add(op, X=x)
