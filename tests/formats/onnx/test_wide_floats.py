from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from opt_tool.formats.onnx.external_data import DataFolders
from opt_tool.formats.onnx.tensors import TensorReader
from opt_tool.formats.onnx.wide_floats import with_wide_floats

THIRD = np.array([1 / 3], np.float32)


def branch(name: str, factor: float) -> onnx.GraphProto:
    """A branch that scales y."""
    scale = numpy_helper.from_array(np.array([factor], np.float32), f"{name}.scale")
    nodes = [helper.make_node("Mul", ["y", f"{name}.scale"], [name])]
    made = helper.make_tensor_value_info(name, TensorProto.FLOAT, [2])
    return helper.make_graph(nodes, name, [], [made], [scale])


def model() -> onnx.ModelProto:
    """Every place in which a model holds float32: weights, constants, types and branches."""
    nodes = [
        helper.make_node("Constant", [], ["a"], value=numpy_helper.from_array(THIRD)),
        helper.make_node("Constant", [], ["b"], value_float=0.1),
        helper.make_node("Constant", [], ["c"], value_floats=[0.1, 0.2]),
        helper.make_node("Constant", [], ["two"], value_ints=[2]),
        helper.make_node("ConstantOfShape", ["two"], ["zeros"]),
        helper.make_node("Cast", ["two"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Sum", ["x", "w", "a", "b", "c", "zeros", "number"], ["y"]),
        helper.make_node("Less", ["b", "number"], ["condition"]),
        helper.make_node("Squeeze", ["condition"], ["one"]),
        helper.make_node(
            "If", ["one"], ["z"], then_branch=branch("u", 3.0), else_branch=branch("v", 5.0)
        ),
    ]
    graph = helper.make_graph(
        nodes,
        "floats",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, [2])],
        [numpy_helper.from_array(THIRD, "w")],
        value_info=[helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def test_nothing_is_float32_any_more() -> None:
    source = model()
    wide = with_wide_floats(source, TensorReader(DataFolders(Path())))
    assert source == model()
    ends = (*wide.graph.input, *wide.graph.output, *wide.graph.value_info)
    assert {info.type.tensor_type.elem_type for info in ends} <= {TensorProto.DOUBLE, 0}
    x = np.array([1e-12, 1.0])
    names = ["a", "b", "c", "zeros", "number", "y", "z"]
    results = dict(zip(names, ReferenceEvaluator(wide).run(names, {"x": x}), strict=True))
    assert {name: array.dtype for name, array in results.items()} == dict.fromkeys(
        names, np.dtype(np.float64)
    )
    stored = [np.float64(np.float32(number)) for number in (1 / 3, 1 / 3, 0.1)]
    shifts = np.array([0.1, 0.2], np.float32).astype(np.float64)
    np.testing.assert_allclose(results["z"], 3 * (x + sum(stored) + shifts + 2), rtol=1e-15)


def test_what_is_no_float32_stays_as_it_is() -> None:
    graph = helper.make_graph(
        [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.INT32)],
        "integers",
        [helper.make_tensor_value_info("x", TensorProto.INT64, [2])],
        [helper.make_tensor_value_info("y", TensorProto.INT32, [2])],
        [numpy_helper.from_array(np.arange(2), "w")],
    )
    wide = with_wide_floats(helper.make_model(graph), TensorReader(DataFolders(Path())))
    assert wide.graph.node == graph.node
    assert wide.graph.initializer == graph.initializer
    assert wide.graph.input == graph.input


def test_weights_in_other_files_are_taken_in(tmp_path: Path) -> None:
    weights: dict[str, np.ndarray] = {"w": THIRD, "n": np.arange(3)}
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        "outside",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    path = tmp_path / "m.onnx"
    onnx.save(
        helper.make_model(graph), path, save_as_external_data=True, location="w", size_threshold=0
    )
    model = onnx.load(path, load_external_data=False)
    assert all(tensor.external_data for tensor in model.graph.initializer)
    wide = with_wide_floats(model, TensorReader(DataFolders(tmp_path)))
    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in wide.graph.initializer}
    for name, array in weights.items():
        np.testing.assert_array_equal(found[name], array)
    assert found["w"].dtype == np.float64
