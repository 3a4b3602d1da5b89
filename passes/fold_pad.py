"""Let layers pad their own input.

Before::

    y = conv2d(pad2d(x, paddings=p, pad_value=0), w, paddings=q)

After::

    y = conv2d(x, w, paddings=p + q)           # four values: p need not be symmetric

Depthwise and transposed convolutions do the same; a transposed one pads its output's
border away, so it takes a pad of stride times fewer elements off its own paddings. A mean
takes zeros where it counts its pads, a maximum takes what is less than all numbers, or
zeros where no number is negative. Pads of pads with the same number become one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from opt_tool.ir import Graph, Node, Operation, Value
from opt_tool.ir.operations.convolution import Conv2D, Conv2DTranspose, DepthwiseConv2D, Pads
from opt_tool.ir.operations.padding import Pad2D
from opt_tool.ir.operations.pooling import Pool2D
from opt_tool.ir.types import Shape
from opt_tool.passes.nonnegative import is_nonnegative
from opt_tool.passes.rewrite import Kept, Rewrite

LOWEST = float(np.finfo(np.float32).min)


class PaddedLayers(NamedTuple):
    """A pad and, for each node that reads it, the operation that pads for itself."""

    pad: Node
    layers: tuple[tuple[Node, Operation], ...]


class FoldPad(Rewrite[PaddedLayers]):
    """Folds constant pads into all the layers behind them, or into none."""

    roots = (Pad2D,)

    def match(self, graph: Graph, node: Node) -> PaddedLayers | Kept | None:
        assert isinstance(node.op, Pad2D)
        if node.op.mode != "constant":
            return Kept(f"it pads with elements of its input ({node.op.mode})")
        if graph.is_output(node.output):
            return Kept("it is an output")
        layers = []
        for user in node.output.users:
            read = LAYERS.get(type(user.op))
            if read is None or next(user.inputs.flat()) is not node.output:
                return Kept(f"{user.name!r} cannot pad its own input")
            op = read(user, node.op, node.input("X"))
            if isinstance(op, Kept):
                return op
            layers.append((user, op))
        return PaddedLayers(node, tuple(layers))

    def rewrite(self, graph: Graph, match: PaddedLayers) -> None:
        x = match.pad.input("X")
        for layer, op in match.layers:
            inputs = layer.inputs.map(lambda value: x if value is match.pad.output else value)
            made = graph.replace(layer, op, inputs)
            made.passes = (*made.passes, self.name)


def _sum(a: Pads, b: Pads) -> Pads:
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3])


def _into_convolution(node: Node, pad: Pad2D, x: Value) -> Operation | Kept:  # noqa: ARG001
    assert isinstance(node.op, Conv2D)
    if pad.pad_value != 0:
        return Kept(f"it pads with {pad.pad_value}, {node.name!r} with zeros")
    return node.op.replaced(paddings=_sum(pad.paddings, node.op.paddings))


def _into_transposed_convolution(node: Node, pad: Pad2D, x: Value) -> Operation | Kept:  # noqa: ARG001
    assert isinstance(node.op, Conv2DTranspose)
    if pad.pad_value != 0:
        return Kept(f"it pads with {pad.pad_value}, {node.name!r} with zeros")
    down, right = node.op.strides
    top, bottom, left, far = pad.paddings
    grown = (-top * down, -bottom * down, -left * right, -far * right)
    paddings = _sum(node.op.paddings, grown)
    if min(paddings) < 0:
        return Kept(f"{node.name!r} cannot put out more than its filter reaches")
    return node.op.replaced(paddings=paddings)


def _into_pool(node: Node, pad: Pad2D, x: Value) -> Operation | Kept:
    op = node.op
    assert isinstance(op, Pool2D)
    if op.global_pooling or op.adaptive:
        return Kept(f"{node.name!r} takes its windows from the padded size")
    paddings = _sum(pad.paddings, op.paddings)
    if max(paddings[:2]) >= op.ksize[0] or max(paddings[2:]) >= op.ksize[1]:
        return Kept(f"{node.name!r} has windows of pads only")
    if op.pooling_type == "max":
        return _into_maximum(op, pad, paddings, x)
    if pad.pad_value != 0 or op.ceil_mode:
        return Kept(f"{node.name!r} counts pads of zeros in whole windows only")
    if op.exclusive and any(op.paddings):
        return Kept(f"{node.name!r} does not count its own pads")
    folded = op.replaced(paddings=paddings, exclusive=False)
    if not counts_its_pads(folded):
        return Kept(f"{node.name!r} would count as many pads behind as in front")
    if counts_pads_twice(folded, x.shape):
        return Kept(f"{node.name!r} would count pads twice in windows over the whole input")
    return folded


def counts_its_pads(op: Pool2D) -> bool:
    """Whether the kernels do: those of means take the pads in front for those behind."""
    top, bottom, left, right = op.paddings
    return op.pooling_type == "max" or op.exclusive or (top, left) == (bottom, right)


def counts_pads_twice(op: Pool2D, shape: Shape) -> bool:
    """Whether ARM's kernel of means takes more for a window than its own elements.

    It does where one begins in the pads in front, ends in those behind, and others do, too.
    """
    if op.pooling_type == "max" or op.exclusive or op.global_pooling:
        return False
    axes = zip(shape[2:], op.ksize, op.paddings[::2], strict=True)
    return any(
        isinstance(size, int) and size + pad < kernel < size + 2 * pad for size, kernel, pad in axes
    )


def _into_maximum(op: Pool2D, pad: Pad2D, paddings: Pads, x: Value) -> Operation | Kept:
    lowest = pad.pad_value == -math.inf or pad.pad_value <= LOWEST
    if lowest or (pad.pad_value == 0 and is_nonnegative(x)):
        return op.replaced(paddings=paddings)
    return Kept(f"{pad.pad_value} may be larger than what it surrounds")


def _into_pad(node: Node, pad: Pad2D, x: Value) -> Operation | Kept:  # noqa: ARG001
    assert isinstance(node.op, Pad2D)
    if node.op.mode != "constant" or node.op.pad_value != pad.pad_value:
        return Kept(f"{node.name!r} pads with something else")
    return node.op.replaced(paddings=_sum(pad.paddings, node.op.paddings))


LAYERS: Mapping[type[Operation], Callable[[Node, Pad2D, Value], Operation | Kept]] = {
    Conv2D: _into_convolution,
    Conv2DTranspose: _into_transposed_convolution,
    DepthwiseConv2D: _into_convolution,
    Pad2D: _into_pad,
    Pool2D: _into_pool,
}
"""The layer that pads for itself, or why there is none."""
