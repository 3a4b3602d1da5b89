"""Add only the channels that a sum with padded channels really adds.

Before::

    y = conv2d(x, w, b) + pad(z)                 # zeros behind the channels of z

After, with the filters of z's channels in ``w1`` and the others in ``w2``::

    y = concat(conv2d(x, w1, b1) + z, conv2d(x, w2, b2))

An activation that alone reads the sum is applied to both parts, where the layers in front
of them can take it. Networks for faces and hands widen their residuals so; the pad was two
reshapes and a copy, and half of the sum added zeros.
"""

from __future__ import annotations

from typing import NamedTuple

from opt_tool.ir import Graph, Node, Operation, Value
from opt_tool.ir.operations.activation import ElementwiseUnary, PRelu
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.data_movement import Concat
from opt_tool.ir.operations.elementwise import ElementwiseAdd
from opt_tool.passes.affine import CHANNELS, is_parameter, without_activation
from opt_tool.passes.axis_pad import AxisPad, read_axis_pad
from opt_tool.passes.rewrite import Kept, Rewrite


class PaddedSum(NamedTuple):
    """The sum, its two operands and the activation that alone reads it."""

    conv: Node
    pad: AxisPad
    sum: Node
    activation: Node | None


class SplitPaddedSum(Rewrite[PaddedSum]):
    """Splits convolutions whose output is added to channels that end with zeros."""

    roots = (ElementwiseAdd,)

    def match(self, graph: Graph, node: Node) -> PaddedSum | Kept | None:
        assert isinstance(node.op, ElementwiseAdd)
        x, y = node.input("X"), node.input("Y")
        pad, other = _padded(graph, x), y
        if pad is None:
            pad, other = _padded(graph, y), x
        if pad is None or x.shape != y.shape:
            return None
        if pad.axis != CHANNELS or pad.x.rank != 4 or pad.before or x is y:
            return Kept("zeros are not added behind the channels")
        conv = other.producer
        if conv is None or type(conv.op) is not Conv2D or conv.op.groups != 1:
            return Kept(f"{other.name!r} does not come from a convolution of one group")
        if not graph.read_once(other) or not graph.read_once(pad.nodes[-1].output):
            return Kept("an operand is read by something else too")
        if not without_activation(conv):
            return Kept(f"{conv.name!r} applies an activation or adds a residual first")
        if not all(is_parameter(conv.inputs.maybe(slot)) for slot in ("Filter", "Bias")):
            return Kept(f"{conv.name!r} has a parameter that is computed or quantized")
        return PaddedSum(conv, pad, node, _activation(graph, node))

    def rewrite(self, graph: Graph, match: PaddedSum) -> Node:
        end = match.sum if match.activation is None else match.activation
        size = match.pad.x.shape[CHANNELS]
        assert isinstance(size, int)
        low = _part(graph, match, slice(None, size), end)
        high = _part(graph, match, slice(size, None), end)
        total = graph.add(
            match.sum.op,
            {"X": low, "Y": match.pad.x},
            name=match.sum.name,
            sources=match.sum.sources,
            before=end,
        )
        parts = [
            _activated(graph, match.activation, total.output, slice(None, size)),
            _activated(graph, match.activation, high, slice(size, None)),
        ]
        return graph.replace(end, Concat(axis=CHANNELS), {"X": parts})


def _padded(graph: Graph, value: Value) -> AxisPad | None:
    return read_axis_pad(graph, value.producer)


def _activation(graph: Graph, node: Node) -> Node | None:
    """The activation that alone reads a sum and can be applied to parts of its channels."""
    if not graph.read_once(node.output):
        return None
    user = node.output.users[0]
    if isinstance(user.op, PRelu):
        slopes = user.input("Alpha")
        fits = user.op.mode in ("all", "channel") and is_parameter(slopes)
        return user if fits and user.input("X") is node.output else None
    return user if _is_activation(user.op) else None


def _is_activation(op: Operation) -> bool:
    """Whether an operation is one of the activations proper, which look at one element."""
    return isinstance(op, ElementwiseUnary) and type(op).__module__.endswith(".activation")


def _part(graph: Graph, match: PaddedSum, channels: slice, before: Node) -> Value:
    """The convolution with some of its filters."""
    conv = match.conv
    bias = conv.inputs.maybe("Bias")
    weight = conv.input("Filter").array()[channels]
    inputs = {
        "Input": conv.input("Input"),
        "Filter": graph.add_constant(f"{conv.name}.weight", weight.copy()),
        "Bias": None
        if bias is None
        else graph.add_constant(f"{conv.name}.bias", bias.array().reshape(-1)[channels].copy()),
    }
    made = graph.add(conv.op, inputs, name=conv.name, sources=conv.sources, before=before)
    return made.output


def _activated(graph: Graph, activation: Node | None, x: Value, channels: slice) -> Value:
    if activation is None:
        return x
    inputs = {"X": x}
    op = activation.op
    if isinstance(op, PRelu):
        slopes = activation.input("Alpha")
        if op.mode == "channel":
            part = slopes.array().reshape(-1)[channels].copy()
            slopes = graph.add_constant(f"{activation.name}.slopes", part)
        inputs["Alpha"] = slopes
    made = graph.add(op, inputs, sources=activation.sources, before=activation)
    return made.output
