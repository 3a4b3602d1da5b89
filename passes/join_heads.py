"""Transpose what several convolutions make of one value once.

Before::

    y = transpose2(conv2d(x, w, b), axis=p)
    z = transpose2(conv2d(x, v, c), axis=p)

After::

    y, z = split(transpose2(conv2d(x, concat(w, v), concat(b, c)), axis=p))

Detectors put out boxes and scores of one feature map so, with the channels last. One
convolution fills the blocks that kernels compute better than two narrow ones, and the split
costs what the second transpose did.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from opt_tool.ir import Graph, Node, Value
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.data_movement import Split, Transpose2
from opt_tool.passes.affine import CHANNELS, is_parameter
from opt_tool.passes.rewrite import Rewrite

SLOTS = ("Filter", "Bias")


class Heads(NamedTuple):
    """Convolutions of one value and the transpose that alone reads each."""

    convs: tuple[Node, ...]
    transposes: tuple[Node, ...]


class JoinHeads(Rewrite[Heads]):
    """Joins convolutions of one value that are all transposed alike."""

    roots = (Conv2D,)

    def match(self, graph: Graph, node: Node) -> Heads | None:
        if not _is_head(graph, node):
            return None
        heads = tuple(user for user in node.input("Input").users if _joins(graph, node, user))
        if len(heads) < 2 or heads[0] is not node:
            return None
        return Heads(heads, tuple(_transpose(conv) for conv in heads))

    def rewrite(self, graph: Graph, match: Heads) -> Node:
        first = match.convs[0]
        turn = next(node for node in graph.nodes if node in match.transposes)
        assert isinstance(turn.op, Transpose2)
        sources = tuple(source for conv in match.convs for source in conv.sources)
        inputs: dict[str, Value | tuple[Value, ...]] = {**first.inputs}
        for slot in SLOTS:
            arrays = list(_parameters(match.convs, slot))
            if arrays:
                joined = np.concatenate(arrays)
                inputs[slot] = graph.add_constant(f"{first.name}.{slot.lower()}", joined)
        conv = graph.add(first.op, inputs, name=first.name, sources=sources, before=turn)
        turned = graph.add(
            turn.op, {"X": conv.output}, name=turn.name, sources=turn.sources, before=turn
        )
        axis = turn.op.axis.index(CHANNELS)
        sections = tuple(int(array.shape[0]) for array in _parameters(match.convs, "Filter"))
        split = graph.add(
            Split(axis=axis, sections=sections),
            {"X": turned.output},
            sources=sources,
            before=turn,
        )
        for old, new in zip(match.transposes, tuple(split.outputs.flat()), strict=True):
            graph.replace_uses(old.output, new)
        return split


def _is_head(graph: Graph, node: Node) -> bool:
    """Whether a node is a convolution of constants that only a transpose reads."""
    if not isinstance(node.op, Conv2D) or node.op.groups != 1 or node.inputs["ResidualData"]:
        return False
    if not all(is_parameter(node.inputs.maybe(slot)) for slot in SLOTS):
        return False
    return graph.read_once(node.output) and isinstance(_transpose(node).op, Transpose2)


def _joins(graph: Graph, node: Node, other: Node) -> bool:
    """Whether another head of the same value slides the same window and is turned alike."""
    return (
        _is_head(graph, other)
        and other.op == node.op
        and other.input("Input") is node.input("Input")
        and other.input("Filter").shape[1:] == node.input("Filter").shape[1:]
        and set(other.inputs) == set(node.inputs)
        and _transpose(other).op == _transpose(node).op
    )


def _transpose(conv: Node) -> Node:
    """The node that alone reads a convolution."""
    return conv.output.users[0]


def _parameters(convs: tuple[Node, ...], slot: str) -> Iterator[np.ndarray]:
    """The arrays in a slot, a row for each channel that is made."""
    for conv in convs:
        for value in conv.inputs[slot]:
            array = value.array()
            yield array if slot == "Filter" else array.reshape(-1)
