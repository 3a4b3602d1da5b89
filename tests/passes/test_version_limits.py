from __future__ import annotations

import pytest

from graphs import TestGraphs
from opt_tool.ir import DType, Operation
from opt_tool.ir.operations.data_movement import ExpandV2
from opt_tool.ir.operations.elementwise import Cast
from opt_tool.ir.operations.interpolation import BilinearInterp
from opt_tool.ir.operations.reduction import CumSum, TopKV2
from opt_tool.ir.operations.sampling import GridSampler
from opt_tool.passes.version_limits import version_limit_of
from opt_tool.targets import LiteVersion, Target


@pytest.mark.parametrize(
    ("op", "shape", "since"),
    [
        (CumSum(axis=0), (3, 4), LiteVersion.V2_8),
        (CumSum(axis=0, exclusive=True), (3, 4), LiteVersion.V2_10),
        (CumSum(axis=0, reverse=True), (3, 4), LiteVersion.V2_11),
        (CumSum(axis=0, reverse=True, exclusive=True), (3, 4), LiteVersion.V2_11),
        (ExpandV2(shape=(2, 3)), (), LiteVersion.V2_11),
        (ExpandV2(shape=(2, 3)), (1,), LiteVersion.V2_8),
        (TopKV2(k=2, axis=1), (3, 4), LiteVersion.V2_8),
        (TopKV2(k=2, axis=-1), (3, 4), LiteVersion.V2_8),
        (TopKV2(k=2, axis=1), (3, 4, 1), LiteVersion.V2_8),
        (TopKV2(k=2, axis=0), (3, 4), LiteVersion.V2_11),
        (TopKV2(k=2, axis=-2), (3, 4, "n"), LiteVersion.V2_11),
    ],
    ids=str,
)
def test_knows_which_versions_run_a_node(
    op: Operation, shape: tuple[int | str, ...], since: LiteVersion
) -> None:
    b = TestGraphs()
    b.add_all(op, X=b.input(*shape))
    (node,) = b.graph.nodes
    runs = [
        version for version in LiteVersion if version_limit_of(node, Target.ARM, version) is None
    ]
    assert runs == [version for version in LiteVersion if version >= since]


@pytest.mark.parametrize(
    ("grid", "since"),
    [((6, 5), LiteVersion.V2_8), ((6, 4), LiteVersion.V2_13), ((7, 5), LiteVersion.V2_13)],
)
def test_knows_which_versions_sample_planes_by_grids_of_other_sizes(
    grid: tuple[int, int], since: LiteVersion
) -> None:
    b = TestGraphs()
    b.add(GridSampler(), X=b.input(2, 3, 6, 5), Grid=b.input(2, *grid, 2))
    (node,) = b.graph.nodes
    for version in LiteVersion:
        assert (version_limit_of(node, Target.X86, version) is None) == (version >= since)


@pytest.mark.parametrize(
    ("before", "since"),
    [
        (DType.FLOAT32, LiteVersion.V2_12),
        (DType.BOOL, LiteVersion.V2_12),
        (DType.INT32, LiteVersion.V2_8),
    ],
)
def test_knows_which_versions_cast_to_bool(before: DType, since: LiteVersion) -> None:
    b = TestGraphs()
    b.add(Cast(in_dtype=before, out_dtype=DType.BOOL), X=b.input(3, dtype=before))
    b.add(Cast(in_dtype=DType.BOOL, out_dtype=DType.FLOAT32), X=b.input(3, dtype=DType.BOOL))
    node, back = b.graph.nodes
    for version in LiteVersion:
        assert (version_limit_of(node, Target.X86, version) is None) == (version >= since)
        assert version_limit_of(back, Target.X86, version) is None


def test_says_which_version_to_take() -> None:
    b = TestGraphs()
    b.add(CumSum(axis=0, reverse=True), X=b.input(3))
    (node,) = b.graph.nodes
    assert version_limit_of(node, Target.ARM, LiteVersion.V2_9) == (
        "Paddle Lite 2.9 sums forwards only; --lite-version 2.11 can be used where the device "
        "runs it"
    )


@pytest.mark.parametrize(
    ("op", "shape", "runs"),
    [
        (BilinearInterp(scale=(1.0, 2.0)), (1, 2, "h", 8), False),
        (BilinearInterp(scale=(0.5, 1.0)), (1, 2, "h", 8), True),
        (BilinearInterp(32, 32), (1, 2, "h", 8), False),
        (BilinearInterp(32, 32, align_mode=0), (1, 2, "h", 8), True),
        (BilinearInterp(32, 32, align_corners=True), (1, 2, "h", 8), True),
        (BilinearInterp(32, 32), ("n", 2, 8, 8), True),
    ],
    ids=str,
)
def test_knows_what_x86_reads_beyond_open_planes(
    op: BilinearInterp, shape: tuple[int | str, ...], runs: bool
) -> None:
    b = TestGraphs()
    b.add(op, X=b.input(*shape))
    (node,) = b.graph.nodes
    assert (version_limit_of(node, Target.X86, LiteVersion.V2_10) is None) is runs
    assert version_limit_of(node, Target.X86, LiteVersion.V2_11) is None
    assert version_limit_of(node, Target.ARM, LiteVersion.V2_10) is None
