from __future__ import annotations

import ast
import copy
from pathlib import Path

import pytest
from hypothesis import given, settings

from graphs import TestGraphs, feeds, ops, run
from opt_tool.api.lowering import extra_operators
from opt_tool.errors import UnsupportedModelError
from opt_tool.ir import Graph, InvalidGraphError, Node, Value
from opt_tool.ir.double_precision import in_double_precision
from opt_tool.ir.operations.activation import (
    HardSigmoid,
    HardSwish,
    Relu,
    Relu6,
    Sigmoid,
    Swish,
    Tanh,
)
from opt_tool.ir.operations.convolution import Conv2D, DepthwiseConv2D
from opt_tool.ir.operations.data_movement import Assign, Transpose2
from opt_tool.ir.operations.elementwise import (
    Clip,
    ElementwiseAdd,
    ElementwiseMul,
    Erf,
    Scale,
)
from opt_tool.ir.operations.matmul import Fc, MatMul, MatMulV2
from opt_tool.ir.operations.pooling import Pool2D
from opt_tool.ir.operations.reduction import Softmax
from opt_tool.ir.operations.shape import Flatten2, Reshape2
from opt_tool.passes.choose_kernels import ChooseKernels
from opt_tool.passes.insert_casts import InsertCasts
from opt_tool.passes.pipeline import passes_for, run_passes
from opt_tool.passes.plan_memory import plan_variable_names
from opt_tool.passes.rewrite import PassReport
from opt_tool.runtime.executor import Executor
from opt_tool.targets import Library, LiteVersion, Target
from random_graphs import assert_same, graphs, normalized, random_graph

NEWEST = LiteVersion.V2_13


def small_mobile_net() -> Graph:
    """Conv, depthwise and pointwise convolutions with batch norms and relu6 as TF writes it."""
    b = TestGraphs()
    x = b.add(Conv2D(strides=(2, 2)), Input=b.input(1, 3, 9, 9), Filter=b.weight(8, 3, 3, 3))
    x = b.add(Clip(min=0.0, max=6.0), X=normalized(b, x))
    x = b.add(DepthwiseConv2D(groups=8), Input=x, Filter=b.weight(8, 1, 3, 3))
    x = b.add(Relu6(), X=normalized(b, x))
    x = b.add(Conv2D(), Input=x, Filter=b.weight(16, 8, 1, 1))
    x = b.add(Clip(max=6.0), X=b.add(Relu(), X=normalized(b, x)))
    x = b.add(Pool2D(pooling_type="avg", global_pooling=True, ksize=(2, 2)), X=x)
    x = b.add(MatMulV2(), X=b.add(Flatten2(), X=b.add(Assign(), X=x)), Y=b.weight(16, 10))
    return b.build(b.add(Softmax(), X=b.add(ElementwiseAdd(), X=b.weight(10), Y=x)))


@pytest.mark.parametrize("target", list(Target))
def test_a_small_mobile_net_has_six_operations(target: Target) -> None:
    graph = small_mobile_net()
    expected = run(small_mobile_net())
    wide = in_double_precision(graph)
    exact = run(copy.deepcopy(wide))
    run_passes(graph, passes_for(target, NEWEST))
    run_passes(wide, (p for p in passes_for(target, NEWEST) if not isinstance(p, FOR_KERNELS)))
    for each in (graph, wide):
        assert ops(each) == [Conv2D, DepthwiseConv2D, Conv2D, Pool2D, Fc, Softmax]
    assert_same(run(graph), expected, 1e-5)
    assert_same(run(wide), exact, 1e-12)


def test_a_second_run_finds_nothing() -> None:
    graph = small_mobile_net()
    run_passes(graph, passes_for(Target.ARM, NEWEST))
    again = run_passes(graph, passes_for(Target.ARM, NEWEST))
    assert [report for report in again if report.changes] == []


def test_reports_every_pass_in_order() -> None:
    passes = list(passes_for(Target.X86, NEWEST))
    reports = run_passes(small_mobile_net(), passes)
    assert [report.name for report in reports] == [graph_pass.name for graph_pass in passes]


MODULES = {
    type(each).__module__.removeprefix("opt_tool.passes.")
    for target in Target
    for library in Library
    for each in passes_for(target, NEWEST, library)
}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_every_pass_has_a_test_of_what_it_keeps(module: str) -> None:
    *folders, name = module.split(".")
    path = Path(__file__).parent.joinpath(*folders, f"test_{name}.py")
    tests = ast.parse(path.read_text(encoding="utf-8"))
    names = [node.name for node in tests.body if isinstance(node, ast.FunctionDef)]
    assert any(name.startswith("test_keeps_") for name in names)


def test_finds_a_pass_that_breaks_the_graph() -> None:
    class Breaker:
        name = "breaker"

        def run(self, graph: Graph) -> PassReport:
            graph.outputs[0].name = "other"
            return PassReport(self.name, 1)

    with pytest.raises(InvalidGraphError, match="not in the graph"):
        run_passes(small_mobile_net(), [Breaker()])


