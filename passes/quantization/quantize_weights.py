"""Store weights as integers that the runtime turns back into floats when it loads the file.

Before::

    y = conv2d(x, w, b)        # and depthwise_conv2d, fc, mul, lookup_table

After, with one scale for each channel of ``w``::

    y = conv2d(x, scales * q, b)        # q: int8 or int16

Never a bias: it is small, and the runtime does not restore it. A weight that several
operations read is given to each as a copy of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from opt_tool.ir import Graph, Quantization
from opt_tool.passes.quantization.grid import (
    FLOAT,
    STORED,
    as_kernels,
    from_kernels,
    largest,
    stored_bits,
)
from opt_tool.passes.quantization.method import Method
from opt_tool.passes.quantization.weights import Weight


class QuantizedWeight(NamedTuple):
    """What became of one weight; ``bits`` 32 where it stayed float."""

    op: str
    node: str
    weight: str
    bits: int
    bytes_before: int
    bytes_after: int
    sqnr_db: float | None


@dataclass(frozen=True, eq=False, slots=True)
class Integers:
    """A weight as integers in its own shape, and a scale for each channel."""

    array: np.ndarray
    scales: np.ndarray


def quantized(array: np.ndarray, axis: int, bits: int, method: Method) -> Integers:
    """A float32 weight as integers, by a method's rules."""
    kernels, limit = as_kernels(array, axis), largest(bits)
    scales = method.scale(kernels, limit)
    rounded = method.rounding(kernels, scales, limit)
    stored = rounded.astype(STORED[stored_bits(bits)])
    return Integers(from_kernels(stored, array.shape, axis), scales)


class RoundedWeights:
    """The integers of weights by one method, each made once for each width.

    The weights must not change meanwhile.
    """

    def __init__(self, method: Method) -> None:
        self._method = method
        self._made: dict[tuple[Weight, int], Integers] = {}

    def integers(self, weight: Weight, bits: int) -> Integers:
        """A weight in so many bits."""
        key = weight, bits
        if key not in self._made:
            array = weight.value.array()
            self._made[key] = quantized(array, weight.slot.axis, bits, self._method)
        return self._made[key]


def quantize_weights(
    graph: Graph, widths: Mapping[Weight, int], rounded: RoundedWeights
) -> tuple[QuantizedWeight, ...]:
    """Quantize each weight to its bits, in place; those of 32 bits stay float."""
    done = tuple(_quantize(graph, weight, bits, rounded) for weight, bits in widths.items())
    graph.remove_unused()
    return done


def _quantize(graph: Graph, weight: Weight, bits: int, rounded: RoundedWeights) -> QuantizedWeight:
    node, value, axis = weight.node, weight.value, weight.slot.axis
    before = value.array()
    if bits == FLOAT:
        return _summary(weight, FLOAT, None)
    integers = rounded.integers(weight, bits)
    stored = Quantization(stored_bits(bits), integers.scales, axis)
    made = graph.add_constant(f"{value.name}.int{stored.bits}", integers.array, stored)
    graph.replace_inputs(node, {**node.inputs, weight.slot.slot: made})
    return _summary(weight, bits, sqnr_db(before, made.array()))


def _summary(weight: Weight, bits: int, sqnr: float | None) -> QuantizedWeight:
    return QuantizedWeight(
        weight.node.op.type,
        weight.node.name,
        weight.value.name,
        bits,
        weight.bytes_at(FLOAT),
        weight.bytes_at(stored_bits(bits)),
        sqnr,
    )


def sqnr_db(exact: np.ndarray, found: np.ndarray) -> float | None:
    """Signal to noise in decibels; None where one of them is nothing."""
    difference = found - exact
    signal = float(np.vdot(exact, exact))
    noise = float(np.vdot(difference, difference))
    return 10 * math.log10(signal / noise) if signal > 0 and noise > 0 else None


def total_bytes(weights: Sequence[QuantizedWeight]) -> tuple[int, int]:
    """The bytes of all before and after."""
    return sum(w.bytes_before for w in weights), sum(w.bytes_after for w in weights)
