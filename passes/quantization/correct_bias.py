"""Take out of each bias what rounding the weights adds to the mean of the outputs.

Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction",
ICCV 2019, section 4.2 (https://arxiv.org/abs/1906.04721).

Before::

    y = conv2d(x, q, b)        # q was rounded from w

After, with ``m`` the mean of each channel of ``x``::

    y = conv2d(x, q, b + (w - q) m)

The window of a convolution is taken to see the mean everywhere, at the border too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from opt_tool.ir import Graph, Node, Value
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.matmul import Fc
from opt_tool.passes.quantization.weights import RESTORED
from opt_tool.runtime import Executor

CORRECTED = (Conv2D, Fc)
"""Operations that have a bias; their subclasses are meant too."""


def channel_means(
    graph: Graph, samples: Sequence[Mapping[str, np.ndarray]]
) -> dict[Value, np.ndarray]:
    """The mean of each channel of what corrected operations read, over all samples.

    The channels are what the weight has for each output: of (N, C, H, W) axis 1, of the
    matrix that an fc sees its columns. What had no elements in any sample, as where boxes are
    chosen and there are none, has no mean.
    """
    layers = {node.inputs.one("Input"): node for node in graph.nodes if is_corrected(node)}
    names = [value.name for value in layers]
    executor = Executor(graph)
    found: dict[Value, list[np.ndarray]] = {value: [] for value in layers}
    for sample in samples:
        results = executor.run(sample, keep=names)
        for value, node in layers.items():
            if results[value.name].size:
                found[value].append(channel_mean(node, results[value.name]))
    return {value: np.mean(means, axis=0) for value, means in found.items() if means}


def channel_mean(node: Node, x: np.ndarray) -> np.ndarray:
    """The mean of each channel of one input, as the operation sees channels."""
    if isinstance(node.op, Fc):
        columns = node.input("W").type.static_shape[0]
        return x.reshape(-1, columns).mean(axis=0, dtype=np.float64)
    return x.mean(axis=(0, 2, 3), dtype=np.float64)


def is_corrected(node: Node) -> bool:
    """Whether an operation has a bias, or none yet, that can be corrected."""
    if not isinstance(node.op, CORRECTED):
        return False
    bias = node.inputs.maybe("Bias")
    return bias is None or bias.is_constant


def mean_shift(node: Node, difference: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """What a difference of weights makes of inputs with these channel means, per output."""
    if isinstance(node.op, Fc):
        return mean @ difference
    assert isinstance(node.op, Conv2D)
    kernel_sums = difference.sum(axis=(2, 3), dtype=np.float64)
    out_channels, group_channels = kernel_sums.shape
    groups = kernel_sums.reshape(node.op.groups, -1, group_channels)
    return np.einsum("goc,gc->go", groups, mean.reshape(node.op.groups, -1)).reshape(out_channels)


def correct_bias(
    graph: Graph, exact: Mapping[Node, np.ndarray], means: Mapping[Value, np.ndarray]
) -> int:
    """Correct the bias of each operation whose weight was changed; return how many.

    Args:
        graph: The graph with rounded weights.
        exact: The weights that were rounded, by the operation that has them.
        means: What ``channel_means`` found in the graph with exact weights.
    """
    corrected = [node for node in exact if is_corrected(node) and node.input("Input") in means]
    for node in corrected:
        slot = RESTORED[type(node.op)].slot
        difference = exact[node] - node.input(slot).array()
        shift = mean_shift(node, difference, means[node.input("Input")])
        _add_to_bias(graph, node, shift)
    graph.remove_unused()
    return len(corrected)


def _add_to_bias(graph: Graph, node: Node, shift: np.ndarray) -> None:
    bias = node.inputs.maybe("Bias")
    array = np.zeros(len(shift)) if bias is None else bias.array()
    corrected = (array.reshape(-1) + shift).astype(np.float32).reshape(array.shape)
    name = f"{node.name}.bias" if bias is None else f"{bias.name}.corrected"
    graph.replace_inputs(node, {**node.inputs, "Bias": graph.add_constant(name, corrected)})
