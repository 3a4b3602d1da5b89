from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from graphs import TestGraphs, assert_rewrites, feeds, ops, run
from opt_tool.api import official_runtime
from opt_tool.api.lowering import lower
from opt_tool.formats import paddle_lite
from opt_tool.ir import Graph
from opt_tool.ir.operations.data_movement import Assign, Transpose2
from opt_tool.ir.operations.interpolation import BilinearInterp
from opt_tool.ir.operations.matmul import MatMulV2
from opt_tool.passes.lower_interpolation import LowerInterpolation
from opt_tool.targets import LiteVersion, Target

OLDEST_OFFICIAL = "2.10"
OLD_X86 = LowerInterpolation(Target.X86, LiteVersion.V2_10)
NEW_X86 = LowerInterpolation(Target.X86, LiteVersion.V2_11)
ARM = LowerInterpolation(Target.ARM, LiteVersion.V2_13)

HALF_PIXEL, CORNER, ALIGNED = (
    BilinearInterp(align_mode=0),
    BilinearInterp(align_mode=1),
    BilinearInterp(align_corners=True),
)


def resized(op: BilinearInterp, height: tuple[int, int], width: tuple[int, int]) -> Graph:
    """Planes whose height and width become others."""
    b = TestGraphs()
    sized = op.replaced(out_h=height[1], out_w=width[1])
    return b.build(b.add(sized, X=b.input(1, 2, height[0], width[0])))


@pytest.mark.parametrize(
    ("op", "height", "width"),
    [
        (HALF_PIXEL, (1, 1), (4, 8)),
        (HALF_PIXEL, (5, 8), (1, 1)),
        (CORNER, (1, 1), (4, 8)),
        (CORNER, (3, 1), (4, 8)),
        (CORNER, (4, 16), (5, 5)),
        (CORNER, (4, 8), (5, 10)),
        (ALIGNED, (1, 1), (5, 11)),
        (ALIGNED, (3, 1), (4, 8)),
    ],
    ids=str,
)
def test_multiplies_what_older_kernels_misread(
    op: BilinearInterp, height: tuple[int, int], width: tuple[int, int]
) -> None:
    graph = resized(op, height, width)
    assert_rewrites(OLD_X86, graph, 1, tolerance=1e-6)
    assert set(ops(graph)) <= {MatMulV2, Transpose2, Assign}
    assert NEW_X86.run(resized(op, height, width)).changes == 0


def test_an_axis_that_stays_needs_no_product() -> None:
    graph = resized(HALF_PIXEL, (1, 1), (4, 8))
    OLD_X86.run(graph)
    assert ops(graph) == [MatMulV2, Assign]


@pytest.mark.parametrize(
    ("op", "height", "width"),
    [
        (HALF_PIXEL, (4, 8), (5, 20)),
        (HALF_PIXEL, (7, 4), (3, 6)),
        (CORNER, (8, 4), (9, 3)),
        (ALIGNED, (4, 7), (5, 11)),
    ],
    ids=str,
)
def test_keeps_what_older_kernels_read_right(
    op: BilinearInterp, height: tuple[int, int], width: tuple[int, int]
) -> None:
    assert_rewrites(OLD_X86, resized(op, height, width), 0)


def test_multiplies_what_runs_over_on_arm() -> None:
    graph = resized(ALIGNED, (5, 1), (4, 7))
    assert_rewrites(ARM, graph, 1, tolerance=1e-6)
    assert BilinearInterp not in ops(graph)


@pytest.mark.parametrize(
    ("op", "height", "width"),
    [(ALIGNED, (1, 1), (4, 7)), (ALIGNED, (5, 2), (4, 7)), (CORNER, (4, 16), (5, 5))],
    ids=str,
)
def test_keeps_the_rest_on_arm(
    op: BilinearInterp, height: tuple[int, int], width: tuple[int, int]
) -> None:
    assert_rewrites(ARM, resized(op, height, width), 0)


@pytest.mark.parametrize("graph_pass", [OLD_X86, ARM])
def test_keeps_planes_of_open_sizes(graph_pass: LowerInterpolation) -> None:
    b = TestGraphs()
    op = ALIGNED.replaced(out_h=1, out_w=1)
    assert_rewrites(graph_pass, b.build(b.add(op, X=b.input(1, 2, "h", 5))), 0)


def test_a_long_row_that_ends_as_one_element_is_multiplied() -> None:
    b = TestGraphs()
    graph = b.build(b.add(ALIGNED.replaced(out_h=1, out_w=1), X=b.input(1, 1, 1, 1 << 20)))
    assert ARM.run(graph).changes == 1


def test_keeps_planes_whose_matrices_would_fill_the_memory() -> None:
    b = TestGraphs()
    op = CORNER.replaced(out_h=1, out_w=1 << 20)
    assert_rewrites(OLD_X86, b.build(b.add(op, X=b.input(1, 1, 2, 64))), 0)


SIZES = ((1, 1), (1, 3), (2, 1), (2, 7), (4, 4), (4, 16), (5, 3), (7, 4))


@pytest.mark.official(OLDEST_OFFICIAL)
@pytest.mark.parametrize("op", [HALF_PIXEL, CORNER, ALIGNED], ids=str)
def test_the_oldest_official_runtime_resizes_all_planes(op: BilinearInterp, tmp_path: Path) -> None:
    """But those that half pixels leave one element of, for which readers take products."""
    jobs, expected = [], []
    for number, (height, width) in enumerate(itertools.product(SIZES, SIZES)):
        if op == HALF_PIXEL and any(count == 1 != size for size, count in (height, width)):
            continue
        graph = resized(op, height, width)
        expected.append(((height, width), run(graph)))
        inputs = list(feeds(graph).values())
        lower(graph, "x86", OLDEST_OFFICIAL)
        nb = tmp_path / f"{number}.nb"
        paddle_lite.write(graph, nb, version=LiteVersion.parse(OLDEST_OFFICIAL))
        jobs.append((nb, inputs))
    made = official_runtime.run_each(jobs, OLDEST_OFFICIAL)
    for result, (sizes, outputs) in zip(made, expected, strict=True):
        assert isinstance(result, list), (sizes, result)
        (wanted,) = outputs.values()
        np.testing.assert_allclose(result[0], wanted, rtol=1e-4, atol=1e-5, err_msg=str(sizes))
