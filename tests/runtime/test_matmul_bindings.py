"""Fully connected layers whose weights are laid out for BLAS, and those whose weights are not."""

from __future__ import annotations

import numpy as np
import pytest

from graphs import TestGraphs, feeds
from opt_tool.ir import Graph, Value
from opt_tool.ir.operations.activation import Relu
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.matmul import Fc
from opt_tool.runtime import executor
from opt_tool.runtime.binding import Settings
from opt_tool.runtime.bindings import convolution, matmul
from opt_tool.runtime.executor import Executor


@pytest.fixture(autouse=True)
def _small_products_are_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (convolution, matmul):
        monkeypatch.setattr(module, "multiplies_small", lambda threads: threads == 1)


def connected(rows: int | str) -> tuple[Graph, Value]:
    """An fc of so many rows, and its weight."""
    b = TestGraphs()
    weight = b.weight(160, 96)
    op = Fc(activation=Relu())
    return b.build(b.add(op, Input=b.input(rows, 160), W=weight, Bias=b.weight(96))), weight


@pytest.mark.parametrize(
    ("rows", "threads", "released"),
    [(16, 1, 160 * 96 * 4), (16, 2, 0), (1, 1, 0), ("n", 1, 0)],
    ids=["few", "threads", "one", "open"],
)
def test_a_weight_is_laid_out_for_some_rows_and_one_thread(
    rows: int | str, threads: int, released: int
) -> None:
    graph, weight = connected(rows)
    fed = feeds(graph)
    (x,) = fed.values()
    bias = next(value for value in graph.constants if value is not weight).array()
    expected = np.maximum(x @ weight.array() + bias, 0)
    prepared = Executor(graph, Settings(threads=threads), release=True)
    assert prepared.released_bytes == prepared.prepared_bytes == released
    for y in prepared.run(fed).values():
        np.testing.assert_allclose(y, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("limit", [0, 1 << 30])
def test_weights_that_may_not_fit_into_the_memory_stay_as_they_are_stored(
    monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(executor, "LARGE", limit)
    b = TestGraphs()
    graphs = (
        connected(16)[0],
        b.build(b.add(Conv2D(), Input=b.input(1, 160, 4, 4), Filter=b.weight(96, 160, 1, 1))),
    )
    for graph in graphs:
        prepared = Executor(graph)
        assert (prepared.prepared_bytes == 0) == (limit == 0)
