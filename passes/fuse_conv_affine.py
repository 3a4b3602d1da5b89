"""Fold constants that scale and shift a convolution's output into its filter and bias.

Before::

    y = conv2d(x, w, b) * s + t        # Mul, Add, Sub, Div, scale; operands in either order

After::

    y = conv2d(x, w * s, b * s + t)

``s`` and ``t`` are one number for each channel or one for all. Transposed convolutions
and those of several groups are folded alike. An Add alone is how exporters write a bias.
"""

from __future__ import annotations

import abc
from typing import NamedTuple

from opt_tool.ir import Graph, Node
from opt_tool.ir.mapped_arrays import forget
from opt_tool.ir.operations.convolution import Conv2D, Conv2DTranspose
from opt_tool.ir.operations.normalization import BatchNorm
from opt_tool.passes.affine import (
    ARITHMETIC,
    Affine,
    is_parameter,
    out_channels,
    read_channels,
    scaled_bias,
    scaled_filter,
    without_activation,
)
from opt_tool.passes.rewrite import Kept, Rewrite


class AffineConv(NamedTuple):
    """A convolution and the affine map that alone reads it."""

    conv: Node
    node: Node
    affine: Affine


class FuseIntoConv(Rewrite[AffineConv]):
    """Folds the affine maps that ``read`` knows into the convolutions in front of them."""

    @abc.abstractmethod
    def read(self, node: Node) -> Affine | None:
        """What a node does to each channel, if it is one of those to be folded."""

    def match(self, graph: Graph, node: Node) -> AffineConv | Kept | None:
        affine = self.read(node)
        if affine is None:
            return None
        conv = affine.x.producer
        if conv is None or not isinstance(conv.op, (Conv2D, Conv2DTranspose)):
            return Kept("its input is not a convolution") if is_norm(node) else None
        if not graph.read_once(conv.output):
            return Kept(f"{conv.name!r} is read by something else too")
        if not without_activation(conv):
            return Kept(f"{conv.name!r} applies an activation or adds a residual first")
        if not all(is_parameter(conv.inputs.maybe(slot)) for slot in ("Filter", "Bias")):
            return Kept(f"{conv.name!r} has a parameter that is computed or quantized")
        if not affine.keeps_scale and not graph.read_once(conv.input("Filter")):
            return Kept(f"{conv.name!r} shares its filter with another node")
        if not affine.is_finite:
            return Kept("its factors are not finite")
        return AffineConv(conv, node, affine)

    def rewrite(self, graph: Graph, match: AffineConv) -> Node:
        conv, affine = match.conv, match.affine
        weight = conv.input("Filter")
        if not affine.keeps_scale:
            scaled = scaled_filter(conv, affine.scale)
            forget(weight.array())
            weight = graph.add_constant(f"{conv.name}.weight", scaled)
        bias = scaled_bias(conv.inputs.maybe("Bias"), out_channels(conv), affine)
        inputs = {
            "Input": conv.input("Input"),
            "Filter": weight,
            "Bias": graph.add_constant(f"{conv.name}.bias", bias),
        }
        return graph.fuse((conv, match.node), conv.op, inputs)


class FuseConvAffine(FuseIntoConv):
    """Folds constant arithmetic, and what batch norms follow it, into the convolution."""

    roots = (BatchNorm, *ARITHMETIC)

    def read(self, node: Node) -> Affine | None:
        return read_channels(node)


def is_norm(node: Node) -> bool:
    """Whether a node is a batch norm."""
    return isinstance(node.op, BatchNorm)
