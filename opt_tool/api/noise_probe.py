"""Measures how much noise quantized weights make at the outputs of a graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from opt_tool.api.final_activations import measured_values
from opt_tool.api.runners import Feeds
from opt_tool.ir import Graph
from opt_tool.ir.graph import along
from opt_tool.passes.quantization.choose_bits import Choice
from opt_tool.passes.quantization.choose_widths import WIDE
from opt_tool.passes.quantization.grid import FLOAT
from opt_tool.passes.quantization.quantize_weights import Integers, RoundedWeights
from opt_tool.passes.quantization.weights import Weight
from opt_tool.runtime.executor import Executor
from opt_tool.runtime.forked_run import ForkedRun, changed


class NoiseProbe:
    """Measures what quantized weights do to what a float graph computes on samples."""

    def __init__(self, graph: Graph, samples: Sequence[Feeds], rounded: RoundedWeights) -> None:
        self._executor = Executor(graph)
        self._samples = samples
        self._rounded = rounded
        self._measured = [value for value in measured_values(graph) if value.producer]
        self._exact = [run.end(changed(self._executor, {})) for run in self._runs()]
        self.signal = _power(array for values in self._exact for array in values.values())

    def choices(
        self, weights: Sequence[Weight], chosen: Mapping[Weight, int]
    ) -> list[list[Choice]]:
        """The widths that each weight can have with their noise, or only the chosen one.

        Args:
            weights: In execution order.
            chosen: What is given for some of them.
        """
        runs = self._runs()
        return [self._choices(runs, weight, chosen.get(weight)) for weight in weights]

    def _choices(self, runs: Sequence[ForkedRun], weight: Weight, bits: int | None) -> list[Choice]:
        for run in runs:
            run.advance(weight.node)
        widths = (8, WIDE, FLOAT) if bits is None else (bits,)
        return [
            Choice(width, weight.bytes_at(width), self._noise(runs, {weight: width}))
            for width in widths
        ]

    def noise(self, widths: Mapping[Weight, int]) -> float:
        """The noise power at the outputs when these weights have these bits."""
        return self._noise(self._runs(), widths)

    def _runs(self) -> list[ForkedRun]:
        return [ForkedRun(self._executor, sample, self._measured) for sample in self._samples]

    def _noise(self, runs: Sequence[ForkedRun], widths: Mapping[Weight, int]) -> float:
        restored = {
            weight.node: {weight.value: _restored(weight, self._rounded.integers(weight, bits))}
            for weight, bits in widths.items()
            if bits != FLOAT
        }
        if not restored:
            return 0.0
        changes = changed(self._executor, restored)
        return _power(
            exact[name].astype(np.float64) - array
            for run, exact in zip(runs, self._exact, strict=True)
            for name, array in run.end(changes).items()
        )


def _restored(weight: Weight, integers: Integers) -> np.ndarray:
    """A weight as the runtime will restore it."""
    scales = along(integers.scales, weight.slot.axis, integers.array.ndim)
    return integers.array.astype(np.float32) * scales


def _power(arrays: Iterable[np.ndarray]) -> float:
    return sum(float(np.vdot(array, array)) for array in arrays)
