"""Reads Interp, Upsample and Reorg."""

from __future__ import annotations

from opt_tool.formats.caffe import caffe_pb2
from opt_tool.formats.caffe.layer import CaffeLayer
from opt_tool.formats.caffe.registry import caffe_layer
from opt_tool.ir import Value
from opt_tool.ir.operations.data_movement import Slice, Transpose2
from opt_tool.ir.operations.interpolation import BilinearInterp, NearestInterp


@caffe_layer("Interp")
def interp(layer: CaffeLayer) -> Value:
    """DeepLab's bilinear resizing, corner on corner; negative pads cut the borders off."""
    param, x = layer.proto.interp_param, layer.planes()
    if param.pad_beg > 0 or param.pad_end > 0:
        raise layer.unsupported(f"pads {param.pad_beg}, {param.pad_end}; Caffe only takes off")
    if param.pad_beg or param.pad_end:
        ends = tuple(size + param.pad_end for size in layer.sizes(x)[2:])
        starts = (-param.pad_beg,) * 2
        x = layer.add(Slice(axes=(2, 3), starts=starts, ends=ends), Input=x)
    size = _interp_size(layer, param, layer.sizes(x)[2:])
    if min(size) < 1:
        raise layer.unsupported(f"an output of {list(size)}")
    op = BilinearInterp(out_h=size[0], out_w=size[1], align_corners=True)
    return layer.add(op, X=x)


def _interp_size(
    layer: CaffeLayer, param: caffe_pb2.InterpParameter, size: tuple[int, ...]
) -> tuple[int, ...]:
    """The size of the second bottom, or what is given, or one by the factors."""
    if len(layer.bottoms) > 1:
        return layer.sizes(layer.planes(1))[2:]
    if param.height or param.width:
        return param.height, param.width
    if param.shrink_factor < 1 or param.zoom_factor < 1:
        raise layer.unsupported("factors that are not positive")
    shrunk = ((n - 1) // param.shrink_factor + 1 for n in size)
    return tuple(n + (n - 1) * (param.zoom_factor - 1) for n in shrunk)


SEGNET_FIELDS = ("scale_h", "scale_w", "upsample_h", "upsample_w", "pad_out_h", "pad_out_w")


@caffe_layer("Upsample")
def upsample(layer: CaffeLayer) -> Value:
    """YOLO's: every element repeated ``scale`` times along both axes."""
    param, x = layer.proto.upsample_param, layer.planes()
    if len(layer.bottoms) > 1:
        raise layer.unsupported("SegNet's form with the places of maxima; there is no kernel")
    if any(param.HasField(name) for name in SEGNET_FIELDS):
        raise layer.unsupported("SegNet's form with a size for each axis; give `scale`")
    factor = param.scale if param.HasField("scale") else param.stride
    if factor < 1:
        raise layer.unsupported(f"scale {factor}")
    return layer.add(NearestInterp(scale=(float(factor), float(factor))), X=x)


@caffe_layer("Reorg")
def reorg(layer: CaffeLayer) -> Value:
    """YOLO v2's: blocks of ``stride`` x ``stride`` elements become channels.

    Its source takes the blob for one of fewer channels and larger planes first, which is
    what it has been trained with.
    """
    param, x = layer.proto.reorg_param, layer.planes()
    if param.reverse:
        raise layer.unsupported("reverse: true")
    batch, channels, height, width = layer.sizes(x)
    s = param.stride
    if s < 1 or channels % (s * s) or height % s or width % s:
        raise layer.unsupported(f"{x.type} does not divide into blocks of {s}")
    # channels of the larger planes with their rows, the place in a block, columns, the other
    parts = (batch, channels // (s * s) * height, s, width, s)
    turned = layer.add(Transpose2(axis=(0, 2, 4, 1, 3)), X=layer.reshaped(x, parts))
    return layer.reshaped(turned, (batch, channels * s * s, height // s, width // s))
