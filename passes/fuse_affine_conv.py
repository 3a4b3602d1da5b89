"""Fold constants that scale and shift a convolution's input into its filter and bias.

Before::

    y = conv2d(x * s + t, w, b)        # a batch norm, Mul, Add, Sub, Div or scale in front

After::

    y = conv2d(x, w * s, b + sum(w * t))

Zeros that pad the convolution's input are not shifted: where it pads, ``t`` must be zero.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from opt_tool.ir import Graph, Node, Value
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.passes.affine import (
    Affine,
    is_parameter,
    multiplied,
    read_channels,
)
from opt_tool.passes.rewrite import Kept, Rewrite


class ConvOfAffine(NamedTuple):
    """A convolution and the affine map that it alone reads."""

    conv: Node
    affine: Affine


class FuseAffineConv(Rewrite[ConvOfAffine]):
    """Folds affine maps into the convolutions behind them."""

    roots = (Conv2D,)

    def match(self, graph: Graph, node: Node) -> ConvOfAffine | Kept | None:
        assert isinstance(node.op, Conv2D)
        before = node.input("Input").producer
        affine = None if before is None else read_channels(before)
        if before is None or affine is None:
            return None
        if not affine.keeps_zero and any(node.op.paddings):
            return Kept(f"zeros that pad the input of {node.name!r} would be shifted")
        if not graph.read_once(before.output):
            return Kept(f"{before.name!r} is read by something else too")
        if not all(is_parameter(node.inputs.maybe(slot)) for slot in ("Filter", "Bias")):
            return Kept(f"{node.name!r} has a parameter that is computed or quantized")
        if not graph.read_once(node.input("Filter")):
            return Kept(f"{node.name!r} shares its filter with another node")
        if not affine.is_finite:
            return Kept("its factors are not finite")
        return ConvOfAffine(node, affine)

    def rewrite(self, graph: Graph, match: ConvOfAffine) -> Node:
        conv, affine = match.conv, match.affine
        weight = conv.input("Filter").array()
        grouped = _grouped(conv, weight)
        scaled = multiplied(grouped, _by_input_channel(conv, affine.scale))
        inputs: dict[str, Value | tuple[Value, ...]] = {
            **conv.inputs,
            "Input": affine.x,
            "Filter": graph.add_constant(f"{conv.name}.weight", scaled.reshape(weight.shape)),
        }
        if not affine.keeps_zero:
            shifted = grouped * _by_input_channel(conv, affine.shift)
            shift = shifted.reshape(weight.shape).sum(axis=(1, 2, 3))
            bias = conv.inputs.maybe("Bias")
            total = shift if bias is None else shift + bias.array()
            inputs["Bias"] = graph.add_constant(f"{conv.name}.bias", total.astype(weight.dtype))
        return graph.replace(conv, conv.op, inputs)


def _grouped(conv: Node, weight: np.ndarray) -> np.ndarray:
    """A filter with its groups apart: [groups, outputs, inputs, height, width], both of a group."""
    assert isinstance(conv.op, Conv2D)
    groups = conv.op.groups
    return weight.reshape(groups, weight.shape[0] // groups, *weight.shape[1:])


def _by_input_channel(conv: Node, numbers: np.ndarray) -> np.ndarray:
    """One number for each input channel, laid out to multiply a filter with its groups apart."""
    assert isinstance(conv.op, Conv2D)
    inputs = conv.input("Filter").type.static_shape[1]
    each = np.broadcast_to(numbers, conv.op.groups * inputs)
    return each.reshape(conv.op.groups, 1, inputs, 1, 1)
