from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from opt_tool.api import onnx_runner
from opt_tool.api.onnx_runner import OnnxRunner
from opt_tool.errors import UnsupportedError, UsageError
from small_models import classifier, save, unsupported

IMAGE = np.random.default_rng(0).random((1, 3, 16, 16), np.float32)


def test_computes_the_models_outputs(tmp_path: Path) -> None:
    runner = OnnxRunner(classifier(tmp_path / "model.onnx"))
    results = runner.run({"image": IMAGE})
    assert list(results) == ["probabilities"]
    assert results["probabilities"].sum() == pytest.approx(1)
    assert {name: str(type) for name, type in runner.inputs.items()} == {
        "image": "float32[1, 3, 16, 16]"
    }


@pytest.mark.parametrize("large", [0, onnx_runner.LARGE])
def test_computes_tensors_inside_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: int
) -> None:
    monkeypatch.setattr(onnx_runner, "LARGE", large)
    path = classifier(tmp_path / "model.onnx")
    results = OnnxRunner(path, keep=["scores", "features"]).run({"image": IMAGE})
    assert list(results) == ["probabilities", "scores", "features"]
    exponents = np.exp(results["scores"])
    np.testing.assert_allclose(results["probabilities"], exponents / exponents.sum(), rtol=1e-5)


def test_computes_other_outputs_instead(tmp_path: Path) -> None:
    path = classifier(tmp_path / "model.onnx")
    results = OnnxRunner(path, outputs=["features"], keep=["scores"]).run({"image": IMAGE})
    assert list(results) == ["features", "scores"]


def test_finds_external_data_beside_the_model(tmp_path: Path) -> None:
    path = classifier(tmp_path / "model.onnx")
    expected = OnnxRunner(path).run({"image": IMAGE})
    onnx.save(
        onnx.load(path), path, save_as_external_data=True, location="weights", size_threshold=0
    )
    results = OnnxRunner(path, keep=["scores"]).run({"image": IMAGE})
    np.testing.assert_array_equal(results["probabilities"], expected["probabilities"])


def test_gives_fixed_inputs_another_shape(tmp_path: Path) -> None:
    path = classifier(tmp_path / "model.onnx")
    runner = OnnxRunner(path, input_shapes={"image": (2, 3, 9, 9)}, keep=["scores"])
    results = runner.run({"image": IMAGE[:, :, :9, :9].repeat(2, axis=0)})
    assert results["scores"].shape == (2, 5)


def test_feeds_models_of_16_bits(tmp_path: Path) -> None:
    runner = OnnxRunner(classifier(tmp_path / "model.onnx", dtype=TensorProto.FLOAT16))
    assert runner.run({"image": IMAGE})["probabilities"].dtype == np.float16


def test_refuses_what_it_cannot_load_or_run(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="onnxruntime cannot load"):
        OnnxRunner(unsupported(tmp_path / "unsupported.onnx"))
    runner = OnnxRunner(classifier(tmp_path / "model.onnx"))
    with pytest.raises(UsageError, match="cannot run the model on these inputs"):
        runner.run({"image": IMAGE[:, :2]})
    with pytest.raises(UsageError, match=r"no input is called 'x'; there are \['image'\]"):
        runner.run({"x": IMAGE})


def test_refuses_numbers_that_numpy_does_not_have(tmp_path: Path) -> None:
    inputs = [
        onnx.helper.make_tensor_value_info(name, kind, [2])
        for name, kind in (("x", TensorProto.FLOAT), ("y", TensorProto.BFLOAT16))
    ]
    node = onnx.helper.make_node("Cast", ["x"], ["y"], to=TensorProto.BFLOAT16)
    path = save(onnx.helper.make_graph([node], "cast", inputs[:1], inputs[1:]), tmp_path / "m.onnx")
    with pytest.raises(UnsupportedError, match=r"'y' is bfloat16.*--no-verify"):
        OnnxRunner(path)
