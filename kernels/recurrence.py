"""Recurrent layers, step by step from their equations.

Hochreiter and Schmidhuber, Long Short-Term Memory, 1997; Cho et al., Learning Phrase
Representations using RNN Encoder-Decoder, 2014, with the reset gate behind the product.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from opt_tool.kernels.activation import sigmoid

Step: TypeAlias = Callable[..., tuple[np.ndarray, ...]]


def lstm_step(
    x: np.ndarray, h: np.ndarray, c: np.ndarray, weight: np.ndarray, bias: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """h and c (N, H) after one step.

    Args:
        x: What the input contributes to the gates i, f, c, o, bias included (N, 4H).
        h: The state (N, H).
        c: The cell (N, H).
        weight: The state's weight (4H, H).
        bias: Its bias (4H,).
    """
    i, f, new, o = np.split(x + h @ weight.T + bias, 4, axis=1)
    cell = sigmoid(f) * c + sigmoid(i) * np.tanh(new)
    return sigmoid(o) * np.tanh(cell), cell


def gru_step(
    x: np.ndarray, h: np.ndarray, weight: np.ndarray, bias: np.ndarray
) -> tuple[np.ndarray]:
    """h (N, H) after one step; the gates are r, z, c, the weight is (3H, H)."""
    x_r, x_z, x_c = np.split(x, 3, axis=1)
    h_r, h_z, h_c = np.split(h @ weight.T + bias, 3, axis=1)
    z = sigmoid(x_z + h_z)
    new = np.tanh(x_c + sigmoid(x_r + h_r) * h_c)
    return ((1 - z) * new + z * h,)


STEPS: dict[str, Step] = {"LSTM": lstm_step, "GRU": gru_step}


def rnn(
    x: np.ndarray,
    states: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
    *,
    mode: str,
    layers: int,
    directions: int,
) -> list[np.ndarray]:
    """Recurrent layers over x (T, N, I); the output (T, N, directions * H) and the last states.

    Args:
        x: The input.
        states: h and, for an LSTM, c before the first step (layers * directions, N, H).
        weights: Pairs (input's, state's) for each layer and direction, then their biases.
        mode: ``LSTM`` or ``GRU``.
        layers: How many layers there are.
        directions: 1, or 2 for forward and backward.
    """
    matrices, biases = weights[: len(weights) // 2], weights[len(weights) // 2 :]
    last: list[list[np.ndarray]] = [[] for _ in states]
    for layer in range(layers):
        sides = []
        for direction in range(directions):
            row = layer * directions + direction
            pair = slice(2 * row, 2 * row + 2)
            first = [state[row] for state in states]
            backwards = direction == 1
            y, end = _layer(x, first, (*matrices[pair], *biases[pair]), STEPS[mode], backwards)
            sides.append(y)
            for column, state in zip(last, end, strict=True):
                column.append(state)
        x = np.concatenate(sides, axis=2)
    return [x, *(np.stack(column) for column in last)]


def _layer(
    x: np.ndarray,
    states: Sequence[np.ndarray],
    parameters: Sequence[np.ndarray],
    step: Step,
    backwards: bool,
) -> tuple[np.ndarray, Sequence[np.ndarray]]:
    weight, state_weight, bias, state_bias = parameters
    gates = x @ weight.T + bias
    y = np.empty((*x.shape[:2], states[0].shape[1]), x.dtype)
    for time in range(len(x))[:: -1 if backwards else 1]:
        states = step(gates[time], *states, state_weight, state_bias)
        y[time] = states[0]
    return y, states
