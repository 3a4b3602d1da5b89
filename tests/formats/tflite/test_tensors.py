from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from opt_tool.errors import UnsupportedError
from opt_tool.formats.tflite.schema import Quantization, SparseLevel, Sparsity, Tensor, TensorType
from opt_tool.formats.tflite.tensors import TensorError, spread, to_array
from tflite_models import Made, Op, Stored, assert_same, one_op

RNG = np.random.default_rng(0)
CONV: dict[str, Any] = {
    "stride_h": 1,
    "stride_w": 1,
    "dilation_h_factor": 1,
    "dilation_w_factor": 1,
}


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def tensor(array: np.ndarray, type: TensorType, shape: Sequence[int], **how: object) -> Tensor:
    return Tensor("t", type, tuple(shape), memoryview(array.tobytes()), **how)  # type: ignore[arg-type]  # as the test says


def test_quantized_weights_are_numbers_times_the_scale_of_their_channel() -> None:
    rule = Quantization((0.5, 2.0), (0, 0), 0)
    stored = np.array([[1, -2, 3], [-4, 5, 127]], np.int8)
    restored = to_array(tensor(stored, TensorType.INT8, (2, 3), quantization=rule))
    np.testing.assert_array_equal(restored, [[0.5, -1, 1.5], [-8, 10, 254]])
    assert restored.dtype == np.float32


def test_the_zero_point_is_taken_off_first() -> None:
    rule = Quantization((0.25,), (128,), 0)
    stored = np.array([0, 128, 255], np.uint8)
    restored = to_array(tensor(stored, TensorType.UINT8, (3,), quantization=rule))
    np.testing.assert_array_equal(restored, [-32, 0, 31.75])


def test_each_byte_holds_two_numbers_of_4_bits_the_lower_first() -> None:
    rule = Quantization((1.0,), (0,), 0)
    stored = np.array([0x21, 0x8F, 0x07], np.uint8)
    restored = to_array(tensor(stored, TensorType.INT4, (5,), quantization=rule))
    np.testing.assert_array_equal(restored, [1, 2, -1, -8, 7])


def test_half_precision_weights_become_float32() -> None:
    stored = np.array([0.1, -3], np.float16)
    restored = to_array(tensor(stored, TensorType.FLOAT16, (2,)))
    assert restored.dtype == np.float32
    np.testing.assert_array_equal(restored, stored.astype(np.float32))


def test_integers_without_a_scale_stay_integers() -> None:
    stored = np.array([1, -2], np.int8)
    assert to_array(tensor(stored, TensorType.INT8, (2,))).dtype == np.int8


@pytest.mark.parametrize("size", [3, 5])
def test_a_constant_of_another_size_is_damaged(size: int) -> None:
    with pytest.raises(TensorError, match="holds"):
        to_array(tensor(np.zeros(size, np.float32), TensorType.FLOAT32, (2, 2)))


def test_bytes_that_are_no_whole_numbers_are_damaged() -> None:
    with pytest.raises(TensorError, match="whole"):
        to_array(tensor(np.zeros(7, np.uint8), TensorType.FLOAT32, (2,)))


def test_text_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="STRING"):
        to_array(tensor(np.zeros(8, np.uint8), TensorType.STRING, (2,)))


# ---- sparse tensors

ROWS = Sparsity((0, 1), (), (SparseLevel(3), SparseLevel(0, (0, 1, 1, 3), (2, 0, 3))))
"""A matrix (3, 4) whose rows hold elements at 2, nowhere, and 0 and 3."""


def test_sparse_rows_are_spread() -> None:
    spread_out = spread(np.array([5.0, 6.0, 7.0], np.float32), (3, 4), ROWS)
    np.testing.assert_array_equal(spread_out, [[0, 0, 5, 0], [0, 0, 0, 0], [6, 0, 0, 7]])


