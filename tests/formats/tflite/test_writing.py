from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from opt_tool.errors import UnsupportedModelError
from opt_tool.formats.tflite.schema import TensorType
from tflite_models import assert_same, ints, normal, one_op


@pytest.mark.parametrize(
    ("index", "shape"),
    [([[2], [0]], (4, 3)), ([[2, 1], [0, 3], [2, 1]], (3, 4)), ([[3], [1], [3]], (5,))],
)
@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_scatter_nd(
    tmp_path: Path, index: list[list[int]], shape: tuple[int, ...], dtype: type
) -> None:
    indices = np.array(index, np.int32)
    updates: np.ndarray = (9 * normal(len(index), *shape[indices.shape[-1] :])).astype(dtype)
    made = one_op(
        "SCATTER_ND", {"i": indices, "u": updates, "s": ints(*shape)}, constants=("s",),
        types={"y": getattr(TensorType, np.dtype(dtype).name.upper())},
    )  # fmt: skip
    assert_same(made, tmp_path)


def test_scatter_at_constant_indices_adds_up_what_meets(tmp_path: Path) -> None:
    inputs = {"i": ints([2], [0], [2]), "u": normal(3, 4), "s": ints(3, 4)}
    assert_same(one_op("SCATTER_ND", inputs, constants=("i", "s")), tmp_path)


def test_a_shape_that_only_the_run_knows_is_refused() -> None:
    made = one_op("SCATTER_ND", {"i": ints([0]), "u": normal(1, 3), "s": ints(2, 3)})
    with pytest.raises(UnsupportedModelError, match="shape"):
        made.read()


@pytest.mark.parametrize("scalar", [True, False])
@pytest.mark.parametrize("index", [[[2, 1], [0, 3], [1, 0]], [4, 0, 2]], ids=["places", "rows"])
def test_sparse_to_dense(tmp_path: Path, index: list[object], scalar: bool) -> None:
    shape = ints(3, 4) if isinstance(index[0], list) else ints(6)
    inputs = {
        "i": np.array(index, np.int32),
        "s": shape,
        "v": np.array(7.5, np.float32) if scalar else normal(3),
        "d": np.array(-1.5, np.float32),
    }
    made = one_op("SPARSE_TO_DENSE", inputs, constants=("i", "s", "d"))
    assert_same(made, tmp_path, atol=0)


def test_sparse_to_dense_beyond_its_shape_is_refused() -> None:
    inputs = {"i": ints(4, 6), "s": ints(6), "v": normal(2), "d": normal()}
    with pytest.raises(UnsupportedModelError, match="beyond a shape"):
        one_op("SPARSE_TO_DENSE", inputs, constants=("i", "s", "d")).read()


@pytest.mark.parametrize("start", [(0, 1, 2), (9, -2, 9), (1, 0, 0)], ids=str)
@pytest.mark.parametrize("size", [(2, 2, 3), (4, 1, 5), (1, 3, 5), (4, 3, 5)], ids=str)
@pytest.mark.parametrize("constant", [True, False])
def test_update_of_a_slice(
    tmp_path: Path, start: tuple[int, ...], size: tuple[int, ...], constant: bool
) -> None:
    inputs = {"x": normal(4, 3, 5), "u": normal(*size), "s": ints(*start)}
    made = one_op("DYNAMIC_UPDATE_SLICE", inputs, constants=("s",) if constant else ())
    assert_same(made, tmp_path)


def test_an_update_that_is_too_large_is_refused() -> None:
    inputs = {"x": normal(4, 3), "u": normal(5, 3), "s": ints(0, 0)}
    with pytest.raises(UnsupportedModelError, match="an update"):
        one_op("DYNAMIC_UPDATE_SLICE", inputs).read()


def test_matrices_of_diagonals(tmp_path: Path) -> None:
    assert_same(one_op("MATRIX_DIAG", {"x": normal(2, 3)}), tmp_path)


@pytest.mark.parametrize("shape", [(3, 3), (4, 3), (3, 5)], ids=str)
def test_diagonals_of_matrices(tmp_path: Path, shape: tuple[int, int]) -> None:
    x = normal(2, *shape)
    x[0, 0, 0] = np.inf
    assert_same(one_op("MATRIX_SET_DIAG", {"x": x, "d": normal(2, min(shape))}), tmp_path)
