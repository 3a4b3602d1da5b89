"""Models of opsets before 7 mean what their own opset says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from opt_tool.api.onnx_runner import OnnxRunner
from opt_tool.errors import UnsupportedError
from opt_tool.formats.onnx import read
from opt_tool.runtime.executor import Executor

SHAPE = (2, 3, 4, 3)
X = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
VECTOR = np.array([0.5, 2.0, 0.25], np.float32)
ALONG_CHANNELS = VECTOR.reshape(3, 1, 1)


def saved(
    path: Path,
    node: onnx.NodeProto,
    opset: int,
    weights: Mapping[str, np.ndarray],
) -> Path:
    graph = helper.make_graph(
        [node],
        "older",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE),
            *(
                helper.make_tensor_value_info(name, TensorProto.FLOAT, array.shape)
                for name, array in weights.items()  # weights had to be inputs as well
            ),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, SHAPE)],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=3)
    file = path / "older.onnx"
    file.write_bytes(model.SerializeToString())
    return file


CASES = {
    "sum along an axis": (
        helper.make_node("Add", ["x", "w"], ["y"], axis=1, broadcast=1),
        6,
        {"w": VECTOR},
        X + ALONG_CHANNELS,
    ),
    "product along the last axis": (
        helper.make_node("Mul", ["x", "w"], ["y"], broadcast=1),
        6,
        {"w": VECTOR},
        X * VECTOR,
    ),
    "a slope for each channel": (
        helper.make_node("PRelu", ["x", "w"], ["y"]),
        6,
        {"w": VECTOR},
        np.where(X > 0, X, X * ALONG_CHANNELS),
    ),
    "one slope": (
        helper.make_node("PRelu", ["x", "w"], ["y"]),
        6,
        {"w": VECTOR[:1]},
        np.where(X > 0, X, X * VECTOR[0]),
    ),
    "batch normalisation": (
        helper.make_node(
            "BatchNormalization", ["x", "s", "b", "m", "v"], ["y"], is_test=1, epsilon=1e-3
        ),
        6,
        {"s": VECTOR, "b": -VECTOR, "m": 2 * VECTOR, "v": VECTOR},
        (X - 2 * ALONG_CHANNELS) / np.sqrt(ALONG_CHANNELS + 1e-3) * ALONG_CHANNELS - ALONG_CHANNELS,
    ),
    "dropout": (helper.make_node("Dropout", ["x"], ["y"], is_test=1), 6, {}, X),
    "a shape as attribute": (
        helper.make_node("Reshape", ["x"], ["y"], shape=SHAPE, consumed_inputs=[0]),
        1,
        {},
        X,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_means_what_its_opset_says(case: str, tmp_path: Path) -> None:
    node, opset, weights, expected = CASES[case]
    graph = read(saved(tmp_path, node, opset, weights))
    np.testing.assert_allclose(Executor(graph).run({"x": X})["y"], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_onnxruntime_runs_the_same(case: str, tmp_path: Path) -> None:
    node, opset, weights, expected = CASES[case]
    runner = OnnxRunner(saved(tmp_path, node, opset, weights))
    np.testing.assert_allclose(runner.run({"x": X})["y"], expected, rtol=1e-6, atol=1e-6)


def test_refuses_what_cannot_be_raised(tmp_path: Path) -> None:
    node = helper.make_node("Pad", ["x"], ["y"], paddings=[0] * 8)
    with pytest.raises(UnsupportedError, match=r"opset 1 is older than 7.*No Adapter"):
        read(saved(tmp_path, node, 1, {}))
