"""Where the windows of convolutions and pools lie, by TensorFlow's rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from opt_tool.formats.tflite.node import TfliteNode
from opt_tool.formats.tflite.schema import Padding
from opt_tool.ir import Dim
from opt_tool.ir.operations.convolution import Pads, Pair


class Extent(NamedTuple):
    """A window along one axis."""

    kernel: int
    stride: int
    dilation: int = 1


def strides_of(node: TfliteNode) -> Pair:
    """The strides along height and width."""
    strides = node.integer("stride_h"), node.integer("stride_w")
    if min(strides) < 1:
        raise node.unsupported(f"strides {list(strides)}; they must be positive")
    return strides


def paddings(node: TfliteNode, spatial: Sequence[Dim], extents: Sequence[Extent]) -> Pads:
    """The pads that the option ``padding`` asks for on planes of a size."""
    if node.choice("padding", Padding) is Padding.VALID:
        return (0, 0, 0, 0)
    (top, bottom), (left, right) = (
        same_pads(node, size, extent) for size, extent in zip(spatial, extents, strict=True)
    )
    return top, bottom, left, right


def same_pads(node: TfliteNode, size: Dim, extent: Extent) -> tuple[int, int]:
    """The pads for ceil(size / stride) windows; where they are odd, more of them at the end."""
    reach = extent.dilation * (extent.kernel - 1) + 1
    if isinstance(size, str):
        if extent.stride > 1:
            raise node.unsupported(
                f"SAME padding of a dimension ({size}) that is known only at run time; give the "
                "input's shape with --input-shape"
            )
        total = reach - 1
    else:
        windows = -(-size // extent.stride)
        total = max((windows - 1) * extent.stride + reach - size, 0)
    return total // 2, total - total // 2
