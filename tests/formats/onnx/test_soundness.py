"""Models that are no models: each fault is named, and none is an exception of Python's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from opt_tool.errors import DamagedFileError, OptError, UnsupportedModelError
from opt_tool.formats.onnx.file import load_model
from opt_tool.formats.onnx.reader import read
from small_models import save

Node = onnx.NodeProto


def model(path: Path, nodes: list[Node], outputs: tuple[str, ...] = ("y",)) -> Path:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(np.ones(3, np.float32), "w")],
    )
    return save(graph, path)


@pytest.mark.parametrize(
    ("nodes", "fact"),
    [
        ([helper.make_node("Relu", ["z"], ["y"])], "reads 'z', which nothing before it makes"),
        ([helper.make_node("Relu", ["x"], ["z"])], "nothing makes the output 'y'"),
        ([helper.make_node("Add", ["x"], ["y"])], "it has 1 inputs; ONNX wants 2 to 2"),
        ([helper.make_node("Relu", ["x", "x"], ["y"])], "it has 2 inputs; ONNX wants 1 to 1"),
        ([helper.make_node("Split", ["x"], ["y", "y"])], "it makes 'y' twice"),
        (
            [helper.make_node("Softmax", ["x"], ["y"], axis="last")],
            "its attribute 'axis' is of the type string; ONNX defines int",
        ),
    ],
    ids=["no-operand", "no-output", "few", "many", "twice", "attribute"],
)
def test_names_what_is_wrong_with_a_node(tmp_path: Path, nodes: list[Node], fact: str) -> None:
    with pytest.raises(DamagedFileError, match=fact):
        read(model(tmp_path / "m.onnx", nodes))


def test_reads_nodes_in_order_only(tmp_path: Path) -> None:
    nodes = [helper.make_node("Relu", ["z"], ["y"]), helper.make_node("Relu", ["x"], ["z"])]
    with pytest.raises(DamagedFileError, match="reads 'z', which nothing before it makes"):
        read(model(tmp_path / "m.onnx", nodes))


def test_an_output_that_is_not_supported_is_refused_where_something_reads_it(
    tmp_path: Path,
) -> None:
    nodes = [
        helper.make_node("Unheard", ["x"], ["z"], "odd", domain="example.org"),
        helper.make_node("Relu", ["z"], ["y"]),
    ]
    path = model(tmp_path / "m.onnx", nodes)
    with pytest.raises(UnsupportedModelError, match=r"Unheard \(node 'odd'\)"):
        read(path)


def change(path: Path, edit: Callable[[onnx.ModelProto], object]) -> Path:
    loaded = onnx.load(path)
    edit(loaded)
    path.write_bytes(loaded.SerializeToString())
    return path


@pytest.mark.parametrize(
    ("edit", "fact"),
    [
        (lambda m: m.graph.input.extend([m.graph.input[0]]), "two inputs are called 'x'"),
        (lambda m: m.graph.initializer.extend([m.graph.initializer[0]]), "two weights are called"),
        (lambda m: m.graph.output.extend([m.graph.output[0]]), "two outputs are called 'y'"),
        (lambda m: setattr(m.graph.input[0], "name", ""), "has no name"),
        (lambda m: setattr(m.opset_import[0], "version", 2**40), "there is no opset"),
        (lambda m: setattr(m.opset_import[0], "version", -1), "there is no opset"),
        (lambda m: m.graph.initializer[0].dims.__setitem__(0, -1), "has the shape"),
        (lambda m: m.graph.initializer[0].dims.__setitem__(0, 2**62), "does not fit its shape"),
        (lambda m: m.graph.initializer[0].dims.extend([1] * 40), "has the shape"),
    ],
)
def test_names_what_is_wrong_with_a_model(
    tmp_path: Path, edit: Callable[[onnx.ModelProto], object], fact: str
) -> None:
    path = model(tmp_path / "m.onnx", [helper.make_node("Add", ["x", "w"], ["y"])])
    with pytest.raises(DamagedFileError, match=fact):
        read(change(path, edit))


TEXTS = (
    "the_domain", "the_graph", "the_input", "the_size", "the_weight", "the_key", "the_operator",
    "the_node", "the_operand", "the_result", "the_attribute", "the_reference", "the_tensor",
    "the_branch", "the_list", "the_function", "the_argument", "the_inner_node",
)  # fmt: skip
"""Names in the model below, one for each place that a name stands at."""


def with_names() -> bytes:
    """A model whose names say where they stand."""
    attributes = [
        onnx.AttributeProto(name="the_attribute", ref_attr_name="the_reference"),
        onnx.AttributeProto(name="t", t=TensorProto(name="the_tensor")),
        onnx.AttributeProto(name="g", g=onnx.GraphProto(name="the_branch")),
        onnx.AttributeProto(name="gs", graphs=[onnx.GraphProto(name="the_list")]),
    ]
    node = Node(op_type="the_operator", name="the_node", input=["the_operand"])
    node.output.append("the_result")
    node.attribute.extend(attributes)
    info = helper.make_tensor_value_info("the_input", TensorProto.FLOAT, ["the_size"])
    weight = TensorProto(name="the_weight")
    weight.external_data.add(key="the_key", value="v")
    graph = onnx.GraphProto(name="the_graph", node=[node], input=[info], initializer=[weight])
    inner = helper.make_node("Relu", ["a"], ["b"], "the_inner_node")
    function = onnx.FunctionProto(name="the_function", input=["the_argument"], node=[inner])
    opsets = [helper.make_opsetid("the_domain", 1)]
    whole = onnx.ModelProto(graph=graph, functions=[function], opset_import=opsets)
    return whole.SerializeToString()


@pytest.mark.parametrize("name", TEXTS)
def test_a_name_that_is_not_utf_8_is_damage(tmp_path: Path, name: str) -> None:
    damaged = tmp_path / "m.onnx"
    bad = name.encode().replace(b"the", b"t\xffe")
    damaged.write_bytes(with_names().replace(name.encode(), bad))
    assert bad in damaged.read_bytes()
    with pytest.raises(DamagedFileError, match="not UTF-8"):
        load_model(damaged)


def test_names_in_utf_8_are_no_damage(tmp_path: Path) -> None:
    whole = tmp_path / "m.onnx"
    whole.write_bytes(with_names())
    assert load_model(whole).graph.name == "the_graph"


def test_a_quantization_without_its_outputs_is_no_crash(tmp_path: Path) -> None:
    node = helper.make_node("DynamicQuantizeLinear", ["x"], ["y"])
    path = model(tmp_path / "m.onnx", [node])
    path = change(path, lambda m: setattr(m.opset_import[0], "version", 10))  # before there was one
    with pytest.raises(OptError):
        read(path)


def test_an_input_may_be_an_output(tmp_path: Path) -> None:
    path = model(tmp_path / "m.onnx", [helper.make_node("Relu", ["x"], ["y"])], ("y", "x"))
    graph = read(path)
    assert [value.name for value in graph.inputs] == ["x"]
    assert len(graph.outputs) == 2


# ---- external data


def external(path: Path, **entries: str) -> Path:
    """A model whose weight is said to lie in another file."""
    model(path, [helper.make_node("Add", ["x", "w"], ["y"])])

    def move(loaded: onnx.ModelProto) -> None:
        weight = loaded.graph.initializer[0]
        weight.ClearField("raw_data")
        weight.data_location = TensorProto.EXTERNAL
        weight.external_data.extend(
            onnx.StringStringEntryProto(key=key, value=value) for key, value in entries.items()
        )

    return change(path, move)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Weights in the model's folder, and a secret beside that folder."""
    folder = tmp_path / "model"
    folder.mkdir()
    data = np.arange(3, dtype=np.float32).tobytes()
    (folder / "weights").write_bytes(data)
    (tmp_path / "secret").write_bytes(data)
    (folder / "link").symlink_to(tmp_path / "secret")
    return folder


