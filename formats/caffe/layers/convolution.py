"""Reads Convolution, Deconvolution and the depthwise convolutions of forks."""

from __future__ import annotations

from opt_tool.formats.caffe import caffe_pb2
from opt_tool.formats.caffe.layer import CaffeLayer
from opt_tool.formats.caffe.registry import caffe_layer
from opt_tool.formats.caffe.windows import Window, convolution_window
from opt_tool.ir import Value
from opt_tool.ir.operations.convolution import Conv2D, Conv2DTranspose, DepthwiseConv2D


@caffe_layer("Convolution")
def convolution(layer: CaffeLayer) -> Value:
    param = layer.proto.convolution_param
    return _convolution(layer, param, param.group, param.num_output)


@caffe_layer("ConvolutionDepthwise", "DepthwiseConvolution")
def depthwise_convolution(layer: CaffeLayer) -> Value:
    """A convolution with a group for each channel, whatever ``group`` says."""
    param = layer.proto.convolution_param
    channels = layer.sizes(layer.planes())[1]
    return _convolution(layer, param, channels, param.num_output or channels)


def _convolution(
    layer: CaffeLayer, param: caffe_pb2.ConvolutionParameter, groups: int, filters: int
) -> Value:
    x = layer.planes()
    channels = _channels(layer, param, x, groups, filters)
    window = convolution_window(layer, param)
    shape = (filters, channels // groups, *window.kernel)
    depthwise = groups > 1 and shape[:2] == (groups, 1)
    op = (DepthwiseConv2D if depthwise else Conv2D)(
        strides=window.stride,
        paddings=window.paddings,
        dilations=window.dilation,
        groups=groups,
    )
    weight = layer.weight_value(0, shape, "weight")
    return layer.add(op, Input=x, Filter=weight, Bias=_bias(layer, param, filters))


@caffe_layer("Deconvolution")
def deconvolution(layer: CaffeLayer) -> Value:
    param, x = layer.proto.convolution_param, layer.planes()
    filters, groups = param.num_output, param.group
    channels = _channels(layer, param, x, groups, filters)
    window: Window = convolution_window(layer, param)
    op = Conv2DTranspose(
        strides=window.stride,
        paddings=window.paddings,
        dilations=window.dilation,
        groups=groups,
    )
    weight = layer.weight_value(0, (channels, filters // groups, *window.kernel), "weight")
    return layer.add(op, Input=x, Filter=weight, Bias=_bias(layer, param, filters))


def _channels(
    layer: CaffeLayer,
    param: caffe_pb2.ConvolutionParameter,
    x: Value,
    groups: int,
    filters: int,
) -> int:
    """How many channels x has; refuses what does not divide into groups."""
    if layer.axis(param.axis, x.rank) != 1:
        raise layer.unsupported(f"channels on axis {param.axis}; only axis 1 is supported")
    if len(layer.bottoms) > 1:
        raise layer.unsupported("several bottoms with one filter; write one layer for each")
    channels = layer.sizes(x)[1]
    if groups < 1 or filters < 1 or channels % groups or filters % groups:
        raise layer.unsupported(
            f"{channels} channels and {filters} outputs do not divide into {groups} groups"
        )
    return channels


def _bias(layer: CaffeLayer, param: caffe_pb2.ConvolutionParameter, filters: int) -> Value | None:
    return layer.weight_value(1, (filters,), "bias") if param.bias_term else None
