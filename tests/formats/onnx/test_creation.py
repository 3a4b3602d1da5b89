from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import helper, numpy_helper

from graphs import ops
from onnx_models import assert_reads, node_model, read_model
from opt_tool.errors import UnsupportedModelError
from opt_tool.ir.operations.creation import OneHotV2, TrilTriu
from opt_tool.ir.operations.data_movement import Assign

RNG = np.random.default_rng(0)


def vector(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


@pytest.mark.parametrize(
    "value",
    [
        {"value": numpy_helper.from_array(np.arange(6, dtype=np.float32).reshape(2, 3))},
        {"value": numpy_helper.from_array(np.array(3, np.int64))},
        {"value_float": 1.5},
        {"value_floats": [1.5, -2.0]},
        {"value_int": 7},
        {"value_ints": [7, 8]},
    ],
    ids=lambda value: next(iter(value)),
)
def test_constant(value: dict[str, Any]) -> None:
    assert_reads("Constant", {}, **value)


def test_a_constant_of_text_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="value_string"):
        read_model(node_model("Constant", {}, value_string="text"))


@pytest.mark.parametrize("constants", [["shape"], []], ids=["constant", "computed"])
@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.int64, np.bool_, np.uint8, np.int8])
def test_constant_of_shape(constants: list[str], dtype: type[np.generic]) -> None:
    value = helper.make_tensor("v", helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), [1], [1])
    inputs = {"shape": vector(2, 3)}
    assert_reads("ConstantOfShape", inputs, constants=constants, value=value)
    assert_reads("ConstantOfShape", inputs, constants=constants)


def test_constant_of_shape_keeps_large_integers() -> None:
    value = numpy_helper.from_array(np.array([2**40 + 1]))
    assert_reads("ConstantOfShape", {"shape": vector(2)}, value=value)


@pytest.mark.parametrize("bounds", [(0, 5, 1), (10, 3, -2), (1, 8, 3)], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.int64])
@pytest.mark.parametrize("constants", ["abc", ""], ids=["constant", "computed"])
def test_range(bounds: tuple[int, int, int], dtype: type[np.generic], constants: str) -> None:
    inputs = {name: np.array(n, dtype) for name, n in zip("abc", bounds, strict=True)}
    assert_reads("Range", inputs, constants=list(constants))


def test_eye_like() -> None:
    x = np.zeros((3, 4), np.float32)
    assert_reads("EyeLike", {"x": x}, k=1)
    assert_reads("EyeLike", {"x": x}, k=-1, dtype=7)
    with pytest.raises(UnsupportedModelError, match="known size"):
        read_model(node_model("EyeLike", {"x": x}, dynamic=True))


# ---- OneHot


@pytest.mark.parametrize("axis", [-1, 0, 1])
@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.float32])
@pytest.mark.parametrize("values", [(0, 1), (2, 5), (-1, 1)], ids=str)
def test_one_hot(axis: int, dtype: type[np.generic], values: tuple[int, int]) -> None:
    indices = np.array([[0, 2, -1], [-4, 3, 1]], dtype)
    depth = np.array([4], dtype)
    inputs = {"x": indices, "depth": depth, "values": np.array(values, np.float32)}
    assert_reads("OneHot", inputs, constants=["depth", "values"], axis=axis)


def test_one_hot_of_indices_outside_is_all_off() -> None:
    inputs = {"x": vector(-5, -4, 3, 4), "depth": vector(4), "values": vector(1, 3)}
    assert_reads("OneHot", inputs, constants=["depth", "values"])


def test_one_hot_of_what_a_count_made_needs_no_second_look() -> None:
    inputs = {"x": vector(0, 2), "depth": vector(3), "values": np.array([0, 1], np.float32)}
    graph = assert_reads("OneHot", inputs, constants=["x", "depth", "values"])
    assert OneHotV2 not in ops(graph)


# ---- Trilu


@pytest.mark.parametrize("upper", [0, 1])
@pytest.mark.parametrize("k", [None, -1, 0, 2, 10])
@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.bool_])
def test_trilu(upper: int, k: int | None, dtype: type[np.generic]) -> None:
    x = RNG.integers(0, 2, (2, 3, 4)).astype(dtype)
    inputs = {"x": x, "k": None if k is None else np.array(k, np.int64)}
    constants = [] if k is None else ["k"]
    assert_reads("Trilu", inputs, constants=constants, upper=upper)


@pytest.mark.parametrize(
    ("inputs", "fact"),
    [
        ({"x": np.array(3), "k": np.array(0)}, "has no matrices"),
        ({"x": np.ones((2, 2)), "k": np.zeros(0, np.int64)}, "diagonal is a tensor without"),
    ],
    ids=["scalar", "no diagonal"],
)
def test_a_triangle_of_nothing_is_refused(inputs: dict[str, np.ndarray], fact: str) -> None:
    with pytest.raises(UnsupportedModelError, match=fact):
        read_model(node_model("Trilu", inputs, constants=("k",)))


def test_a_triangle_of_infinities_has_zeros_beside_it() -> None:
    graph = assert_reads("Trilu", {"x": np.full((3, 3), -np.inf, np.float32)}, upper=1)
    assert ops(graph) == [TrilTriu]


def test_a_constant_triangle_is_computed_at_once() -> None:
    graph = assert_reads("Trilu", {"x": np.ones((3, 3), np.int32)}, constants=["x"])
    assert ops(graph) == [Assign]
