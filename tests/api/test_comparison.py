from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from opt_tool.api import layer_verifier, loading
from opt_tool.api.comparison import verify
from opt_tool.api.conversion import convert
from opt_tool.api.file_format import FileFormat
from opt_tool.api.loading import load_model
from opt_tool.api.quantization import QuantizationOptions
from opt_tool.api.quantized_conversion import quantize
from opt_tool.api.written_for import target_of, version_of
from opt_tool.errors import UnsupportedOperatorError, UsageError
from opt_tool.formats import paddle_lite
from opt_tool.ir import Graph, Node
from opt_tool.passes.fuse_activation import FuseActivation
from opt_tool.targets import LiteVersion, Target
from small_models import classifier, save


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return classifier(tmp_path / "model.onnx")


@pytest.fixture
def converted(tmp_path: Path, model: Path) -> Path:
    path = tmp_path / "model.nb"
    convert(model, path, target="x86", lite_version="2.12", verify=False)
    return path


def channels_last(path: Path) -> Path:
    """A model that takes pictures with the channels last."""
    weight = np.random.default_rng(0).standard_normal((4, 3, 3, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Transpose", ["image"], ["first"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["first", "w"], ["c"]),
        helper.make_node("GlobalAveragePool", ["c"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "last",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 16, 16, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4, 1, 1])],
        [numpy_helper.from_array(weight, "w")],
    )
    return save(graph, path)


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


def test_finds_layers_of_a_file_that_has_one_more(tmp_path: Path, model: Path) -> None:
    convert(model, tmp_path / "model.nb", verify=False)
    graph = paddle_lite.read(tmp_path / "model.nb")
    node = next(iter(graph.nodes))
    extra = graph.add(type(node.op)(), dict(node.inputs.items()), name="extra")
    extra.kernel = node.kernel
    paddle_lite.write(graph, tmp_path / "longer.nb", version=LiteVersion.parse("2.13"))
    report = verify(model, tmp_path / "longer.nb", per_layer=True)
    assert len(report.layers) == 5
    assert report.warnings == ("only 5 of 6 layers have a counterpart in the reference",)
    assert report.first_divergence is None


def test_takes_a_version_that_it_does_not_know_for_the_newest(
    tmp_path: Path, model: Path, converted: Path
) -> None:
    data = bytearray(converted.read_bytes())
    start = data.index(b"v2.12")
    data[start : start + 5] = b"v2.99"
    (tmp_path / "new.nb").write_bytes(data)
    report = verify(model, tmp_path / "new.nb", per_layer=True)
    assert report.status == "passed"
    assert report.layers
    assert report.warnings == ()


