from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from opt_tool.api.comparison import target_of, verify, version_of
from opt_tool.api.conversion import convert
from opt_tool.api.loading import load_model
from opt_tool.errors import UsageError
from opt_tool.formats import paddle_lite
from opt_tool.ir import Node
from opt_tool.targets import LiteVersion, Target
from small_models import classifier


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return classifier(tmp_path / "model.onnx")


@pytest.fixture
def converted(tmp_path: Path, model: Path) -> Path:
    path = tmp_path / "model.nb"
    convert(model, path, target="x86", lite_version="2.12", verify=False)
    return path


def damage(path: Path, damaged: Path, position: int) -> Node:
    """Write a file again with one weight changed of the convolution at a position."""
    graph = paddle_lite.read(path)
    node = [node for node in graph.nodes if "Filter" in node.inputs][position]
    weight = node.input("Filter")
    assert weight.data is not None
    weight.data = weight.data.copy()
    weight.data[0, 0, 1, 1] += 1
    paddle_lite.write(graph, damaged, version=LiteVersion.parse("2.12"))
    return node


def test_a_model_equals_its_conversion(model: Path, converted: Path) -> None:
    report = verify(model, converted)
    assert report.status == "passed"
    assert [output.name for output in report.outputs] == ["probabilities", "scores"]
    assert report.samples == 3
    assert report.layers == ()
    assert report.first_divergence is None


@pytest.mark.parametrize("position", [0, 1])
def test_names_the_first_layer_that_differs_and_its_passes(
    tmp_path: Path, model: Path, converted: Path, position: int
) -> None:
    node = damage(converted, tmp_path / "damaged.nb", position)
    report = verify(model, tmp_path / "damaged.nb", per_layer=True)
    assert report.status == "failed"
    first = report.first_divergence
    assert first is not None
    assert (first.op, first.candidate) == ("conv2d", node.output.name)
    assert first.difference.name == ["features", "c2"][position]
    assert first.passes == [("fuse-activation",), ()][position]


def test_compares_layers_of_two_onnx_models_by_name(tmp_path: Path, model: Path) -> None:
    other = classifier(tmp_path / "other.onnx", certain=True)
    report = verify(model, other, per_layer=True)
    assert report.status == "failed"
    assert [layer.difference.name for layer in report.layers][:2] == ["c1", "features"]
    assert report.first_divergence is not None
    assert report.first_divergence.difference.name == "c2"


def test_compares_two_files(tmp_path: Path, model: Path, converted: Path) -> None:
    convert(model, tmp_path / "arm.nb", verify=False)
    assert verify(tmp_path / "arm.nb", converted, per_layer=True).status == "passed"


def test_knows_the_target_and_version_of_a_file(tmp_path: Path, converted: Path) -> None:
    convert(tmp_path / "model.onnx", tmp_path / "arm.nb", verify=False)
    files = [load_model(path) for path in (converted, tmp_path / "arm.nb")]
    assert [target_of(file.graph) for file in files] == [Target.X86, Target.ARM]
    assert [version_of(file) for file in files] == ["v2.12", "v2.13"]


def test_takes_inputs_that_are_given(model: Path, converted: Path) -> None:
    image = np.full((1, 3, 16, 16), 0.5, np.float32)
    report = verify(model, converted, inputs={"image": image})
    assert (report.status, report.samples) == ("passed", 1)


def test_says_when_layers_do_not_match(tmp_path: Path, model: Path) -> None:
    convert(model, tmp_path / "model.nb", verify=False)
    graph = paddle_lite.read(tmp_path / "model.nb")
    node = next(iter(graph.nodes))
    extra = graph.add(type(node.op)(), dict(node.inputs.items()), name="extra")
    extra.kernel = node.kernel
    paddle_lite.write(graph, tmp_path / "longer.nb", version=LiteVersion.parse("2.13"))
    report = verify(model, tmp_path / "longer.nb", per_layer=True)
    assert report.layers == ()
    assert "do not match" in report.warnings[0]


def test_refuses_models_with_other_numbers_of_outputs(tmp_path: Path, model: Path) -> None:
    convert(model, tmp_path / "two.nb", outputs=["features", "scores"], verify=False)
    with pytest.raises(UsageError, match=r"1 outputs, .* has 2"):
        verify(model, tmp_path / "two.nb")
