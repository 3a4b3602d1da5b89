from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graphs import TestGraphs, ops
from opt_tool.api import official_runtime
from opt_tool.api.lowering import lower
from opt_tool.formats import paddle_lite
from opt_tool.ir import Graph
from opt_tool.ir.operations.padding import Pad2D
from opt_tool.ir.operations.sampling import GridSampler
from opt_tool.passes.lower_grid_sampler import LowerGridSampler
from opt_tool.runtime.executor import Executor
from opt_tool.targets import LiteVersion

PLANE = (2, 3, 6, 5)
OLDER = "2.12"


def sampler(rows: int, columns: int, mode: str = "zeros", *, aligned: bool = False) -> Graph:
    b = TestGraphs()
    op = GridSampler(padding_mode=mode, align_corners=aligned)
    return b.build(b.add(op, X=b.input(*PLANE), Grid=b.input(2, rows, columns, 2)))


@pytest.mark.parametrize("aligned", [True, False], ids=["middles", "edges"])
@pytest.mark.parametrize("mode", ["zeros", "border"])
@pytest.mark.parametrize("size", [(4, 3), (9, 8), (4, 8), (9, 3), (6, 7), (1, 1)], ids=str)
def test_samples_the_same_places(size: tuple[int, int], mode: str, aligned: bool) -> None:
    """Also far outside of the plane."""
    graph = sampler(*size, mode, aligned=aligned)
    rng = np.random.default_rng(0)
    x, grid = graph.inputs
    feeds = {
        x.name: rng.standard_normal(PLANE).astype(np.float32),
        grid.name: rng.uniform(-2.5, 2.5, (2, *size, 2)).astype(np.float32),
    }
    (expected,) = Executor(graph).run(feeds).values()
    assert LowerGridSampler().run(graph).changes == 1
    (actual,) = Executor(graph).run(feeds).values()
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)
    (node,) = (node for node in graph.nodes if isinstance(node.op, GridSampler))
    assert node.input("X").shape[2:] == node.input("Grid").shape[1:3]


def test_a_smaller_grid_alone_is_padded_in_every_mode() -> None:
    graph = sampler(4, 3, "reflection")
    assert LowerGridSampler().run(graph).changes == 1
    assert ops(graph).count(Pad2D) == 1


@pytest.mark.parametrize(
    ("size", "mode"), [((6, 5), "zeros"), ((7, 5), "reflection")], ids=["equal", "reflected"]
)
def test_keeps_equal_sizes_and_reflected_planes(size: tuple[int, int], mode: str) -> None:
    assert LowerGridSampler().run(sampler(*size, mode)).changes == 0


@pytest.mark.official(OLDER)
@pytest.mark.parametrize("size", [(4, 3), (9, 8), (6, 5)], ids=str)
def test_an_older_official_runtime_samples_by_grids_of_any_size(
    size: tuple[int, int], tmp_path: Path
) -> None:
    graph = sampler(*size)
    rng = np.random.default_rng(0)
    x, grid = graph.inputs
    feeds = {
        x.name: rng.standard_normal(PLANE).astype(np.float32),
        grid.name: rng.uniform(-1.5, 1.5, (2, *size, 2)).astype(np.float32),
    }
    (expected,) = Executor(graph).run(feeds).values()
    lower(graph, "x86", OLDER)
    paddle_lite.write(graph, tmp_path / "out.nb", version=LiteVersion.parse(OLDER))
    ((made,),) = official_runtime.run(tmp_path / "out.nb", [list(feeds.values())], OLDER)
    np.testing.assert_allclose(made, expected, rtol=1e-4, atol=1e-5)
