from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator

from onnx_models import assert_reads, need_newer_onnxruntime, node_model, read_model
from opt_tool.errors import UnsupportedModelError
from opt_tool.runtime.executor import Executor

RNG = np.random.default_rng(5)
REDUCTIONS = [
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSum",
    "ReduceSumSquare",
]
X = RNG.uniform(0.5, 2, (2, 3, 4, 5)).astype(np.float32)


def axes_options(operator: str, axes: list[int] | None, opset: int) -> dict[str, Any]:
    """The inputs and attributes that give a reduction its axes in an opset."""
    operand_since = 13 if operator == "ReduceSum" else 18
    inputs: dict[str, np.ndarray | None] = {"x": X}
    if axes is None:
        return {"inputs": inputs, "opset": opset}
    if opset < operand_since:
        return {"inputs": inputs, "axes": axes, "opset": opset}
    inputs["axes"] = np.array(axes, np.int64)
    return {"inputs": inputs, "constants": ["axes"], "opset": opset}


@pytest.mark.parametrize("keep", [0, 1])
@pytest.mark.parametrize("axes", [None, [1], [-1], [2, 3], [3, 1], [0, 1, 2, 3]], ids=str)
@pytest.mark.parametrize("operator", REDUCTIONS)
def test_reduction(operator: str, axes: list[int] | None, keep: int) -> None:
    for opset in (11, 13, 18):
        assert_reads(operator, **axes_options(operator, axes, opset), keepdims=keep)


@pytest.mark.parametrize("operator", REDUCTIONS)
def test_reduction_of_unknown_sizes(operator: str) -> None:
    assert_reads(operator, **axes_options(operator, [1, 2], 18), dynamic=True)


@pytest.mark.parametrize("operator", ["ReduceMax", "ReduceSum", "ReduceMean"])
def test_reduction_of_a_vector_to_a_scalar(operator: str) -> None:
    assert_reads(operator, {"x": X[0, 0, 0]}, keepdims=0)


@pytest.mark.parametrize("operator", REDUCTIONS)
def test_reduction_along_no_axis(operator: str) -> None:
    if operator in ("ReduceLogSum", "ReduceSumSquare"):
        need_newer_onnxruntime()
    inputs: dict[str, np.ndarray | None] = {"x": X, "axes": np.array([], np.int64)}
    for noop in (0, 1):
        assert_reads(operator, inputs, constants=["axes"], noop_with_empty_axes=noop)


@pytest.mark.parametrize("dtype", [np.int32, np.int64], ids=str)
@pytest.mark.parametrize(
    "operator",
    ["ReduceL1", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum"],
)
def test_reduction_of_whole_numbers(operator: str, dtype: type) -> None:
    if operator in ("ReduceMean", "ReduceL1") and dtype is np.int64:
        pytest.skip("onnxruntime has no such kernel")
    x: np.ndarray = RNG.integers(-4, 5, (3, 4)).astype(dtype)
    inputs = {"x": x, "axes": np.array([1])}
    assert_reads(operator, inputs, constants=["axes"])


@pytest.mark.parametrize("operator", ["ReduceMax", "ReduceMin"])
def test_extremes_of_truth_values(operator: str) -> None:
    x = np.array([[True, True], [True, False], [False, False]])
    assert_reads(operator, {"x": x, "axes": np.array([1])}, constants=["axes"], keepdims=0)


def test_log_of_sum_of_large_exponentials_is_finite() -> None:
    assert_reads("ReduceLogSumExp", {"x": np.array([[1000, 1000.5], [-900, -1]], np.float32)})


@pytest.mark.parametrize("operator", ["ReduceSum", "ReduceProd", "ReduceL2"])
def test_reduction_of_nothing(operator: str) -> None:
    inputs = {"x": np.zeros((2, 0, 4), np.float32), "axes": np.array([1])}
    assert_reads(operator, inputs, constants=["axes"])


def test_reduction_along_computed_axes_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="axes"):
        read_model(node_model("ReduceSum", {"x": X, "axes": np.array([1])}))


def test_reduction_along_a_missing_axis_is_refused() -> None:
    inputs = {"x": X, "axes": np.array([4])}
    with pytest.raises(UnsupportedModelError, match="axis 4 does not exist"):
        read_model(node_model("ReduceSum", inputs, constants=["axes"]))


# ---- ArgMax and ArgMin

