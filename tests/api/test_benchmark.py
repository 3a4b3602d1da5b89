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