def test_says_when_layers_cannot_be_compared(
    model: Path, converted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:  # noqa: ARG001
        raise UnsupportedOperatorError("Odd", "odd", "the target has no kernel for it")

    monkeypatch.setattr(layer_verifier, "lower", refuse)
    report = verify(model, converted, per_layer=True)
    assert (report.status, report.layers) == ("passed", ())
    assert "do not match, so only the outputs were compared: Odd (node 'odd')" in report.warnings[0]


def test_cuts_the_reference_where_the_candidate_was_cut(tmp_path: Path, model: Path) -> None:
    convert(model, tmp_path / "two.nb", outputs=["features", "scores"], verify=False)
    report = verify(model, tmp_path / "two.nb", per_layer=True)
    assert report.status == "passed"
    assert [output.name for output in report.outputs] == ["features", "scores"]


def test_refuses_models_with_other_numbers_of_outputs(
    tmp_path: Path, model: Path, converted: Path
) -> None:
    convert(model, tmp_path / "two.nb", outputs=["features", "scores"], verify=False)
    with pytest.raises(UsageError, match=r"has 1 outputs, .* has 2"):
        verify(converted, tmp_path / "two.nb")


def test_takes_the_shapes_that_the_candidate_was_made_with(tmp_path: Path) -> None:
    model = classifier(tmp_path / "open.onnx", shape=("n", 3, "h", "w"))
    convert(model, tmp_path / "s.nb", input_shapes={"image": (1, 3, 12, 20)}, verify=False)
    report = verify(model, tmp_path / "s.nb", per_layer=True)
    assert report.status == "passed"
    assert report.inputs[0].shape == (1, 3, 12, 20)
    assert report.first_divergence is None


def test_a_quantized_file_is_judged_by_what_its_outputs_keep(tmp_path: Path, model: Path) -> None:
    quantize(model, tmp_path / "q.nb", verify=False)
    report = verify(model, tmp_path / "q.nb", per_layer=True)
    assert (report.status, report.min_sqnr_db) == ("passed", 10.0)
    assert report.first_divergence is None
    assert verify(model, tmp_path / "q.nb", min_sqnr=90).status == "failed"
    by_bound = verify(model, tmp_path / "q.nb", bound=1e-4)
    assert (by_bound.status, by_bound.min_sqnr_db) == ("failed", None)


@pytest.mark.parametrize("position", [0, 1])
def test_ranks_the_layers_of_a_quantized_file_by_damage(
    tmp_path: Path, model: Path, position: int
) -> None:
    other = 1 - position
    weights = ("w1", "w2")
    quantize(
        model, tmp_path / "q.nb", verify=False,
        options=QuantizationOptions(
            mode="int16", method="parity", bits_for={weights[other]: 16, weights[position]: 3}
        ),
    )  # fmt: skip
    report = verify(model, tmp_path / "q.nb", per_layer=True)
    convs = [layer for layer in report.layers if layer.op == "conv2d"]
    assert report.ranking[0] == convs[position].difference.name
    damages = [layer.damage_db for layer in convs]
    assert all(damage is not None for damage in damages)
    assert damages[position] < damages[other] - 20  # type: ignore[operator]  # as just asserted
    alone = [layer.own.sqnr_db for layer in convs if layer.own is not None]
    assert alone[position] < alone[other] - 20  # type: ignore[operator]  # weights differ


def test_finds_an_integer_that_is_no_rounding(tmp_path: Path, model: Path) -> None:
    quantize(model, tmp_path / "q.nb", verify=False)
    graph = paddle_lite.read(tmp_path / "q.nb")
    node = [node for node in graph.nodes if "Filter" in node.inputs][1]
    weight = node.input("Filter")
    assert weight.data is not None
    weight.data = weight.data.copy()
    flat = weight.data.reshape(-1)
    place = int(np.abs(flat.astype(np.int32)).argmin())
    flat[place] += 40
    paddle_lite.write(graph, tmp_path / "bad.nb", version=LiteVersion.parse("2.13"))
    report = verify(model, tmp_path / "bad.nb", per_layer=True)
    assert report.first_divergence is not None
    assert report.first_divergence.difference.name == "c2"
    assert report.cause is not None
    assert "1 of 360 integers that are no rounding" in report.cause.sentence


def test_names_another_attribute(tmp_path: Path, model: Path, converted: Path) -> None:
    graph = paddle_lite.read(converted)
    node = next(node for node in graph.nodes if node.op.type == "pool2d")
    graph.replace(node, node.op.replaced(pooling_type="max"), node.inputs)
    for other in graph.nodes:
        other.kernel = other.kernel or node.kernel
    paddle_lite.write(graph, tmp_path / "max.nb", version=LiteVersion.parse("2.12"))
    report = verify(model, tmp_path / "max.nb", per_layer=True)
    assert report.first_divergence is not None
    assert report.first_divergence.op == "pool2d"
    assert report.cause is not None
    assert (report.cause.kind, report.cause.name) == ("attribute", "pooling_type")


def test_names_the_pass_that_goes_wrong(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = FuseActivation.rewrite

    def wrong(self: FuseActivation, graph: Graph, match: Any) -> Node | None:
        made = right(self, graph, match)
        assert made is not None
        bias = made.input("Bias")
        assert bias.data is not None
        bias.data = bias.data + 1
        return made

    monkeypatch.setattr(FuseActivation, "rewrite", wrong)
    convert(model, tmp_path / "model.nb", verify=False)
    report = verify(model, tmp_path / "model.nb", per_layer=True)
    assert report.status == "failed"
    assert report.first_divergence is not None
    assert report.first_divergence.difference.name == "features"
    assert report.cause is not None
    assert (report.cause.kind, report.cause.name) == ("pass", "fuse-activation")


def test_names_the_reader_that_goes_wrong(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = loading.READERS[FileFormat.ONNX]

    def wrong(files: tuple[Path, ...], options: loading.ReadOptions) -> loading.LoadedModel:
        loaded = right(files, options)
        bias = next(iter(loaded.graph.nodes)).input("Bias")
        assert bias.data is not None
        bias.data = bias.data + 1
        return loaded

    monkeypatch.setattr(loading, "READERS", {**loading.READERS, FileFormat.ONNX: wrong})
    convert(model, tmp_path / "model.nb", verify=False)
    report = verify(model, tmp_path / "model.nb", per_layer=True)
    assert report.cause is not None
    assert (report.cause.kind, report.cause.name) == ("reader", "onnx")


def test_feeds_pictures_as_the_candidate_takes_them(tmp_path: Path) -> None:
    model = channels_last(tmp_path / "last.onnx")
    convert(model, tmp_path / "first.nb", input_layout="nchw", verify=False)
    report = verify(model, tmp_path / "first.nb", per_layer=True)
    assert report.status == "passed"
    assert report.layers
    assert report.first_divergence is None


def test_runs_on_a_folder_of_samples(tmp_path: Path, model: Path, converted: Path) -> None:
    folder = tmp_path / "samples"
    folder.mkdir()
    rng = np.random.default_rng(0)
    np.save(folder / "a.npy", rng.random((3, 16, 16), np.float32))
    Image.fromarray(rng.integers(0, 256, (20, 30, 3), np.uint8)).save(folder / "b.png")
    report = verify(model, converted, samples=folder, per_layer=True)
    assert (report.status, report.samples) == ("passed", 2)
    assert report.preprocessing == "resized to the input, (pixel - 0) / 255, rgb"
