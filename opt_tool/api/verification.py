"""Compares what a file computes with what its source computes.

The candidate is always the graph that was read back from the bytes of the file, so that
a fault of the writer shows as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from opt_tool.api.difference import Comparison, Difference
from opt_tool.api.final_activations import final_activations, is_near_zero_alone
from opt_tool.api.report import InputReport, VerificationReport
from opt_tool.api.runners import Feeds, NumpyRunner, Runner
from opt_tool.api.sample_inputs import (
    SPATIAL_SIZES,
    InputSpec,
    has_open_spatial_size,
    sample_inputs,
)
from opt_tool.errors import UsageError
from opt_tool.ir import Graph

BOUND = 1e-4
HALF_BOUND = 2e-2
"""A source that computes in 16 bits has errors of its own of about this size."""

HALF_REASON = (
    f"the source computes in 16-bit floats, so the bound is {HALF_BOUND:g} instead of {BOUND:g}"
)

Made = TypeVar("Made")


class Pair(NamedTuple):
    """A tensor of the reference and the one of the candidate that must equal it.

    ``least_scale`` is for an output between 0 and 1 whose activation's input is compared
    as well: where a model finds nothing, such an output is all rounding.
    """

    reference: str
    candidate: str
    before: str | None = None
    least_scale: float = 0.0


class Probe(NamedTuple):
    """A tensor of the source that a final operation makes its results of, see there."""

    name: str
    before: str
    position: int
    slot: str = "X"


def probes(graph: Graph, tensors: Iterable[str]) -> list[Probe]:
    """What the final activations read, where it is one of the ``tensors`` that the source makes.

    Some formats let several tensors have one name; the reference could not tell them apart.
    """
    counts = Counter(tensors)
    return [
        Probe(final.value.name, final.operator, final.position, final.slot)
        for final in final_activations(graph)
        if counts[final.value.name] == 1
        and not graph.is_input(final.value)
        and not graph.is_output(final.value)
    ]


def pairs_of(
    reference_outputs: Sequence[str], candidate: Graph, found: Sequence[Probe] = ()
) -> list[Pair]:
    """Outputs by position, and what comes before final activations by its place."""
    finals = {
        (final.position, final.slot, final.operator): final
        for final in final_activations(candidate)
    }
    places = {probe: (probe.position, probe.slot, probe.before) for probe in found}
    inner = [
        Pair(probe.name, finals[place].value.name, probe.before)
        for probe, place in places.items()
        if place in finals
    ]
    outer = output_pairs(reference_outputs, candidate, inner_compared=len(inner) == len(finals))
    return [*outer, *inner]


def output_pairs(
    reference_outputs: Sequence[str], candidate: Graph, *, inner_compared: bool
) -> list[Pair]:
    """The outputs by position; ``inner_compared`` is whether final activations' inputs are too."""
    return [
        Pair(
            name,
            value.name,
            least_scale=1.0 if inner_compared and is_near_zero_alone(value) else 0.0,
        )
        for name, value in zip(reference_outputs, candidate.outputs, strict=True)
    ]


def run_on_samples(
    run: Callable[[Feeds], Made], specs: Sequence[InputSpec], count: int
) -> tuple[list[dict[str, np.ndarray]], list[Made]]:
    """Samples that a model takes, and what is made of each.

    Raises:
        UsageError: when it takes none of the sizes that a model with open ones is tried with.
    """
    sizes = SPATIAL_SIZES if has_open_spatial_size(specs) else SPATIAL_SIZES[:1]
    for spatial in sizes[:-1]:
        samples = sample_inputs(specs, count, spatial=spatial)
        try:
            return samples, [run(sample) for sample in samples]
        except UsageError:  # not a size that this model takes
            continue
    samples = sample_inputs(specs, count, spatial=sizes[-1])
    return samples, [run(sample) for sample in samples]


