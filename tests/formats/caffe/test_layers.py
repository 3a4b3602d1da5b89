"""Each layer computes what real Caffe, or OpenCV where Caffe has no such layer, computes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import caffe_references
from caffe_detectors import DETECTORS
from caffe_layer_cases import CASES, Case
from caffe_models import CaffeModel
from caffe_references import REFERENCES, Request
from opt_tool.formats.caffe import read
from opt_tool.formats.caffe.registry import INPUT, supported_layers
from opt_tool.ir import verify
from opt_tool.runtime import Executor, Settings

BOUND = 1e-5  # of the output's scale; both sides compute in float32

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Computed:
    """A case as files, and what its reference makes of the samples."""

    model: CaffeModel
    expected: list[Arrays]


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[int, Computed]]:
    """What the references that are there compute, all cases in one process."""
    results: dict[str, dict[int, Computed]] = {}
    for name in REFERENCES:
        if not caffe_references.is_there(name):
            continue
        cases = [case for case in CASES if case.reference == name]
        models = [case.make(tmp_path_factory.mktemp("case")) for case in cases]
        twins = [case.make_twin(tmp_path_factory.mktemp("twin")) for case in cases]
        requests = [
            Request(twin.prototxt, twin.caffemodel, case.samples(), case.top_names)
            for twin, case in zip(twins, cases, strict=True)
        ]
        answers = caffe_references.run_all(name, requests)
        results[name] = {
            id(case): Computed(model, answer)
            for case, model, answer in zip(cases, models, answers, strict=True)
        }
    return results


@pytest.mark.parametrize("case", CASES, ids=str)
def test_layer_computes_what_the_reference_computes(
    case: Case, computed: dict[str, dict[int, Computed]]
) -> None:
    caffe_references.need(case.reference)
    one = computed[case.reference][id(case)]
    graph = read(one.model.prototxt, one.model.caffemodel, outputs=case.top_names)
    verify(graph)
    executor = Executor(graph, Settings())
    names = [value.name for value in graph.inputs]
    for sample, wanted in zip(case.samples(), one.expected, strict=True):
        found = executor.run({name: sample[name] for name in names})
        for name in case.top_names:
            assert_close(found[name], wanted[name])


@pytest.mark.parametrize(
    ("power", "made"),
    [
        ("1", ["assign"]),
        ("2", ["square"]),
        ("0.5", ["sqrt"]),
        ("-0.5", ["rsqrt"]),
        ("-1", ["reciprocal"]),
        ("4", ["square", "square"]),
        ("5", ["square", "square", "elementwise_mul"]),
        ("1.5", ["elementwise_pow"]),
        ("17", ["elementwise_pow"]),
        ("-3", ["elementwise_pow"]),
    ],
)
def test_powers_are_products_where_the_runtimes_pow_would_be_nan(
    tmp_path: Path, power: str, made: list[str]
) -> None:
    model = Case("Power", f"power_param {{ power: {power} }}").make(tmp_path)
    graph = read(model.prototxt, model.caffemodel)
    assert [node.op.type for node in graph.nodes] == made


def assert_close(found: np.ndarray, wanted: np.ndarray) -> None:
    """Caffe's scalars are vectors of one element here."""
    assert found.shape == (wanted.shape or (1,))
    scale = np.abs(wanted).max()
    assert scale > 0.1, "about zero, so comparing it proves nothing"
    assert np.abs(found - wanted.reshape(found.shape)).max() <= BOUND * scale


def test_every_layer_that_is_read_is_tested() -> None:
    tested = {case.type for case in CASES} | {detector.type for detector in DETECTORS}
    assert set(supported_layers()) - tested == {INPUT}
