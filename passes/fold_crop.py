"""Let transposed convolutions cut off their own margins.

Before::

    y = slice(conv2d_transpose(x, w, paddings=p), axes=(2, 3), starts=(1, 1), ends=(-2, -2))

After::

    y = conv2d_transpose(x, w, paddings=p + (1, 2, 1, 2))

The paddings of a transposed convolution are what it leaves out of its own output. Exporters
write SAME padding of one as a slice behind it, fully convolutional nets of Caffe as a crop.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from opt_tool.ir import Dim, Graph, Node
from opt_tool.ir.operations.convolution import Conv2DTranspose, Pads
from opt_tool.ir.operations.data_movement import ENDLESS, Slice, StridedSlice
from opt_tool.passes.rewrite import Kept, Rewrite


class CroppedConv(NamedTuple):
    """A transposed convolution, the slice that alone reads it, and what both do."""

    conv: Node
    crop: Node
    op: Conv2DTranspose


class FoldCrop(Rewrite[CroppedConv]):
    """Folds slices of planes into the transposed convolutions in front of them."""

    roots = (Slice, StridedSlice)

    def match(self, graph: Graph, node: Node) -> CroppedConv | Kept | None:
        cuts = _cuts(node)
        conv = None if cuts is None else node.input("Input").producer
        if cuts is None or conv is None or not isinstance(conv.op, Conv2DTranspose):
            return None
        if not graph.read_once(conv.output):
            return Kept(f"{conv.name!r} is read by something else too")
        if any(conv.op.output_padding):
            return Kept(f"{conv.name!r} puts out more than its filter reaches")
        op = conv.op.replaced(paddings=_sum(conv.op.paddings, cuts))
        if not _leaves_some_of_each_filter(conv, op):
            return Kept("it would cut off more than one filter reaches")
        return CroppedConv(conv, node, op)

    def rewrite(self, graph: Graph, match: CroppedConv) -> Node:
        return graph.fuse((match.conv, match.crop), match.op, match.conv.inputs)


def _cuts(node: Node) -> Pads | None:
    """How much a slice cuts off planes: top, bottom, left, right; None if that is not all."""
    op = node.op
    if not isinstance(op, (Slice, StridedSlice)) or len(node.inputs) > 1 or op.decrease_axis:
        return None
    if isinstance(op, StridedSlice) and set(op.strides) != {1}:
        return None
    shape = node.input("Input").shape
    if len(shape) != 4:
        return None
    margins: dict[int, tuple[int, int]] = {2: (0, 0), 3: (0, 0)}
    for axis, start, end in zip((a % 4 for a in op.axes), op.starts, op.ends, strict=True):
        margin = _margin(shape[axis], start, end)
        if margin is None or (axis not in margins and margin != (0, 0)):
            return None
        margins[axis] = margin
    return (*margins[2], *margins[3])


def _margin(size: Dim, start: int, end: int) -> tuple[int, int] | None:
    """How many elements a slice leaves out in front and behind; None where only the run knows."""
    if isinstance(size, int):
        left = range(*slice(start, end).indices(size))
        return (left.start, size - left.stop) if left else None
    if start < 0 or 0 <= end < ENDLESS:
        return None
    return start, 0 if end >= ENDLESS else -end


def _sum(a: Pads, b: Pads) -> Pads:
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3])


def _leaves_some_of_each_filter(conv: Node, op: Conv2DTranspose) -> bool:
    """Whether the paddings are less than what one filter covers, as kernels expect."""
    kernel = conv.input("Filter").type.static_shape[2:]
    return all(
        pad <= dilation * (size - 1)
        for pads, size, dilation in zip(_sides(op.paddings), kernel, op.dilations, strict=True)
        for pad in pads
    )


def _sides(pads: Pads) -> Iterator[Iterable[int]]:
    yield pads[:2]
    yield pads[2:]
