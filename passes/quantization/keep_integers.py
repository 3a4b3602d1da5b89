"""Store weights as the integers that they were before the source's own scales.

Before, where all of ``w`` lies on a grid of 8 bits for each channel::

    y = conv2d(x, w, b)

After::

    y = conv2d(x, scales * q, b)        # q: int8

Models that were quantized elsewhere come as floats that are integers times a scale, and
folding a batch norm only changes the scale. Nothing but the last bits of float32 is lost.
"""

from __future__ import annotations

import numpy as np

from opt_tool.ir import Graph, Quantization
from opt_tool.ir.mapped_arrays import forget
from opt_tool.passes.quantization.grid import as_kernels, from_kernels
from opt_tool.passes.quantization.shared_weights import better_float
from opt_tool.passes.quantization.weights import Weight, restored_weights
from opt_tool.passes.rewrite import PassReport
from opt_tool.targets import LiteVersion

LEAST, LARGEST = -128, 127
"""The integers of 8 bits."""

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
        shared = better_float(dict.fromkeys(weights, 8))
        changes = sum(_keep(graph, weight) for weight in weights if weight not in shared)
        if changes:
            graph.remove_unused()
        return PassReport(self.name, changes)


def _keep(graph: Graph, weight: Weight) -> bool:
    value, axis = weight.value, weight.slot.axis
    if weight.bytes_at(8) >= value.array().nbytes:
        return False
    if not _fits_a_grid(np.take(value.array(), 0, axis)):
        forget(value.array())
        return False  # weights that were never quantized end here
    kernels = as_kernels(value.array(), axis)
    scales = grid_scales(kernels)
    if scales is None:
        return False
    integers = np.rint(kernels / scales[:, None, None]).astype(np.int8)
    array = from_kernels(integers, value.type.static_shape, axis)
    made = graph.add_constant(f"{value.name}.int8", array, Quantization(8, scales, axis))
    graph.replace_inputs(weight.node, {**weight.node.inputs, weight.slot.slot: made})
    return True


def grid_scales(kernels: np.ndarray) -> np.ndarray | None:
    """The scale of each channel of a weight that is integers of 8 bits times scales.

    Args:
        kernels: (channels, kernels, elements), float32.

    Returns:
        (channels,), or None where some element of a channel fits no scale.
    """
    channels = kernels.reshape(len(kernels), -1)
    some = channels[:, :: max(channels.shape[1] // TRIED, 1)]
    most = np.abs(channels).max(axis=1)
    scales = np.ones_like(most)
    fits = most < SMALLEST  # nothing but zeros
    for steps in range(1, -LEAST + 1):  # the coarsest grid that fits
        scale = np.where(fits, scales, most / np.float32(steps))
        found = ~fits & _are_whole(some / scale[:, None])
        scales[found] = scale[found]
        fits |= found
    return scales if fits.all() and _are_whole(channels / scales[:, None]).all() else None


def _fits_a_grid(channel: np.ndarray) -> bool:
    """Whether some elements of a channel lie on any of the grids, as nothing but zeros do."""
    largest = np.abs(channel).max()
    if largest < SMALLEST:
        return True
    some = channel.reshape(-1)[:: max(channel.size // TRIED, 1)]
    scales = largest / np.arange(1, -LEAST + 1, dtype=np.float32)
    return bool(_are_whole(some / scales[:, None]).any())


def _are_whole(quotients: np.ndarray) -> np.ndarray:
    """For each row whether all of it are whole numbers of 8 bits."""
    whole = np.rint(quotients)
    near = np.abs(quotients - whole) <= TOLERANCE * np.abs(whole)
    return np.asarray((near & (whole >= LEAST) & (whole <= LARGEST)).all(axis=1))
