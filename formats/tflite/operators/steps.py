"""Reads single steps of layers, which streaming models run one of at a time.

What they keep for the next step is an operand and, behind their own, a result
(see ``open_state``).
"""

from __future__ import annotations

from opt_tool.formats.picking import part
from opt_tool.formats.shapes import reshape_to, unsqueezed
from opt_tool.formats.tflite.node import TfliteNode
from opt_tool.formats.tflite.open_state import STEPS
from opt_tool.formats.tflite.operators.activation import float_operand
from opt_tool.formats.tflite.recurrent_cells import layer_weights, lstm_cell, rnn_cell
from opt_tool.formats.tflite.registry import tflite_op
from opt_tool.ir import Value
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.data_movement import Concat
from opt_tool.ir.operations.matmul import MatMulV2
from opt_tool.ir.unrolling import Cell, unroll

BASIC = 1
"""The kernel type of an LSTM whose weights are one matrix."""


@tflite_op("RNN")
def rnn(node: TfliteNode) -> list[Value]:
    return _step(node, rnn_cell(node, 1))


@tflite_op("LSTM")
def lstm(node: TfliteNode) -> list[Value]:
    if node.integer("kernel_type") == BASIC:
        raise node.unsupported(
            "its weights are one matrix (kernel type BASIC), a form of old converters. Export the "
            "model with a newer one"
        )
    return _step(node, lstm_cell(node, 1, None))


def _step(node: TfliteNode, cell: Cell) -> list[Value]:
    """The output, and the states after the step."""
    x = _rows(node, node.in_order(float_operand(node)), "an input")
    states = [_rows(node, state, "a state") for state in _states(node)]
    sequence = unsqueezed(node, x, (0,))
    _, after = unroll(node.builder, cell, sequence, states)
    return [after[0], *after]


def _states(node: TfliteNode) -> list[Value]:
    return [node.value(place) for place in STEPS[node.operator]]


def _rows(node: TfliteNode, x: Value, what: str) -> Value:
    if x.rank != 2:
        raise node.unsupported(f"{what} {x.type}; (batch, size) is needed")
    return x


@tflite_op("SVDF")
def svdf(node: TfliteNode) -> list[Value]:
    """Filters of one feature each, over the features of the last steps.

    Operands: x (N, I), features (F, I), times (F, T), bias? (F / rank,), memory (N, F * T),
    whose last column is the newest. Each output adds up ``rank`` filters::

        memory' = memory[.., 1:], x @ features.T
        y = f(sum(memory' * times) + bias)
    """
    x = _rows(node, node.in_order(float_operand(node)), "an input")
    features, times = (layer_weights(node, index, 2) for index in (1, 2))
    (filters, steps), rank = times.shape, node.integer("rank")
    (state,) = _states(node)
    fits = (*x.shape, filters * steps) == (*state.shape[:1], *features.shape[1:], *state.shape[1:])
    if not fits or len(features) != filters or rank < 1 or filters % rank:
        shapes = [list(shape) for shape in (x.shape, features.shape, times.shape, state.shape)]
        raise node.unsupported(f"operands of the shapes {shapes} and a rank of {rank} do not fit")
    newest = node.add(MatMulV2(), X=x, Y=node.new_constant(features.T, "features"))
    memory = _shifted(node, reshape_to(node, state, (x.shape[0], filters, steps)), newest)
    units = filters // rank
    filter = node.new_constant(times.reshape(units, rank, 1, steps), "times")
    planes = unsqueezed(node, memory, (2,))
    bias = node.value(3) if node.has(3) else None
    y = node.add(Conv2D(groups=units), Input=planes, Filter=filter, Bias=bias)
    after = reshape_to(node, memory, state.shape)
    return [node.activated(reshape_to(node, y, (x.shape[0], units))), after]


def _shifted(node: TfliteNode, memory: Value, newest: Value) -> Value:
    """Memory (N, F, T) without its oldest column and with another behind it."""
    column = unsqueezed(node, newest, (2,))
    steps = memory.type.static_shape[2]
    if steps == 1:
        return column
    return node.add(Concat(axis=2), X=(part(node, memory, 2, 1, steps), column))
