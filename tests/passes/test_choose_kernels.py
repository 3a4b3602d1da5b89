from __future__ import annotations

import pytest

from graphs import TestGraphs
from opt_tool.errors import UnsupportedModelError
from opt_tool.ir import DType, Source
from opt_tool.ir.operations.activation import Relu
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.data_movement import Concat, Transpose2
from opt_tool.ir.operations.elementwise import Cast, ElementwiseMax, ElementwiseMul, Erf
from opt_tool.ir.operations.matmul import Fc
from opt_tool.ir.operations.shape import Reshape2
from opt_tool.passes.choose_kernels import ChooseKernels
from opt_tool.targets import LiteVersion, Target

NEWEST = LiteVersion.V2_13


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


@pytest.mark.parametrize(
    ("target", "kernels"),
    [
        (Target.ARM, ["conv2d/def/4/1/1", "relu/def/4/1/1", "reshape2/def/1/4/2"]),
        (Target.X86, ["conv2d/def/2/1/1", "relu/def/2/1/1", "reshape2/def/1/4/2"]),
    ],
)
def test_prefers_the_targets_own_kernels(b: TestGraphs, target: Target, kernels: list[str]) -> None:
    y = b.add(Conv2D(), Input=b.input(1, 3, 5, 5), Filter=b.weight(4, 3, 3, 3))
    graph = b.build(b.add(Reshape2(shape=(1, -1)), X=b.add(Relu(), X=y)))
    assert ChooseKernels(target, NEWEST).run(graph).changes == 3
    assert [node.kernel for node in graph.nodes] == kernels


@pytest.mark.parametrize(
    ("dtype", "kernel"),
    [
        (DType.FLOAT32, "elementwise_mul/def/2/1/1"),
        (DType.INT32, "elementwise_mul/int32/2/1/1"),
        (DType.INT64, "elementwise_mul/int64/2/1/1"),
    ],
)
def test_chooses_by_element_type(b: TestGraphs, dtype: DType, kernel: str) -> None:
    x = b.input(2, 3, dtype=dtype)
    graph = b.build(b.add(ElementwiseMul(), X=x, Y=x))
    ChooseKernels(Target.X86, NEWEST).run(graph)
    assert [node.kernel for node in graph.nodes] == [kernel]


def test_takes_kernels_of_any_element_type(b: TestGraphs) -> None:
    x = b.input(2, 3, dtype=DType.BOOL)
    graph = b.build(b.add(Concat(), X=(x, x)))
    ChooseKernels(Target.ARM, NEWEST).run(graph)
    assert [node.kernel for node in graph.nodes] == ["concat/def/4/4/1"]


def test_keeps_kernels_that_are_chosen(b: TestGraphs) -> None:
    graph = b.build(b.add(Fc(), Input=b.input(2, 3), W=b.weight(3, 4)))
    assert ChooseKernels(Target.ARM, NEWEST).run(graph).changes == 1
    assert ChooseKernels(Target.ARM, NEWEST).run(graph).changes == 0


def test_refuses_all_nodes_without_a_kernel_by_their_source_names(b: TestGraphs) -> None:
    x = b.input(2, 3, dtype=DType.INT64)
    b.sources = (Source("Max", "largest"),)
    y = b.add(ElementwiseMax(), X=x, Y=x)
    b.sources = ()
    graph = b.build(b.add(ElementwiseMax(), "second", X=y, Y=x))
    with pytest.raises(UnsupportedModelError) as caught:
        ChooseKernels(Target.ARM, NEWEST).run(graph)
    first, second = caught.value.problems
    assert str(first) == (
        "Max (node 'largest'): elementwise_max of X int64, Y int64 has no kernel in Paddle Lite "
        "2.13 for arm, whose kernels take X float32, Y float32; only --target x86 can run it"
    )
    assert str(second).startswith("elementwise_max (node 'second')")


def test_names_the_version_that_has_a_kernel(b: TestGraphs) -> None:
    x = b.input(2, 3, dtype=DType.INT64)
    graph = b.build(b.add(Transpose2(axis=(1, 0)), X=x))
    with pytest.raises(UnsupportedModelError, match=r"--lite-version 2\.12"):
        ChooseKernels(Target.X86, LiteVersion.V2_11).run(graph)


def test_says_that_an_operator_is_missing_altogether(b: TestGraphs) -> None:
    graph = b.build(b.add(Erf(), X=b.input(2, 3)))
    with pytest.raises(
        UnsupportedModelError, match=r"2\.8 for arm has no erf; --lite-version 2\.10"
    ):
        ChooseKernels(Target.ARM, LiteVersion.V2_8).run(graph)


@pytest.mark.parametrize("target", list(Target))
def test_refuses_what_the_kernel_does_not_compute(b: TestGraphs, target: Target) -> None:
    x = b.input(2, 3, dtype=DType.INT32)
    cast = Cast(in_dtype=DType.INT32, out_dtype=DType.UINT8)
    with pytest.raises(UnsupportedModelError, match="does not cast int32 to uint8"):
        ChooseKernels(target, NEWEST).run(b.build(b.add(cast, X=x)))


def test_refuses_outputs_without_elements(b: TestGraphs) -> None:
    graph = b.build(b.weight(0, 3, name="nothing"))
    with pytest.raises(UnsupportedModelError, match=r"'nothing'.*without elements"):
        ChooseKernels(Target.ARM, NEWEST).run(graph)
