"""Shape rules of object detection, and what of it is not modelled."""

from __future__ import annotations

import pytest

from graphs import TestGraphs
from opt_tool.ir import Dim, DType, Shape, ShapeError
from opt_tool.ir.operations.detection import BoxCoder, MulticlassNms


def decode(op: BoxCoder, prior: Shape, variance: Shape, target: Shape) -> Shape:
    b = TestGraphs()
    operands = {
        name: b.input(*shape)
        for name, shape in (("PriorBox", prior), ("PriorBoxVar", variance), ("TargetBox", target))
    }
    return b.add(op, **operands).shape


def test_decoded_boxes_are_as_many_as_the_distances() -> None:
    assert decode(BoxCoder(), (5, 4), (5, 4), ("n", 5, 4)) == ("n", 5, 4)


@pytest.mark.parametrize(
    "shapes",
    [((5, 4), (5, 4), (1, 6, 4)), ((5, 4), (4,), (1, 5, 4)), ((5, 3), (5, 3), (1, 5, 3))],
    ids=str,
)
def test_boxes_distances_and_variances_must_fit(shapes: tuple[Shape, Shape, Shape]) -> None:
    with pytest.raises(ShapeError, match="do not fit"):
        decode(BoxCoder(), *shapes)


@pytest.mark.parametrize(
    "op",
    [BoxCoder(code_type="encode_center_size"), BoxCoder(axis=1), BoxCoder(box_normalized=False)],
    ids=str,
)
def test_other_codes_are_not_modelled(op: BoxCoder) -> None:
    with pytest.raises(ShapeError, match="decoding to normalized boxes only"):
        decode(op, (5, 4), (5, 4), (1, 5, 4))


def suppress(op: MulticlassNms, boxes: Shape, scores: Shape) -> tuple[tuple[DType, Shape], ...]:
    b = TestGraphs()
    made = b.add_all(op, BBoxes=b.input(*boxes), Scores=b.input(*scores))
    return tuple((value.dtype, value.shape) for value in made)


def test_how_many_boxes_are_kept_is_known_at_run_time() -> None:
    rows, places = suppress(MulticlassNms(), (2, 9, 4), (2, 3, 9))
    width: list[Dim] = [shape[1] for _, shape in (rows, places)]
    assert width == [6, 1]
    assert (rows[0], places[0]) == (DType.FLOAT32, DType.INT32)


@pytest.mark.parametrize(
    ("boxes", "scores"), [((2, 9, 4), (2, 3, 8)), ((9, 4), (3, 9)), ((1, 9, 8), (1, 3, 9))], ids=str
)
def test_boxes_must_fit_their_scores(boxes: Shape, scores: Shape) -> None:
    with pytest.raises(ShapeError, match=r"fit|takes boxes"):
        suppress(MulticlassNms(), boxes, scores)


def test_boxes_in_pixels_are_not_modelled() -> None:
    with pytest.raises(ShapeError, match="normalized boxes only"):
        suppress(MulticlassNms(normalized=False), (2, 9, 4), (2, 3, 9))
