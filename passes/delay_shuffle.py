"""Shuffle channels behind the depthwise convolution that makes their planes smaller.

Before::

    y = depthwise_conv2d(shuffle_channel(x, group=g), w, b)

After, with ``q`` the place of each channel behind the shuffle::

    y = shuffle_channel(depthwise_conv2d(x, w[q], b[q]), group=g)

Each channel has a filter of its own, which goes with it. With strides of 2 a quarter is left
to be copied, and the largest planes of a ShuffleNet do not lie in memory twice.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np

from opt_tool.ir import Graph, Node, Value
from opt_tool.ir.operations.convolution import DepthwiseConv2D
from opt_tool.ir.operations.data_movement import ShuffleChannel
from opt_tool.passes.affine import CHANNELS, is_parameter
from opt_tool.passes.rewrite import Kept, Rewrite

PARAMETERS = ("Filter", "Bias")


class ShuffledPlanes(NamedTuple):
    """A shuffle and the depthwise convolution that alone reads it."""

    shuffle: Node
    conv: Node
    op: ShuffleChannel


class DelayShuffle(Rewrite[ShuffledPlanes]):
    """Moves shuffles of channels behind depthwise convolutions with strides."""

    roots = (DepthwiseConv2D,)

    def match(self, graph: Graph, node: Node) -> ShuffledPlanes | Kept | None:
        assert isinstance(node.op, DepthwiseConv2D)
        shuffle = node.input("Input").producer
        if shuffle is None or not isinstance(shuffle.op, ShuffleChannel):
            return None
        if prod(node.op.strides) == 1:
            return Kept("it makes its planes no smaller")
        if not graph.read_once(shuffle.output):
            return Kept(f"{shuffle.name!r} is read by something else too")
        if node.input("Filter").shape[0] != shuffle.output.shape[CHANNELS]:
            return Kept("it makes several channels of one")
        if node.inputs["ResidualData"]:
            return Kept("it adds something to its channels")
        if not all(is_parameter(node.inputs.maybe(slot)) for slot in PARAMETERS):
            return Kept("a parameter is computed or quantized")
        return ShuffledPlanes(shuffle, node, shuffle.op)

    def rewrite(self, graph: Graph, match: ShuffledPlanes) -> Node:
        conv = match.conv
        channels = int(conv.input("Filter").array().shape[0])
        places = np.argsort(shuffled_order(channels, match.op.group))
        inputs: dict[str, Value] = {"Input": match.shuffle.input("X")}
        for slot in PARAMETERS:
            value = conv.inputs.maybe(slot)
            if value is not None:
                array = value.array()[places] if slot == "Filter" else value.array().ravel()[places]
                inputs[slot] = graph.add_constant(f"{conv.name}.{slot.lower()}", array)
        moved = graph.add(conv.op, inputs, name=conv.name, sources=conv.sources, before=conv)
        moved.passes = conv.passes
        return graph.fuse((match.shuffle, conv), match.op, {"X": moved.output})


def shuffled_order(channels: int, group: int) -> np.ndarray:
    """Which channel in front of a shuffle each one behind it is."""
    return np.arange(channels).reshape(group, -1).T.reshape(-1)