def results_of(
    candidate: Graph, samples: Sequence[Feeds], pairs: Sequence[Pair]
) -> Iterator[dict[str, np.ndarray]]:
    """What a graph makes of each sample, one after the other.

    Args:
        candidate: The graph of the file.
        samples: Inputs by the reference's names, in the candidate's order.
        pairs: Which tensors will be compared.
    """
    outputs = {value.name for value in candidate.outputs}
    keep = [pair.candidate for pair in pairs if pair.candidate not in outputs]
    runner = NumpyRunner(candidate, keep=keep)
    for sample in samples:
        yield runner.run(renamed(sample, runner))


def verify_results(
    results: Iterable[Mapping[str, np.ndarray]],
    samples: Sequence[Feeds],
    expected: Sequence[Mapping[str, np.ndarray]],
    pairs: Sequence[Pair],
    *,
    reference: str,
    half_precision: bool = False,
) -> VerificationReport:
    """Compare what a file makes of the samples with what the reference made of them.

    Args:
        results: For each sample the tensors of the file by name.
        samples: The inputs.
        expected: For each sample the reference's tensors by name.
        pairs: Which tensors are compared.
        reference: The name of what computed ``expected``.
        half_precision: Whether the reference computes in 16 bits.
    """
    comparisons = comparisons_of(pairs)
    for wanted, found in zip(expected, results, strict=True):
        add_sample(comparisons, pairs, wanted, found)
    bound = HALF_BOUND if half_precision else BOUND
    differences = tuple(comparison.result() for comparison in comparisons)
    return VerificationReport(
        status="passed" if all(d.within(bound) for d in differences) else "failed",
        reference=reference,
        samples=len(samples),
        bound=bound,
        reason=HALF_REASON if half_precision else None,
        inputs=tuple(InputReport.of(name, array) for name, array in samples[0].items()),
        outputs=differences,
        warnings=tuple(_warnings(comparisons, len(samples))),
    )


def comparisons_of(pairs: Sequence[Pair]) -> list[Comparison]:
    """What takes in the samples of each pair."""
    return [Comparison(pair.reference, pair.before, pair.least_scale) for pair in pairs]


def add_sample(
    comparisons: Sequence[Comparison],
    pairs: Sequence[Pair],
    expected: Mapping[str, np.ndarray],
    results: Mapping[str, np.ndarray],
) -> None:
    """Compare each pair of tensors of one sample.

    Before a final activation the candidate may have lost or gained axes of length 1.
    """
    for pair, comparison in zip(pairs, comparisons, strict=True):
        wanted, found = expected[pair.reference], results[pair.candidate]
        if pair.before is not None and wanted.squeeze().shape == found.squeeze().shape:
            found = found.reshape(wanted.shape)
        comparison.add(wanted, found)


def renamed(sample: Feeds, runner: Runner) -> dict[str, np.ndarray]:
    """The arrays of a sample under a runner's input names, which have the same order."""
    if set(sample) == set(runner.inputs):
        return dict(sample)
    return dict(zip(runner.inputs, sample.values(), strict=True))


def _warnings(comparisons: Sequence[Comparison], samples: int) -> list[str]:
    warnings = []
    for comparison in comparisons:
        if not comparison.any_finite:
            fact = "is NaN or infinite for every sample"
        elif comparison.scale == 0:
            fact = "is zero for every sample"
        elif samples > 1 and not comparison.varies:
            fact = "is the same for every sample"
        else:
            continue
        warnings.append(f"{comparison.name!r} {fact}, so comparing it proves little")
    return warnings


def failures(report: VerificationReport) -> list[str]:
    """One sentence for each tensor that is not within the bound."""
    return [
        f"{difference.name!r} {_fact(difference)}"
        for difference in report.outputs
        if not difference.within(report.bound)
    ]


def _fact(difference: Difference) -> str:
    if difference.problem is not None:
        return f"differs: {difference.problem}"
    return f"differs by {difference.max_rel_error:.2g} of its scale"