def test_long_chains_come_to_an_end() -> None:
    b = TestGraphs()
    x = b.add(Conv2D(), Input=b.input(1, 4, 6, 6), Filter=b.weight(4, 4, 1, 1))
    for _ in range(300):
        x = b.add(Assign(), X=b.add(Scale(scale=-1.0), X=x))
        x = b.add(Transpose2(axis=(0, 2, 3, 1)), X=b.add(Clip(min=-3.0, max=2.0), X=x))
    graph = b.build(x)
    run_passes(graph, passes_for(Target.ARM, NEWEST))
    assert len(graph) < 1300


# ---- random graphs

FOR_KERNELS = (InsertCasts, ChooseKernels)
"""The passes that look for kernels, which the runtime has none of for float64."""


@pytest.mark.parametrize("target", list(Target))
@settings(max_examples=60, deadline=None, derandomize=True)
@given(numbers=graphs())
def test_optimised_graphs_compute_what_the_others_compute(
    target: Target, numbers: tuple[int, ...]
) -> None:
    graph = random_graph(numbers)
    wide = in_double_precision(graph)
    expected = run(random_graph(numbers)), run(copy.deepcopy(wide))
    run_passes(graph, passes_for(target, NEWEST))
    run_passes(wide, (p for p in passes_for(target, NEWEST) if not isinstance(p, FOR_KERNELS)))
    assert_same(run(graph), expected[0], 2e-5)
    assert_same(run(wide), expected[1], 1e-12)
    assert all(node.kernel is not None for node in graph.nodes)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(numbers=graphs())
def test_planned_variables_never_hold_two_values_at_once(numbers: tuple[int, ...]) -> None:
    graph = random_graph(numbers)
    names = plan_variable_names(graph)
    fed = feeds(graph)
    holds: dict[str, Value] = {names[value]: value for value in graph.inputs}

    def check(node: Node, made: object) -> None:  # noqa: ARG001
        for value in node.inputs.flat():
            assert value.is_constant or holds[names[value]] is value
        holds.update({names[value]: value for value in node.outputs.flat()})

    Executor(graph).run(fed, watch=check)
    assert all(holds[names[value]] is value for value in graph.outputs)


SHUFFLED = (0, 2, 4, 6, 6)


def extra_patterns() -> Graph:
    """What becomes operators of the larger build where the device has that."""
    b = TestGraphs()
    x = b.add(
        Transpose2(axis=(0, 2, 1, 3, 4)), X=b.add(Reshape2(shape=SHUFFLED), X=b.input(1, 8, 6, 6))
    )
    x = b.add(Tanh(), X=b.add(Reshape2(shape=(0, 8, 6, 6)), X=x))
    x = b.add(HardSwish(), X=b.add(Scale(bias=0.25), X=x))
    x = b.add(ElementwiseMul(), X=x, Y=b.add(Sigmoid(), X=x))
    x = b.add(Swish(), X=b.add(Relu6(threshold=1.5), X=b.add(HardSigmoid(), X=x)))
    return b.build(x)


@pytest.mark.parametrize("quantized", [True, False])
def test_weights_that_will_be_quantized_stay_in_convolutions(quantized: bool) -> None:
    b = TestGraphs()
    head = b.add(Conv2D(), Input=b.input(1, 4, 6, 6), Filter=b.weight(8, 4, 1, 1))
    graph = b.build(b.add(Transpose2(axis=(0, 2, 3, 1)), X=head))
    run_passes(graph, passes_for(Target.ARM, NEWEST, quantized=quantized))
    assert ops(graph) == ([Conv2D, Transpose2] if quantized else [Reshape2, MatMul, Reshape2])


@pytest.mark.parametrize("library", list(Library))
def test_the_basic_build_gets_no_operator_of_the_larger_one(library: Library) -> None:
    graph = extra_patterns()
    wide = in_double_precision(graph)
    passes = list(passes_for(Target.ARM, NEWEST, library))
    run_passes(graph, passes)
    extra = extra_operators(graph, Target.ARM, NEWEST)
    if library is Library.BASIC:
        assert extra == ()
    else:
        assert extra == ("clip", "hard_sigmoid", "hard_swish", "shuffle_channel", "swish")
    expected = run(copy.deepcopy(wide))
    run_passes(wide, (each for each in passes if not isinstance(each, FOR_KERNELS)))
    assert_same(run(wide), expected, 1e-12)
    assert_same(run(graph), run(extra_patterns()), 1e-5)


def test_the_basic_build_refuses_what_only_the_larger_one_has() -> None:
    b = TestGraphs()
    graph = b.build(b.add(Erf(), X=b.input(2, 3)))
    with pytest.raises(UnsupportedModelError, match=r"basic build .* no erf; --library with_extra"):
        run_passes(graph, passes_for(Target.ARM, NEWEST, Library.BASIC))
