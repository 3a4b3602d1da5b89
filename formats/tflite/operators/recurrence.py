"""Reads recurrent layers over whole sequences.

Their states are variables of the file, which start at zero in every run here: that is what
TensorFlow's layers mean that are not told to be stateful. LiteRT goes on from where the
run before ended, unless it is reset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from opt_tool.formats.recurrent_layers import Layer, written
from opt_tool.formats.shapes import reshape_to, static_shape, transposed
from opt_tool.formats.tflite.node import TfliteNode
from opt_tool.formats.tflite.operators.activation import float_operand
from opt_tool.formats.tflite.registry import tflite_op
from opt_tool.formats.tflite.schema import Activation
from opt_tool.ir import Value
from opt_tool.ir.builder import GraphBuilder
from opt_tool.ir.operations.activation import Relu, Relu6
from opt_tool.ir.operations.data_movement import Split
from opt_tool.ir.operations.shape import Squeeze2
from opt_tool.ir.types import product
from opt_tool.ir.unrolling import Cell, Function, sigmoid, tanh

GATES = ("i", "f", "c", "o")
"""The gates of an LSTM, in the order of the file and of Paddle Lite."""

INPUT, STATE, PEEPHOLES, BIAS, PROJECTION = 0, 4, 8, 11, 15
"""Where the operands of one direction of an LSTM stand, from its first weight on."""

FORWARD, BACKWARD = 1, 18
"""Where the first weights of the directions of an LSTM stand."""

NORMS = {
    "UNIDIRECTIONAL_SEQUENCE_LSTM": range(20, 24),
    "BIDIRECTIONAL_SEQUENCE_LSTM": range(39, 48),
}
"""Operands of layers that are normalized, or read a second input: they are not read."""


def _relu(builder: GraphBuilder, x: Value) -> Value:
    return builder.add(Relu(), X=x)


def _relu6(builder: GraphBuilder, x: Value) -> Value:
    return builder.add(Relu6(), X=x)


FUNCTIONS: Mapping[Activation, Function] = {
    Activation.RELU: _relu,
    Activation.RELU6: _relu6,
    Activation.TANH: tanh,
}


CONVERTERS_BOUND = 10.0
"""What TensorFlow's converter bounds every cell by, which Keras's layers do not
(tensorflow/compiler/mlir/lite/utils/lstm_utils.cc). Behind tanh the bound itself shows in the
ninth digit; keeping it would take fifteen operators for each step."""

UNBOUNDED = (
    "the cells of {0!r} are not bounded by {1:g} as TensorFlow's converter has it, but grow as "
    "those of the layer that it converted"
)


@tflite_op("UNIDIRECTIONAL_SEQUENCE_LSTM")
def lstm(node: TfliteNode) -> list[Value]:
    return _layer(node, "LSTM", [_lstm_cell(node, FORWARD)])


@tflite_op("BIDIRECTIONAL_SEQUENCE_LSTM")
def lstm_of_both_directions(node: TfliteNode) -> list[Value]:
    return _layer(node, "LSTM", [_lstm_cell(node, start) for start in (FORWARD, BACKWARD)])


@tflite_op("UNIDIRECTIONAL_SEQUENCE_RNN")
def rnn(node: TfliteNode) -> list[Value]:
    return _layer(node, "RNN", [_rnn_cell(node, 1)])


@tflite_op("BIDIRECTIONAL_SEQUENCE_RNN")
def rnn_of_both_directions(node: TfliteNode) -> list[Value]:
    if any(node.has(index) for index in range(9, node.count)):
        raise node.unsupported("a second input; only layers that read one are supported")
    return _layer(node, "RNN", [_rnn_cell(node, start) for start in (1, 5)])


# ---- cells


def _weights(node: TfliteNode, index: int, rank: int) -> np.ndarray:
    weights = node.constant(index, "weights")
    if weights.dtype != np.float32 or weights.ndim != rank:
        raise node.unsupported(
            f"weights of {weights.dtype}, {weights.ndim} dimensions; they are {rank} of floats"
        )
    return weights


def _function(node: TfliteNode) -> Function:
    activation = node.choice("fused_activation_function", Activation)
    if activation not in FUNCTIONS:
        raise node.unsupported(f"the activation {activation.name} is not supported")
    return FUNCTIONS[activation]


def _rnn_cell(node: TfliteNode, start: int) -> Cell:
    weight, state_weight, bias = (
        node.new_constant(_weights(node, start + place, rank), name)
        for place, (name, rank) in enumerate((("weight", 2), ("state_weight", 2), ("bias", 1)))
    )
    return Cell("RNN", weight, state_weight, bias, functions=(_function(node),))


def _lstm_cell(node: TfliteNode, start: int) -> Cell:
    """The direction whose operands begin at ``start``."""
    others = (start + PROJECTION, start + PROJECTION + 1, *NORMS[node.operator])
    if any(node.has(index) for index in others):
        raise node.unsupported(
            "a projection, a normalization or a second input; only plain layers are supported"
        )
    if node.proto.options.get("diagonal_recurrent_tensors"):
        raise node.unsupported("weights of the state that are diagonals; whole ones are supported")
    function, clip = _function(node), node.real("cell_clip")
    weight, state_weight, bias = (
        node.new_constant(np.concatenate(_gates(node, start + place, rank)), name)
        for place, name, rank in (
            (INPUT, "weight", 2),
            (STATE, "state_weight", 2),
            (BIAS, "bias", 1),
        )
    )
    return Cell(
        "LSTM",
        weight,
        state_weight,
        bias,
        functions=(sigmoid, function, function),
        peepholes=_peepholes(node, start + PEEPHOLES),
        cell_clip=clip if _may_reach(node, clip) else None,
    )


def _gates(node: TfliteNode, first: int, rank: int) -> list[np.ndarray]:
    """The parts of a weight or bias, one for each gate.

    Without an input gate that is 1 - f, which is the function of what is negative.
    """
    parts = [_weights(node, first + place, rank) for place in range(1, len(GATES))]
    parts.insert(0, _weights(node, first, rank) if node.has(first) else -parts[0])
    if len({part.shape for part in parts}) > 1:
        raise node.unsupported(f"weights of {[part.shape for part in parts]} for its gates")
    return parts


def _peepholes(node: TfliteNode, first: int) -> tuple[Value, Value, Value] | None:
    if not node.has(first + 1):
        return None
    f, o = (_weights(node, first + place, 1) for place in (1, 2))
    i = _weights(node, first, 1) if node.has(first) else -f
    own, forget, out = (node.new_constant(part, "peephole") for part in (i, f, o))
    return own, forget, out


def _may_reach(node: TfliteNode, clip: float) -> bool:
    """Whether the cell may reach its bound: a step of tanh adds less than 1 to it.

    The converter's own bound is left out, with a note where a cell might reach it.
    """
    if clip <= 0:
        return False
    steps = node.laid(0).shape[0 if node.flag("time_major") else 1]
    tanh = node.choice("fused_activation_function", Activation) is Activation.TANH
    if tanh and isinstance(steps, int) and steps <= clip:
        return False
    if not tanh or clip != CONVERTERS_BOUND:
        return True
    node.reader.notes.append(UNBOUNDED.format(node.name, clip))
    return False


# ---- layers


def _layer(node: TfliteNode, kind: str, cells: Sequence[Cell]) -> list[Value]:
    """The outputs of the directions, side by side in one tensor if they are merged."""
    x = node.in_order(float_operand(node))
    if x.rank != 3:
        raise node.unsupported(f"an input {x.type}; (time, batch, size) is needed")
    by_time = node.flag("time_major")
    x = x if by_time else transposed(node, x, (1, 0, 2))
    batch, size = static_shape(node, x, "sequences")[1], cells[0].state_weight.shape[1]
    assert isinstance(size, int)
    ways = len(cells)
    zeros = np.zeros(node.made_up(ways, batch, size), np.float32)
    states = (node.new_constant(zeros, "start"),) * (2 if kind == "LSTM" else 1)
    y, _ = written(Layer(node, kind, x, size, (False, True)[:ways], states), cells)
    sides = [y] if ways == 1 or node.flag("merge_outputs") else _sides(node, y)
    order = (0, 2, 1, 3) if by_time else (2, 0, 1, 3)
    return [_joined(node, transposed(node, side, order)) for side in sides]


def _sides(node: TfliteNode, y: Value) -> tuple[Value, ...]:
    """(T, 2, N, H) as two of (T, 1, N, H)."""
    return node.add_all(Split(axis=1, num=2), X=y)


def _joined(node: TfliteNode, y: Value) -> Value:
    """The directions (.., .., directions, H) one behind the other."""
    if y.shape[2] == 1:
        return node.add(Squeeze2(axes=(2,)), X=y)
    return reshape_to(node, y, (*y.shape[:2], product(y.shape[2:])))
