from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from graphs import TestGraphs, assert_rewrites, ops
from opt_tool.ir import Operation, Value
from opt_tool.ir.double_precision import in_double_precision
from opt_tool.ir.operations.activation import Gelu, Tanh
from opt_tool.ir.operations.elementwise import (
    ElementwiseAdd,
    ElementwiseDiv,
    ElementwiseMul,
    ElementwiseSub,
    Erf,
    Pow,
    Scale,
    Square,
)
from opt_tool.passes.pipeline import passes_for, run_passes
from opt_tool.passes.recognise_gelu import RecogniseGelu
from opt_tool.runtime.executor import Executor
from opt_tool.targets import LiteVersion, Target

ROUNDED = 1e-7
"""How near the formula a graph is whose constants have 24 bits."""


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def number(b: TestGraphs, value: float) -> Value:
    return b.constant(np.array(value, np.float32), "number")


def times(b: TestGraphs, x: Value, y: Value | float) -> Value:
    return b.add(ElementwiseMul(), X=x, Y=y if isinstance(y, Value) else number(b, y))


def erf_of(b: TestGraphs, x: Value, root: float = math.sqrt(2)) -> Value:
    return b.add(Erf(), X=b.add(ElementwiseDiv(), X=x, Y=number(b, root)))


def plus_one(b: TestGraphs, x: Value) -> Value:
    return b.add(ElementwiseAdd(), X=x, Y=number(b, 1))


