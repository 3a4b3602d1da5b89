"""Judges a quantized file twice: that it is exact, and that it has not gone far.

It must compute what the graph computes with the weights that the runtime restores, within
the usual bound, and its outputs must keep a signal to noise against the source.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from opt_tool.api.difference import Difference
from opt_tool.api.final_activations import final_activations, is_chosen, is_saturated_alone
from opt_tool.api.report import VerificationReport
from opt_tool.api.runners import Feeds, NumpyRunner
from opt_tool.api.verification import BOUND, failures, pairs_of, renamed, verify_results
from opt_tool.ir import Graph

if TYPE_CHECKING:
    from opt_tool.api.quantization import QuantizationOptions


def judge_quantized(
    drift: VerificationReport,
    candidate: Graph,
    restored: Graph,
    samples: Sequence[Feeds],
    results: Iterable[Mapping[str, np.ndarray]],
    options: QuantizationOptions,
) -> VerificationReport:
    """The verification of a quantized file.

    Args:
        drift: The file against the source.
        candidate: The graph of the file.
        restored: The graph that was written.
        samples: The inputs that ``drift`` was found with.
        results: What the file makes of each.
        options: What the outputs must keep.
    """
    runner = NumpyRunner(restored)
    expected = [runner.run(renamed(sample, runner)) for sample in samples]
    pairs = pairs_of(list(expected[0]), candidate)
    exact = verify_results(results, samples, expected, pairs, reference="restored")
    compared, warnings = without_chosen(drift.outputs, candidate)
    report = drift._replace(
        bound=exact.bound,
        reason=None,
        min_sqnr_db=options.min_sqnr_db,
        outputs=compared,
        restored=exact.outputs,
        warnings=(*drift.warnings, *warnings),
    )
    failed = exact.status == "failed" or drifted(compared, candidate, options.min_sqnr_db)
    return report._replace(status="failed" if failed else "passed")


def without_chosen(
    outputs: Sequence[Difference], candidate: Graph
) -> tuple[tuple[Difference, ...], tuple[str, ...]]:
    """The differences without those of outputs that are chosen, and a sentence for each of these.

    Rows of a quantized model's list are not those of the source's; what they are chosen from
    is compared. Where that was not compared, the lists stay.

    Args:
        outputs: The candidate's outputs, by position, and what final operations read.
        candidate: The model that is judged.
    """
    chosen = set()
    if _inner_compared(outputs, candidate):
        chosen = {i for i, value in enumerate(candidate.outputs) if is_chosen(value)}
    kept = tuple(difference for i, difference in enumerate(outputs) if i not in chosen)
    return kept, tuple(
        f"{outputs[i].name!r} is a list of what is chosen; compared is what it is chosen from"
        for i in sorted(chosen)
    )


def drifted(
    outputs: Sequence[Difference], candidate: Graph, min_sqnr_db: float
) -> list[Difference]:
    """The tensors that do not keep the signal to noise.

    A saturated output does not count where what its activation reads was compared: a small
    error turns it from 0 to 1 where the model is undecided.
    """
    excused = set()
    if _inner_compared(outputs, candidate):
        open_ended = [value for value in candidate.outputs if not is_chosen(value)]
        excused = {i for i, value in enumerate(open_ended) if is_saturated_alone(value)}
    return [
        difference
        for i, difference in enumerate(outputs)
        if not keeps(difference, min_sqnr_db) and i not in excused
    ]


def _inner_compared(outputs: Sequence[Difference], candidate: Graph) -> bool:
    """Whether all that final operations read is among the differences."""
    inner = [difference for difference in outputs if difference.before is not None]
    return len(inner) == len(final_activations(candidate))


def keeps(difference: Difference, min_sqnr_db: float) -> bool:
    """Whether a tensor is close enough; one without noise has no signal to noise."""
    if difference.problem is not None:
        return False
    return difference.sqnr_db is None or difference.sqnr_db >= min_sqnr_db


def quantization_failures(report: VerificationReport) -> list[str]:
    """One sentence for each tensor of a quantized file that is not as it must be."""
    exact = report._replace(outputs=report.restored)
    return [
        *failures(exact),
        *(
            f"{difference.name!r} keeps {difference.sqnr_db or 0:.1f} dB of signal to noise"
            for difference in report.outputs
            if report.min_sqnr_db is not None and not keeps(difference, report.min_sqnr_db)
        ),
    ]


def is_exact(report: VerificationReport) -> bool:
    """Whether a quantized file computes what it must with its weights, however far it drifts."""
    return all(difference.within(BOUND) for difference in report.restored)
