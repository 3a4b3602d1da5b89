"""What the references that are there make of all layer cases, each in one process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import caffe_references
from caffe_layer_cases import CASES
from caffe_models import CaffeModel
from caffe_references import REFERENCES, Request

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Computed:
    """A case as files, and what its reference makes of the samples."""

    model: CaffeModel
    expected: list[Arrays]


def compute(new_folder: Callable[[str], Path]) -> dict[int, Computed]:
    """The cases whose reference is installed, by their identity."""
    results: dict[int, Computed] = {}
    for name in REFERENCES:
        if not caffe_references.is_there(name):
            continue
        cases = [case for case in CASES if case.reference == name]
        models = [case.make(new_folder("case")) for case in cases]
        twins = [case.make_twin(new_folder("twin")) for case in cases]
        requests = [
            Request(twin.prototxt, twin.caffemodel, case.samples(), case.top_names)
            for twin, case in zip(twins, cases, strict=True)
        ]
        answers = caffe_references.run_all(name, requests)
        results |= {
            id(case): Computed(model, answer)
            for case, model, answer in zip(cases, models, answers, strict=True)
        }
    return results


def difference(found: np.ndarray, wanted: np.ndarray) -> float:
    """The largest difference by the scale; Caffe's scalars are vectors of one element here."""
    assert found.shape == (wanted.shape or (1,))
    scale = np.abs(wanted).max()
    assert scale > 0.1, "about zero, so comparing it proves nothing"
    return float(np.abs(found - wanted.reshape(found.shape)).max() / scale)
