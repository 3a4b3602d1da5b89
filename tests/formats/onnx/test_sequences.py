"""Sequences of tensors: conversion knows what each holds."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import parser

from graphs import ops
from onnx_models import read_model, reference
from opt_tool.errors import UnsupportedError, UnsupportedModelError
from opt_tool.ir import Graph
from opt_tool.ir.operations.data_movement import Concat, Split
from opt_tool.runtime.executor import Executor

X = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)


UNDECIDED = """
{ c = ReduceMax <keepdims = 0> (x) b = Cast <to = 9> (c)
  s = If (b) <
      then_branch = p () => (seq(float[5, 4]) o) { o = SequenceConstruct (x) },
      else_branch = q () => (seq(float[5, 4]) o) { o = SequenceConstruct (x, x) }>
  y = ConcatFromSequence <axis = 0> (s) }
"""


def model_of(body: str, outputs: str = "float[a, b] y") -> onnx.ModelProto:
    text = f'<ir_version: 8, opset_import: ["" : 16]> g (float[5, 4] x) => ({outputs}) {body}'
    model: onnx.ModelProto = parser.parse_model(text)
    del model.graph.output[0].type.tensor_type.shape.dim[:]
    model.graph.output[0].type.tensor_type.ClearField("shape")
    return model


def assert_computes(body: str, outputs: str = "float[a, b] y") -> Graph:
    model = model_of(body, outputs)
    graph = read_model(model)
    (actual,) = Executor(graph).run({"x": X}).values()
    (expected,) = reference(model, {"x": X})
    assert actual.dtype == expected.dtype
    np.testing.assert_array_equal(actual, expected)
    return graph


@pytest.mark.parametrize(
    "split",
    [
        "s = SplitToSequence <axis = 1> (x)",
        "s = SplitToSequence <axis = -1, keepdims = 0> (x)",
        "two = Constant <value_int = 2> () s = SplitToSequence <axis = 0> (x, two)",
        "sizes = Constant <value_ints = [1, 3, 1]> () s = SplitToSequence (x, sizes)",
    ],
    ids=["single", "squeezed", "the last is smaller", "sizes"],
)
@pytest.mark.parametrize("position", [0, 1, -1])
def test_one_part_of_a_split(split: str, position: int) -> None:
    graph = assert_computes(
        f"{{ {split} at = Constant <value_int = {position}> () y = SequenceAt (s, at) }}"
    )
    assert ops(graph).count(Split) <= 1


@pytest.mark.parametrize("joint", ["axis = 0", "axis = 1", "axis = -1, new_axis = 1"])
def test_tensors_of_a_sequence_are_joined(joint: str) -> None:
    body = (
        f"{{ r = Relu (x) s = SequenceConstruct (x, r, x) y = ConcatFromSequence <{joint}> (s) }}"
    )
    assert ops(assert_computes(body)).count(Concat) == 1


@pytest.mark.parametrize("place", ["", ", at"])
def test_tensors_are_put_in_and_taken_out(place: str) -> None:
    assert_computes(
        "{ at = Constant <value_int = 0> () last = Constant <value_int = -1> () r = Relu (x) "
        f"e = SequenceEmpty () s = SequenceInsert (e, x) t = SequenceInsert (s, r{place}) "
        f"u = SequenceInsert (t, x{place}) v = SequenceErase (u{place}) i = Identity (v) "
        "y = SequenceAt (i, last) }"
    )


def test_the_length_is_a_number() -> None:
    body = "{ s = SplitToSequence (x) y = SequenceLength (s) }"
    assert_computes(body, "int64[] y")


@pytest.mark.parametrize(
    "body",
    [
        "{ o = Optional (x) y = OptionalGetElement (o) }",
        """{ s = SequenceConstruct (x, x) o = Optional (s) g = OptionalGetElement (o)
        y = ConcatFromSequence <axis = 0> (g) }""",
        """{ o = Optional (x) b = OptionalHasElement (o)
        y = If (b) <then_branch = p () => (float[5, 4] t) { t = Neg (x) },
        else_branch = q () => (float[5, 4] t) { t = Identity (x) }> }""",
    ],
)
def test_what_may_be_missing_is_there(body: str) -> None:
    assert_computes(body)


def test_a_loop_hands_a_sequence_from_turn_to_turn() -> None:
    assert_computes(
        """
        { three = Constant <value_int = 3> () go = Constant <value = bool {1}> ()
          s = SequenceConstruct (x)
          t = Loop (three, go, s) <body = turn
              (int64 i, bool c, seq(float[5, 4]) a) => (bool d, seq(float[5, 4]) b) {
                d = Identity (c) last = Constant <value_int = -1> ()
                z = SequenceAt (a, last) m = Add (z, z) b = SequenceInsert (a, m) }>
          y = ConcatFromSequence <axis = 1> (t) }
        """
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{ s = SequenceConstruct (x) y = Relu (s) }", "which only conversion knows"),
        (
            "{ s = SequenceConstruct (x) at = Constant <value_int = 1> () y = SequenceAt (s, at) }",
            "position 1 of 1",
        ),
        ("{ s = SequenceEmpty () y = ConcatFromSequence <axis = 0> (s) }", "is empty"),
        ("{ at = Constant <value_int = 0> () y = SequenceAt (x, at) }", "is no sequence"),
        (UNDECIDED, "sequences of tensors"),
    ],
    ids=["another operator", "beyond", "nothing to join", "a tensor", "undecided"],
)
def test_what_cannot_be_known_is_refused(body: str, message: str) -> None:
    with pytest.raises(UnsupportedModelError, match=message):
        read_model(model_of(body))


def test_a_sequence_cannot_be_put_out() -> None:
    with pytest.raises(UnsupportedError, match="is a sequence of tensors"):
        read_model(model_of("{ y = SequenceConstruct (x, x) }"))
