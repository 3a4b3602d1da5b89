"""Store weights as the integers that they were before the source's own scales.

Before, where all of ``w`` lies on a grid of 8 bits for each channel::

    y = conv2d(x, w, b)

After::

    y = conv2d(x, scales * q, b)        # q: int8, or int16 where it needs a zero point

Models that were quantized elsewhere come as floats that are integers times a scale, and
folding a batch norm only changes the scale. Nothing but the last bits of float32 is lost.
Bytes with a zero point are differences of two bytes without it: where they do not fit into
one again, they are stored in two, which is still half of a float.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from opt_tool.ir import Graph, Quantization
from opt_tool.ir.mapped_arrays import forget
from opt_tool.passes.quantization.grid import STORED, as_kernels, from_kernels
from opt_tool.passes.quantization.shared_weights import better_float
from opt_tool.passes.quantization.weights import Weight, restored_weights
from opt_tool.passes.rewrite import PassReport
from opt_tool.targets import LiteVersion


class Grid(NamedTuple):
    """Integers, and how many bits the file stores them in."""

    bits: int
    least: int
    largest: int


SIGNED = Grid(8, -128, 127)
WITH_ZERO_POINT = Grid(16, -255, 255)
"""The differences of two unsigned bytes, which those of two signed ones are as well."""

GRIDS = (SIGNED, WITH_ZERO_POINT)
"""Each lies within the next one."""

TOLERANCE = 1e-6
"""How far from a whole number a quotient may be, in parts of it: a few roundings of float32."""

SMALLEST = np.finfo(np.float32).tiny
"""Below it a float32 has lost bits."""

TRIED = 16
"""How many elements of each channel are tried with every scale; others need to fit just one."""


class KeepIntegers:
    """Stores weights that lie on a grid of 8 bits as integers, where the runtime restores them."""

    name = "keep-integers"

    def __init__(self, version: LiteVersion) -> None:
        self.version = version

    def run(self, graph: Graph) -> PassReport:
        weights = list(restored_weights(graph, self.version))
        shared = {grid: better_float(dict.fromkeys(weights, grid.bits)) for grid in GRIDS}
        changes = sum(
            _keep(graph, weight, [grid for grid in GRIDS if weight not in shared[grid]])
            for weight in weights
        )
        if changes:
            graph.remove_unused()
        return PassReport(self.name, changes)


def _keep(graph: Graph, weight: Weight, grids: Sequence[Grid]) -> bool:
    """Keep a weight as integers of the first grid that it lies on and that makes it smaller."""
    value, axis = weight.value, weight.slot.axis
    fitting = [grid for grid in grids if weight.bytes_at(grid.bits) < value.array().nbytes]
    channel = np.take(value.array(), 0, axis)
    if not fitting or not _fits_a_grid(channel, fitting[-1]):
        forget(value.array())
        return False  # weights that were never quantized end here
    kernels = as_kernels(value.array(), axis)
    for grid in fitting:
        scales = grid_scales(kernels, grid)
        if scales is not None:
            _store(graph, weight, grid, kernels, scales)
            return True
    return False


def _store(
    graph: Graph, weight: Weight, grid: Grid, kernels: np.ndarray, scales: np.ndarray
) -> None:
    value, node, axis = weight.value, weight.node, weight.slot.axis
    integers = np.rint(kernels / scales[:, None, None]).astype(STORED[grid.bits])
    array = from_kernels(integers, value.type.static_shape, axis)
    stored = Quantization(grid.bits, scales, axis)
    made = graph.add_constant(f"{value.name}.int{grid.bits}", array, stored)
    graph.replace_inputs(node, {**node.inputs, weight.slot.slot: made})


def grid_scales(kernels: np.ndarray, grid: Grid = SIGNED) -> np.ndarray | None:
    """The scale of each channel of a weight that is integers of a grid times scales.

    Args:
        kernels: (channels, kernels, elements), float32.
        grid: The integers.

    Returns:
        (channels,), or None where some element of a channel fits no scale.
    """
    channels = kernels.reshape(len(kernels), -1)
    some = channels[:, :: max(channels.shape[1] // TRIED, 1)]
    most = np.abs(channels).max(axis=1)
    scales = np.ones_like(most)
    fits = most < SMALLEST  # nothing but zeros
    for steps in range(1, -grid.least + 1):  # the coarsest grid that fits
        scale = np.where(fits, scales, most / np.float32(steps))
        found = ~fits & _are_whole(some / scale[:, None], grid)
        scales[found] = scale[found]
        fits |= found
    return scales if fits.all() and _are_whole(channels / scales[:, None], grid).all() else None


def _fits_a_grid(channel: np.ndarray, grid: Grid) -> bool:
    """Whether some elements of a channel lie on a grid at any scale, as nothing but zeros do."""
    largest = np.abs(channel).max()
    if largest < SMALLEST:
        return True
    some = channel.reshape(-1)[:: max(channel.size // TRIED, 1)]
    scales = largest / np.arange(1, -grid.least + 1, dtype=np.float32)
    return bool(_are_whole(some / scales[:, None], grid).any())


def _are_whole(quotients: np.ndarray, grid: Grid) -> np.ndarray:
    """For each row whether all of it are integers of the grid."""
    whole = np.rint(quotients)
    near = np.abs(quotients - whole) <= TOLERANCE * np.abs(whole)
    return np.asarray((near & (whole >= grid.least) & (whole <= grid.largest)).all(axis=1))
