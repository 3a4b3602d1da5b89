from __future__ import annotations

import numpy as np
import pytest

from opt_tool.runtime.free_places import FreePlaces


def test_takes_the_smallest_place_that_fits() -> None:
    places = FreePlaces()
    large, _, small, _ = (places.take(size) for size in (100, 1, 40, 1))
    places.give_back(large, 100)
    places.give_back(small, 40)
    assert places.take(30) == small
    assert places.take(30) == large


def test_neighbours_that_are_free_are_one_place() -> None:
    places = FreePlaces()
    first, second, third = (places.take(size) for size in (10, 20, 30))
    for offset, size in ((first, 10), (third, 30), (second, 20)):
        places.give_back(offset, size)
    assert places.take(60) == first
    assert places.size == 60


def test_a_free_place_at_the_end_grows() -> None:
    places = FreePlaces()
    places.take(10)
    last = places.take(20)
    places.give_back(last, 20)
    assert places.take(50) == last
    assert places.size == 60


@pytest.mark.parametrize("seed", range(5))
def test_no_two_places_meet(seed: int) -> None:
    rng = np.random.default_rng(seed)
    places = FreePlaces()
    taken: dict[int, int] = {}
    for _ in range(400):
        if taken and rng.random() < 0.45:
            offset = int(rng.choice(list(taken)))
            places.give_back(offset, taken.pop(offset))
        else:
            size = int(rng.integers(1, 50))
            offset = places.take(size)
            assert all(
                offset + size <= other or other + length <= offset
                for other, length in taken.items()
            )
            taken[offset] = size
    assert max(offset + size for offset, size in taken.items()) <= places.size
