from __future__ import annotations

import numpy as np
import pytest

from opt_tool.kernels import recurrence

RNG = np.random.default_rng(0)


def _random(*shape: int) -> np.ndarray:
    return RNG.uniform(-1, 1, shape).astype(np.float32)


def _layer(gates: int, size: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Weights and biases of one direction with a state of 4 numbers."""
    return [_random(gates * 4, size), _random(gates * 4, 4)], [
        _random(gates * 4),
        _random(gates * 4),
    ]


@pytest.mark.parametrize(("mode", "gates", "count"), [("LSTM", 4, 2), ("GRU", 3, 1)])
@pytest.mark.parametrize("ways", [1, 2])
def test_two_layers_are_one_after_the_other(mode: str, gates: int, count: int, ways: int) -> None:
    x = _random(5, 2, 3)
    states = [_random(2 * ways, 2, 4) for _ in range(count)]
    rows = [_layer(gates, 3 if row < ways else 4 * ways) for row in range(2 * ways)]

    def run(x: np.ndarray, first: int, last: int, layers: int) -> list[np.ndarray]:
        chosen = rows[first:last]
        weights = [w for pair, _ in chosen for w in pair] + [v for _, pair in chosen for v in pair]
        part = [state[first:last] for state in states]
        return recurrence.rnn(x, part, weights, mode=mode, layers=layers, directions=ways)

    y, *last = run(x, 0, 2 * ways, 2)
    below, *below_states = run(x, 0, ways, 1)
    above, *above_states = run(below, ways, 2 * ways, 1)
    np.testing.assert_array_equal(y, above)
    for both, one, other in zip(last, below_states, above_states, strict=True):
        np.testing.assert_array_equal(both, np.concatenate([one, other]))


def test_backward_reads_from_the_end() -> None:
    x, start = _random(5, 2, 3), _random(2, 2, 4)
    weights, biases = _layer(3, 3)
    both, (_, end) = recurrence.rnn(
        x, [start], weights * 2 + biases * 2, mode="GRU", layers=1, directions=2
    )
    turned, (turned_end,) = recurrence.rnn(
        x[::-1], [start[1:]], weights + biases, mode="GRU", layers=1, directions=1
    )
    np.testing.assert_array_equal(both[:, :, 4:], turned[::-1])
    np.testing.assert_array_equal(end, turned_end)
