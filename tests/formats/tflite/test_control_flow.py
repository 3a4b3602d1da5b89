from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from opt_tool.errors import DamagedFileError, UnsupportedModelError
from opt_tool.formats.loops import TURNS
from opt_tool.formats.tflite.schema import Quantization, TensorType
from opt_tool.ir.operations.activation import Tanh
from opt_tool.ir.operations.elementwise import ElementwiseAdd
from tflite_models import Made, Op, assert_same, normal

X = np.zeros((2, 3), np.float32)
SHAPES = {"y": (2, 3)}


def branch(code: str, shape: tuple[int, ...] = (2, 3), **more: object) -> Made:
    """A graph of one operator, with an inner name that the others have too."""
    made = Made([Op(code, ["a"], ["b"])], {"a": np.zeros((2, 3), np.float32)}, outputs=("b",))
    return dataclasses.replace(made, shapes={"b": shape}, **more)  # type: ignore[arg-type]


def chosen(first: Made, second: Made, *, condition: np.ndarray | None = None) -> Made:
    """IF of a condition, an input unless it is given, between two graphs."""
    options = {"then_subgraph_index": 1, "else_subgraph_index": 2}
    known = {} if condition is None else {"c": condition}
    inputs = {"x": normal(2, 3)} if known else {"c": np.array([True]), "x": normal(2, 3)}
    return Made(
        [Op("IF", ["c", "x"], ["y"], options)], inputs, known, shapes=SHAPES,
        branches=(first, second),
    )  # fmt: skip


@pytest.mark.parametrize("condition", [True, False])
def test_a_branch_is_chosen_as_the_model_runs(tmp_path: Path, condition: bool) -> None:
    made = chosen(branch("TANH"), branch("NEG"))
    inputs = {**made.inputs, "c": np.array([condition])}
    assert_same(dataclasses.replace(made, inputs=inputs), tmp_path)


@pytest.mark.parametrize("condition", [True, False])
def test_a_known_condition_leaves_one_branch(condition: bool) -> None:
    made = chosen(branch("TANH"), branch("UNIQUE"), condition=np.array([True]))
    if not condition:
        made = chosen(branch("UNIQUE"), branch("TANH"), condition=np.array([False]))
    graph = made.read()
    assert [type(node.op) for node in graph.nodes] == [Tanh]


def test_a_branch_that_cannot_be_read_is_named() -> None:
    with pytest.raises(UnsupportedModelError, match="how many elements it finds"):
        chosen(branch("TANH"), branch("UNIQUE")).read()


def test_branches_of_different_shapes_are_refused() -> None:
    squeezed = Made(
        [Op("EXPAND_DIMS", ["a", "axis"], ["b"])], {"a": X}, {"axis": np.array([0], np.int32)},
        outputs=("b",),
    )  # fmt: skip
    with pytest.raises(UnsupportedModelError, match="its branches make"):
        chosen(branch("TANH"), squeezed).read()


def test_a_branch_that_calls_itself_is_refused() -> None:
    again = {"then_subgraph_index": 1, "else_subgraph_index": 1}
    inner = Made(
        [Op("IF", ["c", "a"], ["b"], again)], {"a": X}, {"c": np.array([True])}, outputs=("b",)
    )
    with pytest.raises(UnsupportedModelError, match="calls itself"):
        chosen(inner, branch("TANH"), condition=np.array([True])).read()


def test_branches_that_multiply_are_refused() -> None:
    def level(number: int) -> Made:
        both = {"then_subgraph_index": number + 1, "else_subgraph_index": number + 1}
        ops = [Op("IF", ["c", "a"], ["b"], both), Op("IF", ["c", "b"], ["d"], both)]
        known = {"c": np.array([True])}
        made = Made(ops, {"a": X}, known, outputs=("d",))
        return dataclasses.replace(made, shapes={"b": (2, 3), "d": (2, 3)})

    branches = (*(level(number) for number in range(1, 16)), branch("TANH"))
    made = dataclasses.replace(level(0), branches=branches)
    with pytest.raises(UnsupportedModelError, match="more than 2500 graphs"):
        made.read()


