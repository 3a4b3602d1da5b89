"""Give depthwise filters a rim of zeros where ARM's kernel for 3x3 reads past a narrow plane.

Before::

    y = depthwise_conv2d(x, w, strides=2, paddings=(0, 1, 0, 1))       # w 3x3, x 8 wide or less

After, with ``w`` in the corner of zeros::

    y = depthwise_conv2d(x, w5x5, strides=2, paddings=(2, 1, 2, 1))

The kernel takes no account of the row below the plane there, nor of the column beside it
in the other case below: lite/backends/arm/math/conv3x3s{1,2}p01_depthwise_fp32.cc. The
kernel for 5x5 computes both; TensorFlow pads so wherever a stride divides the size.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from opt_tool.ir import Graph, Node
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.passes.affine import is_parameter
from opt_tool.passes.fuse_activation import is_depthwise
from opt_tool.passes.rewrite import Kept, Rewrite

NARROW = 8
"""The width up to which stride 2 goes wrong."""

WIDTH = 5
"""The width at which stride 1 goes wrong."""


class NarrowDepthwise(NamedTuple):
    """A depthwise convolution, and by how much its filter moves from the corner."""

    conv: Node
    offset: int


class LowerDepthwise(Rewrite[NarrowDepthwise]):
    """Makes 5x5 filters of 3x3 ones that ARM's kernel gets wrong; open sizes may be such."""

    roots = (Conv2D,)

    def match(self, graph: Graph, node: Node) -> NarrowDepthwise | Kept | None:  # noqa: ARG002
        assert isinstance(node.op, Conv2D)
        if not _is_3x3(node):
            return None
        offset = _offset(node, node.op)
        if offset is None:
            return None
        if not is_parameter(node.input("Filter")):
            return Kept("its filter is computed or quantized")
        return NarrowDepthwise(node, offset)

    def rewrite(self, graph: Graph, match: NarrowDepthwise) -> Node:
        conv, before = match.conv, match.offset
        assert isinstance(conv.op, Conv2D)
        after = 2 - before
        rim = ((0, 0), (0, 0), (before, after), (before, after))
        weight = graph.add_constant(
            f"{conv.name}.weight", np.pad(conv.input("Filter").array(), rim)
        )
        top, bottom, left, right = conv.op.paddings
        paddings = (top + before, bottom + after, left + before, right + after)
        op = conv.op.replaced(paddings=paddings)
        return graph.replace(conv, op, {**conv.inputs, "Filter": (weight,)})


def _is_3x3(node: Node) -> bool:
    assert isinstance(node.op, Conv2D)
    return (
        is_depthwise(node)
        and node.input("Filter").shape[2:] == (3, 3)
        and node.op.dilations == (1, 1)
    )


def _offset(node: Node, op: Conv2D) -> int | None:
    """Where the filter goes in the larger one so that 2 stands in front; None if all is well."""
    height, width = node.input("Input").shape[2:]
    top, bottom, left, right = op.paddings
    if (op.strides, top, left, bottom) == ((2, 2), 0, 0, 1) and right < 2:
        odd = isinstance(height, int) and height % 2 == 1  # no window reaches the pad
        wide = isinstance(width, int) and width > NARROW
        return None if odd or wide else 2
    if (op.strides, top, left, right) == ((1, 1), 1, 1, 0) and bottom < 2:
        return 1 if isinstance(width, str) or width == WIDTH else None
    return None
