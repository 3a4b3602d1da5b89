"""Quantizes the weights of a graph as a user asks for it, and reports what became of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from opt_tool.api.noise_probe import NoiseProbe
from opt_tool.api.picture_files import DEFAULT, Preprocessing
from opt_tool.api.report import QuantizationReport, QuantizedLayer, SearchReport
from opt_tool.api.runners import Feeds, unfit_inputs
from opt_tool.api.sample_inputs import has_open_spatial_size, input_specs
from opt_tool.api.samples import SampleFolder
from opt_tool.api.verification import run_on_samples
from opt_tool.errors import UsageError
from opt_tool.ir import Graph, Node
from opt_tool.passes.quantization.batch_norm_statistics import (
    batch_norm_limits,
    batch_norm_means,
)
from opt_tool.passes.quantization.choose_bits import Choice, Solution, choose_bits
from opt_tool.passes.quantization.choose_widths import choose_widths
from opt_tool.passes.quantization.correct_bias import ChannelMeans, correct_bias
from opt_tool.passes.quantization.equalize_layers import equalize_layers
from opt_tool.passes.quantization.grid import BITS, FLOAT
from opt_tool.passes.quantization.method import DEFAULT_METHOD, METHODS, Method
from opt_tool.passes.quantization.quantize_weights import (
    QuantizedWeight,
    RoundedWeights,
    quantize_weights,
)
from opt_tool.passes.quantization.shared_weights import better_float
from opt_tool.passes.quantization.weights import Weight, finite_weights, float_weights
from opt_tool.targets import LiteVersion

SAMPLES = 4
"""How many made inputs means and sensitivities are measured with."""

MOST_SAMPLES = 16
"""How many of the user's own at most; more make the search slow and hardly better."""

MODES: Mapping[str, int] = {"int8": 8, "int16": 16, "mixed": 8}
"""The modes, and the bits of a weight that nothing else is said of."""

MIN_SQNR_DB = 10.0
MAX_ERROR_DB = 30.0
TRIES = 8
"""How often the budget of a search is lowered when the measured noise exceeds it."""


@dataclass(frozen=True, slots=True)
class QuantizationOptions:
    """What the user asked for.

    Attributes:
        mode: One of ``MODES``.
        bits: Bits instead of the mode's, 2 to 16; the file stores 8 or 16.
        method: One of ``METHODS``.
        keep_float: Names of weights or operations that stay float.
        bits_for: Bits by the name of a weight or an operation.
        max_error_db: For ``mixed`` the least signal to noise at the outputs, in dB.
        min_sqnr_db: What the outputs of the file must keep, or it is not left in place.
        force: Whether weights that are quantized already are quantized again.
        samples: A folder of inputs to measure with instead of made ones; see ``samples``.
        preprocessing: What is done to pictures in it.
    """

    mode: str = "int8"
    bits: int | None = None
    method: str = DEFAULT_METHOD
    keep_float: tuple[str, ...] = ()
    bits_for: Mapping[str, int] | None = None
    max_error_db: float = MAX_ERROR_DB
    min_sqnr_db: float = MIN_SQNR_DB
    force: bool = False
    samples: Path | None = None
    preprocessing: Preprocessing = DEFAULT

    def check(self) -> None:
        """Refuse what is out of range; the command line cannot send it, a program can.

        Raises:
            UsageError: naming the option.
        """
        if self.mode not in MODES:
            raise UsageError(f"no quantization is called {self.mode!r}: {', '.join(MODES)}")
        if self.method not in METHODS:
            raise UsageError(f"no method is called {self.method!r}: {', '.join(METHODS)}")
        for bits in (self.width, *self.wanted().values()):
            if bits not in (*BITS, FLOAT):
                raise UsageError(f"{bits} bits: weights can have {BITS[0]} to {BITS[-1]}, or 32")

    @property
    def width(self) -> int:
        """The bits of a weight that nothing else is said of."""
        return MODES[self.mode] if self.bits is None else self.bits

    def wanted(self) -> dict[str, int]:
        """Bits by name, 32 for what stays float."""
        chosen = {} if self.bits_for is None else dict(self.bits_for)
        return chosen | dict.fromkeys(self.keep_float, FLOAT)


def mode_of_bits(text: str) -> tuple[str, int | None]:
    """The mode and the bits of ``8``, ``16``, ``mixed`` or another number of bits.

    Raises:
        UsageError: when it is neither.
    """
    if text == "mixed":
        return "mixed", None
    if not text.isdigit() or int(text) not in BITS:
        raise UsageError(f"--bits {text}: must be {BITS[0]} to {BITS[-1]}, or mixed")
    return ("int8" if int(text) <= 8 else "int16"), int(text)