def test_operands_of_integers_that_a_branch_reads_as_such_are_refused() -> None:
    rule = Quantization((0.1,), (0,), 0)
    integers = Made(
        [Op("CAST", ["a"], ["b"])], {"a": np.zeros((2, 3), np.int8)}, outputs=("b",),
        rules={"a": rule},
    )  # fmt: skip
    with pytest.raises(UnsupportedModelError, match="stand for other numbers"):
        chosen(integers, branch("TANH"), condition=np.array([True])).read()


def test_a_branch_that_is_not_there_is_damage() -> None:
    made = dataclasses.replace(chosen(branch("TANH"), branch("TANH")), branches=(branch("TANH"),))
    with pytest.raises(DamagedFileError, match="graph 2 of 2"):
        made.read()


def counting(turns: int, body: Made | None = None, *, start: np.ndarray | None = None) -> Made:
    """WHILE a counter is below a number, x becomes 1.5 * x + the counter's square."""
    less = Made(
        [Op("LESS", ["i", "n"], ["go"])],
        {"i": np.zeros((), np.int32), "v": X},
        {"n": np.array(turns, np.int32)},
        outputs=("go",), types={"go": TensorType.BOOL},
    )  # fmt: skip
    return Made(
        [Op("WHILE", ["start", "x"], ["end", "y"], LOOP)],
        {"x": normal(2, 3)},
        {"start": np.array(0, np.int32) if start is None else start},
        types={"end": TensorType.INT32}, shapes=SHAPES,
        branches=(less, growing() if body is None else body),
    )  # fmt: skip


LOOP = {"cond_subgraph_index": 1, "body_subgraph_index": 2}


def growing(*more: Op) -> Made:
    return Made(
        [
            Op("ADD", ["i", "one"], ["next"]),
            Op("CAST", ["next"], ["float"]),
            Op("MUL", ["v", "factor"], ["scaled"]),
            Op("ADD", ["scaled", "float"], ["new"]),
            *more,
        ],
        {"i": np.zeros((), np.int32), "v": X},
        {"one": np.array(1, np.int32), "factor": np.array(1.5, np.float32)},
        outputs=("next", "new"),
        types={"next": TensorType.INT32},
        shapes={"scaled": (2, 3), "new": (2, 3)},
    )  # fmt: skip


@pytest.mark.parametrize("turns", [0, 1, 4])
def test_a_loop_is_written_out(tmp_path: Path, turns: int) -> None:
    graph = assert_same(counting(turns), tmp_path)
    assert sum(isinstance(node.op, ElementwiseAdd) for node in graph.nodes) == turns


def test_what_a_loop_counts_is_a_result(tmp_path: Path) -> None:
    assert_same(dataclasses.replace(counting(3), outputs=("y", "end")), tmp_path)


def test_turns_are_told_apart_by_their_names() -> None:
    graph = counting(2).read()
    assert {"end/0/scaled", "end/1/scaled"} <= set(graph.values)


def test_the_most_turns_are_written_out() -> None:
    graph = counting(TURNS).read()
    assert sum(isinstance(node.op, ElementwiseAdd) for node in graph.nodes) == TURNS


def test_one_turn_too_many_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match=f"more than {TURNS} turns"):
        counting(TURNS + 1).read()


def test_a_loop_whose_turns_only_the_run_knows_is_refused() -> None:
    made = counting(3)
    fed = {**made.inputs, "start": np.array(0, np.int32)}
    with pytest.raises(UnsupportedModelError, match="whether it goes on"):
        dataclasses.replace(made, inputs=fed, constants={}).read()


def test_a_condition_of_several_elements_is_refused() -> None:
    two = np.zeros(2, np.int32)
    with pytest.raises(UnsupportedModelError, match="has 2 elements"):
        counting(3, start=two).read()


def test_a_body_that_hands_on_another_number_is_refused() -> None:
    body = dataclasses.replace(growing(), outputs=("next",))
    with pytest.raises(UnsupportedModelError, match="2 results, but its graph has 1"):
        counting(3, body).read()


def test_what_a_body_cannot_do_is_named() -> None:
    body = dataclasses.replace(growing(Op("UNIQUE", ["new"], ["z"])), outputs=("next", "z"))
    with pytest.raises(UnsupportedModelError, match=r"UNIQUE \(node 'end/0/z'\)"):
        counting(3, body).read()
