"""What is known of the values behind batch norms, read before they are folded away.

Training left each channel behind a batch norm with mean beta and deviation |gamma|. As in
Nagel et al., ICCV 2019, section 4.2.1 (https://arxiv.org/abs/1906.04721), a channel is taken
to be normal; what activations and sums make of it is not integrated in closed form but
computed by the runtime's own kernels on numbers drawn from that distribution, so that it
holds for every activation and for what exporters write an activation as.
"""

from __future__ import annotations

import numpy as np

from opt_tool.ir import Graph, Node, Operands, Value
from opt_tool.ir.operations.activation import ElementwiseUnary, PRelu
from opt_tool.ir.operations.elementwise import Clip, ElementwiseBinary
from opt_tool.ir.operations.normalization import BatchNorm
from opt_tool.passes.affine import is_parameter
from opt_tool.runtime import Settings
from opt_tool.runtime.executor import run_node

DRAWS = (32, 32)
"""Numbers for each channel, laid out as an image: their mean is off by 3 % of a deviation."""

DEVIATIONS = 6.0
"""A normal number exceeds its mean by so many deviations once in a thousand million times."""

ELEMENTWISE = (ElementwiseUnary, ElementwiseBinary, PRelu, Clip)


def batch_norm_means(graph: Graph, seed: int = 0) -> dict[Value, np.ndarray]:
    """The mean of each channel (C,) of what batch norms and elementwise operations make."""
    rng = np.random.default_rng(seed)
    draws: dict[Value, np.ndarray] = {}
    for node in graph.nodes:
        if isinstance(node.op, BatchNorm):
            drawn = _behind_batch_norm(node, rng)
        else:
            drawn = _behind_elementwise(node, draws)
        if drawn is not None:
            draws[node.output] = drawn
    return {value: array.mean(axis=(0, 2, 3), dtype=np.float64) for value, array in draws.items()}


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


def _behind_batch_norm(node: Node, rng: np.random.Generator) -> np.ndarray | None:
    gamma, beta = node.input("Scale"), node.input("Bias")
    if node.output.rank != 4 or not (is_parameter(gamma) and is_parameter(beta)):
        return None
    normal = rng.standard_normal((1, gamma.array().size, *DRAWS), np.float32)
    return normal * np.abs(gamma.array())[:, None, None] + beta.array()[:, None, None]


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


def _fits_any_image(value: Value) -> bool:
    """Whether a constant is the same at all places, so that it can meet draws."""
    if not value.is_constant:
        return False
    return value.rank < 2 or all(dim == 1 for dim in value.shape[-2:])
