from __future__ import annotations

import itertools

import numpy as np
import pytest

from opt_tool.passes.quantization.choose_bits import Choice, choose_bits, lower_hull


def random_choices(seed: int) -> list[list[Choice]]:
    rng = np.random.default_rng(seed)
    return [
        [
            Choice(8, size, float(rng.uniform(0, 10))),
            Choice(16, 2 * size, float(rng.uniform(0, 0.1))),
            Choice(32, 4 * size, 0.0),
        ]
        for size in rng.integers(1, 20, 6).tolist()
    ]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("budget", [0.0, 0.2, 3.0, 100.0])
def test_the_gap_that_is_stated_holds(seed: int, budget: float) -> None:
    choices = random_choices(seed)
    found = choose_bits(choices, budget)
    best = min(
        sum(choice.bytes for choice in combination)
        for combination in itertools.product(*choices)
        if sum(choice.noise for choice in combination) <= budget
    )
    assert found.noise <= budget
    assert found.least_bytes <= best + 1e-9
    assert best <= found.bytes <= found.least_bytes * (1 + found.gap) + 1e-9


def test_the_noisy_weight_gets_more_bits_first() -> None:
    quiet = [Choice(8, 10, 0.01), Choice(16, 20, 0.0)]
    noisy = [Choice(8, 10, 5.0), Choice(16, 20, 0.0)]
    assert choose_bits([quiet, noisy, quiet], 1.0).bits == (8, 16, 8)


def test_what_costs_more_and_removes_less_is_no_choice() -> None:
    poor = Choice(16, 20, 4.9)
    options = [Choice(8, 10, 5.0), poor, Choice(32, 40, 0.0)]
    assert poor not in lower_hull(options)


def test_a_weight_with_one_choice_keeps_it() -> None:
    only = [Choice(8, 10, 5.0)]
    assert choose_bits([only], 0.0).bits == (8,)
