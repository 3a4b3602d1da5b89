"""The driver of the official runtime, with the real one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

import opt_tool
from opt_tool.api import official_runtime
from opt_tool.api.official_runtime import OfficialRuntimeError

pytestmark = pytest.mark.official

TWO_INPUTS = """
    <ir_version: 8, opset_import: ["" : 13]>
    pick (float[3, 4] x, int64[2] index)
        => (float[2, 4] rows, bool[2, 4] positive, int32[2, 4] whole)
    <float zero = {0}>
    {
        rows = Gather <axis = 0> (x, index)
        positive = Greater (rows, zero)
        whole = Cast <to = 6> (rows)
    }
"""
X = np.array([[1, 0, 0, -2], [0, 0, 3, 0], [5, 6, 0, 7]], np.float32)
INDEX = np.array([2, 1], np.int64)


def convert(folder: Path, version: str) -> Path:
    """The model with two inputs and outputs of three types, for a runtime version."""
    source, nb = folder / "rows.onnx", folder / "rows.nb"
    onnx.save(onnx.parser.parse_model(TWO_INPUTS), source)
    opt_tool.convert(source, nb, target="x86", lite_version=version)
    return nb


@pytest.fixture(scope="module")
def nb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert(tmp_path_factory.mktemp("driver"), official_runtime.DEFAULT_VERSION)


@pytest.mark.parametrize(
    "version",
    [
        pytest.param(version, marks=pytest.mark.official(version))
        for version in ("2.13", "2.12", "2.10")
    ],
)
def test_gives_every_output_with_its_type(tmp_path: Path, version: str) -> None:
    outputs = official_runtime.run(convert(tmp_path, version), [[X, INDEX]], version)
    rows = X[INDEX]
    expected = [rows, rows > 0, rows.astype(np.int32)]
    for actual, wanted in zip(outputs[0], expected, strict=True):
        assert actual.dtype == wanted.dtype
        assert np.array_equal(actual, wanted)


def test_runs_several_input_sets_in_one_process(nb: Path) -> None:
    first, second = official_runtime.run(nb, [[X, INDEX], [X * 2, INDEX[::-1]]])
    assert np.array_equal(first[0], X[INDEX])
    assert np.array_equal(second[0], 2 * X[INDEX[::-1]])


def test_takes_inputs_by_name_in_any_order(nb: Path) -> None:
    ((rows, *_),) = official_runtime.run(nb, [{"index": INDEX, "x": X}])
    assert np.array_equal(rows, X[INDEX])


@pytest.mark.parametrize("inputs", [[X], {"x": X}, {"x": X, "wrong": INDEX}], ids=str)
def test_says_which_inputs_the_file_has(nb: Path, inputs: official_runtime.InputSet) -> None:
    with pytest.raises(OfficialRuntimeError, match="the file's inputs are x, index; given are"):
        official_runtime.run(nb, [inputs])


def test_survives_an_abort_of_the_runtime(nb: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.nb"
    damaged.write_bytes(nb.read_bytes()[:1000])
    with pytest.raises(OfficialRuntimeError, match="SIGABRT while loading it"):
        official_runtime.run(damaged, [[X, INDEX]])


def test_times_each_run(nb: Path) -> None:
    seconds = official_runtime.time(nb, [X, INDEX], repeats=4)
    assert len(seconds) == 4
    assert all(0 < value < 1 for value in seconds)


def test_runs_many_files_and_survives_those_that_abort(nb: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.nb"
    broken.write_bytes(nb.read_bytes()[:100])
    first, second, third = official_runtime.run_each(
        [(nb, [X, INDEX]), (broken, [X, INDEX]), (nb, [X, INDEX])]
    )
    assert isinstance(second, OfficialRuntimeError)
    assert "broken.nb" in str(second)
    for outputs in (first, third):
        assert isinstance(outputs, list)
        assert np.array_equal(outputs[0], X[INDEX])
