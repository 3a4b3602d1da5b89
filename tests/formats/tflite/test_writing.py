from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from opt_tool.errors import UnsupportedModelError
from opt_tool.formats.tflite.schema import TensorType
from opt_tool.runtime.executor import Executor
from tflite_models import Made, Op, assert_same, ints, normal, one_op


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


@pytest.mark.parametrize(
    ("index", "shape", "values"),
    [
        (ints(4, 5, 3), ints(6, 7), normal(1)),
        (ints(4, 5), ints(6), normal(3)),
        (ints(4, 5), ints(6), normal(2, 1)),
        (ints(4), np.zeros(0, np.int32), normal(1)),
    ],
)
def test_sparse_to_dense_that_does_not_fit_is_refused(
    index: np.ndarray, shape: np.ndarray, values: np.ndarray
) -> None:
    inputs = {"i": index, "s": shape, "v": values, "d": normal()}
    with pytest.raises(UnsupportedModelError, match="at indices"):
        one_op("SPARSE_TO_DENSE", inputs, constants=("i", "s", "d")).read()


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


# ---- what the converter leaves of writing at indices


def scattering(
    x: np.ndarray,
    index: np.ndarray,
    updates: np.ndarray,
    *,
    axes: tuple[int, ...],
    windows: tuple[int, ...],
    body: str = "",
    constant: bool = False,
    **more: Any,  # other options
) -> Made:
    options = {
        "update_window_dims": windows,
        "inserted_window_dims": axes,
        "scatter_dims_to_operand_dims": axes,
        "index_vector_dim": index.ndim - 1,
        "update_computation_subgraph_index": 1,
        **more,
    }
    number = np.zeros((), np.float32)
    join = [Op(body, ["a", "b"], ["c"])] if body else []
    outputs = ("c",) if body else ("b",)
    inputs = {"x": x, "u": updates} if constant else {"x": x, "i": index, "u": updates}
    return Made(
        [Op("STABLEHLO_SCATTER", ["x", "i", "u"], ["y"], options)],
        inputs,
        {"i": index} if constant else {},
        branches=(Made(join, {"a": number, "b": number}, outputs=outputs),),
    )


@pytest.mark.parametrize("constant", [True, False])
@pytest.mark.parametrize("body", ["", "STABLEHLO_ADD"])
def test_scatter_of_rows_and_columns(tmp_path: Path, body: str, constant: bool) -> None:
    rows = scattering(
        normal(4, 5), ints([3], [1]), normal(2, 5), axes=(0,), windows=(1,), body=body,
        constant=constant,
    )  # fmt: skip
    columns = scattering(
        normal(4, 5), ints([3], [0], [1]), normal(4, 3), axes=(1,), windows=(0,), body=body,
        constant=constant,
    )  # fmt: skip
    both = scattering(
        normal(4, 5), ints([[3, 1], [0, 0]], [[2, 4], [1, 1]]), normal(2, 2), axes=(0, 1),
        windows=(), body=body, constant=constant,
    )  # fmt: skip
    planes = scattering(
        normal(1, 3, 4, 5), ints([[3, 1], [0, 0]], [[2, 4], [1, 1]]), normal(1, 3, 2, 2),
        axes=(2, 3), windows=(0, 1), body=body, constant=constant,
    )  # fmt: skip
    for made in (rows, columns, both, planes):
        assert_same(made, tmp_path)


def test_scatter_at_indices_of_one_number_each(tmp_path: Path) -> None:
    made = scattering(
        normal(4, 5), ints(3, 1), normal(2, 5), axes=(0,), windows=(1,), index_vector_dim=1
    )
    assert_same(made, tmp_path)


@pytest.mark.parametrize("body", ["MAXIMUM", "MINIMUM", "MULTIPLY"])
def test_scatter_that_joins(tmp_path: Path, body: str) -> None:
    made = scattering(
        normal(4, 5), ints([3], [1]), normal(2, 5), axes=(0,), windows=(1,),
        body=f"STABLEHLO_{body}", constant=True,
    )  # fmt: skip
    assert_same(made, tmp_path)


def test_scatter_that_adds_by_tflites_own_operator() -> None:
    """Exporters write it, LiteRT does not take it."""
    x, updates = normal(4, 5), normal(2, 5)
    made = scattering(x, ints([3], [1]), updates, axes=(0,), windows=(1,), body="ADD")
    y = Executor(made.read()).run(made.inputs)["y"]
    x[[3, 1]] += updates
    np.testing.assert_allclose(y, x, rtol=1e-6)


@pytest.mark.parametrize(
    "made",
    [
        scattering(normal(4, 5), ints([3], [1]), normal(2, 4), axes=(0,), windows=(1,)),
        scattering(normal(4, 5), ints([3], [1]), normal(3, 5), axes=(0,), windows=(1,)),
        scattering(
            normal(4, 5), ints([3], [1]), normal(2, 5), axes=(0,), windows=(1,),
            inserted_window_dims=(),
        ),
        scattering(normal(4, 5), ints([3], [1]), normal(2, 5), axes=(2,), windows=(1,)),
        scattering(normal(4, 5), ints([3], [1]), normal(2, 5), axes=(0,), windows=(3,)),
        scattering(
            normal(4, 5), ints([3], [1]), normal(2, 5), axes=(0,), windows=(1,), index_vector_dim=0
        ),
        scattering(
            normal(4, 5), ints([3]), normal(1, 4, 5), axes=(0,), windows=(1, 2),
            inserted_window_dims=(),
        ),
    ],
)  # fmt: skip
def test_scatter_that_does_not_fit_is_refused(made: Made) -> None:
    with pytest.raises(UnsupportedModelError, match="parts"):
        made.read()


def test_scatter_that_joins_in_another_way_is_refused() -> None:
    made = scattering(
        normal(4, 5), ints([3], [1]), normal(2, 5), axes=(0,), windows=(1,), body="SUB"
    )
    nothing = dataclasses.replace(made.branches[0], ops=[], outputs=("a",))
    for each in (made, dataclasses.replace(made, branches=(nothing,))):
        with pytest.raises(UnsupportedModelError, match="another operator"):
            each.read()
