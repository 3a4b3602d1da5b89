from __future__ import annotations

import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir.operations.activation import Relu, Relu6, Tanh
from opt_tool.ir.operations.elementwise import ElementwiseAdd, ElementwiseMul
from opt_tool.ir.operations.fused import FusionElementwiseAddActivation
from opt_tool.passes.choose_kernels import ChooseKernels
from opt_tool.passes.fuse_add_activation import FuseAddActivation
from opt_tool.targets import LiteVersion, Target

ARM = (Target.ARM, LiteVersion.V2_13)


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def test_fuses_the_end_of_a_residual_block(b: TestGraphs) -> None:
    x = b.input(2, 3, 4, 4)
    graph = b.build(b.add(Relu(), X=b.add(ElementwiseAdd(), X=b.add(Tanh(), X=x), Y=x)))
    assert_rewrites(FuseAddActivation(*ARM), graph, 1)
    assert ops(graph) == [Tanh, FusionElementwiseAddActivation]


@pytest.mark.parametrize("version", [LiteVersion.V2_8, LiteVersion.V2_10])
@pytest.mark.parametrize("target", list(Target))
def test_fuses_where_the_runtime_has_the_kernel(
    b: TestGraphs, target: Target, version: LiteVersion
) -> None:
    x = b.input(2, 3)
    graph = b.build(b.add(Relu(), X=b.add(ElementwiseAdd(), X=x, Y=x)))
    missing = (target, version) == (Target.X86, LiteVersion.V2_8)
    assert_rewrites(FuseAddActivation(target, version), graph, 0 if missing else 1)
    ChooseKernels(target, version).run(graph)


@pytest.mark.parametrize(
    ("add", "activation"),
    [(ElementwiseAdd(), Relu6()), (ElementwiseAdd(), Tanh()), (ElementwiseMul(), Relu())],
    ids=str,
)
def test_keeps_other_operations(
    b: TestGraphs, add: ElementwiseAdd | ElementwiseMul, activation: Relu6 | Tanh | Relu
) -> None:
    x = b.input(2, 3)
    assert_rewrites(FuseAddActivation(*ARM), b.build(b.add(activation, X=b.add(add, X=x, Y=x))), 0)


def test_keeps_sums_that_broadcast(b: TestGraphs) -> None:
    h = b.add(ElementwiseAdd(), X=b.input(2, 3), Y=b.weight(3))
    assert_rewrites(FuseAddActivation(*ARM), b.build(b.add(Relu(), X=h)), 0)


def test_keeps_a_sum_that_is_an_output(b: TestGraphs) -> None:
    x = b.input(2, 3)
    h = b.add(ElementwiseAdd(), X=x, Y=x)
    assert_rewrites(FuseAddActivation(*ARM), b.build(h, b.add(Relu(), X=h)), 0)


def test_keeps_a_sum_that_two_nodes_read(b: TestGraphs) -> None:
    x = b.input(2, 3)
    h = b.add(ElementwiseAdd(), X=x, Y=x)
    assert_rewrites(FuseAddActivation(*ARM), b.build(b.add(Tanh(), X=h), b.add(Relu(), X=h)), 0)
