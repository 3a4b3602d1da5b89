from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from command_line import opt, opt_process
from opt_tool.api.onnx_runner import OnnxRunner
from opt_tool.errors import DamagedFileError
from opt_tool.formats.onnx.external_data import VARIABLE, folder_for_onnxruntime, located

WEIGHTS = np.linspace(-1, 1, 4096, dtype=np.float32)


def model_with(path: Path, location: str) -> Path:
    """``y = x + w``, whose weights lie at a location."""
    weight = TensorProto(name="w", dims=WEIGHTS.shape, data_type=TensorProto.FLOAT)
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value=location)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4096]) for name in "xy"]
    nodes = [helper.make_node("Add", ["x", "w"], ["y"])]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], [weight])
    opsets = [helper.make_opsetid("", 17)]
    path.write_bytes(
        helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    )
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a model's folder, and another one with weights."""
    (tmp_path / "model").mkdir()
    (tmp_path / "data").mkdir()
    WEIGHTS.tofile(tmp_path / "data" / "w.bin")
    (tmp_path / "model" / "link.bin").symlink_to(tmp_path / "data" / "w.bin")
    return tmp_path


LOCATIONS = ("../data/w.bin", "link.bin", "{}/data/w.bin")


@pytest.mark.parametrize("location", LOCATIONS)
def test_a_folder_that_the_user_allows_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    model = model_with(folder / "model" / "m.onnx", location.format(folder))
    output = folder / "out.nb"
    result = opt("convert", model, "-o", output)
    assert result.exit_code == 5
    assert f"{VARIABLE}=FOLDER" in result.stderr
    monkeypatch.setenv(VARIABLE, str(folder / "data"))
    result = opt("convert", model, "-o", output)
    assert result.exit_code == 0, result.stderr
    assert "verification passed" in result.stdout + result.stderr
    assert WEIGHTS.tobytes() in output.read_bytes()


def test_the_variable_holds_for_a_process_of_its_own(folder: Path) -> None:
    model = model_with(folder / "model" / "m.onnx", LOCATIONS[0])
    arguments = ("convert", model, "-o", folder / "out.nb", "-q")
    result = opt_process(*arguments, variables={VARIABLE: str(folder)})
    assert result.returncode == 0, result.stderr
    assert opt_process(*arguments, variables={VARIABLE: ""}).returncode == 5


@pytest.mark.parametrize(
    "location", ["../other/w.bin", "/etc/hostname", "../data/out.bin", "", "..", "w\0"]
)
def test_other_folders_stay_closed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    (folder / "data" / "out.bin").symlink_to("/etc/hostname")
    monkeypatch.setenv(VARIABLE, str(folder / "data"))
    with pytest.raises(DamagedFileError, match="outside of the model's folder"):
        located(location, folder / "model", "w")


def test_data_beside_the_model_are_read_whatever_is_allowed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    WEIGHTS.tofile(folder / "model" / "own.bin")
    model = model_with(folder / "model" / "m.onnx", "own.bin")
    monkeypatch.setenv(VARIABLE, str(folder / "data"))
    outputs = OnnxRunner(model).run({"x": np.zeros(4096, np.float32)})
    np.testing.assert_array_equal(outputs["y"], WEIGHTS)


def test_onnxruntime_gets_a_folder_that_holds_both(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert folder_for_onnxruntime(folder / "model") == folder / "model"
    monkeypatch.setenv(VARIABLE, str(folder / "data"))
    assert folder_for_onnxruntime(folder / "model") == folder


def test_a_models_own_large_weights_are_found_as_well(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = onnx.load(model_with(folder / "model" / "m.onnx", "link.bin"), load_external_data=False)
    large = onnx.numpy_helper.from_array(np.ones(40_000, np.float32), "large")
    model.graph.initializer.append(large)
    model.graph.node.append(helper.make_node("Add", ["large", "large"], ["z"]))
    model.graph.output.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [40_000]))
    path = folder / "model" / "two.onnx"
    path.write_bytes(model.SerializeToString())
    monkeypatch.setenv(VARIABLE, str(folder / "data"))
    outputs = OnnxRunner(path).run({"x": np.zeros(4096, np.float32)})
    np.testing.assert_array_equal(outputs["y"], WEIGHTS)
    np.testing.assert_array_equal(outputs["z"], np.full(40_000, 2, np.float32))
