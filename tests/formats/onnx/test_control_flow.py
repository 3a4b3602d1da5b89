"""If, Loop and Scan: what is decided at conversion, and what is not."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
import pytest
from onnx import parser

from onnx_models import read_model, reference
from opt_tool.errors import UnsupportedModelError
from opt_tool.ir import Graph
from opt_tool.ir.operations.comparison import Where
from opt_tool.runtime.executor import Executor

RNG = np.random.default_rng(0)


def _model(text: str, opset: int = 16) -> onnx.ModelProto:
    header = f'<ir_version: 8, opset_import: ["" : {opset}, "local" : 1]>'
    model: onnx.ModelProto = parser.parse_model(header + text)
    return model


def _assert_computes(model: onnx.ModelProto, feeds: Mapping[str, np.ndarray]) -> Graph:
    graph = read_model(model)
    results = Executor(graph).run(feeds).values()
    for actual, expected in zip(results, reference(model, feeds), strict=True):
        assert actual.shape == expected.shape
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)
    return graph


def _random(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


BRANCHES = """
agraph ({inputs}float[2, 3] x) => (float[{rows}, 3] y)
<bool known = {{{known}}}>
{{
    h = Relu (x)
    y = If ({condition}) <
        then_branch = yes () => (float[2, 3] out) <float[3] w = {{1, 2, 3}}> {{ out = Mul (h, w) }},
        else_branch = no () => (float[{rows}, 3] out) {{ out = Concat <axis = 0> (h, {second}) }}
    >
}}
"""


@pytest.mark.parametrize("known", [0, 1])
def test_a_known_condition_takes_one_branch(known: int) -> None:
    text = BRANCHES.format(
        inputs="", known=known, condition="known", rows=4 - 2 * known, second="x"
    )
    graph = _assert_computes(_model(text), {"x": _random(2, 3)})
    assert len(graph) < 4


@pytest.mark.parametrize("condition", [False, True])
def test_an_unknown_condition_selects_results_of_one_type(condition: bool) -> None:
    text = """
    agraph (bool c, float[2, 3] x) => (float[2, 3] y, float[2, 3] z)
    {
        y, z = If (c) <
            then_branch = yes () => (float[2, 3] a, float[2, 3] b) { a = Exp (x)
                b = Identity (x) },
            else_branch = no () => (float[2, 3] a, float[2, 3] b) { a = Neg (x)
                b = Abs (x) }
        >
    }
    """
    graph = _assert_computes(_model(text), {"c": np.array(condition), "x": _random(2, 3)})
    assert sum(isinstance(node.op, Where) for node in graph.nodes) == 2


def test_an_unknown_condition_over_results_of_two_shapes_is_refused() -> None:
    text = BRANCHES.format(inputs="bool c, ", known=0, condition="c", rows=4, second="x")
    with pytest.raises(UnsupportedModelError, match=r"make float32\[2, 3\] and float32\[4, 3\]"):
        read_model(_model(text))


def test_an_unknown_condition_over_a_branch_that_does_not_convert_says_why() -> None:
    text = """
    agraph (bool c, float[2, 3] x) => (float[2, 3] y)
    {
        y = If (c) <
            then_branch = yes () => (float[2, 3] a) { a = RandomNormalLike (x) },
            else_branch = no () => (float[2, 3] a) { a = Neg (x) }
        >
    }
    """
    with pytest.raises(UnsupportedModelError, match="random numbers") as error:
        read_model(_model(text))
    assert len(error.value.problems) == 1


def test_a_known_condition_does_not_look_at_the_other_branch() -> None:
    text = """
    agraph (float[2, 3] x) => (float[2, 3] y)
    <bool c = {0}>
    {
        y = If (c) <
            then_branch = yes () => (float[2, 3] a) { a = RandomNormalLike (x) },
            else_branch = no () => (float[2, 3] a) { a = Neg (x) }
        >
    }
    """
    _assert_computes(_model(text), {"x": _random(2, 3)})


LOOP = """
agraph (float[2, 3] x{inputs}) => (float[2, 3] y, float[n, 2, 3] rows)
<int64 turns = {{{turns}}}, bool start = {{{start}}}>
{{
    y, rows = Loop ({count}, {condition}, x) <
        body = step (int64 i, bool going, float[2, 3] h)
            => (bool on, float[2, 3] z, float[2, 3] row)
        <int64 last = {{{last}}}, float[3] w = {{0.5, 1.5, -1}}>
        {{
            on = {on}
            f = Cast <to = 1> (i)
            k = Constant <value = float[1, 3] {{1, 2, 3}}> ()
            s = Mul (h, w)
            t = Add (s, k)
            z = Add (t, f)
            row = Sub (z, x)
        }}
    >
}}
"""
USUAL = {
    "inputs": "",
    "turns": 3,
    "start": 1,
    "count": "turns",
    "condition": "start",
    "last": 1,
    "on": "Identity (going)",
}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"condition": '""'},
        {"count": '""', "on": "Less (i, last)"},
        {"on": "Less (i, last)", "turns": 100},
    ],
    ids=["turns", "no condition", "condition", "whichever is first"],
)
def test_a_loop_is_written_out(changes: Mapping[str, object]) -> None:
    graph = _assert_computes(_model(LOOP.format(**{**USUAL, **changes})), {"x": _random(2, 3)})
    for shape in ((3,), (1, 3)):
        assert sum(value.shape == shape for value in graph.constants) == 1, "one for all turns"


@pytest.mark.parametrize("changes", [{"turns": 0}, {"start": 0}], ids=str)
def test_a_loop_without_turns_leaves_its_state(changes: Mapping[str, object]) -> None:
    model = _model(LOOP.format(**{**USUAL, **changes}))
    x = _random(2, 3)
    results = Executor(read_model(model)).run({"x": x})
    np.testing.assert_array_equal(results["y"], x)
    assert results["rows"].shape == (0, 2, 3)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"inputs": ", int64 n", "count": "n"}, "number of turns is the input 'n'"),
        ({"inputs": ", bool c", "condition": "c"}, "condition is the input 'c'"),
        ({"inputs": ", int64 n", "on": "Less (i, n)"}, "whether it goes on"),
        ({"turns": 5000}, "more than 1000 turns"),
        ({"count": '""'}, "more than 1000 turns"),
    ],
    ids=["turns", "start", "condition", "many", "endless"],
)
def test_a_loop_of_an_unknown_length_is_refused(changes: Mapping[str, object], reason: str) -> None:
    with pytest.raises(UnsupportedModelError, match=reason):
        read_model(_model(LOOP.format(**{**USUAL, **changes})))


def test_a_problem_in_a_loop_is_told_once() -> None:
    text = LOOP.format(**USUAL).replace("Sub (z, x)", "RandomNormalLike (z)")
    with pytest.raises(UnsupportedModelError) as error:
        read_model(_model(text))
    assert [problem.operator for problem in error.value.problems] == ["RandomNormalLike"]


SCAN = """
agraph (float[2] h, {scanned} a, float[2, 4] b)
    => (float[2] last, float[{out}] rows, float[4, 2] sums)
{{
    last, rows, sums = Scan <
        num_scan_inputs = 2, {attributes},
        body = step (float[2] s, float[2] p, float[2] q)
            => (float[2] t, float[2] row, float[2] sum)
        {{
            twice = Mul (s, p)
            t = Add (twice, q)
            row = Sub (t, h)
            sum = Add (p, q)
        }}
    > (h, a, b)
}}
"""


@pytest.mark.parametrize(
    "attributes",
    [
        "scan_input_axes = [0, 1]",
        "scan_input_axes = [0, -1], scan_input_directions = [1, 0]",
        "scan_input_axes = [0, 1], scan_output_directions = [1, 0]",
        "scan_input_axes = [0, 1], scan_output_axes = [-1, 0]",
    ],
)
def test_a_scan_is_written_out(attributes: str) -> None:
    out = "2, 4" if "output_axes" in attributes else "4, 2"
    model = _model(SCAN.format(attributes=attributes, out=out, scanned="float[4, 2]"))
    _assert_computes(model, {"h": _random(2), "a": _random(4, 2), "b": _random(2, 4)})


def test_a_scan_of_an_unknown_length_is_refused() -> None:
    text = SCAN.format(attributes="scan_input_axes = [0, 1]", out="4, 2", scanned="float[time, 2]")
    with pytest.raises(UnsupportedModelError, match="takes time turns"):
        read_model(_model(text))


def test_the_scan_of_opset_8_is_refused() -> None:
    text = SCAN.format(attributes="scan_input_axes = [0, 1]", out="4, 2", scanned="float[4, 2]")
    with pytest.raises(UnsupportedModelError, match="batch axis of its own"):
        read_model(_model(text, opset=8))
