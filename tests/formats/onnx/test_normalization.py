from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from onnx_models import assert_reads, need_newer_onnxruntime, node_model, read_model
from opt_tool.errors import UnsupportedModelError

RNG = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def batch_norm_inputs(x: np.ndarray) -> dict[str, np.ndarray | None]:
    channels = x.shape[1]
    variance = np.float32(0.1) + np.square(normal(channels))
    vectors = {name: normal(channels) for name in ("scale", "bias", "mean")}
    return {"x": x, **vectors, "variance": variance}


PARAMETERS = ("scale", "bias", "mean", "variance")


@pytest.mark.parametrize("size", [(), (5,), (4, 5), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("opset", [7, 9, 14, 15])
def test_batch_normalization(size: tuple[int, ...], opset: int) -> None:
    inputs = batch_norm_inputs(normal(2, 3, *size))
    options: dict[str, Any] = {"opset": opset, "epsilon": 0.01}
    assert_reads("BatchNormalization", inputs, constants=PARAMETERS, **options)


def test_batch_normalization_with_symbolic_sizes() -> None:
    inputs = batch_norm_inputs(normal(2, 3, 4, 5))
    assert_reads("BatchNormalization", inputs, constants=PARAMETERS, dynamic=True)


@pytest.mark.parametrize("size", [(), (7,), (4, 5), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("batch", [1, 3])
def test_statistics_of_the_batch(batch: int, size: tuple[int, ...]) -> None:
    """As models are exported in training mode."""
    inputs = batch_norm_inputs(normal(batch, 3, *size))
    options: dict[str, Any] = {"epsilon": 0.01, "momentum": 0.8, "training_mode": 1, "opset": 15}
    outputs = ("y", "mean_after", "variance_after")
    assert_reads(
        "BatchNormalization", inputs, constants=PARAMETERS, outputs=outputs, rtol=1e-4, **options
    )


def test_refuses_statistics_of_each_element() -> None:
    inputs = batch_norm_inputs(normal(2, 3, 4, 5))
    model = node_model("BatchNormalization", inputs, constants=PARAMETERS, opset=7, spatial=0)
    with pytest.raises(UnsupportedModelError, match="evaluation mode"):
        read_model(model)


def test_standardizes_weights_by_their_own_statistics() -> None:
    inputs = batch_norm_inputs(normal(1, 3, 20))
    options: dict[str, Any] = {"epsilon": 0.01, "momentum": 0.8, "training_mode": 1}
    assert_reads(
        "BatchNormalization",
        inputs,
        constants=("x", *PARAMETERS),
        outputs=("y", "mean_after", "variance_after"),
        opset=15,
        **options,
    )


@pytest.mark.parametrize("size", [(7,), (4, 5), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("dynamic", [False, True])
def test_instance_normalization(size: tuple[int, ...], dynamic: bool) -> None:
    inputs = {"x": normal(2, 3, *size), "scale": normal(3), "bias": normal(3)}
    options: dict[str, Any] = {"constants": ("scale", "bias"), "epsilon": 0.01}
    if dynamic and len(size) != 2:
        pytest.skip("two symbolic sizes become one only in planes")
    assert_reads("InstanceNormalization", inputs, dynamic=dynamic, **options)


@pytest.mark.parametrize("size", [(7,), (4, 5), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("opset", [18, 21])
def test_group_normalization(size: tuple[int, ...], opset: int) -> None:
    count = 2 if opset == 18 else 6
    inputs = {"x": normal(2, 6, *size), "scale": normal(count), "bias": normal(count)}
    options: dict[str, Any] = {"num_groups": 2, "epsilon": 0.01, "opset": opset}
    assert_reads("GroupNormalization", inputs, constants=("scale", "bias"), **options)


@pytest.mark.parametrize("axis", [-1, 1, -3, 0, None])
@pytest.mark.parametrize("bias", [True, False])
def test_layer_normalization(axis: int | None, bias: bool) -> None:
    shape = (2, 3, 4)
    inner = shape[-1 if axis is None else axis :]
    inputs = {"x": normal(*shape), "scale": normal(*inner)}
    if bias:
        inputs["bias"] = normal(*inner)
    constants = tuple(name for name in inputs if name != "x")
    assert_reads("LayerNormalization", inputs, constants=constants, axis=axis, epsilon=0.01)


def test_layer_normalization_with_computed_or_broadcast_parameters() -> None:
    need_newer_onnxruntime()
    inputs = {"x": normal(2, 3, 4), "scale": normal(4), "bias": normal(1)}
    assert_reads("LayerNormalization", inputs, constants=("bias",))


def test_layer_normalization_returns_its_statistics() -> None:
    inputs = {"x": normal(2, 3, 4), "scale": normal(4), "bias": normal(4)}
    outputs = ("y", "mean", "deviation")
    assert_reads("LayerNormalization", inputs, constants=("scale", "bias"), outputs=outputs)


@pytest.mark.parametrize("dynamic", [False, True])
def test_layer_normalization_of_symbolic_rows(dynamic: bool) -> None:
    inputs = {"x": normal(2, 3, 4), "scale": normal(4), "bias": normal(4)}
    model = node_model("LayerNormalization", inputs, constants=("scale", "bias"), dynamic=dynamic)
    if not dynamic:
        read_model(model)
        return
    with pytest.raises(UnsupportedModelError, match="--input-shape"):
        read_model(model)


@pytest.mark.parametrize("axis", [-1, 1])
def test_rms_normalization(axis: int) -> None:
    inputs = {"x": normal(2, 3, 4), "scale": normal(*(3, 4)[1 if axis == -1 else 0 :])}
    options: dict[str, Any] = {"axis": axis, "opset": 23, "epsilon": 0.01}
    assert_reads("RMSNormalization", inputs, constants=("scale",), **options)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("axis", [-1, 1])
def test_lp_normalization(p: int, axis: int) -> None:
    x = normal(2, 3, 4)
    x[0] = 0
    assert_reads("LpNormalization", {"x": x}, p=p, axis=axis, dynamic=True)


@pytest.mark.parametrize("axes", [None, [0, 1], [-1]], ids=str)
def test_mean_variance_normalization(axes: list[int] | None) -> None:
    assert_reads("MeanVarianceNormalization", {"x": normal(2, 3, 4, 5)}, axes=axes)


@pytest.mark.parametrize("size", [1, 3, 5])
@pytest.mark.parametrize("shape", [(2, 6, 4, 5), (1, 3, 4, 2)], ids=str)
def test_lrn(size: int, shape: tuple[int, ...]) -> None:
    options: dict[str, Any] = {"size": size, "alpha": 0.3, "beta": 0.6, "bias": 1.5}
    assert_reads("LRN", {"x": normal(*shape)}, **options)


def test_refuses_an_even_neighbourhood() -> None:
    with pytest.raises(UnsupportedModelError, match="odd"):
        read_model(node_model("LRN", {"x": normal(1, 3, 4, 4)}, size=2))
