"""Reads LSTM, GRU and RNN.

What ``rnn`` of Paddle Lite computes becomes that; any other form is written out step by
step, for which the length must be known. The gates are brought from ONNX's order (i, o,
f, c and z, r, h) into Paddle Lite's (i, f, c, o and r, z, c).
"""

from __future__ import annotations

import numpy as np

from opt_tool.formats.broadcasting import compare
from opt_tool.formats.element_types import converted
from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.operators.cell_functions import cell_functions
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.formats.picking import taken
from opt_tool.formats.recurrent_layers import Layer, written
from opt_tool.formats.shapes import transposed, unsqueezed
from opt_tool.ir import DType, Value
from opt_tool.ir.operations.comparison import GreaterThan
from opt_tool.ir.operations.creation import FillConstant
from opt_tool.ir.operations.data_movement import Concat, Slice, Split
from opt_tool.ir.operations.elementwise import ElementwiseAdd
from opt_tool.ir.operations.shape import Shape
from opt_tool.ir.unrolling import Cell, time_masks

ORDERS = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}
"""Paddle Lite's gates by their places among ONNX's."""


@onnx_op("LSTM", since=1)
@onnx_op("GRU", since=1)
@onnx_op("RNN", since=1)
def recurrent(node: OnnxNode) -> list[Value | None]:
    layer = _layer(node)
    cells = [_cell(node, layer, index) for index in range(len(layer.directions))]
    masks = _masks(node, layer)
    y, states = written(layer, cells, masks)
    if node.integer("layout", 0):
        y = transposed(node, y, (2, 0, 1, 3))
        states = [transposed(node, state, (1, 0, 2)) for state in states]
    return [y, *states]


RANKS = {0: 3, 1: 3, 2: 3, 3: 2, 4: 1, 5: 3, 6: 3, 7: 2}
"""The dimensions of each operand, where it is there: x, W, R, B, lengths, states, peepholes."""


def _check_ranks(node: OnnxNode) -> None:
    for index, rank in RANKS.items():
        given = node.maybe(index)
        if given is not None and given.rank != rank:
            raise node.unsupported(f"its input {index} is {given.type}, not of {rank} dimensions")


def _layer(node: OnnxNode) -> Layer:
    x, by_batch = node.input(0), bool(node.integer("layout", 0))
    _check_ranks(node)
    if by_batch:
        x = transposed(node, x, (1, 0, 2))
    size = node.input(2).shape[2]
    if not isinstance(size, int):
        raise node.unsupported("how large its state is is known only at run time")
    direction = node.text("direction", "forward")
    directions = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}
    if direction not in directions:
        raise node.unsupported(f"direction {direction!r}; there are {', '.join(directions)}")
    ways = directions[direction]
    states = []
    for index in (5, 6) if node.operator == "LSTM" else (5,):
        given = node.maybe(index)
        if given is None:
            states.append(_zeros(node, x, len(ways), size))
        else:
            states.append(transposed(node, given, (1, 0, 2)) if by_batch else given)
    return Layer(node, node.operator, x, size, ways, tuple(states))


def _zeros(node: OnnxNode, x: Value, directions: int, size: int) -> Value:
    """Zeros (directions, N, H)."""
    batch = x.shape[1]
    if isinstance(batch, int):
        zeros = np.zeros(node.made_up(directions, batch, size), np.float32)
        return node.new_constant(zeros, "start")
    count = node.add(Slice(axes=(0,), starts=(1,), ends=(2,)), Input=node.add(Shape(), Input=x))
    sides = [node.new_constant(np.array([number], np.int32)) for number in (directions, size)]
    shape = node.add(Concat(axis=0), X=[sides[0], count, sides[1]])
    return node.add(FillConstant(), ShapeTensor=shape)


def _cell(node: OnnxNode, layer: Layer, index: int) -> Cell:
    """One direction with its weights in Paddle Lite's order."""
    weight, state_weight = (
        _in_order(layer, taken(node, node.input(slot), index, 0)) for slot in (1, 2)
    )
    bias, state_bias = _biases(node, layer, index)
    peepholes = None
    if layer.kind == "LSTM" and node.maybe(7) is not None:
        i, o, f = node.add_all(Split(axis=0, num=3), X=taken(node, node.input(7), index, 0))
        peepholes = (i, f, o)
    return Cell(
        layer.kind,
        weight,
        state_weight,
        bias,
        state_bias,
        functions=cell_functions(node, index, len(layer.directions)),
        peepholes=peepholes,
        clip=node.real("clip", 0.0) if node.has("clip") else None,
        input_forget=layer.kind == "LSTM" and bool(node.integer("input_forget", 0)),
        reset_first=layer.kind == "GRU" and not node.integer("linear_before_reset", 0),
    )


def _biases(node: OnnxNode, layer: Layer, index: int) -> tuple[Value | None, Value | None]:
    given = node.maybe(3)
    if given is None:
        return None, None
    halves = node.add_all(Split(axis=0, num=2), X=taken(node, given, index, 0))
    bias, state_bias = (_in_order(layer, half) for half in halves)
    if layer.kind == "GRU":
        return bias, state_bias
    return node.add(ElementwiseAdd(), X=bias, Y=state_bias), None


def _in_order(layer: Layer, blocks: Value) -> Value:
    """A weight or bias with its gates in Paddle Lite's order."""
    order = ORDERS[layer.kind]
    if len(order) == 1:
        return blocks
    parts = layer.node.add_all(Split(axis=0, num=len(order)), X=blocks)
    return layer.node.add(Concat(axis=0), X=[parts[place] for place in order])


def _masks(node: OnnxNode, layer: Layer) -> list[Value | None]:
    """For each time which sequences it belongs to; nothing where all last to the end."""
    lengths, time = node.maybe(4), layer.x.shape[0]
    if lengths is None:
        return []
    if not isinstance(time, int):
        raise node.unsupported(
            f"its sequences have lengths of their own and {time} steps, known only at run time; "
            "give the input's shape with --input-shape"
        )
    if lengths.is_constant:
        return time_masks(node.builder, lengths.array().reshape(-1), time)
    column = unsqueezed(node, converted(node.builder, lengths, DType.FLOAT32), (1,))
    return [
        converted(
            node.builder,
            compare(node.builder, GreaterThan(), column, _number(node, step)),
            DType.FLOAT32,
        )
        for step in range(time)
    ]


def _number(node: OnnxNode, number: float) -> Value:
    return node.new_constant(np.array([[number]], np.float32), "step")
