from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import opt_tool
from opt_tool.errors import UnsupportedModelError
from opt_tool.formats.tflite.decode import decode
from opt_tool.formats.tflite.open_state import open_state, state_notes, states
from opt_tool.formats.tflite.schema import Model, TensorType
from tflite_models import Made, Op

HANDLE = Op("VAR_HANDLE", [], ["h"], {"shared_name": "sum"})
READ = Op("READ_VARIABLE", ["h"], ["before"])
ADD = Op("ADD", ["x", "before"], ["after"])
EARLY = Op("ADD", ["x", "x"], ["after"])
LATE = Op("ADD", ["before", "before"], ["y"])
ASSIGN = Op("ASSIGN_VARIABLE", ["h", "after"], [])
DOUBLE = Op("ADD", ["after", "after"], ["y"])


def running_sum(*ops: Op) -> Made:
    """Adds its inputs up from run to run; puts out twice the sum."""
    names = ("before", "after", "y", "again")
    return Made(
        ops or (HANDLE, READ, ADD, ASSIGN, DOUBLE),
        {"x": np.array([[1.0, 2.0]], np.float32)},
        types={"h": TensorType.RESOURCE},
        shapes=dict.fromkeys(names, (1, 2)),
    )


def model_of(made: Made) -> Model:
    return decode(memoryview(made.data()), Path("test.tflite"))


def names(model: Model, indices: Sequence[int]) -> list[str]:
    return [model.tensors[index].name for index in indices]


def test_a_variable_becomes_an_input_and_an_output() -> None:
    opened = open_state(model_of(running_sum()))
    assert names(opened, opened.inputs) == ["x", "before"]
    assert names(opened, opened.outputs) == ["y", "after"]
    assert [operator.code for operator in opened.operators] == ["ADD", "ADD"]


def test_the_file_hands_the_state_on(tmp_path: Path) -> None:
    """Verified against LiteRT, whose file has the same inputs and outputs."""
    source, nb = tmp_path / "model.tflite", tmp_path / "model.nb"
    source.write_bytes(running_sum().data())
    report = opt_tool.convert(source, nb)
    assert report.verification.status == "passed"
    assert report.verification.reference == "litert"
    assert {output.name for output in report.verification.outputs} == {"y", "after"}
    session = opt_tool.Session(nb)
    state = np.zeros((1, 2), np.float32)
    for run in (1, 2, 3):
        y, state = session.run({"x": np.array([[1, 2]], np.float32), "before": state}).values()
        np.testing.assert_allclose(y, [[2 * run, 4 * run]])


def test_the_report_says_which_output_goes_into_which_input() -> None:
    (note,) = state_notes(model_of(running_sum()))
    assert note.startswith("input 'before' takes what output 'after' gave in the run before")


@pytest.mark.parametrize(
    "ops",
    [
        pytest.param((HANDLE, READ, ADD, DOUBLE), id="never assigned"),
        pytest.param((HANDLE, EARLY, ASSIGN, READ, LATE), id="read behind the assignment"),
        pytest.param(
            (HANDLE, READ, Op("READ_VARIABLE", ["h"], ["again"]), ADD, ASSIGN, DOUBLE),
            id="read twice",
        ),
        pytest.param(
            (HANDLE, READ, ADD, ASSIGN, ASSIGN, DOUBLE),
            id="assigned twice",
        ),
        pytest.param(
            (HANDLE, READ, ADD, replace(ASSIGN, inputs=["h", "x"]), DOUBLE),
            id="assigned an input",
        ),
    ],
)
def test_variables_that_are_used_in_other_ways_are_refused(ops: Sequence[Op]) -> None:
    made = running_sum(*ops)
    assert not states(model_of(made))
    with pytest.raises(UnsupportedModelError, match="it keeps a state from one run to the next"):
        made.read()


def test_one_variable_behind_two_handles_is_one() -> None:
    second = Op("VAR_HANDLE", [], ["g"], {"shared_name": "sum"})
    ops = (HANDLE, second, READ, ADD, replace(ASSIGN, inputs=["g", "after"]), DOUBLE)
    made = replace(running_sum(*ops), types=dict.fromkeys("hg", TensorType.RESOURCE))
    assert len(states(model_of(made))) == 1
