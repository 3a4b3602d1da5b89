"""Judges a quantized file twice: that it is exact, and that it has not gone far.

It must compute what the graph computes with the weights that the runtime restores, within
the usual bound, and its outputs must keep a signal to noise against the source.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from opt_tool.api.difference import Difference
from opt_tool.api.final_activations import final_activations, is_saturated_alone
from opt_tool.api.quantization import QuantizationOptions
from opt_tool.api.report import VerificationReport
from opt_tool.api.runners import Feeds, NumpyRunner
from opt_tool.api.verification import BOUND, failures, pairs_of, renamed, verify_graph
from opt_tool.ir import Graph


def judge_quantized(
    drift: VerificationReport,
    candidate: Graph,
    restored: Graph,
    samples: Sequence[Feeds],
    options: QuantizationOptions,
) -> VerificationReport:
    """The verification of a quantized file.

    Args:
        drift: The file against the source.
        candidate: The graph of the file.
        restored: The graph that was written.
        samples: The inputs that ``drift`` was found with.
        options: What the outputs must keep.
    """
    runner = NumpyRunner(restored)
    expected = [runner.run(renamed(sample, runner)) for sample in samples]
    exact = verify_graph(
        candidate, samples, expected, pairs_of(list(expected[0]), candidate), reference="restored"
    )
    report = dataclasses.replace(
        drift,
        bound=exact.bound,
        reason=None,
        min_sqnr_db=options.min_sqnr_db,
        restored=exact.outputs,
    )
    failed = exact.status == "failed" or drifted(report, candidate)
    return dataclasses.replace(report, status="failed" if failed else "passed")


def drifted(report: VerificationReport, candidate: Graph) -> list[Difference]:
    """The tensors that do not keep the signal to noise.

    A saturated output does not count where what its activation reads was compared: a small
    error turns it from 0 to 1 where the model is undecided.
    """
    assert report.min_sqnr_db is not None
    inner = [difference for difference in report.outputs if difference.before is not None]
    inner_compared = len(inner) == len(final_activations(candidate))
    return [
        difference
        for position, difference in enumerate(report.outputs)
        if not keeps(difference, report.min_sqnr_db)
        and not (
            inner_compared
            and position < len(candidate.outputs)
            and is_saturated_alone(candidate.outputs[position])
        )
    ]


def keeps(difference: Difference, min_sqnr_db: float) -> bool:
    """Whether a tensor is close enough; one without noise has no signal to noise."""
    if difference.problem is not None:
        return False
    return difference.sqnr_db is None or difference.sqnr_db >= min_sqnr_db


def quantization_failures(report: VerificationReport) -> list[str]:
    """One sentence for each tensor of a quantized file that is not as it must be."""
    exact = dataclasses.replace(report, outputs=report.restored)
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
