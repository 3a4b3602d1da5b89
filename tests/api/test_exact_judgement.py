from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import pytest

from graphs import TestGraphs, feeds, run
from opt_tool.api.difference import largest
from opt_tool.api.exact_judgement import Definition, judge_exactly
from opt_tool.api.report import VerificationReport
from opt_tool.api.runners import NumpyRunner
from opt_tool.api.verification import Pair, results_of, verify_results
from opt_tool.errors import UsageError
from opt_tool.ir import Graph
from opt_tool.ir.double_precision import in_double_precision
from opt_tool.ir.operations.activation import Relu, Sigmoid
from opt_tool.ir.operations.elementwise import Scale

BOUND = 1e-4
Tensors: TypeAlias = dict[str, np.ndarray]


def graph(shift: float = 0.0) -> Graph:
    """A sigmoid of numbers up to about 4, shifted by a part of that."""
    b = TestGraphs()
    scores = b.add(Scale(bias=4 * shift), "scores", X=b.add(Relu(), X=b.input(1, 800)))
    return b.build(b.add(Sigmoid(), "y", X=scores))


def verified(
    candidate: Graph, sample: Tensors, expected: Tensors, pairs: Sequence[Pair]
) -> VerificationReport:
    results = results_of(candidate, [sample], pairs)
    return verify_results(results, [sample], [expected], pairs, reference="litert")


def judged(
    file: float,
    reference: float,
    *,
    inner: str = "scores",
    define: Callable[[], Definition | None] = lambda: None,
) -> VerificationReport:
    """The verification of a file and of a reference that are off by parts of the scale."""
    source, candidate = graph(), graph(file)
    sample = feeds(source, seed=3)
    off = graph(reference)
    off.outputs.append(off.values["scores"])
    expected = run(off, seed=3)
    expected[inner] = expected.pop("scores")
    pairs = [Pair("y", "y"), Pair(inner, "scores", "sigmoid")]
    report = verified(candidate, sample, expected, pairs)
    if report.status == "passed":
        return report
    return judge_exactly(report, source, candidate, [(sample, sample, expected)], pairs, define)


def test_the_exact_result_excuses_a_reference_on_its_other_side() -> None:
    report = judged(0.7e-4, -0.7e-4)
    assert report.status == "passed"
    assert report.bound == BOUND
    assert not all(difference.within(BOUND) for difference in report.outputs)
    for differences in (report.file_errors, report.reference_errors):
        assert [difference.name for difference in differences] == ["y", "scores"]
        errors = [difference.max_rel_error or 0.0 for difference in differences]
        assert 0.6e-4 < max(errors) < BOUND
    assert report.reason is not None
    assert "float64" in report.reason


@pytest.mark.parametrize(("file", "reference"), [(1.5e-4, 0.0), (1e-3, -1e-3)])
def test_no_file_is_excused_that_is_not_within_the_bound(file: float, reference: float) -> None:
    for report in (judged(file, reference), judged(file, reference, define=Defined)):
        assert report.status == "failed"
        assert report.file_errors == report.reference_errors == ()


def test_a_reference_that_is_off_alone_passes_nothing_but_is_told() -> None:
    """It may be right, and the source read wrong."""
    report = judged(0.0, 1.5e-4)
    assert report.status == "failed"
    assert largest(report.file_errors) < BOUND < largest(report.reference_errors)


class Defined:
    """A definition that is off by part of the scale, as one is of a source that was read wrong."""

    def __init__(self, shift: float = 0.0) -> None:
        self.graph = graph(shift)

    def compute(self, feeds: Mapping[str, np.ndarray], names: Sequence[str]) -> Tensors:
        wide = {name: array.astype(np.float64) for name, array in feeds.items()}
        results = NumpyRunner(in_double_precision(self.graph), keep=["scores"]).run(wide)
        return {name: results[name] for name in names}


def test_a_definition_of_its_own_shows_that_the_reference_is_off() -> None:
    report = judged(0.5e-4, 3e-4, define=Defined)
    assert report.status == "passed"
    assert report.reason is not None
    assert "definitions" in report.reason
    assert largest(report.file_errors) < BOUND < largest(report.reference_errors)


def test_a_definition_that_the_file_does_not_meet_shows_that_the_source_was_read_wrong() -> None:
    report = judged(0.0, 3e-4, define=lambda: Defined(3e-4))
    assert report.status == "failed"
    assert report.file_errors == ()


class Undefined(Defined):
    """A definition that lacks an operator."""

    def compute(self, feeds: Mapping[str, np.ndarray], names: Sequence[str]) -> Tensors:
        raise UsageError(f"no operator makes {names} of {list(feeds)}")


def test_a_definition_that_lacks_an_operator_decides_nothing() -> None:
    report = judged(0.0, 3e-4, define=Undefined)
    assert report.status == "failed"
    assert largest(report.file_errors) < BOUND


def test_two_sides_that_are_wrong_together_pass_as_they_did() -> None:
    """What agrees with the reference is not judged by what was read of the source."""
    report = judged(1e-3, 1e-3)
    assert (report.status, report.file_errors) == ("passed", ())


def test_a_tensor_that_the_source_does_not_have_stays_as_it_was() -> None:
    report = judged(0.7e-4, -0.7e-4, inner="renamed")
    assert report.status == "failed"


def test_the_reference_s_outputs_are_told_by_their_places() -> None:
    source, candidate = graph(), graph(0.7e-4)
    sample = feeds(source, seed=3)
    expected = {"other name": run(graph(-0.7e-4), seed=3)["y"]}
    pairs = [Pair("other name", "y")]
    report = verified(candidate, sample, expected, pairs)
    assert report.status == "failed"
    same = judge_exactly(report, source, candidate, [(sample, sample, expected)], pairs)
    assert same.status == "passed"


def cancelling(shift: float = 0.0, large: float = 16384.0) -> Graph:
    """A difference of numbers that are ``large``, shifted by a part of its scale, about 4."""
    b = TestGraphs()
    sum = b.add(Scale(bias=large), X=b.input(1, 800))
    difference = b.add(Scale(bias=-large), X=sum)
    return b.build(b.add(Scale(bias=4 * shift), "y", X=difference))


@pytest.mark.parametrize(
    ("file", "reference", "status"),
    [(1.5e-4, -0.5e-4, "passed"), (6e-4, 0.0, "failed"), (0.0, 6e-4, "failed")],
)
def test_nobody_is_asked_for_more_than_rounding_leaves(
    file: float, reference: float, status: str
) -> None:
    source, candidate = cancelling(), cancelling(file)
    sample = feeds(source, seed=3)
    expected = run(cancelling(reference), seed=3)
    pairs = [Pair("y", "y")]
    report = verified(candidate, sample, expected, pairs)
    assert report.status == "failed"
    found = judge_exactly(report, source, candidate, [(sample, sample, expected)], pairs)
    assert found.status == status
    assert (found.reason is not None and "rounding alone" in found.reason) == (status == "passed")


def test_a_model_that_rounding_destroys_is_not_excused() -> None:
    """Rounding alone is off by about 6 %; nobody may be off by more than 2 %."""
    source, candidate = cancelling(large=2.0**22), cancelling(0.03, large=2.0**22)
    sample = feeds(source, seed=3)
    pairs = [Pair("y", "y")]
    expected = run(source, seed=3)
    report = verified(candidate, sample, expected, pairs)
    found = judge_exactly(report, source, candidate, [(sample, sample, expected)], pairs)
    assert (report.status, found.status) == ("failed", "failed")
