from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from onnx_models import assert_reads, node_model, read_model, reference
from opt_tool.errors import UnsupportedModelError
from opt_tool.runtime.executor import Executor

RNG = np.random.default_rng(7)
X = (4 * RNG.standard_normal((2, 3, 4, 5))).astype(np.float32)
SCALE = np.array(0.043, np.float32)
SCALES = np.array([0.04, 0.1, 0.02], np.float32)


def bits(dtype: type, *shape: int) -> np.ndarray:
    info = np.iinfo(dtype)
    return np.asarray(RNG.integers(info.min, info.max + 1, shape)).astype(dtype)


def point(value: int, dtype: type = np.uint8) -> np.ndarray:
    return np.array(value, dtype)


# ---- QuantizeLinear and DequantizeLinear


@pytest.mark.parametrize("opset", [10, 13, 19, 21])
@pytest.mark.parametrize("zero", [point(0), point(131), point(0, np.int8), point(-7, np.int8)])
def test_quantizes(zero: np.ndarray, opset: int) -> None:
    inputs = {"x": X, "scale": SCALE, "zero": zero}
    assert_reads("QuantizeLinear", inputs, constants=["scale", "zero"], opset=opset)
    assert_reads("QuantizeLinear", inputs, opset=opset, dynamic=True)


def test_quantizes_to_uint8_by_default() -> None:
    assert_reads("QuantizeLinear", {"x": X, "scale": SCALE}, constants=["scale"])


def test_quantizing_rounds_halves_to_even_and_saturates() -> None:
    x = np.array([-300, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 127.5, 300], np.float32)
    inputs = {"x": x, "scale": np.array(1, np.float32), "zero": point(3, np.int8)}
    assert_reads("QuantizeLinear", inputs, constants=["scale", "zero"])


@pytest.mark.parametrize("axis", [1, -3])
def test_quantizes_along_an_axis(axis: int) -> None:
    inputs: dict[str, np.ndarray] = {
        "x": X,
        "scale": SCALES,
        "zero": np.array([1, 128, 250], np.uint8),
    }
    assert_reads("QuantizeLinear", inputs, constants=["scale", "zero"], axis=axis, opset=13)


def test_quantizes_in_blocks() -> None:
    inputs: dict[str, np.ndarray] = {
        "x": X[0, 0],
        "scale": np.array([[0.04, 0.1, 0.02]] * 4, np.float32),
    }
    options: dict[str, Any] = {"axis": 1, "block_size": 2}
    assert_reads("QuantizeLinear", inputs, constants=["scale"], **options)
    inputs["x"] = bits(np.uint8, 4, 5)
    assert_reads("DequantizeLinear", inputs, constants=["scale"], **options)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8], ids=str)
@pytest.mark.parametrize("constants", [("x", "scale", "zero"), ("scale", "zero"), ()], ids=str)
def test_dequantizes(dtype: type, constants: tuple[str, ...]) -> None:
    inputs = {"x": bits(dtype, 3, 4), "scale": SCALE, "zero": point(77, dtype)}
    assert_reads("DequantizeLinear", inputs, constants=constants)


def test_dequantizes_along_an_axis() -> None:
    inputs = {"x": bits(np.int8, 2, 3, 4), "scale": SCALES, "zero": bits(np.int8, 3)}
    assert_reads("DequantizeLinear", inputs, constants=["scale", "zero"], axis=1)


def test_dequantizes_sums() -> None:
    inputs = {"x": np.array([-70000, 5, 2**24], np.int32), "scale": SCALE}
    assert_reads("DequantizeLinear", inputs, constants=["scale"])


