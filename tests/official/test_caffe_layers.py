"""What the official runtime computes from one Caffe layer is what real Caffe or OpenCV computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import caffe_references
import opt_tool
from caffe_answers import Computed, compute, difference
from caffe_layer_cases import CASES, Case
from caffe_references import REFERENCES
from opt_tool.api import official_runtime
from opt_tool.api.official_runtime import OfficialRuntimeError

pytestmark = pytest.mark.official

BOUND = 1e-5  # of the output's scale; both sides compute in float32

FED = [case for case in CASES if case.inputs and case.type != "PriorBox"]
"""The runtime runs no file without inputs; these layers are constants."""

Outcome = list[np.ndarray] | OfficialRuntimeError


def nb_of(case: Case, one: Computed) -> tuple[Path, list[np.ndarray]]:
    """The layer as a file for x86, and the first sample in the file's order."""
    nb = one.model.prototxt.with_suffix(".nb")
    opt_tool.convert(
        one.model.prototxt,
        nb,
        one.model.caffemodel,
        target="x86",
        outputs=case.top_names,
        verify=False,
    )
    sample = case.samples()[0]
    return nb, [sample[value.name] for value in opt_tool.load(nb).inputs]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[Computed, Outcome]]:
    """What the official runtime makes of all files, in one process."""
    for name in REFERENCES:
        caffe_references.need(name)
    computed = compute(tmp_path_factory.mktemp)
    jobs = [nb_of(case, computed[id(case)]) for case in FED]
    outputs = official_runtime.run_each(jobs)
    return {
        id(case): (computed[id(case)], output) for case, output in zip(FED, outputs, strict=True)
    }


@pytest.mark.parametrize("case", FED, ids=str)
def test_official_runtime_computes_what_the_reference_computes(
    case: Case, outcomes: dict[int, tuple[Computed, Outcome]]
) -> None:
    one, output = outcomes[id(case)]
    assert isinstance(output, list), output
    for array, name in zip(output, case.top_names, strict=True):
        assert difference(array, one.expected[0][name]) <= BOUND
