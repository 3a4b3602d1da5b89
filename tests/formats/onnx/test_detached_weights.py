"""Large weights stay in the file, and the model is the same as if they had been copied."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper, parser

from onnx_models import reference
from opt_tool.api.onnx_runner import OnnxRunner
from opt_tool.errors import DamagedFileError
from opt_tool.formats.onnx.detached_weights import SMALLEST_DETACHED, attach, parse_detached
from opt_tool.formats.onnx.external_data import DataFolders, weights_of
from opt_tool.formats.onnx.file import load_model
from opt_tool.formats.onnx.older_opsets import upgraded
from opt_tool.formats.onnx.reader import read
from opt_tool.formats.onnx.tensors import TensorReader
from opt_tool.runtime.executor import Executor

SIDE = 200
"""Of a square weight that is large enough to be left in the file."""


def model_with(*weights: TensorProto) -> onnx.ModelProto:
    nodes = [
        helper.make_node("Identity", [weight.name], [f"{weight.name}.out"]) for weight in weights
    ]
    outputs = [helper.make_empty_tensor_value_info(node.output[0]) for node in nodes]
    graph = helper.make_graph(nodes, "weights", [], outputs, list(weights))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def saved(model: onnx.ModelProto, path: Path) -> Path:
    path.write_bytes(model.SerializeToString())
    return path


def square(dtype: str = "float32", name: str = "W") -> TensorProto:
    numbers = np.arange(SIDE * SIDE) % 100
    return numpy_helper.from_array(numbers.reshape(SIDE, SIDE).astype(dtype), name)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "float16"])
def test_a_large_weight_is_read_from_its_place_in_the_file(tmp_path: Path, dtype: str) -> None:
    weight = square(dtype)
    path = saved(model_with(weight), tmp_path / "model.onnx")
    (found,) = load_model(path).graph.initializer
    assert not found.raw_data
    array = TensorReader(DataFolders(tmp_path)).stored(found)
    np.testing.assert_array_equal(array, numpy_helper.to_array(weight), strict=True)
    assert not array.flags.owndata


def test_a_large_weight_in_a_node_is_read_from_its_place_in_the_file(tmp_path: Path) -> None:
    path = saved(with_constants(square()), tmp_path / "model.onnx")
    model = load_model(path)
    assert not model.graph.node[0].attribute[0].t.raw_data
    attach(model, path)
    assert model == with_constants(square())
    (output,) = Executor(read(path)).run({}).values()
    np.testing.assert_array_equal(output, numpy_helper.to_array(square()))


def test_onnxruntime_finds_a_large_weight_in_a_node(tmp_path: Path) -> None:
    model = parser.parse_model("""<ir_version: 8, opset_import: ["" : 17]>
        held (float[N,200] X) => (float[N,200] Y) { Y = Add (X, W) }""")
    model.graph.node.insert(0, helper.make_node("Constant", [], ["W"], value=square()))
    path = saved(model, tmp_path / "model.onnx")
    runner = OnnxRunner(path, input_shapes={"X": (SIDE, SIDE)})
    x = np.ones((SIDE, SIDE), np.float32)
    (output,) = runner.run({"X": x}).values()
    np.testing.assert_array_equal(output, numpy_helper.to_array(square()) + 1)


def with_constants(*weights: TensorProto) -> onnx.ModelProto:
    """A model whose weights lie in nodes, as Paddle's exporter puts them."""
    model = model_with(*weights)
    del model.graph.initializer[:]
    for weight in weights:
        model.graph.node.insert(0, helper.make_node("Constant", [], [weight.name], value=weight))
    return model


def test_small_weights_and_all_else_are_parsed_as_they_are(tmp_path: Path) -> None:
    small = numpy_helper.from_array(np.arange(6, dtype=np.float32), "small")
    model = model_with(small, square(), small_copy(small))
    model.metadata_props.add(key="author", value="nobody")
    found = load_model(saved(model, tmp_path / "model.onnx"))
    assert [bool(tensor.raw_data) for tensor in found.graph.initializer] == [True, False, True]
    attach(found, tmp_path / "model.onnx")
    assert found == model


