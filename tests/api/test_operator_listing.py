from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from onnx_models import node_model
from opt_tool.api.conversion import convert
from opt_tool.api.operator_listing import list_ops, supported_operators
from opt_tool.errors import UsageError
from small_models import classifier, unsupported


def test_lists_the_targets_operators_with_kernels_and_libraries(tmp_path: Path) -> None:
    listing = list_ops(classifier(tmp_path / "model.onnx"), target="arm")
    assert listing.supported
    rows = {row.op: row for row in listing.operators}
    assert "relu" not in rows, "the listing is of what is written, where it is fused"
    assert rows["conv2d"].count == 2
    assert rows["conv2d"].kernel == "conv2d/def/4/1/1"
    assert rows["conv2d"].sources == ("Conv", "Relu")
    assert {row.library for row in listing.operators} == {"basic"}
    assert all(row.count == len(row.nodes) and row.reason is None for row in listing.operators)


def test_lists_a_finished_file(tmp_path: Path) -> None:
    model = classifier(tmp_path / "model.onnx")
    convert(model, tmp_path / "model.nb", target="x86", verify=False)
    listing = list_ops(tmp_path / "model.nb", target="x86")
    assert [(row.op, row.kernel) for row in listing.operators] == [
        (row.op, row.kernel) for row in list_ops(model, target="x86").operators
    ]


def test_lists_the_sources_operators_with_reasons_where_some_are_missing(tmp_path: Path) -> None:
    listing = list_ops(unsupported(tmp_path / "model.onnx"))
    assert not listing.supported
    missing, relu = listing.operators
    assert (missing.op, missing.count, missing.nodes) == ("Unheard", 2, ("unheard_1", "unheard_2"))
    assert missing.reason is not None
    assert "not supported" in missing.reason
    assert (relu.op, relu.supported, relu.reason) == ("Relu", True, None)


def test_lists_what_a_cut_model_needs(tmp_path: Path) -> None:
    listing = list_ops(classifier(tmp_path / "model.onnx"), outputs=["features"])
    assert "softmax" not in {row.op for row in listing.operators}


def test_lists_a_model_with_an_input_that_becomes_a_constant(tmp_path: Path) -> None:
    listing = list_ops(
        classifier(tmp_path / "model.onnx"),
        input_values={"image": np.zeros((1, 3, 8, 8), np.float32)},
    )
    assert {row.op for row in listing.operators} <= {"assign"}


def test_lists_what_is_supported_at_all() -> None:
    known = supported_operators(target="x86", framework="onnx")
    assert ("onnx", "", "Conv") in {(row.framework, row.domain, row.op) for row in known.operators}
    assert {"conv2d", "relu"} <= {row.op for row in known.kernels}
    assert {row.library for row in known.kernels} == {"basic", "with_extra"}
    with pytest.raises(UsageError, match="no framework is called 'keras'; there are caffe, onnx"):
        supported_operators(framework="keras")


def test_lists_what_a_runtime_of_the_basic_build_would_run(tmp_path: Path) -> None:
    path = tmp_path / "swish.onnx"
    x = np.zeros((1, 2, 3, 4), np.float32)
    onnx.save(node_model("HardSwish", {"x": x}), str(path))
    assert [row.library for row in list_ops(path).operators] == ["with_extra"]
    listing = list_ops(path, library="basic")
    assert listing.supported
    assert {row.library for row in listing.operators} == {"basic"}
