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
    matrices = [weight]
    if groups == 1:
        widths = (width for width in range(1, filters + 1) if filters % width == 0)
        matrices.extend(products.in_pieces(weight[0], width)[np.newaxis] for width in widths)
    for matrix in matrices:
        out = np.full((rows, groups, filters), np.nan)
        products.multiply(x, matrix, out, small=small)
        np.testing.assert_allclose(out, expected, rtol=0, atol=1e-10)


def counted(
    monkeypatch: pytest.MonkeyPatch, rows: int, depth: int, *, width: int | None = None
) -> list[int]:
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
    if width is not None:
        weight = products.in_pieces(weight[0], width)[np.newaxis]
    out = np.empty((rows, 1, 32), np.float32)
    products.multiply(np.zeros((rows, 1, depth), np.float32), weight, out, small=True)
    return sizes


@pytest.mark.parametrize("rows", [2, 49, 96])
def test_few_rows_are_multiplied_by_some_filters_at_once(
    monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    assert counted(monkeypatch, rows, 512) == 2 * [rows * 512 * 16]


@pytest.mark.parametrize(("rows", "depth"), [(1, 512), (97, 512), (49, 64), (49, 2048)])
def test_other_products_are_left_whole(
    monkeypatch: pytest.MonkeyPatch, rows: int, depth: int
) -> None:
    assert counted(monkeypatch, rows, depth) == [rows * depth * 32]


@pytest.mark.parametrize("width", [32, 8])
def test_some_rows_go_by_each_piece_at_once(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    step, pieces = products.PIECE_ROWS, 32 // width
    whole, rest = step * 64 * width, (step - 1) * 64 * width
    assert counted(monkeypatch, 3 * step, 64, width=width) == 3 * pieces * [whole]
    assert counted(monkeypatch, 3 * step - 1, 64, width=width) == [
        *(2 * pieces * [whole]),
        *(pieces * [rest]),
    ]


@pytest.mark.parametrize("rows", [6, 7, 8])
def test_rows_that_are_left_over_are_multiplied_too(
    monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(products, "PIECE_ROWS", 3)
    rng = np.random.default_rng(1)
    x, weight = rng.standard_normal((rows, 1, 5)), rng.standard_normal((6, 5))
    out = np.full((rows, 1, 6), np.nan)
    products.multiply(x, products.in_pieces(weight, 2)[np.newaxis], out, small=True)
    np.testing.assert_allclose(out[:, 0], x[:, 0] @ weight.T, rtol=0, atol=1e-12)


def test_no_product_by_a_piece_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = counted(monkeypatch, 500, 1024, width=32)
    assert max(sizes) <= products.SMALL < max(sizes) * 1.1
    assert sum(sizes) == 500 * 1024 * 32


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


@pytest.mark.parametrize(
    ("rows", "depth", "filters", "width"),
    [
        (784, 64, 128, 128),
        (784, 64, 192, 64),
        (784, 64, 160, 32),
        (784, 64, 150, None),
        (784, 1152, 128, None),
        (49, 160, 960, 32),
        (49, 160, 1000, None),
        (49, 1024, 256, None),
        (16, 1536, 384, 32),
        (1, 256, 256, None),
    ],
)
def test_filters_are_laid_out_in_pieces_where_that_pays(
    rows: int, depth: int, filters: int, width: int | None
) -> None:
    assert products.piece_width(rows, depth, filters) == width
