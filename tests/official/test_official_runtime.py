"""The real runtime is the judge: what it computes from our files is what the source computes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx.parser
import pytest

import opt_tool
from conversions import Conversion, Conversions
from opt_tool.api import official_runtime
from real_models import FMNIST, REAL_MODELS, Array, RealModel

pytestmark = [pytest.mark.models, pytest.mark.official]

INPUT_SETS = 5
BOUND = 1e-4  # of the output's scale


@pytest.mark.parametrize("model", REAL_MODELS, ids=lambda model: model.name)
def test_official_runtime_computes_what_the_source_does(
    conversions: Conversions, model: RealModel
) -> None:
    model.need()
    assert_agrees(model, conversions.of(model, "x86"))


@pytest.mark.parametrize("model", REAL_MODELS, ids=lambda model: model.name)
def test_official_runtime_agrees_before_softmax_and_sigmoid(
    conversions: Conversions, model: RealModel
) -> None:
    model.need()
    if not model.logits:
        return  # nothing is saturated: the test above has compared the logits
    cut = conversions.of(model, "x86", outputs=model.logits)
    assert_agrees(model, cut, names=model.logits)


@pytest.mark.parametrize(
    "version",
    [pytest.param(version, marks=pytest.mark.official(version)) for version in ("2.12", "2.10")],
)
def test_older_runtimes_run_files_made_for_them(conversions: Conversions, version: str) -> None:
    conversion = conversions.of(FMNIST, "x86", lite_version=version)
    assert_agrees(FMNIST, conversion, version=version)


@pytest.mark.parametrize("shape", [(), (1,)])
def test_a_scalar_may_be_fed_as_a_vector_of_one_element(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    text = """<ir_version: 8, opset_import: ["": 17]>
    test (float[4] x, float low) => (float[2, 4] y, float[2, 4] z)
    <int64[1] first = {0}, int64[2] size = {2, 4}> {
        row = Unsqueeze(low, first)
        is_low = Less(x, row)
        shifted = Where(is_low, x, row)
        y = Expand(shifted, size)
        is_below = Less(y, low)
        z = Where(is_below, y, low)
    }"""
    model, nb = tmp_path / "model.onnx", tmp_path / "model.nb"
    onnx.save(onnx.parser.parse_model(text), model)
    opt_tool.convert(model, nb, target="x86")
    x = np.array([1, 5, 2, 8], np.float32)
    ((y, z),) = official_runtime.run(nb, [[x, np.full(shape, 3, np.float32)]])
    np.testing.assert_array_equal(y, [np.minimum(x, 3)] * 2)
    np.testing.assert_array_equal(z, y)


def assert_agrees(
    model: RealModel,
    conversion: Conversion,
    *,
    names: Sequence[str] = (),
    version: str = official_runtime.DEFAULT_VERSION,
) -> None:
    """Assert that the official runtime and onnxruntime give the same for five inputs."""
    inputs = model.inputs(INPUT_SETS)
    expected = model.reference(inputs, names)
    actual = official_runtime.run(conversion.nb, [[array] for array in inputs], version)
    assert_worth_comparing(expected)
    for ours, theirs in zip(zip(*actual, strict=True), zip(*expected, strict=True), strict=True):
        largest = max(np.abs(b).max() for b in theirs)
        for a, b in zip(ours, theirs, strict=True):
            assert a.shape == b.shape
            # a single number that happens to be near zero says nothing of its scale
            scale = largest if b.size == 1 else np.abs(b).max()
            assert np.abs(a - b).max() <= BOUND * scale
            if max(b.shape) == b.size:  # one row of scores; in a map, the bound says it all
                assert a.argmax() == b.argmax()


def assert_worth_comparing(outputs: Sequence[Sequence[Array]]) -> None:
    """Assert that another input gives another output, by more than the bound."""
    for first, second in zip(outputs[0], outputs[1], strict=True):
        assert np.abs(first - second).max() > 10 * BOUND * np.abs(first).max()
