from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from command_line import opt
from opt_tool.api.onnx_runner import OnnxRunner
from opt_tool.errors import DamagedFileError
from opt_tool.formats.onnx.external_data import DataFolders

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
def test_a_folder_that_the_user_allows_is_read(folder: Path, location: str) -> None:
    model = model_with(folder / "model" / "m.onnx", location.format(folder))
    output = folder / "out.nb"
    result = opt("convert", model, "-o", output)
    assert result.exit_code == 5
    assert "opt convert --external-data DIR" in result.stderr
    result = opt("convert", model, "-o", output, "--external-data", folder / "data")
    assert result.exit_code == 0, result.stderr
    assert "verification passed" in result.stdout + result.stderr
    assert WEIGHTS.tobytes() in output.read_bytes()


def test_several_models_and_list_ops_know_the_folder_too(folder: Path) -> None:
    models = [model_with(folder / "model" / f"{name}.onnx", LOCATIONS[0]) for name in "ab"]
    allowed = ("--external-data", folder / "data")
    result = opt("convert", *models, "-d", folder / "out", *allowed)
    assert result.exit_code == 0, result.stderr
    assert opt("list-ops", models[0], *allowed).exit_code == 0
    assert opt("list-ops", models[0]).exit_code == 5


@pytest.mark.parametrize(
    "location", ["../other/w.bin", "/etc/hostname", "../data/out.bin", "", "..", "w\0"]
)
def test_other_folders_stay_closed(folder: Path, location: str) -> None:
    (folder / "data" / "out.bin").symlink_to("/etc/hostname")
    folders = DataFolders.of(folder / "model" / "m.onnx", folder / "data")
    with pytest.raises(DamagedFileError, match="outside of the model's folder"):
        folders.located(location, "w")


def test_data_beside_the_model_are_read_whatever_is_allowed(folder: Path) -> None:
    WEIGHTS.tofile(folder / "model" / "own.bin")
    model = model_with(folder / "model" / "m.onnx", "own.bin")
    runner = OnnxRunner(model, external_data=folder / "data")
    outputs = runner.run({"x": np.zeros(4096, np.float32)})
    np.testing.assert_array_equal(outputs["y"], WEIGHTS)


def test_onnxruntime_gets_a_folder_that_holds_both(folder: Path) -> None:
    model = folder / "model" / "m.onnx"
    assert DataFolders.of(model, None).common == folder / "model"
    assert DataFolders.of(model, folder / "data").common == folder


def test_a_models_own_large_weights_are_found_as_well(folder: Path) -> None:
    model = onnx.load(model_with(folder / "model" / "m.onnx", "link.bin"), load_external_data=False)
    large = onnx.numpy_helper.from_array(np.ones(40_000, np.float32), "large")
    model.graph.initializer.append(large)
    model.graph.node.append(helper.make_node("Add", ["large", "large"], ["z"]))
    model.graph.output.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [40_000]))
    path = folder / "model" / "two.onnx"
    path.write_bytes(model.SerializeToString())
    runner = OnnxRunner(path, external_data=folder / "data")
    outputs = runner.run({"x": np.zeros(4096, np.float32)})
    np.testing.assert_array_equal(outputs["y"], WEIGHTS)
    np.testing.assert_array_equal(outputs["z"], np.full(40_000, 2, np.float32))
