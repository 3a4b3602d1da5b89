from __future__ import annotations

import pytest

from opt_tool.ir import types


def test_constants_are_summed_behind_a_symbol() -> None:
    assert types.add(types.add("h", 2), -3) == "h-1"
    assert types.add(types.add("h", 2), -2) == "h"
    assert types.subtract("h", "h") == 0


def test_products_are_the_same_text_in_any_order() -> None:
    assert types.product(["w", 3, "h"]) == types.product(["h", "w", 3])
    assert types.multiply("h", 0) == 0


def test_a_factor_divides_out() -> None:
    assert types.floor_divide(types.multiply("h", 4), 2) == types.multiply("h", 2)
    assert types.floor_divide(types.add("h", 1), 2) == "(h+1)//2"


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [((2, 1), (3,), (2, 3)), (("n", 4), (1, 1), ("n", 4)), ((1, 4), ("n", 4), ("n", 4))],
)
def test_shapes_broadcast(a: types.Shape, b: types.Shape, expected: types.Shape) -> None:
    assert types.broadcast(a, b) == expected


def test_shapes_that_do_not_broadcast_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\[2\] and \[3\]"):
        types.broadcast((2,), (3,))


def test_unknown_sizes_that_broadcast_are_the_same_text_however_often() -> None:
    once = types.broadcast(("a",), ("b",))
    assert types.broadcast(("b",), once) == types.broadcast(once, ("a",)) == once
    assert types.broadcast(("c",), once) == ("max(a,b,c)",)


@pytest.mark.parametrize(
    ("above", "below", "expected"),
    [
        (("n", "s", 12), ("n", 4), "s*3"),
        (("n", 12), ("n", 12), 1),
        (("n", 3), (2,), "(n*3)//2"),
        (("n*s", 4), ("s",), "n*4"),
        (("n",), ("m",), "n//m"),
        ((6, 4), (8,), 3),
    ],
)
def test_products_divide_where_factors_are_equal(
    above: types.Shape, below: types.Shape, expected: types.Dim
) -> None:
    assert types.divide_products(above, below) == expected


@pytest.mark.parametrize(("above", "below"), [((5,), (2,)), (("n", 5), ("n", 2)), ((5,), (0,))])
def test_products_that_do_not_divide_are_refused(above: types.Shape, below: types.Shape) -> None:
    with pytest.raises(ValueError, match="does not divide"):
        types.divide_products(above, below)


def test_a_product_of_products_is_flat() -> None:
    assert types.multiply(types.multiply("a", 2), types.multiply("b", 3)) == "a*b*6"
    assert types.multiply(types.add("a", 1), "b") == "(a+1)*b"
    assert types.factors("(a+1)*b*6") == (6, ("(a+1)", "b"))
