from __future__ import annotations

from pathlib import Path

import pytest

from opt_tool.api.benchmark import bench, spread
from opt_tool.errors import UsageError
from small_models import classifier


def test_measures_the_optimised_graph_and_its_operators(tmp_path: Path) -> None:
    report = bench(classifier(tmp_path / "model.onnx"), repeat=3, per_op=True)
    assert report.median_seconds > 0
    assert report.operators is not None
    assert {row.op: row.count for row in report.operators}["conv2d"] == 2
    assert "relu" not in {row.op for row in report.operators}
    assert sum(row.share for row in report.operators) == pytest.approx(1)


def test_takes_turns_with_another_backend(tmp_path: Path) -> None:
    report = bench(classifier(tmp_path / "model.onnx"), repeat=2, against="onnxruntime")
    assert report.against is not None
    assert report.ratio == pytest.approx(report.median_seconds / report.against.median_seconds)


def test_the_spread_is_of_the_middle_half() -> None:
    assert spread([1.0]) == 0
    assert spread([1, 2, 3, 4, 100]) == pytest.approx(2 / 3)


def test_refuses_what_it_cannot_measure(tmp_path: Path) -> None:
    model = classifier(tmp_path / "model.onnx")
    with pytest.raises(UsageError, match="at least one run"):
        bench(model, repeat=0)
    with pytest.raises(UsageError, match="no backend"):
        bench(model, against="torch")


def test_says_how_convolutions_are_computed_and_how_fast(tmp_path: Path) -> None:
    report = bench(
        classifier(tmp_path / "model.onnx"), repeat=1, per_op=True, conv_algorithm="direct"
    )
    assert report.operators is not None
    rows = {row.op: row for row in report.operators}
    assert dict(rows["conv2d"].algorithms) == {"direct": 2}
    macs = 8 * 16 * 16 * 3 * 9 + 5 * 7 * 7 * 8 * 9
    assert rows["conv2d"].gflops == pytest.approx(2e-9 * macs / rows["conv2d"].median_seconds)
    assert rows["softmax"].gflops is None
    assert dict(rows["softmax"].algorithms) == {}


def test_takes_the_shapes_that_are_given(tmp_path: Path) -> None:
    model = classifier(tmp_path / "model.onnx", shape=(1, 3, "h", "w"))
    rates = [
        bench(model, repeat=1, per_op=True, input_shapes={"image": (1, 3, size, size)})
        for size in (16, 64)
    ]
    seconds = [
        row.gflops * row.median_seconds
        for report in rates
        for row in report.operators or ()
        if row.op == "conv2d" and row.gflops is not None
    ]
    assert seconds[1] > 10 * seconds[0], "sixteen times the pixels"
