from __future__ import annotations

from pathlib import Path

from opt_tool.api.loading import load
from opt_tool.api.lowering import lower
from opt_tool.api.visualization.drawing import Drawing, draw
from opt_tool.targets import LiteVersion, Target
from small_models import classifier


def source(folder: Path) -> Drawing:
    return draw(load(classifier(folder / "model.onnx")), "model")


def written(folder: Path) -> Drawing:
    graph = load(classifier(folder / "model.onnx"))
    lower(graph, "arm", "2.13")
    return draw(graph, "model", target=Target.ARM, version=LiteVersion.parse("2.13"))


def test_every_node_input_and_output_is_a_box(tmp_path: Path) -> None:
    drawing = source(tmp_path)
    assert [box.kind for box in (drawing.boxes[0], drawing.boxes[-1])] == ["input", "output"]
    assert [box.op for box in drawing.boxes[1:4]] == ["conv2d", "relu", "conv2d"]
    assert [box.name for box in (drawing.boxes[0], drawing.boxes[-1])] == ["image", "probabilities"]


def test_arrows_go_from_who_makes_to_who_reads(tmp_path: Path) -> None:
    drawing = source(tmp_path)
    chain = [(index, index + 1) for index in range(len(drawing.boxes) - 1)]
    assert [(arrow.tail, arrow.head) for arrow in drawing.arrows] == chain
    assert drawing.arrows[0].label == "1×3×16×16"


def test_a_box_tells_attributes_weights_and_work(tmp_path: Path) -> None:
    conv = source(tmp_path).boxes[3]
    attributes = {attribute.name: attribute for attribute in conv.attributes}
    assert (attributes["strides"].value, attributes["strides"].default) == ("[2, 2]", False)
    assert attributes["groups"].default
    assert conv.caption == "3×3 → 1×5×7×7"
    assert [weight.slot for weight in conv.weights] == ["Filter", "Bias"]
    assert conv.parameters == 5 * 8 * 9 + 5
    assert conv.macs == 5 * 7 * 7 * 8 * 9
    assert conv.kind == "convolution"


def test_a_written_graph_names_kernels_libraries_sources_and_passes(tmp_path: Path) -> None:
    conv = written(tmp_path).boxes[1]
    assert (conv.kernel, conv.library) == ("conv2d/def/4/1/1", "basic")
    assert conv.sources == ("Conv first", "Relu relu")
    assert "fuse-activation" in conv.passes


def test_the_facts_are_sums(tmp_path: Path) -> None:
    facts = source(tmp_path).facts
    assert facts["operators"] == "6"
    assert facts["parameters"] == str(8 * 27 + 8 + 5 * 72 + 5)
