from __future__ import annotations

from pathlib import Path

import pytest
from onnx import TensorProto

from opt_tool.api.conversion import convert
from opt_tool.api.file_format import FileFormat
from opt_tool.api.loading import READERS, REFUSALS, SourceNode, load, load_model, source_nodes
from opt_tool.errors import UnsupportedError, UnsupportedModelError, UsageError
from opt_tool.ir import verify
from small_models import classifier, unsupported


def test_reads_onnx_and_keeps_what_is_known_of_the_source(tmp_path: Path) -> None:
    path = classifier(tmp_path / "model.onnx")
    loaded = load_model(path)
    verify(loaded.graph)
    assert loaded.format is FileFormat.ONNX
    assert loaded.files == (path,)
    assert loaded.nodes[0] == SourceNode("Conv", "first", ("c1",))
    assert len(loaded.nodes) == 6
    assert not loaded.half_precision


def test_notes_that_a_model_computes_in_16_bits(tmp_path: Path) -> None:
    path = classifier(tmp_path / "model.onnx", dtype=TensorProto.FLOAT16)
    assert load_model(path).half_precision


def test_hands_shapes_and_outputs_to_the_reader(tmp_path: Path) -> None:
    path = classifier(tmp_path / "model.onnx", shape=("n", 3, "h", "w"))
    graph = load(path, input_shapes={"image": (2, 3, 8, 8)}, outputs=["features"])
    assert [value.shape for value in graph.outputs] == [(2, 8, 8, 8)]


def test_every_format_is_read_or_refused_with_what_to_do() -> None:
    assert set(READERS) | set(REFUSALS) == set(FileFormat)
    assert not set(READERS) & set(REFUSALS)


def test_a_refusal_names_the_file_and_the_command(tmp_path: Path) -> None:
    path = tmp_path / "net.bin"
    path.write_bytes(b"\x0a\x08\x0a\x01x\x12\x03Add")  # a node of a GraphDef
    with pytest.raises(UnsupportedError, match=r"net\.bin.*tf2onnx\.convert --graphdef .*net\.bin"):
        load(path)


def test_refuses_a_second_file_that_the_format_does_not_have(tmp_path: Path) -> None:
    path = classifier(tmp_path / "model.onnx")
    with pytest.raises(UsageError, match="holds the whole model"):
        load(path, path)


def test_lists_the_nodes_of_a_model_that_cannot_be_read(tmp_path: Path) -> None:
    path = unsupported(tmp_path / "model.onnx")
    with pytest.raises(UnsupportedModelError) as caught:
        load(path)
    assert [problem.node for problem in caught.value.problems] == ["unheard_1", "unheard_2"]
    format, nodes = source_nodes(path)
    assert format is FileFormat.ONNX
    assert [node.name for node in nodes] == ["unheard_1", "relu", "unheard_2"]


def test_fixes_the_open_shapes_of_a_finished_file(tmp_path: Path) -> None:
    model = classifier(tmp_path / "model.onnx", shape=("n", 3, "h", "w"))
    path = tmp_path / "model.nb"
    convert(model, path, verify=False)
    graph = load(path, input_shapes={"image": (2, 3, 8, 8)})
    verify(graph)
    assert next(graph.nodes).output.shape == (2, 8, 8, 8)
    with pytest.raises(UsageError, match="no input is called 'x'"):
        load(path, input_shapes={"x": (2, 3, 8, 8)})
    with pytest.raises(UsageError, match="another number of dimensions"):
        load(path, input_shapes={"image": (3, 8, 8)})
    with pytest.raises(UsageError, match="do not fit conv2d"):
        load(path, input_shapes={"image": (2, 4, 8, 8)})
    with pytest.raises(UsageError, match=r"outputs of a \.nb file are fixed"):
        load(path, outputs=["features"])
