from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from onnx_models import assert_reads, node_model, read_model
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


@pytest.mark.parametrize(
    ("opset", "options"), [(15, {"training_mode": 1}), (7, {"spatial": 0})], ids=str
)
def test_refuses_statistics_of_the_batch(opset: int, options: dict[str, Any]) -> None:
    inputs = batch_norm_inputs(normal(2, 3, 4, 5))
    model = node_model("BatchNormalization", inputs, constants=PARAMETERS, opset=opset, **options)
    with pytest.raises(UnsupportedModelError, match="evaluation mode"):
        read_model(model)
