from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from onnx_models import assert_reads, node_model, read_model
from opt_tool.errors import UnsupportedModelError
from opt_tool.ir.operations import activation as ops
from opt_tool.ir.operations import elementwise
from opt_tool.runtime.executor import Executor

RNG = np.random.default_rng(1)


def normal(*shape: int, scale: float = 3.0) -> np.ndarray:
    return (scale * RNG.standard_normal(shape)).astype(np.float32)


X = normal(2, 3, 4, 5)

PLAIN: list[tuple[str, dict[str, Any]]] = [
    ("Relu", {}),
    ("LeakyRelu", {}),
    ("LeakyRelu", {"alpha": 0.2}),
    ("Sigmoid", {}),
    ("Tanh", {}),
    ("HardSigmoid", {}),
    ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.4}),
    ("HardSwish", {}),
    ("Elu", {}),
    ("Elu", {"alpha": 0.3}),
    ("Selu", {}),
    ("Selu", {"alpha": 1.2, "gamma": 2.0}),
    ("Celu", {}),
    ("Celu", {"alpha": 0.4}),
    ("ThresholdedRelu", {}),
    ("ThresholdedRelu", {"alpha": 0.1}),
    ("Softplus", {}),
    ("Softsign", {}),
    ("Mish", {}),
    ("Gelu", {}),
    ("Gelu", {"approximate": "tanh"}),
    ("Shrink", {}),
    ("Shrink", {"lambd": 1.5, "bias": 0.5}),
]


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize(("operator", "attributes"), PLAIN, ids=str)
def test_activation(operator: str, attributes: dict[str, Any], dynamic: bool) -> None:
    assert_reads(operator, {"x": X}, dynamic=dynamic, **attributes)


@pytest.mark.parametrize("operator", ["Relu", "Sigmoid", "Tanh", "Elu", "LeakyRelu", "Selu"])
@pytest.mark.parametrize("opset", [7, 12, 15])
def test_activation_of_older_opset(operator: str, opset: int) -> None:
    assert_reads(operator, {"x": X}, opset=opset)


@pytest.mark.parametrize("operator", ["Sigmoid", "Tanh", "Softplus", "Elu", "Mish", "Gelu"])
def test_activation_of_large_numbers_is_finite(operator: str) -> None:
    x = np.array([-1e4, -100, -20, 0, 20, 100, 1e4], np.float32)
    assert_reads(operator, {"x": x})


def test_gelu_of_an_unknown_form_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="GELU by 'sigmoid'"):
        read_model(node_model("Gelu", {"x": X}, approximate="sigmoid"))


def test_celu_of_negative_alpha_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="only positive ones"):
        read_model(node_model("Celu", {"x": X}, alpha=-1.0))


def test_relu_of_whole_numbers_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="float32 only"):
        read_model(node_model("Relu", {"x": X.astype(np.int32)}))


# ---- PRelu

SLOPES: list[tuple[tuple[int, ...], type | None]] = [
    ((1,), ops.PRelu),
    ((3, 1, 1), ops.PRelu),
    ((1, 3, 1, 1), ops.PRelu),
    ((5,), None),
    ((4, 1), None),
    ((3, 4, 5), None),
]


@pytest.mark.parametrize("constants", [("slope",), ()], ids=["constant", "computed"])
@pytest.mark.parametrize(("shape", "op"), SLOPES, ids=str)
def test_prelu(shape: tuple[int, ...], op: type | None, constants: tuple[str, ...]) -> None:
    inputs = {"x": X, "slope": normal(*shape)}
    graph = assert_reads("PRelu", inputs, constants=constants)
    assert any(isinstance(node.op, ops.PRelu) for node in graph.nodes) is (op is ops.PRelu)


def test_prelu_by_rows_is_not_taken_for_one_by_channels() -> None:
    inputs = {"x": normal(1, 4, 4, 4), "slope": normal(4, 1)}
    assert_reads("PRelu", inputs, constants=["slope"])


def test_swish() -> None:
    model = node_model("Swish", {"x": X}, alpha=1.5, opset=24)  # newer than onnxruntime knows
    (y,) = Executor(read_model(model)).run({"x": X}).values()
    np.testing.assert_allclose(y, X / (1 + np.exp(-1.5 * X)), rtol=1e-5, atol=1e-6)


def test_prelu_of_a_vector() -> None:
    assert_reads("PRelu", {"x": normal(5), "slope": normal(5)}, constants=["slope"])


def test_prelu_by_channel_of_a_matrix() -> None:
    assert_reads("PRelu", {"x": normal(4, 5), "slope": normal(5)}, constants=["slope"])


# ---- Clip


@pytest.mark.parametrize(
    ("bounds", "op"),
    [
        ((0.0, 6.0), ops.Relu6),
        ((0.0, None), ops.Relu),
        ((0.0, 5.0), elementwise.Clip),
        ((-1.0, 1.0), elementwise.Clip),
        ((None, 2.0), elementwise.Clip),
        ((-1.5, None), elementwise.Clip),
        ((2.0, -2.0), elementwise.Clip),
    ],
    ids=str,
)
def test_clip(bounds: tuple[float | None, float | None], op: type) -> None:
    lower, upper = (None if bound is None else np.array(bound, np.float32) for bound in bounds)
    constants = [name for name, bound in (("l", lower), ("u", upper)) if bound is not None]
    inputs = {"x": X, "l": lower, "u": upper}
    graph = assert_reads("Clip", inputs, constants=constants)
    assert [type(node.op) for node in graph.nodes] == [op]
    if bounds != (2.0, -2.0):  # older runtimes disagree on crossed bounds
        attributes: dict[str, Any] = dict(zip(("min", "max"), bounds, strict=True))
        graph = assert_reads("Clip", {"x": X}, opset=10, **attributes)
        assert [type(node.op) for node in graph.nodes] == [op]


def test_clip_to_computed_bounds() -> None:
    bounds = {"l": np.array(-1, np.float32), "u": np.array(0.5, np.float32)}
    assert_reads("Clip", {"x": X, **bounds})


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8], ids=str)
@pytest.mark.parametrize("constants", [("l", "u"), ()], ids=["constant", "computed"])
def test_clip_of_whole_numbers(dtype: type, constants: tuple[str, ...]) -> None:
    x: np.ndarray = RNG.integers(0, 100, (3, 4)).astype(dtype)
    inputs = {"x": x, "l": np.array(20, dtype), "u": np.array(70, dtype)}
    assert_reads("Clip", inputs, constants=constants)
    if constants:
        assert_reads("Clip", {**inputs, "u": None}, constants=["l"])


def test_clip_without_bounds_is_its_operand() -> None:
    graph = assert_reads("Clip", {"x": X})
    assert [node.op.type for node in graph.nodes] == ["assign"]