def small_copy(tensor: TensorProto) -> TensorProto:
    copy = TensorProto()
    copy.CopyFrom(tensor)
    copy.name = "other"
    return copy


def test_a_model_behind_a_symbolic_link_is_read_from_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    (tmp_path / "snapshot").mkdir()
    saved(model_with(square()), tmp_path / "blobs" / "3f2a")
    link = tmp_path / "snapshot" / "model.onnx"
    link.symlink_to("../blobs/3f2a")
    (output,) = Executor(read(link)).run({}).values()
    np.testing.assert_array_equal(output, numpy_helper.to_array(square()))


def test_a_weight_whose_size_is_not_that_of_its_shape_is_refused(tmp_path: Path) -> None:
    weight = square()
    weight.dims[0] += 1
    with pytest.raises(DamagedFileError, match="'W' does not fit its shape"):
        read(saved(model_with(weight), tmp_path / "model.onnx"))


def test_weights_of_the_first_opsets_are_put_back_for_the_version_converter(tmp_path: Path) -> None:
    model = parser.parse_model("""<ir_version: 3, opset_import: ["" : 6]>
        old (float[2,200] X) => (float[2,200] Y) { M = MatMul (X, W)  Y = Relu (M) }""")
    model.graph.initializer.append(square())
    model.graph.input.append(helper.make_tensor_value_info("W", TensorProto.FLOAT, [SIDE, SIDE]))
    path = saved(model, tmp_path / "model.onnx")
    assert upgraded(load_model(path), path).graph.initializer[0].raw_data
    x = np.linspace(-1, 1, 400, dtype=np.float32).reshape(2, 200)
    (output,) = Executor(read(path)).run({"X": x}).values()
    np.testing.assert_allclose(output, reference(model, {"X": x})[0], rtol=1e-5)


def test_quantization_scales_may_lie_beside_the_model(tmp_path: Path) -> None:
    model = parser.parse_model("""<ir_version: 8, opset_import: ["" : 17]>
        net (float[2,3] X) => (float[2,3] Y)
        { Q = QuantizeLinear (X, scale, zero)  Y = DequantizeLinear (Q, scale, zero) }""")
    for name, number in (("scale", np.float32(0.25)), ("zero", np.uint8(0))):
        model.graph.initializer.append(numpy_helper.from_array(np.array(number), name))
    onnx.save(
        model,
        tmp_path / "model.onnx",
        save_as_external_data=True,
        location="data",
        size_threshold=0,
    )
    graph = read(tmp_path / "model.onnx")
    assert [node.op.type for node in graph.nodes] == ["clip"]


@given(st.data())
def test_any_change_of_the_bytes_is_taken_as_protobuf_takes_it(data: st.DataObject) -> None:
    make = data.draw(st.sampled_from((model_with, with_constants)))
    content = bytearray(make(square("int64"), square()).SerializeToString())
    near_a_tag = (0, 1, 2, 3, 5, 40, 41, 42, 43, 44, 45, 46, len(content) // 2, len(content) - 1)
    for position in data.draw(st.lists(st.sampled_from(near_a_tag), max_size=3)):
        content[position] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.sampled_from((len(content), len(content) - 7, 100)))]
    assert parsed(bytes(content)) == outcome(bytes(content))


def parsed(content: bytes) -> onnx.ModelProto | None:
    try:
        model = parse_detached(memoryview(content), "model.onnx")
    except DecodeError:
        return None
    for tensor in weights_of(model):
        entries = {entry.key: entry.value for entry in tensor.external_data}
        if entries:
            begin = int(entries["offset"])
            assert int(entries["length"]) >= SMALLEST_DETACHED // 2
            tensor.raw_data = content[begin : begin + int(entries["length"])]
            tensor.ClearField("external_data")
            tensor.ClearField("data_location")
    return model


def outcome(content: bytes) -> onnx.ModelProto | None:
    try:
        return onnx.ModelProto.FromString(content)
    except DecodeError:
        return None