def test_sparse_columns_are_spread() -> None:
    columns = Sparsity((1, 0), (), (SparseLevel(2), SparseLevel(0, (0, 2, 3), (0, 2, 1))))
    spread_out = spread(np.array([1, 2, 3], np.float32), (3, 2), columns)
    np.testing.assert_array_equal(spread_out, [[1, 0], [0, 3], [2, 0]])


def test_sparse_blocks_are_spread() -> None:
    blocks = Sparsity(
        (0, 1, 2, 3),
        (0, 1),
        (SparseLevel(2), SparseLevel(0, (0, 1, 2), (1, 0)), SparseLevel(2), SparseLevel(2)),
    )
    values = np.arange(1, 9, dtype=np.float32)
    expected = [[0, 0, 1, 2], [0, 0, 3, 4], [5, 6, 0, 0], [7, 8, 0, 0]]
    np.testing.assert_array_equal(spread(values, (4, 4), blocks), expected)


@pytest.mark.parametrize(
    "level",
    [
        SparseLevel(0, (0, 1, 1, 3), (2, 0, 4)),
        SparseLevel(0, (0, 1, 1, 3), (2, 0, -1)),
        SparseLevel(0, (0, 1, 1, 2), (2, 0, 3)),
        SparseLevel(0, (0, 2, 1, 3), (2, 0, 3)),
        SparseLevel(0, (1, 1, 1, 3), (2, 0, 3)),
        SparseLevel(0, (0, 1, 3), (2, 0, 3)),
        SparseLevel(5),
    ],
    ids=["beyond", "negative", "left-over", "backwards", "late", "few", "dense"],
)
def test_sparse_places_out_of_range_are_damaged(level: SparseLevel) -> None:
    sparsity = Sparsity((0, 1), (), (SparseLevel(3), level))
    with pytest.raises(TensorError):
        spread(np.ones(3, np.float32), (3, 4), sparsity)


def test_few_elements_do_not_make_a_huge_tensor() -> None:
    sparsity = Sparsity((0, 1), (), (SparseLevel(1 << 20), SparseLevel(0, (0, 0), ())))
    with pytest.raises(TensorError, match="are stored of"):
        spread(np.ones(3, np.float32), (1 << 20, 1 << 20), sparsity)


# ---- in models


def test_half_precision_weights_behind_dequantize_are_constants(tmp_path: Path) -> None:
    ops = [Op("DEQUANTIZE", ["h"], ["w"]), Op("CONV_2D", ["x", "w", "b"], ["y"], CONV)]
    constants = {"h": normal(4, 3, 3, 2).astype(np.float16), "b": normal(4)}
    graph = assert_same(Made(ops, {"x": normal(1, 6, 6, 2)}, constants), tmp_path)
    assert "conv2d" in [node.op.type for node in graph.nodes]


def test_sparse_weights_behind_densify_are_constants(tmp_path: Path) -> None:
    stored = Stored(np.array([5, 6, 7], np.float32), (3, 4), TensorType.FLOAT32, sparsity=ROWS)
    ops = [Op("DENSIFY", ["s"], ["d"]), Op("ADD", ["x", "d"], ["y"])]
    assert_same(Made(ops, {"x": normal(3, 4)}, {"s": stored}), tmp_path)


@pytest.mark.parametrize("channels", [1, 4], ids=["one-scale", "scale-per-channel"])
def test_quantized_weights_compute_what_the_numbers_do(tmp_path: Path, channels: int) -> None:
    rule = Quantization(tuple(RNG.uniform(0.01, 0.1, channels)), (0,) * channels, 0)
    weights = RNG.integers(-127, 128, (4, 3, 3, 2)).astype(np.int8)
    inputs: dict[str, np.ndarray | Stored | None] = {
        "x": normal(1, 6, 6, 2),
        "w": Stored.of(weights, quantization=rule),
        "b": normal(4),
    }
    assert_same(one_op("CONV_2D", inputs, constants=("w", "b"), **CONV), tmp_path, atol=1e-4)
