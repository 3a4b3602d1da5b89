from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opt_tool import convert
from opt_tool.api.kernel_check import check_kernels
from opt_tool.errors import VerificationError
from opt_tool.formats import paddle_lite
from opt_tool.ir import Graph
from opt_tool.targets import Library, LiteVersion, Target
from small_models import classifier

ARM = Target("arm"), LiteVersion("2.13"), Library.WITH_EXTRA


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    convert(classifier(tmp_path / "model.onnx"), tmp_path / "model.nb", target="arm")
    return paddle_lite.read(tmp_path / "model.nb")


def test_a_file_names_kernels_that_its_runtime_has(graph: Graph) -> None:
    assert len(graph) > 0
    check_kernels(graph, *ARM)


@pytest.mark.parametrize("kernel", [None, "", "relu/def/99/1/1", "no/such/kernel"])
def test_a_kernel_that_no_table_has_is_named(graph: Graph, kernel: str | None) -> None:
    next(iter(graph.nodes)).kernel = kernel
    with pytest.raises(VerificationError, match="does not have"):
        check_kernels(graph, *ARM)


def test_the_kernels_of_another_target_are_not_these(graph: Graph) -> None:
    with pytest.raises(VerificationError, match="for x86"):
        check_kernels(graph, Target("x86"), LiteVersion("2.13"), Library.WITH_EXTRA)


def test_a_conversion_looks_at_what_stands_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = classifier(tmp_path / "model.onnx")

    def wrong(*arguments: Any, **options: Any) -> None:
        next(iter(arguments[0].nodes)).kernel = "no/such/kernel"
        write(*arguments, **options)

    write = paddle_lite.write
    monkeypatch.setattr(paddle_lite, "write", wrong)
    with pytest.raises(VerificationError, match="no/such/kernel"):
        convert(model, tmp_path / "out.nb")
    assert not (tmp_path / "out.nb").exists()
