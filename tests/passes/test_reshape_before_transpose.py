from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import Dim
from opt_tool.ir.operations.activation import Relu
from opt_tool.ir.operations.data_movement import Transpose2
from opt_tool.ir.operations.shape import Reshape2, Squeeze2, Unsqueeze2
from opt_tool.passes.merge_reshapes import MergeReshapes
from opt_tool.passes.reshape_before_transpose import ReshapeBeforeTranspose


@pytest.mark.parametrize(
    ("first", "axes", "second"),
    [
        (Reshape2(shape=(50, 12, 64)), (1, 0, 2), Unsqueeze2(axes=(0,))),
        (Reshape2(shape=(50, 12, 64)), (1, 2, 0), Reshape2(shape=(12, 1, 64, 1, 50))),
        (Reshape2(shape=(1, 50, 1, 12, 64)), (3, 1, 2, 0, 4), Squeeze2(axes=(3,))),
        (Reshape2(shape=(1, 50, 1, 12, 64)), (4, 2, 3, 1, 0), Squeeze2(axes=(1, 4))),
    ],
    ids=["one in front", "ones between", "one of two ones", "no ones left"],
)
def test_both_reshapes_are_one(
    first: Reshape2, axes: tuple[int, ...], second: Reshape2 | Squeeze2 | Unsqueeze2
) -> None:
    b = TestGraphs()
    x = b.add(Relu(), X=b.input(50, 768))
    turned = b.add(Transpose2(axis=axes), X=b.add(first, X=x))
    graph = b.build(b.add(second, X=turned))
    shape = graph.outputs[0].shape
    assert_rewrites(ReshapeBeforeTranspose(), graph, 1)
    assert graph.outputs[0].shape == shape
    MergeReshapes().run(graph)
    assert ops(graph) == [Relu, Reshape2, Transpose2]


@pytest.mark.parametrize(
    ("shape", "second"),
    [((6, 4, 5), Reshape2(shape=(4, 30))), ((6, "n", 5), Unsqueeze2(axes=(0,)))],
    ids=["it joins dimensions", "nothing in front to merge with"],
)
def test_keeps_other_reshapes(shape: tuple[Dim, ...], second: Reshape2 | Unsqueeze2) -> None:
    b = TestGraphs()
    turned = b.add(Transpose2(axis=(1, 0, 2)), X=b.add(Relu(), X=b.input(*shape)))
    graph = b.build(b.add(second, X=turned))
    assert_rewrites(ReshapeBeforeTranspose(), graph, 0)


def test_keeps_a_transpose_that_something_else_reads_too() -> None:
    b = TestGraphs()
    x = b.add(Reshape2(shape=(4, 3, 2)), X=b.add(Relu(), X=b.input(24)))
    turned = b.add(Transpose2(axis=(1, 0, 2)), X=x)
    graph = b.build(b.add(Unsqueeze2(axes=(0,)), X=turned), b.add(Relu(), X=turned))
    assert_rewrites(ReshapeBeforeTranspose(), graph, 0)