FORMS: dict[str, Callable[[TestGraphs, Value], Value]] = {
    "half last": lambda b, x: times(b, times(b, x, plus_one(b, erf_of(b, x))), 0.5),
    "half of x": lambda b, x: times(b, times(b, x, 0.5), plus_one(b, erf_of(b, x))),
    "half of the sum": lambda b, x: times(b, times(b, plus_one(b, erf_of(b, x)), 0.5), x),
    "sum behind the half": lambda b, x: times(
        b, x, b.add(Scale(scale=0.5, bias=0.5), X=erf_of(b, x))
    ),
    "factor for the root": lambda b, x: times(
        b, times(b, x, 0.5), plus_one(b, b.add(Erf(), X=times(b, x, 0.5**0.5)))
    ),
    "half as a quotient": lambda b, x: b.add(
        ElementwiseDiv(), X=times(b, plus_one(b, erf_of(b, x)), x), Y=number(b, 2)
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_recognises_every_order(b: TestGraphs, form: str) -> None:
    graph = b.build(FORMS[form](b, b.input(4, 16)))
    assert_rewrites(RecogniseGelu(Target.ARM), graph, 1, tolerance=ROUNDED)
    assert [node.op for node in graph.nodes] == [Gelu()]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("target", list(Target))
def test_the_pipeline_leaves_one_operation_that_computes_the_formula(
    b: TestGraphs, form: str, target: Target
) -> None:
    graph = b.build(FORMS[form](b, b.input(1, 801)))
    run_passes(graph, passes_for(target, LiteVersion.V2_13))
    assert ops(graph) == [Gelu]
    x = np.linspace(-8, 8, 801, dtype=np.float32)[None]
    expected = [v * 0.5 * (1 + math.erf(v / math.sqrt(2))) for v in x[0].tolist()]
    for each, bound in ((graph, 1e-5), (in_double_precision(graph), 1e-14)):
        (value,) = each.inputs
        (y,) = Executor(each).run({value.name: x.astype(value.dtype.numpy)}).values()
        assert y.dtype == value.dtype.numpy
        np.testing.assert_allclose(y[0], expected, rtol=0, atol=bound)


def by_tanh(b: TestGraphs, x: Value, inner: Value, root: float = math.sqrt(2 / math.pi)) -> Value:
    return times(b, times(b, x, 0.5), plus_one(b, b.add(Tanh(), X=times(b, inner, root))))


def plus_cube(b: TestGraphs, x: Value, cube: Value, factor: float = 0.044715) -> Value:
    return b.add(ElementwiseAdd(), X=x, Y=times(b, cube, factor))


def factored(b: TestGraphs, x: Value) -> Value:
    return times(b, x, b.add(Scale(scale=0.044715, bias=1.0), X=b.add(Square(), X=x)))


CUBIC: dict[str, Callable[[TestGraphs, Value], Value]] = {
    "factored": factored,
    "pow": lambda b, x: plus_cube(b, x, b.add(Pow(factor=3.0), X=b.add(Scale(), X=x))),
    "products": lambda b, x: plus_cube(b, x, times(b, times(b, x, x), x)),
    "square": lambda b, x: plus_cube(b, x, times(b, x, b.add(Square(), X=x))),
    "difference": lambda b, x: b.add(
        ElementwiseSub(), X=x, Y=times(b, times(b, b.add(Square(), X=x), x), -0.044715)
    ),
}


def positive_input(b: TestGraphs) -> Value:
    """Numbers that the runtime's pow takes."""
    return b.add(Scale(bias=1.0), X=b.add(Square(), X=b.input(4, 16)))


@pytest.mark.parametrize("form", CUBIC)
def test_recognises_the_form_by_tanh_for_arm(b: TestGraphs, form: str) -> None:
    x = positive_input(b)
    graph = b.build(by_tanh(b, x, CUBIC[form](b, x)))
    assert_rewrites(RecogniseGelu(Target.ARM), graph, 1, tolerance=ROUNDED)
    assert [node.op for node in graph.nodes][2:] == [Gelu(approximate=True)]


@pytest.mark.parametrize("form", CUBIC)
def test_keeps_the_form_by_tanh_on_x86(b: TestGraphs, form: str) -> None:
    x = positive_input(b)
    assert_rewrites(RecogniseGelu(Target.X86), b.build(by_tanh(b, x, CUBIC[form](b, x))), 0)


def test_keeps_other_numbers_and_powers_under_the_tanh(b: TestGraphs) -> None:
    x = b.input(4, 16)
    square = b.add(Square(), X=x)
    cube = times(b, times(b, x, x), x)
    graph = b.build(
        by_tanh(b, x, plus_cube(b, x, square)),
        by_tanh(b, x, plus_cube(b, x, cube, 0.0447)),
        by_tanh(b, x, factored(b, x), 0.8),
        by_tanh(b, x, plus_cube(b, x, times(b, cube, x))),
        by_tanh(b, x, plus_cube(b, plus_one(b, x), times(b, times(b, x, x), x))),
    )
    assert_rewrites(RecogniseGelu(Target.ARM), graph, 0)


def test_keeps_the_cube_of_another_value_and_one_that_is_read(b: TestGraphs) -> None:
    x, other = b.input(4, 16), b.input(4, 16)
    cube = times(b, times(b, x, x), x)
    graph = b.build(
        by_tanh(b, x, plus_cube(b, x, times(b, times(b, other, other), other))),
        by_tanh(b, x, plus_cube(b, x, cube)),
        cube,
    )
    assert_rewrites(RecogniseGelu(Target.ARM), graph, 0)


@pytest.mark.parametrize("root", [1.0, 1.4142, -math.sqrt(2)])
def test_keeps_another_number_under_the_erf(b: TestGraphs, root: float) -> None:
    x = b.input(4, 16)
    graph = b.build(times(b, times(b, x, 0.5), plus_one(b, erf_of(b, x, root))))
    assert_rewrites(RecogniseGelu(Target.ARM), graph, 0)


@pytest.mark.parametrize("op", [Scale(bias=0.5), Scale(scale=2.0, bias=1.0), Scale(scale=0.5)])
def test_keeps_another_share(b: TestGraphs, op: Operation) -> None:
    x = b.input(4, 16)
    graph = b.build(times(b, times(b, x, 0.5), b.add(op, X=erf_of(b, x))))
    assert_rewrites(RecogniseGelu(Target.ARM), graph, 0)


@pytest.mark.parametrize("factor", [1.0, 0.25])
def test_keeps_another_factor(b: TestGraphs, factor: float) -> None:
    x = b.input(4, 16)
    graph = b.build(times(b, times(b, x, factor), plus_one(b, erf_of(b, x))))
    assert_rewrites(RecogniseGelu(Target.ARM), graph, 0)


def test_keeps_the_erf_of_another_value_and_a_shifted_x(b: TestGraphs) -> None:
    x, other = b.input(4, 16), b.input(4, 16)
    shifted = b.add(Scale(scale=0.5, bias=1.0), X=x)
    foreign = times(b, times(b, other, 0.5), plus_one(b, erf_of(b, x)))
    graph = b.build(foreign, times(b, shifted, plus_one(b, erf_of(b, x))))
    assert_rewrites(RecogniseGelu(Target.ARM), graph, 0)


@pytest.mark.parametrize("part", [ElementwiseDiv, Erf, ElementwiseAdd, ElementwiseMul])
@pytest.mark.parametrize("how", ["output", "read"])
def test_keeps_parts_that_something_else_reads(b: TestGraphs, part: type, how: str) -> None:
    y = FORMS["half of x"](b, b.input(4, 16))
    value = next(node for node in b.graph.nodes if isinstance(node.op, part)).output
    other = value if how == "output" else b.add(Scale(scale=2.0), X=value)
    assert_rewrites(RecogniseGelu(Target.ARM), b.build(y, other), 0)
