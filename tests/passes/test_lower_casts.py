from __future__ import annotations

import numpy as np
import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import DType
from opt_tool.ir.operations.elementwise import Cast
from opt_tool.passes.lower_casts import VIA, LowerCasts, is_direct
from opt_tool.runtime.executor import Executor


@pytest.mark.parametrize(("before", "after"), sorted(VIA, key=str), ids=str)
def test_casts_in_two_steps(before: DType, after: DType) -> None:
    b = TestGraphs()
    cast = Cast(in_dtype=before, out_dtype=after)
    graph = b.build(b.add(cast, X=b.input(3, 4, dtype=before)))
    assert_rewrites(LowerCasts(), graph, 1)
    assert ops(graph) == [Cast, Cast]
    assert all(
        isinstance(node.op, Cast) and is_direct(node.op.in_dtype, node.op.out_dtype)
        for node in graph.nodes
    )


def test_numbers_that_int32_cannot_hold_are_still_true() -> None:
    b = TestGraphs()
    cast = Cast(in_dtype=DType.INT64, out_dtype=DType.BOOL)
    graph = b.build(b.add(cast, "y", X=b.input(3, dtype=DType.INT64)))
    LowerCasts().run(graph)
    y = Executor(graph).run({"x": np.array([0, 2**40, -(2**63)])})["y"]
    assert y.tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (DType.FLOAT32, DType.INT64),
        (DType.INT64, DType.INT32),
        (DType.INT32, DType.UINT8),
        (DType.INT8, DType.INT32),
        (DType.INT8, DType.INT64),
    ],
    ids=str,
)
def test_keeps_casts_that_are_direct_or_have_no_exact_step(before: DType, after: DType) -> None:
    b = TestGraphs()
    cast = Cast(in_dtype=before, out_dtype=after)
    graph = b.build(b.add(cast, X=b.input(3, 4, dtype=before)))
    assert_rewrites(LowerCasts(), graph, 0)