def test_external_data_beside_the_model_are_read(weights: Path) -> None:
    graph = read(external(weights / "m.onnx", location="weights"))
    (constant,) = graph.constants
    np.testing.assert_array_equal(constant.array(), [0, 1, 2])


@pytest.mark.parametrize("location", ["../secret", "link", "/etc/hostname", "", "a\0b", "ABSOLUTE"])
def test_external_data_do_not_leave_the_models_folder(weights: Path, location: str) -> None:
    if location == "ABSOLUTE":
        location = str(weights / "weights")
    with pytest.raises(DamagedFileError, match="outside of the model's folder"):
        read(external(weights / "m.onnx", location=location))


@pytest.mark.parametrize("offset", ["-4", "x", "1e3", "9" * 30, "", "4", "0x0"])
def test_external_data_are_in_the_file(weights: Path, offset: str) -> None:
    with pytest.raises(DamagedFileError, match=r"begin at|are missing"):
        read(external(weights / "m.onnx", location="weights", offset=offset))


# ---- what fuzzing found


CRASHES: dict[str, list[Node]] = {
    "reverse-sequence-of-a-vector": [
        helper.make_node("Flatten", ["x"], ["f"]),
        helper.make_node("Reshape", ["x", "six"], ["v"]),
        helper.make_node("ReverseSequence", ["v", "six"], ["y"]),
    ],
    "gather-behind-the-end": [helper.make_node("Gather", ["w", "six"], ["y"])],
    "gather-elements-of-other-rank": [helper.make_node("GatherElements", ["x", "six"], ["y"])],
    "conv-of-a-matrix": [helper.make_node("Conv", ["x", "w"], ["y"])],
    "pow-of-shapes-that-do-not-broadcast": [
        helper.make_node("Pow", ["w", "two"], ["y"]),
    ],
    "slice-from-a-scalar": [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Squeeze", ["six"], ["scalar"]),
        helper.make_node("Slice", ["x", "scalar", "scalar"], ["y"]),
    ],
    "scatter-into-too-much": [
        helper.make_node("ConstantOfShape", ["much"], ["data"]),
        helper.make_node("ScatterElements", ["data", "six", "w"], ["y"]),
    ],
    "concat-of-other-rank": [helper.make_node("Concat", ["x", "w"], ["y"], axis=1)],
    "slice-with-fewer-ends": [
        helper.make_node("Concat", ["six", "six"], ["starts"], axis=0),
        helper.make_node("Slice", ["x", "starts", "six"], ["y"]),
    ],
    "lstm-of-vectors": [
        helper.make_node("Unsqueeze", ["x", "zero"], ["steps"]),
        helper.make_node("LSTM", ["steps", "w", "w"], ["y"], hidden_size=3),
    ],
    "gru-with-a-bias-of-one-dimension": [
        helper.make_node("Unsqueeze", ["x", "zero"], ["steps"]),
        helper.make_node("GRU", ["steps", "steps", "steps", "w"], ["y"], hidden_size=3),
    ],
    "operands-and-results-left-out": [
        helper.make_node("SoftmaxCrossEntropyLoss", ["x", "", "w"], ["y", ""])
    ],
    "scan-of-nothing": [
        helper.make_node(
            "Scan",
            ["x"],
            ["y"],
            num_scan_inputs=0,
            body=helper.make_graph([], "body", [], []),
        )
    ],
    "loop-of-nothing": [
        helper.make_node("Loop", ["six", "", "x"], ["y"], body=helper.make_graph([], "b", [], []))
    ],
}


@pytest.mark.parametrize("name", CRASHES)
def test_what_once_crashed_is_refused(tmp_path: Path, name: str) -> None:
    path = model(tmp_path / "m.onnx", CRASHES[name])

    def add_numbers(loaded: onnx.ModelProto) -> None:
        numbers = {"six": [6], "much": [1 << 34], "two": [1.0, 2.0], "zero": [0]}
        for name, given in numbers.items():
            kind = np.float32 if name == "two" else np.int64
            array = np.array(given, kind)
            loaded.graph.initializer.append(numpy_helper.from_array(array, name))

    with pytest.raises(OptError):
        read(change(path, add_numbers))
