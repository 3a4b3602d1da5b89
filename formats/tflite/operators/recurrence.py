"""Reads recurrent layers over whole sequences.

Their states are variables of the file, which start at zero in every run here: that is what
TensorFlow's layers mean that are not told to be stateful. LiteRT goes on from where the
run before ended, unless it is reset.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from opt_tool.formats.recurrent_layers import Layer, written
from opt_tool.formats.shapes import reshape_to, static_shape, transposed
from opt_tool.formats.tflite.node import TfliteNode
from opt_tool.formats.tflite.operators.activation import float_operand
from opt_tool.formats.tflite.recurrent_cells import GATES, lstm_cell, rnn_cell
from opt_tool.formats.tflite.registry import tflite_op
from opt_tool.ir import Value
from opt_tool.ir.operations.data_movement import Split
from opt_tool.ir.operations.shape import Squeeze2
from opt_tool.ir.types import product
from opt_tool.ir.unrolling import Cell

FORWARD, BACKWARD = 1, 18
"""Where the first weights of the directions of an LSTM stand."""


@tflite_op("UNIDIRECTIONAL_SEQUENCE_LSTM")
def lstm(node: TfliteNode) -> list[Value]:
    return _lstm(node, (FORWARD,))


@tflite_op("BIDIRECTIONAL_SEQUENCE_LSTM")
def lstm_of_both_directions(node: TfliteNode) -> list[Value]:
    return _lstm(node, (FORWARD, BACKWARD))


@tflite_op("UNIDIRECTIONAL_SEQUENCE_RNN")
def rnn(node: TfliteNode) -> list[Value]:
    return _layer(node, _sequences(node), [rnn_cell(node, 1)])


@tflite_op("BIDIRECTIONAL_SEQUENCE_RNN")
def rnn_of_both_directions(node: TfliteNode) -> list[Value]:
    if any(node.has(index) for index in range(9, node.count)):
        raise node.unsupported("a second input; only layers that read one are supported")
    return _layer(node, _sequences(node), [rnn_cell(node, start) for start in (1, 5)])


# ---- layers


def _lstm(node: TfliteNode, starts: Sequence[int]) -> list[Value]:
    x = _sequences(node)
    return _layer(node, x, [lstm_cell(node, start, x.shape[0]) for start in starts])


def _sequences(node: TfliteNode) -> Value:
    """The input as (T, N, I)."""
    x = node.in_order(float_operand(node))
    if x.rank != 3:
        raise node.unsupported(f"an input {x.type}; (time, batch, size) is needed")
    return x if node.flag("time_major") else transposed(node, x, (1, 0, 2))


def _layer(node: TfliteNode, x: Value, cells: Sequence[Cell]) -> list[Value]:
    """The outputs of the directions, side by side in one tensor if they are merged."""
    kind, ways = cells[0].kind, len(cells)
    rows, size = cells[0].state_weight.type.static_shape
    batch = static_shape(node, x, "sequences")[1]
    sizes = (size, rows // len(GATES)) if kind == "LSTM" else (size,)
    states = tuple(
        node.new_constant(np.zeros(node.made_up(ways, batch, each), np.float32), "start")
        for each in sizes
    )
    y, _ = written(Layer(node, kind, x, size, (False, True)[:ways], states), cells)
    sides = [y] if ways == 1 or node.flag("merge_outputs") else _sides(node, y)
    order = (0, 2, 1, 3) if node.flag("time_major") else (2, 0, 1, 3)
    return [_joined(node, transposed(node, side, order)) for side in sides]


def _sides(node: TfliteNode, y: Value) -> tuple[Value, ...]:
    """(T, 2, N, H) as two of (T, 1, N, H)."""
    return node.add_all(Split(axis=1, num=2), X=y)


def _joined(node: TfliteNode, y: Value) -> Value:
    """The directions (.., .., directions, H) one behind the other."""
    if y.shape[2] == 1:
        return node.add(Squeeze2(axes=(2,)), X=y)
    return reshape_to(node, y, (*y.shape[:2], product(y.shape[2:])))
