"""Move what scales and shifts a concat in front of it, where convolutions take it over.

Before::

    y = s * concat(conv2d(a), conv2d(b)) + t           # a batch norm, Mul, Add, Sub, Div

After, with the parts of ``s`` and ``t`` for each operand's channels::

    y = concat(s1 * conv2d(a) + t1, s2 * conv2d(b) + t2)

The parts then fold into the convolutions, so it is done only where all of them can.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from opt_tool.ir import Graph, Node, Value
from opt_tool.ir.operations.convolution import Conv2D, Conv2DTranspose
from opt_tool.ir.operations.data_movement import Concat
from opt_tool.ir.operations.normalization import BatchNorm
from opt_tool.passes.affine import (
    ARITHMETIC,
    CHANNELS,
    Affine,
    is_parameter,
    read_channels,
    without_activation,
)
from opt_tool.passes.rewrite import Kept, Rewrite


class AffineOfConcat(NamedTuple):
    """A concat of channels, the affine map that alone reads it and the operands' channels."""

    concat: Node
    node: Node
    affine: Affine
    sizes: tuple[int, ...]


class SplitConcatAffine(Rewrite[AffineOfConcat]):
    """Splits affine maps of concats that convolutions alone feed."""

    roots = (BatchNorm, *ARITHMETIC)

    def match(self, graph: Graph, node: Node) -> AffineOfConcat | Kept | None:
        affine = read_channels(node)
        concat = None if affine is None else affine.x.producer
        if affine is None or concat is None or not isinstance(concat.op, Concat):
            return None
        parts = concat.inputs["X"]
        sizes = tuple(value.shape[CHANNELS] for value in parts if value.rank == 4)
        if concat.op.axis % affine.x.rank != CHANNELS or len(sizes) != len(parts):
            return Kept("the concat is not of channels")
        if not graph.read_once(concat.output):
            return Kept(f"{concat.name!r} is read by something else too")
        if not all(_takes_over(graph, value) for value in parts):
            return Kept(f"{concat.name!r} joins what no convolution alone makes")
        known = tuple(size for size in sizes if isinstance(size, int))
        if len(known) != len(sizes) or not affine.is_finite:
            return Kept("the channels or the factors are not known")
        return AffineOfConcat(concat, node, affine, known)

    def rewrite(self, graph: Graph, match: AffineOfConcat) -> Node:
        total = sum(match.sizes)
        scale = np.broadcast_to(match.affine.scale, total)
        shift = np.broadcast_to(match.affine.shift, total)
        parts, start = [], 0
        for value, size in zip(match.concat.inputs["X"], match.sizes, strict=True):
            channels = slice(start, start + size)
            parts.append(_norm(graph, match.node, value, scale[channels], shift[channels]))
            start += size
        return graph.fuse((match.concat, match.node), match.concat.op, {"X": parts})


def _takes_over(graph: Graph, value: Value) -> bool:
    """Whether the affine map of a value folds into the convolution that makes it."""
    conv = value.producer
    return (
        conv is not None
        and isinstance(conv.op, (Conv2D, Conv2DTranspose))
        and graph.read_once(value)
        and without_activation(conv)
        and all(is_parameter(conv.inputs.maybe(slot)) for slot in ("Filter", "Bias"))
        and graph.read_once(conv.input("Filter"))
    )


def _norm(graph: Graph, node: Node, x: Value, scale: np.ndarray, shift: np.ndarray) -> Value:
    """``scale * x + shift`` as one batch norm."""
    return graph.add(
        BatchNorm(epsilon=0.0),
        norm_inputs(graph, node, x, scale, shift),
        name=node.name,
        sources=node.sources,
        before=node,
    ).output


def norm_inputs(
    graph: Graph, node: Node, x: Value, scale: np.ndarray, shift: np.ndarray
) -> dict[str, Value]:
    """The operands of a batch norm, without epsilon, that scales and shifts each channel."""
    numbers = {
        "Scale": scale,
        "Bias": shift,
        "Mean": np.zeros_like(scale),
        "Variance": np.ones_like(scale),
    }
    constants = {
        slot: graph.add_constant(f"{node.name}.{slot.lower()}", array.astype(x.dtype.numpy))
        for slot, array in numbers.items()
    }
    return {"X": x, **constants}
