from __future__ import annotations

import numpy as np
import pytest

from opt_tool.kernels import products


@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("rows", [1, 2, 49, 96, 97, 113, 400])
@pytest.mark.parametrize(("depth", "filters"), [(5, 7), (130, 16), (130, 33), (700, 35)])
def test_every_division_is_the_same_product(
    rows: int, depth: int, filters: int, groups: int, small: bool
) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, groups, depth))
    weight = rng.standard_normal((groups, filters, depth))
    expected = np.einsum("tgk,gok->tgo", x, weight)
    turned = np.ascontiguousarray(weight.swapaxes(1, 2)).swapaxes(1, 2)
    for matrix in (weight, turned):
        out = np.full((rows, groups, filters), np.nan)
        products.multiply(x, matrix, out, small=small)
        np.testing.assert_allclose(out, expected, rtol=0, atol=1e-10)


def counted(monkeypatch: pytest.MonkeyPatch, rows: int, depth: int, *, turned: bool) -> list[int]:
    """The multiply-adds of each product that ``multiply`` is made of, for 32 filters."""
    sizes: list[int] = []
    matmul = np.matmul

    def watched(x: np.ndarray, y: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        made = matmul(x, y, out=out)
        count = int(np.prod(np.broadcast_shapes(x.shape[:-2], y.shape[:-2])))
        sizes.extend([x.shape[-2] * x.shape[-1] * y.shape[-1]] * count)
        return made

    monkeypatch.setattr(np, "matmul", watched)
    weight = np.zeros((1, 32, depth), np.float32)
    if turned:
        weight = np.zeros((1, depth, 32), np.float32).swapaxes(1, 2)
    out = np.empty((rows, 1, 32), np.float32)
    products.multiply(np.zeros((rows, 1, depth), np.float32), weight, out, small=True)
    return sizes


@pytest.mark.parametrize("rows", [2, 49, 96])
def test_few_rows_are_multiplied_by_some_filters_at_once(
    monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    assert counted(monkeypatch, rows, 512, turned=False) == 2 * [rows * 512 * 16]


@pytest.mark.parametrize(("rows", "depth"), [(1, 512), (97, 512), (49, 64), (49, 2048)])
def test_other_products_are_left_whole(
    monkeypatch: pytest.MonkeyPatch, rows: int, depth: int
) -> None:
    assert counted(monkeypatch, rows, depth, turned=False) == [rows * depth * 32]


def test_rows_go_by_a_matrix_in_rows_some_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    step = products.DIRECT_ROWS
    assert counted(monkeypatch, 3 * step, 64, turned=True) == 3 * [step * 64 * 32]
    assert counted(monkeypatch, 3 * step - 1, 64, turned=True) == [
        *(2 * [step * 64 * 32]),
        (step - 1) * 64 * 32,
    ]


@pytest.mark.parametrize(
    ("rows", "depth", "filters", "width"),
    [
        (49, 256, 256, 64),
        (49, 512, 512, 32),
        (196, 256, 256, 256),
        (49, 128, 128, 128),
        (16, 512, 160, 32),
        (16, 512, 130, 130),
    ],
)
def test_large_matrices_are_divided_into_strips(
    rows: int, depth: int, filters: int, width: int
) -> None:
    assert products.strip_width(rows, depth, filters) == width


def test_little_matrices_are_worth_laying_out() -> None:
    assert products.lie_in_rows(64, 128)
    assert not products.lie_in_rows(64, 129)