def test_what_is_quantized_and_restored_by_another_scale_is_never_cast() -> None:
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "t", "z"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, X.shape)],
        [helper.make_empty_tensor_value_info("y")],
        [
            numpy_helper.from_array(SCALE, "s"),
            numpy_helper.from_array(2 * SCALE, "t"),
            numpy_helper.from_array(point(5, np.int8), "z"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    read = read_model(model)
    assert not [
        node for node in read.nodes if node.op.type == "cast" and node.output.dtype.value == "int8"
    ]
    (expected,) = reference(model, {"x": X})
    np.testing.assert_allclose(Executor(read).run({"x": X})["y"], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shift", [-10, 0, 10])
def test_quantizes_by_the_range_of_the_operand(shift: float) -> None:
    outputs = ["y", "scale", "zero"]
    assert_reads("DynamicQuantizeLinear", {"x": X + np.float32(shift)}, outputs=outputs)


def test_quantizes_nothing_but_zeros() -> None:
    outputs = ["y", "scale", "zero"]
    graph = read_model(node_model("DynamicQuantizeLinear", {"x": 0 * X}, outputs=outputs))
    results = Executor(graph).run({"x": 0 * X})
    assert not results["y"].any()


# ---- operators on quantized tensors


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_quantized_convolution(bias: bool, per_channel: bool) -> None:
    inputs = {
        "x": bits(np.uint8, 1, 2, 6, 7),
        "xs": np.array(0.02, np.float32),
        "xz": point(120),
        "w": bits(np.int8, 3, 2, 3, 3),
        "ws": SCALES if per_channel else SCALE,
        "wz": np.zeros(3, np.int8) if per_channel else point(0, np.int8),
        "ys": np.array(0.3, np.float32),
        "yz": point(128),
        "b": RNG.integers(-1000, 1000, 3).astype(np.int32) if bias else None,
    }
    constants = [name for name, array in inputs.items() if array is not None and name != "x"]
    assert_reads("QLinearConv", inputs, constants=constants, pads=[1, 1, 1, 1], strides=[2, 1])


def test_integer_convolution() -> None:
    inputs = {
        "x": bits(np.uint8, 1, 2, 6, 7),
        "w": bits(np.int8, 3, 2, 3, 3),
        "xz": point(120),
        "wz": point(0, np.int8),
    }
    assert_reads("ConvInteger", inputs, constants=["w", "xz", "wz"], pads=[1, 0, 0, 1])


def test_quantized_product() -> None:
    inputs = {
        "a": bits(np.uint8, 2, 3, 4),
        "as": np.array(0.02, np.float32),
        "az": point(120),
        "b": bits(np.uint8, 4, 5),
        "bs": np.array(0.03, np.float32),
        "bz": point(99),
        "ys": np.array(0.1, np.float32),
        "yz": point(128),
    }
    constants = [name for name in inputs if name not in ("a", "y")]
    assert_reads("QLinearMatMul", inputs, constants=constants)


@pytest.mark.parametrize("zero", [np.array(3, np.uint8), None])
def test_integer_product(zero: np.ndarray | None) -> None:
    inputs = {"a": bits(np.uint8, 3, 4), "b": bits(np.int8, 4, 5), "az": zero}
    constants = ["b"] if zero is None else ["b", "az"]
    assert_reads("MatMulInteger", inputs, constants=constants)


@pytest.mark.parametrize("operator", ["QLinearAdd", "QLinearMul"])
def test_quantized_arithmetic(operator: str) -> None:
    inputs = {
        "a": bits(np.uint8, 3, 4),
        "as": np.array(0.02, np.float32),
        "az": point(120),
        "b": bits(np.uint8, 3, 4),
        "bs": np.array(0.03, np.float32),
        "bz": point(99),
        "ys": np.array(0.07, np.float32),
        "yz": point(128),
    }
    constants = [name for name in inputs if name not in ("a", "b")]
    assert_reads(operator, inputs, constants=constants, domain="com.microsoft", atol=1.001)


UNARY: dict[str, dict[str, Any]] = {
    "QLinearAveragePool": {"kernel_shape": [3, 2], "pads": [1, 0, 1, 1], "count_include_pad": 1},
    "QLinearGlobalAveragePool": {},
    "QLinearLeakyRelu": {"alpha": 0.2},
    "QLinearSigmoid": {},
}


def unary_operands() -> dict[str, np.ndarray]:
    return {
        "x": bits(np.uint8, 2, 3, 5, 8),
        "xs": np.array(0.02, np.float32),
        "xz": point(120),
        "ys": np.array(0.01, np.float32),
        "yz": point(20),
    }


@pytest.mark.parametrize("operator", UNARY)
def test_quantized_operator_of_one_operand(operator: str) -> None:
    inputs = unary_operands()
    constants = [name for name in inputs if name != "x"]
    options: dict[str, Any] = {"constants": constants, "domain": "com.microsoft", "atol": 1.001}
    assert_reads(operator, inputs, **options, **UNARY[operator])


def test_quantized_softmax() -> None:
    """The operator's own attribute opset says what axis means."""
    inputs = unary_operands()
    constants = [name for name in inputs if name != "x"]
    model = node_model(
        "QLinearSoftmax", inputs, constants=constants, domain="com.microsoft", axis=1
    )
    model.graph.node[0].attribute.append(helper.make_attribute("opset", 21))
    feeds = {"x": inputs["x"]}
    (actual,), expected = Executor(read_model(model)).run(feeds).values(), reference(model, feeds)
    np.testing.assert_allclose(actual, expected[0], atol=1.001)


def test_quantized_pool_with_channels_last_is_refused() -> None:
    inputs = unary_operands()
    options: dict[str, Any] = {"domain": "com.microsoft", "channels_last": 1}
    model = node_model("QLinearGlobalAveragePool", inputs, **options)
    with pytest.raises(UnsupportedModelError, match="channels stand last"):
        read_model(model)


@pytest.mark.parametrize("quantized_result", [False, True])
@pytest.mark.parametrize("transposed", [0, 1])
def test_quantized_gemm(transposed: int, quantized_result: bool) -> None:
    weight = bits(np.int8, 3, 4)
    inputs = {
        "a": bits(np.uint8, 2, 4),
        "as": np.array(0.02, np.float32),
        "az": point(120),
        "b": weight if transposed else weight.T.copy(),
        "bs": SCALES,
        "bz": np.zeros(3, np.int8),
        "c": RNG.integers(-1000, 1000, 3).astype(np.int32),
    }
    if quantized_result:
        inputs |= {"ys": np.array(0.3, np.float32), "yz": point(128)}
    constants = [name for name in inputs if name != "a"]
    options: dict[str, Any] = {"domain": "com.microsoft", "transB": transposed}
    assert_reads("QGemm", inputs, constants=constants, **options)


def test_quantized_concat() -> None:
    inputs = {
        "ys": np.array(0.05, np.float32),
        "yz": point(100),
        "a": bits(np.uint8, 2, 3),
        "as": np.array(0.02, np.float32),
        "az": point(120),
        "b": bits(np.uint8, 2, 4),
        "bs": np.array(0.07, np.float32),
        "bz": point(9),
    }
    constants = [name for name in inputs if name not in ("a", "b")]
    options: dict[str, Any] = {"domain": "com.microsoft", "axis": 1, "atol": 1.001}
    assert_reads("QLinearConcat", inputs, constants=constants, **options)


def test_quantized_choice() -> None:
    inputs = {
        "condition": np.array([[True], [False]]),
        "a": bits(np.uint8, 2, 3),
        "as": np.array(0.02, np.float32),
        "az": point(120),
        "b": bits(np.uint8, 2, 3),
        "bs": np.array(0.03, np.float32),
        "bz": point(9),
        "ys": np.array(0.05, np.float32),
        "yz": point(100),
    }
    constants = [name for name in inputs if name not in ("a", "b", "condition")]
    assert_reads("QLinearWhere", inputs, constants=constants, domain="com.microsoft", atol=1.001)


def test_four_bits_are_refused() -> None:
    model = node_model(
        "QuantizeLinear", {"x": X, "s": SCALE}, constants=["s"], output_dtype=TensorProto.INT4
    )
    with pytest.raises(UnsupportedModelError, match="int4"):
        read_model(model)


def test_precision_of_half_is_refused() -> None:
    options: dict[str, Any] = {"precision": onnx.TensorProto.FLOAT16, "opset": 23}
    model = node_model("QuantizeLinear", {"x": X, "s": SCALE}, constants=["s"], **options)
    with pytest.raises(UnsupportedModelError, match="precision"):
        read_model(model)


@pytest.mark.parametrize("zero", [None, 3])
def test_lstm_with_quantized_weights(zero: int | None) -> None:
    """onnxruntime rounds the activations as well: to about 1 % of what they are."""
    directions, hidden, given = 2, 5, 4
    points = None if zero is None else np.full(directions, zero, np.int8)
    inputs = {
        "x": RNG.standard_normal((6, 1, given)).astype(np.float32),
        "w": bits(np.int8, directions, given, 4 * hidden),
        "r": bits(np.int8, directions, hidden, 4 * hidden),
        "b": RNG.standard_normal((directions, 8 * hidden)).astype(np.float32),
        "lengths": None,
        "h": None,
        "c": None,
        "p": None,
        "ws": np.array([0.004, 0.009], np.float32),
        "wz": np.zeros(directions, np.int8) if points is None else points,
        "rs": np.array([0.005, 0.003], np.float32),
        "rz": np.zeros(directions, np.int8) if points is None else points,
    }
    constants = [name for name, array in inputs.items() if array is not None and name != "x"]
    options: dict[str, Any] = {"domain": "com.microsoft", "direction": "bidirectional"}
    assert_reads(
        "DynamicQuantizeLSTM", inputs, constants=constants, hidden_size=hidden, atol=0.02, **options
    )
