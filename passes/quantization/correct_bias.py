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

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from opt_tool.ir import Graph, Node, Value
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.matmul import Fc
from opt_tool.passes.quantization.weights import RESTORED
from opt_tool.runtime.executor import Executor

CORRECTED = (Conv2D, Fc)
"""Operations that have a bias; their subclasses are meant too."""


class ChannelMeans:
    """Measures the mean of each channel of what corrected operations read.

    The channels are what the weight has for each output: of (N, C, H, W) axis 1, of the
    matrix that an fc sees its columns.

    Args:
        graph: The graph with exact weights.
        known: The mean of each channel, axis 1, of values that need not be measured.
        whole: Whether all of the graph is run, also where nothing is left to be measured.
    """

    def __init__(
        self, graph: Graph, known: Mapping[Value, np.ndarray], *, whole: bool = True
    ) -> None:
        self.known: dict[Node, np.ndarray] = {}
        self._readers: dict[Value, list[Node]] = {}
        for node in filter(is_corrected, graph.nodes):
            x = node.input("Input")
            if x in known and has_channels(node):
                self.known[node] = _by_columns(node, known[x])
            else:
                self._readers.setdefault(x, []).append(node)
        last = None
        for node in graph.nodes:
            if any(value in self._readers for value in node.outputs.flat()):
                last = node
        self._inputs = graph.inputs
        self._executor = None
        if whole or last is not None:
            self._executor = Executor(graph, until=None if whole else last)

    def of(self, sample: Mapping[str, np.ndarray]) -> dict[Node, np.ndarray]:
        """The means of one sample, for each operation whose channels have one.

        Without elements there is none, and infinities (the logarithm of a 0 among made numbers)
        say nothing of a bias.
        """
        means: dict[Node, np.ndarray] = {}

        def measure(values: Iterable[Value], arrays: Iterable[np.ndarray]) -> None:
            for value, array in zip(values, arrays, strict=True):
                for reader in self._readers.get(value, ()):
                    if not array.size:
                        continue
                    mean = channel_mean(reader, array)
                    if np.isfinite(mean).all():
                        means[reader] = mean

        with np.errstate(invalid="ignore"):
            measure(self._inputs, (sample[value.name] for value in self._inputs))
            if self._executor is not None:
                self._executor.run(
                    sample, watch=lambda node, made: measure(node.outputs.flat(), made)
                )
        return means

    def over(self, found: Sequence[Mapping[Node, np.ndarray]]) -> dict[Node, np.ndarray]:
        """The means over all samples, with those that were known."""
        nodes = dict.fromkeys(node for means in found for node in means)
        measured = {node: [means[node] for means in found if node in means] for node in nodes}
        return self.known | {node: np.mean(means, axis=0) for node, means in measured.items()}


def channel_mean(node: Node, x: np.ndarray) -> np.ndarray:
    """The mean of each channel of one input, as the operation sees channels."""
    if isinstance(node.op, Fc):
        columns = node.input("W").type.static_shape[0]
        return x.reshape(-1, columns).mean(axis=0, dtype=np.float64)
    return x.mean(axis=(0, 2, 3), dtype=np.float64)


def has_channels(node: Node) -> bool:
    """Whether what an operation reads has its channels on axis 1."""
    return not isinstance(node.op, Fc) or node.op.in_num_col_dims == 1


def _by_columns(node: Node, mean: np.ndarray) -> np.ndarray:
    """The mean of each channel, for an fc that of each column: it reads all places of a channel."""
    if not isinstance(node.op, Fc):
        return mean
    return np.repeat(mean, node.input("W").type.static_shape[0] // len(mean))


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
    graph: Graph, exact: Mapping[Node, np.ndarray], means: Mapping[Node, np.ndarray]
) -> int:
    """Correct the bias of each operation whose weight was changed; return how many.

    Args:
        graph: The graph with rounded weights.
        exact: The weights that were rounded, by the operation that has them.
        means: What ``ChannelMeans`` found in the graph with exact weights.
    """
    corrected = [node for node in exact if node in means]
    for node in corrected:
        slot = RESTORED[type(node.op)].slot
        difference = exact[node] - node.input(slot).array()
        shift = mean_shift(node, difference, means[node])
        _add_to_bias(graph, node, shift)
    graph.remove_unused()
    return len(corrected)


def _add_to_bias(graph: Graph, node: Node, shift: np.ndarray) -> None:
    bias = node.inputs.maybe("Bias")
    array = np.zeros(len(shift)) if bias is None else bias.array()
    corrected = (array.reshape(-1) + shift).astype(np.float32).reshape(array.shape)
    name = f"{node.name}.bias" if bias is None else f"{bias.name}.corrected"
    graph.replace_inputs(node, {**node.inputs, "Bias": graph.add_constant(name, corrected)})
