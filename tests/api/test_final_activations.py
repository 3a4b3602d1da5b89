from __future__ import annotations

import pytest

from graphs import TestGraphs
from opt_tool.api.final_activations import (
    final_activations,
    is_chosen,
    is_near_zero_alone,
    measured_values,
)
from opt_tool.api.verification import probes
from opt_tool.ir import Operation, Value
from opt_tool.ir.operations import activation, data_movement, elementwise, shape
from opt_tool.ir.operations.detection import BoxCoder, MulticlassNms
from opt_tool.ir.operations.reduction import Softmax


@pytest.fixture
def b() -> TestGraphs:
    return TestGraphs()


def sigmoid(b: TestGraphs, x: Value) -> Value:
    return b.add(activation.Sigmoid(), X=x)


def test_finds_what_a_final_activation_reads(b: TestGraphs) -> None:
    scores = b.add(activation.Relu(), X=b.input(1, 4))
    (final,) = final_activations(b.build(sigmoid(b, scores)))
    assert final.value is scores
    assert (final.position, final.operator) == (1, "sigmoid")


def test_looks_through_operations_that_only_move_numbers(b: TestGraphs) -> None:
    x = b.input(1, 4)
    parts = [sigmoid(b, x), b.add(activation.Relu(), X=x), sigmoid(b, x)]
    joined = b.add(data_movement.Concat(axis=1), X=parts)
    finals = final_activations(b.build(b.add(data_movement.Assign(), X=joined)))
    assert [final.position for final in finals] == [0, 2]


@pytest.mark.parametrize("op", [activation.Relu(), activation.HardSwish()], ids=repr)
def test_an_activation_whose_result_is_computed_with_is_not_final(
    b: TestGraphs, op: Operation
) -> None:
    assert final_activations(b.build(b.add(op, X=sigmoid(b, b.input(1, 4))))) == []


def test_a_lone_sigmoid_may_be_near_zero_but_not_beside_something_else(b: TestGraphs) -> None:
    x = b.input(1, 4)
    alone = b.add(data_movement.Assign(), X=sigmoid(b, x))
    joined = b.add(data_movement.Concat(axis=1), X=[sigmoid(b, x), x])
    assert is_near_zero_alone(alone)
    assert not is_near_zero_alone(joined)
    assert not is_near_zero_alone(b.add(activation.Relu(), X=x))


def test_finds_the_numbers_that_boxes_are_chosen_from(b: TestGraphs) -> None:
    distances, scores = (b.add(activation.Relu(), X=b.input(1, 5, n)) for n in (4, 3))
    boxes = b.add(
        BoxCoder(), PriorBox=b.weight(5, 4), PriorBoxVar=b.weight(5, 4), TargetBox=distances
    )
    chances = b.add(Softmax(axis=-1), X=scores)
    by_class = b.add(data_movement.Transpose2(axis=(0, 2, 1)), X=chances)
    rows, places = b.add_all(MulticlassNms(), BBoxes=boxes, Scores=by_class)
    output = b.add(shape.Unsqueeze2(axes=(0,)), X=rows)
    other = b.add(activation.Relu(), X=distances)
    graph = b.build(output, places, other)
    finals = final_activations(graph)
    assert [(final.slot, final.value) for final in finals] == [
        ("BBoxes", distances),
        ("Scores", scores),
    ]
    assert {final.operator for final in finals} == {"multiclass_nms2"}
    assert [is_chosen(value) for value in graph.outputs] == [True, True, False]
    assert measured_values(graph) == [other, distances, scores]


def test_looks_through_corners_that_are_put_together_of_one_tensor(b: TestGraphs) -> None:
    said = b.add(activation.Relu(), X=b.input(1, 5, 4))
    first, last = (
        b.add(data_movement.Slice(axes=(2,), starts=(start,), ends=(start + 2,)), Input=said)
        for start in (0, 2)
    )
    start = b.add(elementwise.ElementwiseSub(), X=first, Y=last)
    end = b.add(elementwise.ElementwiseAdd(), X=first, Y=last)
    corners = b.add(data_movement.Concat(axis=2), X=[start, end])
    mixed = b.add(data_movement.Concat(axis=2), X=[start, b.add(activation.Relu(), X=end)])
    scores = b.add(activation.Relu(), X=b.input(1, 1, 5, name="scores"))
    for boxes, source in ((corners, said), (mixed, mixed)):
        rows, _ = b.add_all(MulticlassNms(), BBoxes=boxes, Scores=scores)
        b.graph.outputs.append(rows)
        values = [final.value for final in final_activations(b.graph) if final.slot == "BBoxes"]
        assert values[-1] is source


# ---- probes


def test_probes_what_one_tensor_of_the_source_is(b: TestGraphs) -> None:
    scores = b.add(activation.Relu(), X=b.input(1, 4))
    graph = b.build(sigmoid(b, scores))
    assert [probe.name for probe in probes(graph, ["a", scores.name])] == [scores.name]
    assert probes(graph, ["a"]) == []


def test_probes_no_name_that_two_tensors_have_and_no_input(b: TestGraphs) -> None:
    scores = b.add(activation.Relu(), X=b.input(1, 4))
    assert probes(b.build(sigmoid(b, scores)), [scores.name] * 2) == []
    other = TestGraphs()
    x = other.input(1, 4)
    assert probes(other.build(sigmoid(other, x)), [x.name]) == []
