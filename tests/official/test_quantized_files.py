"""Quantized files in the real runtime, which must restore every weight as ours does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import opt_tool
from opt_tool.api import official_runtime
from opt_tool.api.quantization import QuantizationOptions
from real_models import FMNIST

pytestmark = pytest.mark.official

BOUND = 1e-5
RNG = np.random.default_rng(0)


def weight(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def zero_channel() -> np.ndarray:
    array = weight(4, 3, 3, 3)
    array[2] = 0
    return array


TOYS: Mapping[str, tuple[list[onnx.NodeProto], dict[str, np.ndarray], tuple[int, ...]]] = {
    "bare MatMul": (
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        {"w": weight(16, 12)},
        (3, 16),
    ),
    "Gemm with transB": (
        [helper.make_node("Gemm", ["x", "w", "b"], ["y"], transB=1)],
        {"w": weight(12, 16), "b": weight(12)},
        (3, 16),
    ),
    "shared weight": (
        [
            helper.make_node("MatMul", ["x", "w"], ["h"]),
            helper.make_node("MatMul", ["h", "w"], ["y"]),
        ],
        {"w": weight(16, 16)},
        (3, 16),
    ),
    "channel of zeros": (
        [helper.make_node("Conv", ["x", "w"], ["y"])],
        {"w": zero_channel()},
        (1, 3, 8, 8),
    ),
    "depthwise of one channel": (
        [helper.make_node("Conv", ["x", "w"], ["y"], group=1)],
        {"w": weight(1, 1, 3, 3)},
        (1, 1, 8, 8),
    ),
    "matrix of one row": (
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        {"w": weight(1, 12)},
        (3, 1),
    ),
}


def toy(name: str, folder: Path) -> tuple[Path, np.ndarray]:
    nodes, weights, shape = TOYS[name]
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_empty_tensor_value_info("y")],
        [numpy_helper.from_array(array, key) for key, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, folder / "toy.onnx")
    return folder / "toy.onnx", weight(*shape)


def assert_same(nb: Path, x: np.ndarray) -> None:
    session = opt_tool.Session(nb)
    (name,) = (value.name for value in opt_tool.load(nb).inputs)
    ours = list(session.run({name: x}).values())
    (theirs,) = official_runtime.run(nb, [[x]])
    for a, b in zip(ours, theirs, strict=True):
        assert np.abs(b).max() > 0.1
        assert np.abs(a - b).max() <= BOUND * np.abs(b).max()


@pytest.mark.parametrize("method", ["best", "parity"])
@pytest.mark.parametrize("mode", ["int8", "int16"])
@pytest.mark.parametrize("name", TOYS)
def test_toys_are_restored(tmp_path: Path, name: str, mode: str, method: str) -> None:
    source, x = toy(name, tmp_path)
    nb = tmp_path / "toy.nb"
    options = QuantizationOptions(mode=mode, method=method)
    report = opt_tool.quantize(source, nb, options=options, target="x86")
    assert report.verification.status == "passed"
    assert report.quantization.layers
    assert_same(nb, x)


@pytest.mark.parametrize("mode", ["int8", "int16", "mixed"])
def test_a_trained_network_is_restored(tmp_path: Path, mode: str) -> None:
    nb = tmp_path / "fmnist.nb"
    report = opt_tool.quantize(
        FMNIST.path, nb, options=QuantizationOptions(mode=mode), target="x86"
    )
    assert len(report.quantization.layers) == 18
    assert_same(nb, FMNIST.inputs(1)[0])