TIES = RNG.integers(0, 3, (3, 7, 2))


@pytest.mark.parametrize("last", [0, 1])
@pytest.mark.parametrize("keep", [0, 1])
@pytest.mark.parametrize("axis", [None, 1, -1])
@pytest.mark.parametrize("operator", ["ArgMax", "ArgMin"])
def test_places_of_extremes(operator: str, axis: int | None, keep: int, last: int) -> None:
    options: dict[str, Any] = {"axis": axis, "keepdims": keep, "select_last_index": last}
    for dtype in (np.float32, np.int32, np.int64, np.uint8):
        if dtype is np.int64 and operator == "ArgMin":
            continue  # onnxruntime has no such kernel
        assert_reads(operator, {"x": TIES.astype(dtype)}, **options)


def test_place_of_the_largest_in_unknown_sizes() -> None:
    assert_reads("ArgMax", {"x": X}, axis=1, dynamic=True)
    assert_reads("ArgMax", {"x": X}, axis=1, opset=11)


# ---- CumSum


@pytest.mark.parametrize("reverse", [0, 1])
@pytest.mark.parametrize("exclusive", [0, 1])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_cumulative_sum(axis: int, exclusive: int, reverse: int) -> None:
    for dtype in (np.float32, np.int32, np.int64):
        inputs: dict[str, np.ndarray] = {
            "x": (10 * X).astype(dtype),
            "axis": np.array(axis, np.int32),
        }
        options = {"exclusive": exclusive, "reverse": reverse}
        assert_reads("CumSum", inputs, constants=["axis"], **options)


# ---- CumProd


@pytest.mark.parametrize("reverse", [0, 1])
@pytest.mark.parametrize("exclusive", [0, 1])
@pytest.mark.parametrize("shape", [(1, 2), (2, 1), (3, 4), (8, 5), (9, 1), (0, 3)], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.int64])
def test_cumulative_product(
    shape: tuple[int, ...], exclusive: int, reverse: int, dtype: type
) -> None:
    x: np.ndarray = RNG.uniform(-3, 3, shape).astype(dtype)
    x[-1:, :1] = 0
    for axis in (0, -1):
        model = node_model(
            "CumProd", {"x": x, "axis": np.array(axis)}, constants=["axis"], opset=26,
            exclusive=exclusive, reverse=reverse,
        )  # fmt: skip
        (result,) = ReferenceEvaluator(model).run(None, {"x": x})
        expected = np.asarray(result)
        graph = read_model(model)
        assert 0 in shape or not any(0 in value.shape for value in graph.values.values())
        actual = Executor(graph).run({"x": x})["y"]
        assert actual.dtype == expected.dtype
        np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_a_cumulative_product_of_unknown_length_is_refused() -> None:
    inputs = {"x": X, "axis": np.array(1)}
    model = node_model("CumProd", inputs, constants=["axis"], opset=26, dynamic=True)
    with pytest.raises(UnsupportedModelError, match="known only at run time"):
        read_model(model)


# ---- TopK


@pytest.mark.parametrize("largest", [0, 1])
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.int64], ids=str)
def test_top_k(axis: int, largest: int, dtype: type) -> None:
    x: np.ndarray = RNG.permutation(60).reshape(3, 4, 5).astype(dtype)
    inputs = {"x": x, "k": np.array([2])}
    options: dict[str, Any] = {"axis": axis, "largest": largest}
    assert_reads("TopK", inputs, constants=["k"], outputs=["values", "places"], **options)


def test_top_k_of_older_opsets() -> None:
    x = RNG.permutation(20).reshape(4, 5).astype(np.float32)
    assert_reads("TopK", {"x": x}, outputs=["values", "places"], k=3, opset=9)
    inputs = {"x": x, "k": np.array([3])}
    assert_reads("TopK", inputs, constants=["k"], outputs=["values", "places"], opset=10)


def test_top_k_of_a_computed_number_is_refused() -> None:
    model = node_model("TopK", {"x": X, "k": np.array([2])}, outputs=["values", "places"])
    with pytest.raises(UnsupportedModelError, match="number of elements"):
        read_model(model)


def test_more_than_there_are_is_refused() -> None:
    inputs = {"x": X, "k": np.array([6])}
    with pytest.raises(UnsupportedModelError, match="there are no 6 elements"):
        read_model(node_model("TopK", inputs, constants=["k"], outputs=["values", "places"]))
