from __future__ import annotations

import numpy as np
import onnx.reference
import pytest

from onnx_models import assert_reads, node_model, read_model
from opt_tool.errors import UnsupportedModelError
from opt_tool.runtime.executor import Executor

RNG = np.random.default_rng(0)
CONSTANT = pytest.mark.parametrize("constants", [["index"], []], ids=["constant", "computed"])


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


@CONSTANT
@pytest.mark.parametrize("reduction", ["none", "add"])
@pytest.mark.parametrize(
    ("shape", "index"),
    [
        ((5,), [[1], [-1], [0]]),
        ((4, 3), [[0], [2]]),
        ((4, 3), [[0, 1], [-2, -1]]),
        ((4, 3, 2), [[[0, 1]], [[3, 2]]]),
    ],
    ids=str,
)
def test_scatter_nd(
    constants: list[str], reduction: str, shape: tuple[int, ...], index: list[list[int]]
) -> None:
    places = np.array(index)
    updates = normal(*places.shape[:-1], *shape[places.shape[-1] :])
    inputs = {"x": normal(*shape), "index": places, "updates": updates}
    assert_reads("ScatterND", inputs, constants=constants, reduction=reduction)


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.bool_, np.uint8])
def test_scatter_nd_takes_element_types(dtype: type[np.generic]) -> None:
    inputs = {
        "x": RNG.integers(0, 2, (4, 3)).astype(dtype),
        "index": np.array([[1], [3]]),
        "updates": RNG.integers(0, 2, (2, 3)).astype(dtype),
    }
    assert_reads("ScatterND", inputs, constants=["index"])


def test_infinities_are_overwritten() -> None:
    inputs = {
        "x": np.full((3, 2), -np.inf, np.float32),
        "index": np.array([[1]]),
        "updates": normal(1, 2),
    }
    assert_reads("ScatterND", inputs)


def test_of_equal_constant_indices_the_last_counts() -> None:
    index = np.array([[1], [1], [2], [0]])
    inputs = {"x": normal(4, 2), "index": index, "updates": normal(4, 2)}
    assert_reads("ScatterND", inputs, constants=["index"])


@pytest.mark.parametrize("reduction", ["mul", "max", "min"])
def test_other_reductions_at_different_constant_indices(reduction: str) -> None:
    inputs = {"x": normal(4, 2), "index": np.array([[1], [2]]), "updates": normal(2, 2)}
    assert_reads("ScatterND", inputs, constants=["index"], reduction=reduction)


@pytest.mark.parametrize("reduction", ["mul", "max", "min"])
def test_other_reductions_take_equal_constant_indices_in_turn(reduction: str) -> None:
    index = np.array([[[1], [3], [1]], [[0], [1], [3]]])
    inputs = {"x": normal(4, 2), "index": index, "updates": normal(2, 3, 2)}
    assert_reads("ScatterND", inputs, constants=["index"], reduction=reduction)


@pytest.mark.parametrize(
    ("constants", "match"), [([], "known only at run time"), (["index"], "101 are equal")]
)
def test_other_reductions_are_refused_where_turns_are_unknown_or_many(
    constants: list[str], match: str
) -> None:
    index = np.ones((101, 1), np.int64)
    inputs = {"x": normal(4, 2), "index": index, "updates": normal(101, 2)}
    with pytest.raises(UnsupportedModelError, match=match):
        read_model(node_model("ScatterND", inputs, constants=constants, reduction="max"))


@CONSTANT
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("reduction", ["none", "add"])
def test_scatter_elements(constants: list[str], axis: int, reduction: str) -> None:
    index = np.array([[0, 2, 1], [1, 0, -1]]) if axis else np.array([[0, -1, 1], [1, 0, 2]])
    inputs = {"x": normal(3, 3), "index": index, "updates": normal(2, 3)}
    assert_reads("ScatterElements", inputs, constants=constants, axis=axis, reduction=reduction)


def test_scatter_of_opset_9() -> None:
    inputs = {"x": normal(3, 3), "index": np.array([[2, 0, 1]]), "updates": normal(1, 3)}
    assert_reads("Scatter", inputs, opset=9, axis=0)


@pytest.mark.parametrize("mode", ["linear", "circular"])
@pytest.mark.parametrize("constants", [["index"], []], ids=["constant", "computed"])
def test_tensor_scatter(mode: str, constants: list[str]) -> None:
    inputs = {
        "cache": normal(2, 3, 6, 4),
        "updates": normal(2, 3, 2, 4),
        "index": np.array([1, 4 if mode == "linear" else 5]),
    }
    model = node_model("TensorScatter", inputs, constants=constants, opset=24, mode=mode)
    feeds = {name: array for name, array in inputs.items() if name not in constants}
    (expected,) = onnx.reference.ReferenceEvaluator(model).run(None, feeds)
    np.testing.assert_array_equal(Executor(read_model(model)).run(feeds)["y"], expected)