class Quantizer:
    """Quantizes one graph: made before its passes run, called after them."""

    def __init__(self, graph: Graph, version: LiteVersion, options: QuantizationOptions) -> None:
        options.check()
        self.graph = graph
        self.version = version
        self.options = options
        self.method: Method = METHODS[options.method]
        self._rounded = RoundedWeights(self.method)
        self._check_float()
        self._means = batch_norm_means(graph) if self.method.correct_bias else {}
        self._limits = batch_norm_limits(graph) if self.method.equalize else {}

    def run(self) -> QuantizationReport:
        """Quantize the graph in place."""
        self._restore_wide()
        if self.method.equalize:
            equalize_layers(self.graph, self._limits)
        weights = list(finite_weights(self.graph, self.version))
        chosen = self._chosen(weights)
        start = {weight: chosen.get(weight, self.options.width) for weight in weights}
        chosen = dict.fromkeys(better_float(start), FLOAT) | chosen
        search = None
        samples, means = self._measured()
        if self.options.mode == "mixed":
            widths, search = self._search(weights, chosen, samples)
        else:
            widths = choose_widths(weights, self.options.width, self.method.spare, chosen)
        done = self._apply(widths, means)
        return _report(self, done, search)

    # ---- what is asked for

    def _check_float(self) -> None:
        """Refuse a graph that is quantized already, or restore its weights where forced.

        Raises:
            UsageError: when it is quantized and that is not forced.
        """
        stored = [value for value in self.graph.constants if value.quantization is not None]
        if stored and not self.options.force:
            raise UsageError(
                f"{len(stored)} weights, {stored[0].name!r} first, are quantized already; "
                "--force quantizes them again from their restored values"
            )
        for value in stored:
            value.data, value.quantization = value.array(), None

    def _restore_wide(self) -> None:
        """Restore weights that the passes kept in more bits than are asked for now."""
        for value in self.graph.constants:
            if value.quantization is not None and value.quantization.bits > self.options.width:
                value.data, value.quantization = value.array(), None

    def _chosen(self, weights: Sequence[Weight]) -> dict[Weight, int]:
        """What the user wants of each weight that is named.

        Raises:
            UsageError: when a name is that of no weight.
        """
        chosen: dict[Weight, int] = {}
        for name, bits in self.options.wanted().items():
            named = [weight for weight in weights if name in _names(weight)]
            if not named:
                known = ", ".join(repr(weight.node.name) for weight in weights[:5])
                raise UsageError(f"no operation with a weight is called {name!r}; some are {known}")
            chosen |= dict.fromkeys(named, bits)
        return chosen

    # ---- doing it

    def _measured(self) -> tuple[Sequence[Feeds], Mapping[Node, np.ndarray]]:
        """The samples to search with, and the means of what operations read, found with them."""
        if not self.method.correct_bias and self.options.mode != "mixed":
            return (), {}
        specs = input_specs(self.graph)
        whole = self.options.mode == "mixed" or has_open_spatial_size(specs)
        means = ChannelMeans(self.graph, self._means, whole=whole)

        def of(sample: Feeds) -> dict[Node, np.ndarray]:
            with unfit_inputs(self.graph):
                return means.of(sample)

        if self.options.samples is None:
            samples, found = run_on_samples(of, specs, SAMPLES)
        else:
            samples = self._users_samples(self.options.samples)
            found = [of(sample) for sample in samples]
        return samples, means.over(found)

    def _users_samples(self, folder: Path) -> list[dict[str, np.ndarray]]:
        types = {value.name: value.type for value in self.graph.inputs}
        return SampleFolder(folder, types, self.options.preprocessing, limit=MOST_SAMPLES)[:]

    def _apply(
        self, widths: Mapping[Weight, int], means: Mapping[Node, np.ndarray]
    ) -> tuple[QuantizedWeight, ...]:
        exact: dict[Node, np.ndarray] = {}
        if self.method.correct_bias:
            exact = {w.node: w.value.array() for w, bits in widths.items() if bits != FLOAT}
        done = quantize_weights(self.graph, widths, self._rounded)
        correct_bias(self.graph, exact, means)
        return done

    # ---- mixed

    def _search(
        self, weights: Sequence[Weight], chosen: Mapping[Weight, int], samples: Sequence[Feeds]
    ) -> tuple[dict[Weight, int], SearchReport]:
        """The smallest choice whose measured noise is within the bound."""
        probe = NoiseProbe(self.graph, samples, self._rounded)
        choices = probe.choices(weights, chosen)
        allowed = probe.signal / 10 ** (self.options.max_error_db / 10)
        budget = allowed
        for _ in range(TRIES):
            solution = choose_bits(choices, budget)
            widths = dict(zip(weights, solution.bits, strict=True))
            noise = probe.noise(widths)
            if noise <= allowed:
                break
            budget *= 0.8 * allowed / noise
        else:
            widths = {weight: chosen.get(weight, FLOAT) for weight in weights}
            noise = probe.noise(widths)
        return widths, _search_report(self.options, probe, solution, noise, choices, weights)


def _names(weight: Weight) -> set[str]:
    """Everything that a user may call a weight: its own name, its operation's, the source's."""
    node = weight.node
    return {weight.value.name, node.name, *(source.name for source in node.sources)} - {""}


# ---- reports


def _db(signal: float, noise: float) -> float | None:
    return 10 * math.log10(signal / noise) if signal > 0 and noise > 0 else None


def _search_report(
    options: QuantizationOptions,
    probe: NoiseProbe,
    solution: Solution,
    noise: float,
    choices: Sequence[Sequence[Choice]],
    weights: Sequence[Weight],
) -> SearchReport:
    alone = {
        weight.node.name: _db(probe.signal, found[0].noise)
        for weight, found in zip(weights, choices, strict=True)
    }
    return SearchReport(
        max_error_db=options.max_error_db,
        measured_db=_db(probe.signal, noise),
        optimality_gap=solution.gap,
        sensitivity_db=alone,
    )


def _report(
    quantizer: Quantizer, done: Sequence[QuantizedWeight], search: SearchReport | None
) -> QuantizationReport:
    alone = {} if search is None else search.sensitivity_db
    layers = tuple(
        QuantizedLayer(**weight._asdict(), sensitivity_db=alone.get(weight.node)) for weight in done
    )
    return QuantizationReport(
        mode=quantizer.options.mode,
        method=quantizer.options.method,
        layers=layers,
        kept_float=tuple(float_weights(quantizer.graph, quantizer.version)),
        bytes_before=sum(layer.bytes_before for layer in layers),
        bytes_after=sum(layer.bytes_after for layer in layers),
        search=search,
        note=NOTE,
    )


NOTE = (
    "the runtime expands quantized weights to float when it loads the file: the file is smaller, "
    "memory and speed stay as they are"
)
