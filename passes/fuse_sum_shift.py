"""Let the convolution in front of a sum add the constant behind it.

Before::

    y = (conv2d(x, w, b) + z) + t          # t: one number for each channel, or one for all

After::

    y = conv2d(x, w, b + t) + z

TensorFlow's optimiser gathers the biases of a residual block's branches so.
"""

from __future__ import annotations

from typing import NamedTuple

from opt_tool.ir import Graph, Node, Value
from opt_tool.ir.operations.convolution import Conv2D, Conv2DTranspose
from opt_tool.ir.operations.elementwise import ElementwiseAdd
from opt_tool.passes.affine import (
    ARITHMETIC,
    CHANNELS,
    Affine,
    is_parameter,
    out_channels,
    read_arithmetic,
    scaled_bias,
    without_activation,
)
from opt_tool.passes.rewrite import Kept, Rewrite

DEPTH = 16
"""How many sums in a row a constant passes; each looks at two operands at most."""


class ShiftedSum(NamedTuple):
    """A constant added to a sum, a convolution among its operands, and what is on the way."""

    conv: Node
    shifted: tuple[Value, ...]
    total: Node
    node: Node
    affine: Affine


class FuseSumShift(Rewrite[ShiftedSum]):
    """Folds constants that are added to sums into the bias of a convolution."""

    roots = ARITHMETIC

    def match(self, graph: Graph, node: Node) -> ShiftedSum | Kept | None:
        affine = read_arithmetic(node, CHANNELS)
        if affine is None or affine.x.rank != 4 or not affine.keeps_scale:
            return None
        total = affine.x.producer
        if total is None or not isinstance(total.op, ElementwiseAdd):
            return None
        if not graph.read_once(affine.x):
            return Kept(f"{total.name!r} is read by something else too")
        way = _convolution(graph, total)
        if way is None:
            return Kept(f"{total.name!r} adds nothing that comes from a convolution alone")
        if not affine.is_finite:
            return Kept("its numbers are not finite")
        conv, shifted = way
        return ShiftedSum(conv, shifted, total, node, affine)

    def rewrite(self, graph: Graph, match: ShiftedSum) -> Node:
        conv = match.conv
        bias = scaled_bias(conv.inputs.maybe("Bias"), out_channels(conv), match.affine)
        inputs: dict[str, Value | tuple[Value, ...]] = {
            **conv.inputs,
            "Bias": graph.add_constant(f"{conv.name}.bias", bias),
        }
        graph.replace(conv, conv.op, inputs)
        for value in match.shifted:  # they are not the source's tensors any more
            graph.rename(value, graph.unique_name(f"{value.name}.shifted"))
        return graph.fuse((match.total, match.node), match.total.op, match.total.inputs)


def _convolution(graph: Graph, total: Node) -> tuple[Node, tuple[Value, ...]] | None:
    """A convolution whose output is only added to others up to ``total``, and the sums."""
    pending: list[tuple[Node, tuple[Value, ...]]] = [(total, ())]
    for _ in range(DEPTH):
        if not pending:
            return None
        node, way = pending.pop(0)
        for value in (node.input("X"), node.input("Y")):
            maker = value.producer
            if maker is None or not graph.read_once(value) or value.shape != total.output.shape:
                continue
            if _takes_bias(maker):
                return maker, (*way, value)
            if isinstance(maker.op, ElementwiseAdd):
                pending.append((maker, (*way, value)))
    return None


def _takes_bias(node: Node) -> bool:
    if not isinstance(node.op, (Conv2D, Conv2DTranspose)) or not without_activation(node):
        return False
    return is_parameter(node.inputs.maybe("Bias"))
