"""NonMaxSuppression is what onnxruntime makes of it, to the row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, parser

from onnx_models import assert_reads, node_model, read_model, reference
from opt_tool.api.lowering import optimise
from opt_tool.errors import UnsupportedModelError
from opt_tool.ir.operations.detection import MulticlassNms
from opt_tool.runtime.executor import Executor

SETTINGS = ("limit", "overlap", "least")


def operands(
    shape: tuple[int, int, int],
    *,
    limit: int = 100,
    overlap: float = 0.4,
    least: float | None = None,
    center: bool = False,
    seed: int = 0,
) -> dict[str, np.ndarray | None]:
    """Boxes with corners in any order, and scores, with the settings behind them."""
    images, _, count = shape
    rng = np.random.default_rng(seed)
    boxes = rng.uniform(0, 1, (images, count, 4)).astype(np.float32)
    if center:
        boxes[..., 2:] *= 0.5
    return {
        "boxes": boxes,
        "scores": rng.uniform(-1, 1, shape).astype(np.float32),
        "limit": np.array([limit], np.int64),
        "overlap": np.array([overlap], np.float32),
        "least": None if least is None else np.array([least], np.float32),
    }


def arrays(given: Mapping[str, np.ndarray | None]) -> dict[str, np.ndarray]:
    """What the model is fed with."""
    return {
        name: array for name, array in given.items() if array is not None and name not in SETTINGS
    }


def settings(given: Mapping[str, np.ndarray | None]) -> list[str]:
    return [name for name in SETTINGS if given[name] is not None]


def model_of(given: Mapping[str, np.ndarray | None], **options: Any) -> onnx.ModelProto:
    return node_model("NonMaxSuppression", given, constants=settings(given), **options)


def assert_suppresses(
    given: Mapping[str, np.ndarray | None], *, found: int | None = None, **options: Any
) -> None:
    graph = assert_reads("NonMaxSuppression", given, constants=settings(given), **options)
    (rows,) = Executor(graph).run(arrays(given)).values()
    assert len(rows) > 2 if found is None else len(rows) == found


@pytest.mark.parametrize("shape", [(1, 1, 30), (1, 4, 30), (2, 3, 17), (2, 1, 9)], ids=str)
def test_keeps_the_boxes_that_onnxruntime_keeps(shape: tuple[int, int, int]) -> None:
    assert_suppresses(operands(shape))
    assert_suppresses(operands(shape, least=0.1))


def test_how_many_boxes_there_are_may_be_open() -> None:
    for classes in (1, 3):
        given = operands((1, classes, 20))
        model = model_of(given)
        shapes: list[list[int | str | None]] = [[1, "n", 4], [1, classes, "n"]]
        for info, shape in zip(model.graph.input, shapes, strict=True):
            tensor = helper.make_tensor_type_proto(onnx.TensorProto.FLOAT, shape)
            info.type.CopyFrom(tensor)
        feeds = arrays(given)
        (rows,) = Executor(read_model(model)).run(feeds).values()
        np.testing.assert_array_equal(rows, reference(model, feeds)[0])
        assert len(rows) > 2


def test_a_class_keeps_as_many_as_the_limit_says_and_no_more() -> None:
    assert_suppresses(operands((2, 3, 40), limit=2, overlap=0.9), found=12)
    assert_suppresses(operands((1, 1, 40), limit=3, overlap=0.9), found=3)


def test_all_scores_pass_where_there_is_no_threshold() -> None:
    given = operands((1, 1, 30), overlap=1.0)
    assert_suppresses(given, found=30)
    assert_suppresses(given | {"overlap": None, "least": None})


def test_boxes_as_centres_and_sizes() -> None:
    given = operands((2, 3, 17), center=True, overlap=0.1)
    assert given["boxes"] is not None
    given["boxes"][:, ::4, 2] *= -1  # such a box overlaps nothing
    given["boxes"][:, :2] = [[0.5, 0.5, 0.15, 0.15], [0.5, 0.5, -0.1, -0.1]]  # both sizes
    assert_suppresses(given, center_point_box=1)


def test_boxes_without_an_area_overlap_nothing() -> None:
    given = operands((2, 3, 20))
    assert given["boxes"] is not None
    given["boxes"][:, ::3] = 0.5
    given["boxes"][:, 1::5, 2] = given["boxes"][:, 1::5, 0]
    assert_suppresses(given)


def test_of_equal_scores_the_first_one_is_the_better() -> None:
    given = operands((2, 2, 40))
    assert given["scores"] is not None
    given["scores"] = np.round(given["scores"] * 2) / 2
    assert_suppresses(given)


def test_nothing_found_is_no_row() -> None:
    assert_suppresses(operands((2, 3, 17), least=3.0), found=0)


def test_classes_that_are_limited_are_images_of_their_own() -> None:
    graph = read_model(model_of(operands((2, 3, 17), limit=4)))
    (node,) = (node for node in graph.nodes if isinstance(node.op, MulticlassNms))
    assert node.input("Scores").shape == (6, 1, 17)
    assert node.op.attributes["keep_top_k"] == 4


@pytest.mark.parametrize("limit", [np.array([0], np.int64), None], ids=str)
def test_a_limit_of_no_boxes_is_refused(limit: np.ndarray | None) -> None:
    with pytest.raises(UnsupportedModelError, match="keeps no box"):
        read_model(model_of(operands((1, 1, 9)) | {"limit": limit}))


@pytest.mark.parametrize("overlap", [-0.1, 1.5, np.nan])
def test_an_overlap_that_no_boxes_have_is_refused(overlap: float) -> None:
    with pytest.raises(UnsupportedModelError, match="from 0 to 1"):
        read_model(model_of(operands((1, 1, 9), overlap=overlap)))


def test_settings_that_are_computed_are_refused_with_the_way_out() -> None:
    model = node_model("NonMaxSuppression", operands((1, 1, 9)), constants=("limit",))
    with pytest.raises(UnsupportedModelError, match=r"threshold of the overlap is the input"):
        read_model(model)


def test_an_open_number_of_classes_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="how many classes"):
        read_model(model_of(operands((1, 3, 9)), dynamic=True))


def test_what_exporters_write_behind_it_takes_the_chosen_rows() -> None:
    """The forms of PyTorch's two exporters and of detectors that end in their boxes."""
    model = parser.parse_model(
        """
        <ir_version: 8, opset_import: ["" : 17]>
        agraph (float[1, 12, 4] boxes, float[1, 3, 12] scores)
            => (float[n, 4] a, float[m, 4] b, float[k, 6] c, float[k] d)
        {
            limit = Constant <value = int64[1] {5}> ()
            overlap = Constant <value = float[1] {0.4}> ()
            zero = Constant <value = int64[1] {0}> ()
            one = Constant <value = int64[1] {1}> ()
            two = Constant <value = int64[1] {2}> ()
            three = Constant <value = int64[1] {3}> ()
            last = Constant <value = int64[1] {-1}> ()
            which = Constant <value = int64 {1}> ()
            rows = NonMaxSuppression (boxes, scores, limit, overlap)
            flat = Squeeze (boxes, zero)
            column = Gather <axis = 1> (rows, two)
            places = Squeeze (column, one)
            first = Slice (places, zero, three, zero)
            a = Gather (flat, first)
            cut = Slice (rows, two, three, one)
            vector = Reshape (cut, last)
            tuple = Unsqueeze (vector, one)
            b = GatherND (flat, tuple)
            chosen = Gather (flat, places)
            class = Slice (rows, one, two, one)
            label = Cast <to = 1> (class)
            by_box = Transpose <perm = [0, 2, 1]> (scores)
            zeros = Sub (column, column)
            pair = Concat <axis = 1> (zeros, column, class)
            score = GatherND (by_box, pair)
            scored = Unsqueeze (score, one)
            c = Concat <axis = 1> (chosen, scored, label)
            number = Gather <axis = 1> (rows, which)
            d = Cast <to = 1> (number)
        }
        """
    )
    given = operands((1, 3, 12))
    feeds = arrays(given)
    graph = read_model(model)
    optimise(graph)
    computed = Executor(graph).run(feeds).values()
    for actual, expected in zip(computed, reference(model, feeds), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-6)
        assert expected.shape[0] > 2
