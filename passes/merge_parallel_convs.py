"""Add convolutions of the same tensor by adding their filters.

Before::

    y = conv2d(x, w3, b3) + conv2d(x, w1, b1)        # w1 reads no further than w3
    y = conv2d(x, w, b) + x * s + t                  # a batch norm, Mul, Add, scale, or x itself

After::

    y = conv2d(x, w3 + padded(w1), b3 + b1)
    y = conv2d(x, w + s * identity, b + t)

Networks are trained with such branches and run without them (Ding et al., RepVGG: Making
VGG-style ConvNets Great Again, 2021, section 3.3); exporters leave that to a function of the
model which is easily forgotten. Depthwise convolutions beside a shortcut are the same.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from opt_tool.ir import Graph, Node, Value
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.elementwise import ElementwiseAdd
from opt_tool.passes.affine import (
    is_parameter,
    out_channels,
    read_channels,
    without_activation,
)
from opt_tool.passes.rewrite import Rewrite


class Branch(NamedTuple):
    """A summand as a convolution of what the one beside it reads.

    Attributes:
        weight: Its filters (O, C / groups, R, S).
        bias: What it adds to each of its channels, (O,) or one number for all.
        corner: How far above and left of its place a window begins.
        made_by: The node that is not needed any more, if there is one.
    """

    weight: np.ndarray
    bias: np.ndarray
    corner: tuple[int, int]
    made_by: Node | None


class ParallelConvs(NamedTuple):
    """A sum of a convolution and a branch beside it that reads no further."""

    conv: Node
    branch: Branch
    total: Node


class MergeParallelConvs(Rewrite[ParallelConvs]):
    """Merges summands that read one tensor into one convolution."""

    roots = (ElementwiseAdd,)

    def match(self, graph: Graph, node: Node) -> ParallelConvs | None:
        x, y = node.input("X"), node.input("Y")
        if x.shape != y.shape:
            return None
        for value, other in ((x, y), (y, x)):
            conv = value.producer
            if conv is None or not _is_open_to_merging(graph, conv):
                continue
            branch = _branch(graph, other, conv)
            if branch is not None and _lies_within(branch, conv):
                return ParallelConvs(conv, branch, node)
        return None

    def rewrite(self, graph: Graph, match: ParallelConvs) -> Node:
        conv, branch = match.conv, match.branch
        weight = conv.input("Filter").array()
        merged = weight.astype(np.float64)
        top, left = _place(branch, conv)
        rows, columns = branch.weight.shape[2:]
        merged[:, :, top : top + rows, left : left + columns] += branch.weight
        bias = np.broadcast_to(_bias(conv) + branch.bias, out_channels(conv))
        inputs = {
            "Input": conv.input("Input"),
            "Filter": graph.add_constant(f"{conv.name}.weight", merged.astype(weight.dtype)),
            "Bias": graph.add_constant(f"{conv.name}.bias", bias.astype(weight.dtype)),
        }
        beside = () if branch.made_by is None else (branch.made_by,)
        return graph.fuse((conv, *beside, match.total), conv.op, inputs)


def _is_open_to_merging(graph: Graph, node: Node) -> bool:
    """Whether a node is a convolution whose numbers are known and that the sum alone reads."""
    return (
        isinstance(node.op, Conv2D)
        and without_activation(node)
        and graph.read_once(node.output)
        and all(is_parameter(node.inputs.maybe(slot)) for slot in ("Filter", "Bias"))
    )


def _branch(graph: Graph, value: Value, conv: Node) -> Branch | None:
    """What stands beside a convolution, as one of the same input, strides and groups."""
    x, maker = conv.input("Input"), value.producer
    if value is x:
        return _scaled_identity(conv, np.ones(1), np.zeros(1), None)
    if maker is None or not graph.read_once(value):
        return None
    if isinstance(maker.op, Conv2D):
        is_alike = _is_open_to_merging(graph, maker) and maker.input("Input") is x
        return _as_it_is(maker) if is_alike and _steps(maker) == _steps(conv) else None
    affine = read_channels(maker)
    if affine is None or affine.x is not x or not affine.is_finite:
        return None
    return _scaled_identity(conv, affine.scale, affine.shift, maker)


def _steps(conv: Node) -> tuple[object, ...]:
    """What must be alike of two convolutions that are added, beside their size."""
    assert isinstance(conv.op, Conv2D)
    kernel = conv.input("Filter").type.static_shape[2:]
    dilations = conv.op.dilations if kernel != (1, 1) else (1, 1)
    return conv.op.strides, conv.op.groups, dilations


def _as_it_is(conv: Node) -> Branch:
    assert isinstance(conv.op, Conv2D)
    corner = (conv.op.paddings[0], conv.op.paddings[2])
    return Branch(conv.input("Filter").array(), _bias(conv), corner, conv)


def _scaled_identity(
    conv: Node, scale: np.ndarray, shift: np.ndarray, made_by: Node | None
) -> Branch | None:
    """A 1x1 convolution in the groups of another one that scales and shifts each channel."""
    assert isinstance(conv.op, Conv2D)
    count, group_channels = conv.input("Filter").type.static_shape[:2]
    if conv.op.strides != (1, 1):
        return None
    weight = np.zeros((count, group_channels, 1, 1))
    channels = np.arange(count)
    weight[channels, channels % group_channels, 0, 0] = scale
    return Branch(weight, shift, (0, 0), made_by)


def _place(branch: Branch, conv: Node) -> tuple[int, int]:
    """Where the branch's windows begin inside of those of a convolution."""
    assert isinstance(conv.op, Conv2D)
    return conv.op.paddings[0] - branch.corner[0], conv.op.paddings[2] - branch.corner[1]


def _lies_within(branch: Branch, conv: Node) -> bool:
    """Whether the branch reads nothing outside of the convolution's windows, nor between."""
    assert isinstance(conv.op, Conv2D)
    sizes = zip(
        _place(branch, conv),
        branch.weight.shape[2:],
        conv.input("Filter").type.static_shape[2:],
        strict=True,
    )
    is_dense = conv.op.dilations == (1, 1)
    return is_dense and all(start >= 0 and start + size <= most for start, size, most in sizes)


def _bias(conv: Node) -> np.ndarray:
    bias = conv.inputs.maybe("Bias")
    return np.zeros(1) if bias is None else bias.array().astype(np.float64)
