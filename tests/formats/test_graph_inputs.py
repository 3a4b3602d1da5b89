from __future__ import annotations

from pathlib import Path

import pytest

from opt_tool.errors import UnsupportedError
from opt_tool.formats.graph_inputs import add_input
from opt_tool.ir import DType, Graph, Shape, TensorType


@pytest.mark.parametrize(
    ("shape", "fact"),
    [
        ((1,) * 33, "more than 32 dimensions"),
        ((1 << 20, "n", 1 << 21), "more than 1099511627776 elements"),
    ],
    ids=["rank", "size"],
)
def test_an_input_that_no_memory_holds_is_refused_by_name(shape: Shape, fact: str) -> None:
    graph = Graph()
    with pytest.raises(UnsupportedError, match=f"model.onnx: input 'x' would be .*{fact}"):
        add_input(graph, Path("model.onnx"), "x", TensorType(DType.FLOAT32, shape))
    assert list(graph.inputs) == []


def test_any_other_input_is_added() -> None:
    graph = Graph()
    value = add_input(graph, Path("m"), "x", TensorType(DType.FLOAT32, (1,) * 32))
    assert list(graph.inputs) == [value]
