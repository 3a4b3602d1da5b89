from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import benchmark_runtime


def convolution(path: Path) -> Path:
    """A layer that Winograd is picked for."""
    weight = np.random.default_rng(0).standard_normal((64, 64, 3, 3)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 64, 32, 32])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(weight, "w")],
    )
    opsets = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def test_reports_ratios_layers_and_memory(tmp_path: Path) -> None:
    model, out = convolution(tmp_path / "model.onnx"), tmp_path / "report.json"
    arguments = ["--repeat", "1", "--memory", "--reference", "--out", str(out)]
    assert benchmark_runtime.main([*arguments, f"one={model}:1,64,32,32"]) == 0
    report = json.loads(out.read_text(encoding="utf-8"))
    measured = report["models"]["one"]
    assert measured["ratio"] == measured["median_seconds"] / measured["onnxruntime_median_seconds"]
    assert measured["max_error_of_scale"] < 1e-5
    faster = measured["onnx_reference_processor_seconds"] / measured["processor_seconds"]
    assert measured["times_as_fast_as_onnx_reference"] == faster
    (layer,) = measured["winograd_layers"]
    assert (layer["input"], layer["filters"]) == ([1, 64, 32, 32], 64)
    assert layer["speed_up"] == report["winograd_speed_up"]["least"]
    memory = report["memory"]
    assert memory["peak_rss_bytes"] <= memory["peak_rss_bytes_after_one"] + 4 * 1024 * 1024
    assert memory["weight_bytes"] == 4 * 64 * 64 * 9
    assert memory["transformed_weight_bytes"] == 4 * 64 * 64 * 36
    assert {"processor", "blas", "numpy", "onnxruntime"} <= report["machine"].keys()
