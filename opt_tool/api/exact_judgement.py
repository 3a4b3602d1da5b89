"""Judges a file and its reference by what the model computes in float64.

A reference computes in float32 too, with errors of its own. Where a model makes much of
them, as a logarithm of nearly equal numbers does, two right results may lie on two sides of
the exact one and further than the bound from each other. The exact result is then computed
from the source graph, without passes, in float64. Both have to be within the bound of it:
the file, so that it is right, and the reference, so that the source was read right.

Where only the file is within the bound, either the reference is inexact or the source was read
wrong, which the source graph cannot tell. Then a definition decides that knows nothing of the
reader, where there is one: what ONNX's own reference implementation computes of the model in
float64. The file passes when it is within the bound of that too.

Where the source graph itself, computed in float32, is further than the bound from the exact
result, the model makes more of rounding than the bound allows to anybody. Then both may be
off by a small multiple of that, up to what is allowed where the source computes in 16 bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, TypeAlias

import numpy as np

from opt_tool.api.difference import Difference
from opt_tool.api.report import VerificationReport
from opt_tool.api.runners import Feeds, NumpyRunner
from opt_tool.api.verification import HALF_BOUND, Pair, add_sample, comparisons_of, renamed
from opt_tool.errors import UsageError
from opt_tool.ir import Graph
from opt_tool.ir.double_precision import in_double_precision

REASON = (
    "the file and the reference are further apart than the bound; both are within it of what "
    "the source computes in float64"
)
ROUNDING_REASON = (
    "rounding alone moves what the source computes in float32 by {error:.1e} of its scale; the "
    "file and the reference are both within {factor:g} times that of what it computes in float64"
)

DEFINITION_REASON = (
    "the reference is further than the bound from what the operators' definitions make of the "
    "model in float64; the file is within the bound of that"
)

ROUNDING_FACTOR = 2.0
"""How many times the error of one computation in float32 another may have."""

Tensors: TypeAlias = Mapping[str, np.ndarray]
Differences: TypeAlias = tuple[Difference, ...]


class Definition(Protocol):
    """What computes a source model in float64 and shares nothing with its reader."""

    def compute(self, feeds: Feeds, names: Sequence[str]) -> dict[str, np.ndarray]: ...


def judge_exactly(
    report: VerificationReport,
    source: Graph,
    candidate: Graph,
    samples: Sequence[tuple[Feeds, Feeds, Tensors]],
    pairs: Sequence[Pair],
    define: Callable[[], Definition | None] = lambda: None,
) -> VerificationReport:
    """A verification that failed, judged again; as it was where it stays failed.

    Args:
        report: What was found without exact results.
        source: The model as it was read.
        candidate: The graph of the file.
        samples: Inputs by the source's names, the same as the candidate takes them, and the
            reference's tensors by name, its outputs first.
        pairs: Which tensors ``report`` compared, in its order.
        define: Called where the reference alone is not within the bound: what defines the
            source's tensors by the reference's names, if something does.
    """
    places = _places(source, samples[0][2], pairs)
    if not all(place in source.values for place in places.values()):
        return report
    exact = NumpyRunner(in_double_precision(source), keep=_inner(source, places.values()))
    rounded = NumpyRunner(source, keep=_inner(source, places.values()))
    file = NumpyRunner(candidate, keep=_inner(candidate, [pair.candidate for pair in pairs]))
    errors = comparisons_of(pairs), comparisons_of(pairs), comparisons_of(pairs)
    by_reference = [pair._replace(candidate=pair.reference) for pair in pairs]
    for sample, fed, expected in samples:
        made = exact.run({name: _wide(array) for name, array in sample.items()})
        truth = {name: made[place] for name, place in places.items()}
        again = rounded.run(sample)
        add_sample(errors[0], pairs, truth, file.run(renamed(fed, file)))
        add_sample(errors[1], by_reference, truth, expected)
        add_sample(
            errors[2], by_reference, truth, {name: again[place] for name, place in places.items()}
        )
    of_file, of_reference, rounding = (tuple(c.result() for c in found) for found in errors)
    bounds = [_bound(report.bound, difference.max_rel_error or 0.0) for difference in rounding]
    if _within(of_file, bounds) and _within(of_reference, bounds):
        reason = _reason(max(bounds), report.bound)
        return _passed(report, reason, of_file, of_reference)
    if not _within(of_file, [report.bound] * len(pairs)):
        return report
    definition = define()
    defined = None if definition is None else _defined(definition, file, samples, pairs)
    if defined is None:
        return report._replace(file_errors=of_file, reference_errors=of_reference)
    if not _within(defined[0], [report.bound] * len(pairs)):
        return report
    return _passed(report, DEFINITION_REASON, *defined)


def _defined(
    definition: Definition,
    file: NumpyRunner,
    samples: Sequence[tuple[Feeds, Feeds, Tensors]],
    pairs: Sequence[Pair],
) -> tuple[Differences, Differences] | None:
    """How far the file and the reference are from what the model is defined to compute.

    None where the definition does not know an operator of the model.
    """
    by_reference = [pair._replace(candidate=pair.reference) for pair in pairs]
    errors = comparisons_of(pairs), comparisons_of(pairs)
    names = list(dict.fromkeys(pair.reference for pair in pairs))
    for sample, fed, expected in samples:
        try:
            truth = definition.compute(sample, names)
        except UsageError:
            return None
        add_sample(errors[0], pairs, truth, file.run(renamed(fed, file)))
        add_sample(errors[1], by_reference, truth, expected)
    of_file, of_reference = (tuple(c.result() for c in found) for found in errors)
    return of_file, of_reference


def _within(errors: Sequence[Difference], bounds: Sequence[float]) -> bool:
    return all(error.within(bound) for error, bound in zip(errors, bounds, strict=True))


def _passed(
    report: VerificationReport,
    reason: str,
    of_file: Differences,
    of_reference: Differences,
) -> VerificationReport:
    return report._replace(
        status="passed",
        reason=reason,
        file_errors=of_file,
        reference_errors=of_reference,
    )


def _bound(bound: float, rounding: float) -> float:
    """The bound where rounding alone moves the source's results by ``rounding``."""
    return max(bound, min(ROUNDING_FACTOR * rounding, HALF_BOUND))


def _reason(widest: float, bound: float) -> str:
    if widest <= bound:
        return REASON
    return ROUNDING_REASON.format(error=widest / ROUNDING_FACTOR, factor=ROUNDING_FACTOR)


def _places(source: Graph, expected: Tensors, pairs: Sequence[Pair]) -> dict[str, str]:
    """The source's value for each tensor of the reference; outputs are told by position."""
    outputs = dict(zip(expected, (value.name for value in source.outputs), strict=False))
    return {pair.reference: outputs.get(pair.reference, pair.reference) for pair in pairs}


def _inner(graph: Graph, names: Iterable[str]) -> list[str]:
    """The names that are not outputs."""
    outputs = {value.name for value in graph.outputs}
    return [name for name in dict.fromkeys(names) if name not in outputs]


def _wide(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float64) if array.dtype == np.float32 else array
