"""Operators of com.microsoft that stand for chains of standard ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from onnx_models import OLD_ONNXRUNTIME, assert_reads, node_model, read_model
from opt_tool.errors import UnsupportedModelError

RNG = np.random.default_rng(0)
MICROSOFT: dict[str, Any] = {"domain": "com.microsoft", "opset": 17}


def random(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("operator", ["Gelu", "FastGelu", "QuickGelu"])
@pytest.mark.parametrize("dynamic", [False, True])
def test_gelu(operator: str, dynamic: bool) -> None:
    assert_reads(operator, {"x": random(2, 3, 4)}, dynamic=dynamic, **MICROSOFT)


@pytest.mark.parametrize("operator", ["BiasGelu", "FastGelu"])
def test_gelu_with_a_bias(operator: str) -> None:
    assert_reads(operator, {"x": random(2, 3, 4), "b": random(4)}, **MICROSOFT)


def test_quick_gelu_with_a_factor() -> None:
    assert_reads("QuickGelu", {"x": random(2, 3)}, alpha=0.5, **MICROSOFT)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        (None, None),
        ("Relu", None),
        ("Sigmoid", None),
        ("Tanh", None),
        ("LeakyRelu", (0.3,)),
        ("Clip", (-0.5, 0.7)),
        ("HardSigmoid", (0.3, 0.4)),
    ],
)
@pytest.mark.parametrize("beside", [False, True])
def test_fused_convolution(
    name: str | None, parameters: tuple[float, ...] | None, beside: bool
) -> None:
    assert_reads(
        "FusedConv",
        {
            "x": random(1, 3, 5, 6),
            "w": random(4, 3, 3, 3),
            "b": random(4),
            "z": random(1, 4, 5, 6) if beside else None,
        },
        constants=("w", "b"),
        pads=(1, 1, 1, 1),
        activation=name,
        activation_params=parameters,
        **MICROSOFT,
    )


def test_an_unknown_activation_is_refused() -> None:
    operands = {"x": random(1, 3, 5, 6), "w": random(4, 3, 3, 3)}
    model = node_model("FusedConv", operands, activation="Cosine", **MICROSOFT)
    with pytest.raises(UnsupportedModelError, match="its activation is Cosine"):
        read_model(model)


@pytest.mark.parametrize("beta", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("dynamic", [False, True])
def test_layer_normalization_behind_a_skip_connection(
    beta: bool, bias: bool, dynamic: bool
) -> None:
    operands = {
        "x": random(2, 3, 8),
        "skip": random(2, 3, 8),
        "gamma": random(8),
        "beta": random(8) if beta else None,
        "bias": random(8) if bias else None,
    }
    assert_reads(
        "SkipLayerNormalization",
        operands,
        outputs=("y", "", "", "sum"),
        constants=tuple(name for name in ("gamma", "beta", "bias") if operands[name] is not None),
        epsilon=0.1,
        dynamic=dynamic,
        **MICROSOFT,
    )


def test_a_skip_connection_that_is_the_same_for_each_row() -> None:
    operands = {"x": random(2, 3, 8), "skip": random(1, 3, 8), "gamma": random(8)}
    assert_reads("SkipLayerNormalization", operands, constants=("gamma",), **MICROSOFT)


@pytest.mark.parametrize("bias", [False, True])
def test_rms_normalization_behind_a_skip_connection(bias: bool) -> None:
    operands = {
        "x": random(2, 3, 8),
        "skip": random(2, 3, 8),
        "gamma": random(8),
        "bias": random(8) if bias else None,
    }
    assert_reads(
        "SkipSimplifiedLayerNormalization",
        operands,
        outputs=("y", "", "", "sum"),
        epsilon=0.1,
        **MICROSOFT,
    )


@pytest.mark.parametrize("operator", ["LayerNormalization", "SimplifiedLayerNormalization"])
def test_normalizations_that_onnxruntime_adds_to_old_opsets(operator: str) -> None:
    operands = {"x": random(2, 3, 8), "gamma": random(8)}
    assert_reads(operator, operands, constants=("gamma",), epsilon=0.1, opset=12)


@pytest.mark.skipif(OLD_ONNXRUNTIME is not None, reason=f"{OLD_ONNXRUNTIME} and crashes")
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_expanded_dimensions(axis: int) -> None:
    operands = {"x": random(2, 3), "axis": np.array(axis, np.int32)}
    assert_reads("ExpandDims", operands, constants=("axis",), **MICROSOFT)


def test_operators_that_are_as_in_the_standard() -> None:
    assert_reads("Trilu", {"x": random(3, 4)}, upper=0, **MICROSOFT)
    index = np.array([[0, 1], [2, 0]], np.int64)
    assert_reads("GatherND", {"x": random(3, 4), "index": index}, **MICROSOFT)
    sizes = np.array([1, 0, 0, 2], np.int64)
    assert_reads("Pad", {"x": random(3, 4), "pads": sizes}, constants=("pads",), **MICROSOFT)
