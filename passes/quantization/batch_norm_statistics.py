"""What is known of the values behind batch norms, read before they are folded away.

Training left each channel behind a batch norm with mean beta and deviation |gamma|. As in
Nagel et al., ICCV 2019, section 4.2.1 (https://arxiv.org/abs/1906.04721), a channel is taken
to be normal; what activations and sums make of it is not integrated in closed form but
computed by the runtime's own kernels on numbers drawn from that distribution, so that it
holds for every activation and for what exporters write an activation as.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from opt_tool.ir import Graph, Node, Operands, Value
from opt_tool.ir.operations.activation import ElementwiseUnary, PRelu
from opt_tool.ir.operations.elementwise import Clip, ElementwiseBinary
from opt_tool.ir.operations.normalization import BatchNorm
from opt_tool.ir.operations.pooling import Pool2D
from opt_tool.ir.operations.reduction import ReduceMean
from opt_tool.ir.operations.shape import Flatten2, FlattenContiguousRange, Reshape2, Squeeze2
from opt_tool.passes.affine import is_parameter
from opt_tool.runtime.binding import Settings, run_node

PLACES = (32, 32)
"""The numbers for each channel are laid out as an image."""

DEVIATIONS = 6.0
"""A normal number exceeds its mean by so many deviations once in a thousand million times."""

ELEMENTWISE = (ElementwiseUnary, ElementwiseBinary, PRelu, Clip)
RESHAPES = (Reshape2, Flatten2, FlattenContiguousRange, Squeeze2)


def batch_norm_means(graph: Graph, seed: int = 0) -> dict[Value, np.ndarray]:
    """The mean of each channel (C,) of what batch norms and elementwise operations make.

    Averages over places have the means of what they read, and so have these in another shape.
    """
    rng = np.random.default_rng(seed)
    normal = rng.permutation(normal_numbers(math.prod(PLACES)))
    last = {value: node for node in graph.nodes for value in node.inputs.flat()}
    draws: dict[Value, np.ndarray] = {}
    means: dict[Value, np.ndarray] = {}
    for node in graph.nodes:
        if isinstance(node.op, BatchNorm):
            drawn = _behind_batch_norm(node, normal, rng)
        else:
            drawn = _behind_elementwise(node, draws)
        if drawn is not None:
            draws[node.output] = drawn
            means[node.output] = drawn.mean(axis=(0, 2, 3), dtype=np.float64)
        elif (kept := _kept(node, means)) is not None:
            means[node.output] = kept
        for value in node.inputs.flat():
            if last[value] is node:
                draws.pop(value, None)
    return means


def normal_numbers(count: int) -> np.ndarray:
    """Numbers in the places of a normal distribution that cut it into equal parts.

    They have mean 0 and variance 1 exactly, which as many random ones have not.
    """
    normal = NormalDist()
    half = np.array([normal.inv_cdf((place + 0.5) / count) for place in range(count // 2)])
    numbers = np.concatenate([half, -half])
    return (numbers / numbers.std()).astype(np.float32)


def batch_norm_limits(graph: Graph) -> dict[Value, np.ndarray]:
    """What each channel (C,) of a batch norm stays below.

    The value that an activation makes of it has the same entry: what the activation read.
    """
    limits: dict[Value, np.ndarray] = {}
    for node in graph.nodes:
        if isinstance(node.op, BatchNorm):
            gamma, beta = node.input("Scale"), node.input("Bias")
            if is_parameter(gamma) and is_parameter(beta):
                limits[node.output] = beta.array() + DEVIATIONS * np.abs(gamma.array())
        elif isinstance(node.op, (ElementwiseUnary, Clip)) and node.input("X") in limits:
            limits[node.output] = limits[node.input("X")]
    return limits


def _behind_batch_norm(
    node: Node, normal: np.ndarray, rng: np.random.Generator
) -> np.ndarray | None:
    """The same numbers for each channel, each from another place on, so that none go together."""
    gamma, beta = node.input("Scale"), node.input("Bias")
    if node.output.rank != 4 or not (is_parameter(gamma) and is_parameter(beta)):
        return None
    spread, shift = np.abs(gamma.array())[:, None], beta.array()[:, None]
    turns = sliding_window_view(np.tile(normal, 2), len(normal))
    drawn = turns[rng.integers(0, len(normal), len(spread))]
    drawn *= spread
    drawn += shift
    return drawn.reshape(1, -1, *PLACES)


def _behind_elementwise(node: Node, draws: dict[Value, np.ndarray]) -> np.ndarray | None:
    """The draws through one operation; None where an operand is neither drawn nor constant."""
    if not isinstance(node.op, ELEMENTWISE):
        return None
    values = list(node.inputs.flat())
    if not any(value in draws for value in values):
        return None
    if not all(value in draws or _fits_any_image(value) for value in values):
        return None
    arrays: Operands[np.ndarray] = node.inputs.map(
        lambda value: draws[value] if value in draws else value.array()
    )
    (made,) = run_node(node, arrays, Settings())
    return made


def _kept(node: Node, means: Mapping[Value, np.ndarray]) -> np.ndarray | None:
    """The means of what a node makes on axis 1 where they are those of what it reads."""
    x, op = node.inputs.maybe("X"), node.op
    if x is None or x not in means:
        return None
    if isinstance(op, Pool2D):
        averages = op.pooling_type == "avg" and (op.exclusive or not any(op.paddings))
        return means[x] if averages else None
    if isinstance(op, ReduceMean):
        return means[x] if x.rank == 4 and op.axes(x.type) == (2, 3) else None
    if not isinstance(op, RESHAPES) or x.shape[0] != node.output.shape[0]:
        return None
    sizes = node.output.shape[1:]
    if len(sizes) != 1 and sizes[:1] != x.shape[1:2]:
        return None
    return np.repeat(means[x], sizes[0] // len(means[x])) if isinstance(sizes[0], int) else None


def _fits_any_image(value: Value) -> bool:
    """Whether a constant is the same at all places, so that it can meet draws."""
    if not value.is_constant:
        return False
    return value.rank < 2 or all(dim == 1 for dim in value.shape[-2:])
