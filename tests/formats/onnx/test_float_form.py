"""Quantized models are read as the float models that they stand for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser

from onnx_models import read_model, reference
from opt_tool.api.conversion import convert
from opt_tool.api.onnx_runner import OnnxRunner
from opt_tool.formats.onnx.external_data import DataFolders
from opt_tool.formats.onnx.float_form import float_form
from opt_tool.formats.onnx.tensors import TensorReader
from opt_tool.ir import Graph
from opt_tool.runtime.executor import Executor

RNG = np.random.default_rng(3)
STEP = 0.05
FEEDS = {"x": RNG.uniform(-5, 5, (1, 2, 6, 6)).astype(np.float32)}

WEIGHTS: dict[str, np.ndarray] = {
    "w": RNG.integers(-127, 128, (2, 2, 3, 3)).astype(np.int8),
    "ws": np.array([0.004, 0.01], np.float32),
    "wz": np.zeros(2, np.int8),
    "m": RNG.integers(-127, 128, (6, 4)).astype(np.int8),
    "ms": np.array(0.01, np.float32),
    "mz": np.zeros((), np.int8),
    "column": np.array([1, -1, 1, 1], np.int64),
    "s": np.array(STEP, np.float32),
    "t": np.array(3 * STEP, np.float32),
    "fine": np.array(0.01, np.float32),
    "middle": np.array(128, np.uint8),
    "lowest": np.array(0, np.uint8),
    "as_int8": np.array(-128, np.int8),
}


def model(body: str, *, output: str = "float", opset: int = 21) -> onnx.ModelProto:
    """A model from x to y whose weights are those of ``WEIGHTS`` that the body names."""
    parsed = parser.parse_model(
        f"""
        <ir_version: 8, opset_import: ["": {opset}, "com.microsoft": 1]>
        quantized (float[1, 2, 6, 6] x) => ({output} y) {{ {body} }}
        """
    )
    named = {name for node in parsed.graph.node for name in node.input}
    parsed.graph.initializer.extend(
        numpy_helper.from_array(array, name) for name, array in WEIGHTS.items() if name in named
    )
    return parsed


def operators(graph: Graph) -> list[str]:
    return [node.op.type for node in graph.nodes if node.op.type != "assign"]


def run(graph: Graph) -> np.ndarray:
    (y,) = Executor(graph).run(FEEDS).values()
    return y


def assert_within(proto: onnx.ModelProto, steps: float) -> Graph:
    """Assert that the float form differs from the model by so many steps at most."""
    graph = read_model(proto)
    (expected,) = reference(proto, FEEDS)
    np.testing.assert_allclose(run(graph), expected, atol=steps * STEP + 1e-5)
    return graph


# ---- pairs


def test_a_pair_is_left_out() -> None:
    body = "q = QuantizeLinear(x, s, middle)  y = DequantizeLinear(q, s, middle)"
    assert operators(assert_within(model(body), 0.5)) == []


@pytest.mark.parametrize("zero", ["lowest", "as_int8"])
@pytest.mark.parametrize("scale", ["s", "fine"])
@pytest.mark.parametrize("opset", [10, 21])
def test_a_range_from_zero_stays(zero: str, scale: str, opset: int) -> None:
    """The fine one ends at 2.55, within what x holds."""
    body = f"q = QuantizeLinear(x, {scale}, {zero})  y = DequantizeLinear(q, {scale}, {zero})"
    assert operators(assert_within(model(body, opset=opset), 0.5)) == ["clip"]


def test_a_range_is_not_stated_twice() -> None:
    body = """
        q = QuantizeLinear(x, s, lowest)  a = DequantizeLinear(q, s, lowest)
        b = MaxPool<kernel_shape = [2, 2]>(a)
        p = QuantizeLinear(b, s, lowest)  y = DequantizeLinear(p, s, lowest)
    """
    assert operators(assert_within(model(body), 0.5)) == ["clip", "pool2d"]


def test_what_a_sigmoid_makes_is_in_range() -> None:
    body = """
        a = Sigmoid(x)
        q = QuantizeLinear(a, s, lowest)  y = DequantizeLinear(q, s, lowest)
    """
    assert operators(assert_within(model(body), 0.5)) == ["sigmoid"]


def test_another_scale_is_computed() -> None:
    body = "q = QuantizeLinear(x, s, middle)  y = DequantizeLinear(q, t, middle)"
    graph = assert_within(model(body), 0)
    assert "clip" in operators(graph)


def test_what_only_moves_elements_is_done_in_float() -> None:
    body = """
        q = QuantizeLinear(x, s, middle)
        r = Transpose<perm = [0, 2, 3, 1]>(q)
        y = DequantizeLinear(r, s, middle)
    """
    assert operators(assert_within(model(body), 0.5)) == ["transpose2"]


def test_a_quantized_output_is_computed() -> None:
    proto = model("y = QuantizeLinear(x, s, middle)", output="uint8")
    np.testing.assert_array_equal(run(read_model(proto)), reference(proto, FEEDS)[0])


# ---- operators on quantized tensors


def test_quantized_operators_become_float_ones() -> None:
    body = """
        q = QuantizeLinear(x, s, middle)
        c = QLinearConv<pads = [1, 1, 1, 1]>(q, s, middle, w, ws, wz, s, lowest)
        a = com.microsoft.QLinearAdd(c, s, lowest, q, s, middle, t, middle)
        y = DequantizeLinear(a, t, middle)
    """
    graph = assert_within(model(body), 5)
    assert operators(graph) == ["conv2d", "clip", "elementwise_add"]


# ---- weights quantized alone


def test_a_dynamic_product_is_a_product() -> None:
    body = """
        q, a, z = DynamicQuantizeLinear(x)
        i = MatMulInteger(q, m, z, mz)
        f = Cast<to = 1>(i)
        both = Mul(a, ms)
        y = Mul(f, both)
    """
    assert operators(assert_within(model(body), 3)) == ["matmul_v2"]


def test_a_bias_that_was_quantized_with_the_product_is_a_bias() -> None:
    body = """
        q, a, z = DynamicQuantizeLinear(x)
        i = ConvInteger(q, w, z, mz)
        both = Mul(a, ms)
        r = Div(ws, both)  d = Floor(r)  e = Cast<to = 6>(d)  b = Reshape(e, column)
        g = Add(i, b)
        f = Cast<to = 1>(g)
        y = Mul(f, both)
    """
    graph = assert_within(model(body), 8)
    assert operators(graph) == ["conv2d"]
    (conv,) = (node for node in graph.nodes if node.op.type == "conv2d")
    np.testing.assert_array_equal(conv.input("Bias").array(), WEIGHTS["ws"])


def test_a_dynamic_convolution_is_a_convolution() -> None:
    body = """
        q, a, z = DynamicQuantizeLinear(x)
        i = ConvInteger<pads = [1, 0, 0, 1]>(q, w, z, mz)
        f = Cast<to = 1>(i)
        both = Mul(ms, a)
        y = Mul(both, f)
    """
    assert operators(assert_within(model(body), 8)) == ["conv2d"]


# ---- around it


def test_a_float_model_is_itself() -> None:
    proto = model("y = Relu(x)")
    assert float_form(proto, TensorReader(DataFolders(Path()))) is proto


def test_a_conversion_is_verified_against_the_float_form(tmp_path: Path) -> None:
    body = """
        q = QuantizeLinear(x, s, middle)  a = DequantizeLinear(q, s, middle)
        f = DequantizeLinear<axis = 0>(w, ws, wz)
        c = Conv(a, f)
        p = QuantizeLinear(c, s, lowest)  y = DequantizeLinear(p, s, lowest)
    """
    path = tmp_path / "quantized.onnx"
    path.write_bytes(model(body).SerializeToString())
    report = convert(path, tmp_path / "float.nb")
    assert report.verification.status == "passed"
    assert report.verification.reference == OnnxRunner.float_name
    assert report.output.ops <= 2
