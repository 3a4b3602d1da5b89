"""Share the ranges of weights between a layer and the one that reads it.

Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction",
ICCV 2019, section 4.1 (https://arxiv.org/abs/1906.04721).

Before, with ``f`` linear on either side of zero: relu, leaky_relu, prelu or none::

    y = conv2d(f(conv2d(x, v, b)), w)

After, with one factor ``s`` for each channel between the two::

    y = conv2d(f(conv2d(x, v / s, b / s)), w * s)

The paper makes the largest weights of both layers equal: ``s = sqrt(max |v| / max |w|)``.
Here factors are powers of two, so that not a bit of any output changes. ``relu6`` is cut
off at 6 whatever the factor is: a channel of it takes a factor only where its batch norm
says that it stays below on either side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from opt_tool.ir import Graph, Node, Operation, Value
from opt_tool.ir.graph import along
from opt_tool.ir.operations.activation import LeakyRelu, PRelu, Relu, Relu6
from opt_tool.ir.operations.convolution import Conv2D, DepthwiseConv2D
from opt_tool.ir.operations.matmul import Fc
from opt_tool.passes.affine import is_parameter
from opt_tool.passes.quantization.grid import as_kernels
from opt_tool.passes.quantization.weights import RESTORED

LAYERS = (Conv2D, DepthwiseConv2D, Fc)
HOMOGENEOUS: tuple[type[Operation] | type[None], ...] = (type(None), Relu, LeakyRelu)
LARGEST_EXPONENT = 8
SWEEPS = 8
"""Factors of one pair move the range of the next; most graphs settle after three."""


@dataclass(frozen=True, eq=False, slots=True)
class Pair:
    """A layer, the one that alone reads what it makes, and the values between them."""

    first: Node
    second: Node
    between: tuple[Value, ...]

    @property
    def before(self) -> np.ndarray:
        """The weights that make each channel (channels, anything)."""
        array = self.first.input(_slot(self.first)).array()
        return as_kernels(array, _axis(self.first)).reshape(self.channels, -1)

    @property
    def behind(self) -> np.ndarray:
        """The weights that each channel is multiplied by (channels, anything)."""
        array = self.second.input(_slot(self.second)).array()
        if not isinstance(self.second.op, Conv2D):
            return array
        grouped = array.reshape(self.second.op.groups, -1, *array.shape[1:])
        return np.moveaxis(grouped, 2, 1).reshape(self.channels, -1)

    @property
    def channels(self) -> int:
        return self.first.input(_slot(self.first)).type.static_shape[_axis(self.first)]


def pairs(graph: Graph) -> Iterator[Pair]:
    """All pairs of a graph, in execution order."""
    for node in graph.nodes:
        if _is_layer(node) and _is_homogeneous(node.op):
            between = [node.output]
            reader = _only_reader(graph, node.output)
            if reader is not None and isinstance(reader.op, PRelu):
                between.append(reader.output)
                reader = _only_reader(graph, reader.output)
            if reader is not None and _fits(reader, between[-1]):
                yield Pair(node, reader, tuple(between))


def equalize_layers(graph: Graph, limits: Mapping[Value, np.ndarray]) -> dict[Value, np.ndarray]:
    """Equalize all pairs in place, and say by which factors channels were divided.

    Args:
        graph: The graph with float weights.
        limits: What each channel stays below before its activation, where that is known.
    """
    total: dict[Value, np.ndarray] = {}
    found = list(pairs(graph))
    for _ in range(SWEEPS):
        changed = [pair for pair in found if _equalize(graph, pair, limits, total)]
        if not changed:
            break
    for value in total:  # it is no longer what the source calls so
        graph.rename(value, graph.unique_name(f"{value.name}.equalized"))
    graph.remove_unused()
    return total


def range_factors(before: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """What makes the largest weights before and behind each channel equal; else 1."""
    ranges = np.abs(before).max(axis=1), np.abs(behind).max(axis=1)
    known = (ranges[0] > 0) & (ranges[1] > 0)
    return np.sqrt(np.divide(*ranges, out=np.ones_like(ranges[0]), where=known))


def _equalize(
    graph: Graph,
    pair: Pair,
    limits: Mapping[Value, np.ndarray],
    total: dict[Value, np.ndarray],
) -> bool:
    """Equalize one pair; return whether anything changed."""
    done = total.get(pair.between[0], np.ones(pair.channels))
    wanted = np.log2(range_factors(pair.before, pair.behind))
    factors = np.exp2(np.clip(np.round(wanted), -LARGEST_EXPONENT, LARGEST_EXPONENT))
    factors[~_allowed(pair, done * factors, limits)] = 1
    if np.all(factors == 1):
        return False
    _multiply_before(graph, pair, 1 / factors)
    _multiply_behind(graph, pair, factors)
    for value in pair.between:
        total[value] = done * factors
    return True


def _allowed(pair: Pair, total: np.ndarray, limits: Mapping[Value, np.ndarray]) -> np.ndarray:
    """Which channels may be divided by these factors; all but those that relu6 could cut."""
    activation = _activation(pair.first.op)
    limit = limits.get(pair.between[0])
    if not isinstance(activation, Relu6):
        return np.ones(pair.channels, bool)
    if limit is None:
        return np.zeros(pair.channels, bool)
    return limit <= activation.threshold * np.minimum(total, 1)


def _multiply_before(graph: Graph, pair: Pair, factors: np.ndarray) -> None:
    node, slot = pair.first, _slot(pair.first)
    weight = node.input(slot).array()
    _replace(graph, node, slot, weight * along(factors, _axis(node), weight.ndim))
    if node.inputs.maybe("Bias") is not None:
        bias = node.input("Bias").array()
        _replace(graph, node, "Bias", (bias.reshape(-1) * factors).reshape(bias.shape))


def _multiply_behind(graph: Graph, pair: Pair, factors: np.ndarray) -> None:
    node, slot = pair.second, _slot(pair.second)
    weight = node.input(slot).array()
    if not isinstance(node.op, Conv2D):
        _replace(graph, node, slot, weight * factors[:, None])
        return
    grouped = weight.reshape(node.op.groups, -1, *weight.shape[1:])
    scaled = grouped * factors.reshape(node.op.groups, 1, -1, 1, 1)
    _replace(graph, node, slot, scaled.reshape(weight.shape))


def _replace(graph: Graph, node: Node, slot: str, array: np.ndarray) -> None:
    """Give a node another constant, which takes the old one's name if nothing else reads it."""
    old = node.input(slot)
    name = old.name
    new = graph.add_constant(name, array.astype(np.float32))
    graph.replace_inputs(node, {**node.inputs, slot: new})
    if not old.users:
        graph.rename(old, graph.unique_name(f"{name}.before"))
        graph.rename(new, name)


# ---- what makes a pair


def _slot(node: Node) -> str:
    return RESTORED[type(node.op)].slot


def _axis(node: Node) -> int:
    return RESTORED[type(node.op)].axis


def _activation(op: Operation) -> Operation | None:
    return getattr(op, "activation", None)


def _is_layer(node: Node) -> bool:
    """Whether a node has a weight and a bias that can be scaled, and adds nothing else."""
    if type(node.op) not in LAYERS or node.inputs.maybe("ResidualData") is not None:
        return False
    weight = node.input(_slot(node))
    return weight.is_constant and is_parameter(weight) and is_parameter(node.inputs.maybe("Bias"))


def _is_homogeneous(op: Operation) -> bool:
    return isinstance(_activation(op), (*HOMOGENEOUS, Relu6))


def _only_reader(graph: Graph, value: Value) -> Node | None:
    return value.users[0] if graph.read_once(value) else None


def _fits(node: Node, x: Value) -> bool:
    """Whether a node is a layer whose weight has a part for each channel of what it reads."""
    if not _is_layer(node) or node.input("Input") is not x:
        return False
    return isinstance(node.op, Conv2D) or x.rank == 2  # of more axes no column is a channel
