"""Writes recurrent layers: as the operator ``rnn``, or step by step.

What ``rnn`` of Paddle Lite computes becomes that; any other form is written out, for which
the length must be known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from opt_tool.formats.imported_node import ImportedNode
from opt_tool.formats.picking import taken
from opt_tool.formats.shapes import reshape_to, stacked, transposed, unsqueezed
from opt_tool.ir import Value
from opt_tool.ir.operations.data_movement import Concat, Flip, Slice
from opt_tool.ir.operations.indexing import Gather
from opt_tool.ir.operations.recurrence import Rnn
from opt_tool.ir.unrolling import Cell, Function, sigmoid, tanh, unroll

LONGEST = 512
"""The most steps that are written out."""

USUAL: Mapping[str, tuple[Function, ...]] = {
    "LSTM": (sigmoid, tanh, tanh),
    "GRU": (sigmoid, tanh),
}
"""The functions of the cells that ``rnn`` computes."""


class Layer(NamedTuple):
    """A recurrent layer: x is (T, N, I), the states are (directions, N, H).

    ``directions`` says of each whether it goes backwards.
    """

    node: ImportedNode
    kind: str
    x: Value
    size: int
    directions: tuple[bool, ...]
    states: tuple[Value, ...]


def written(
    layer: Layer, cells: Sequence[Cell], masks: Sequence[Value | None] = ()
) -> tuple[Value, list[Value]]:
    """The outputs (T, directions, N, H) and the last states (directions, N, H).

    Args:
        layer: The layer.
        cells: Its directions.
        masks: For each time the rows that it belongs to, as ``unroll`` takes them.
    """
    if all(_is_plain(cell) for cell in cells) and not any(masks):
        return _as_rnn(layer, cells)
    return _unrolled(layer, cells, masks)


def _is_plain(cell: Cell) -> bool:
    """Whether ``rnn`` computes a cell."""
    weights = (cell.weight, cell.state_weight, cell.bias, cell.state_bias)
    return (
        cell.functions == USUAL.get(cell.kind)
        and cell.peepholes is None
        and cell.projection is None
        and cell.clip is None
        and cell.cell_clip is None
        and not (cell.input_forget or cell.reset_first or cell.norms)
        and all(weight is None or weight.is_constant for weight in weights)
    )


def _as_rnn(layer: Layer, cells: Sequence[Cell]) -> tuple[Value, list[Value]]:
    """The layer as one operator, which has no backward direction alone."""
    node, ways = layer.node, len(layer.directions)
    alone_backwards = layer.directions == (True,)
    x = layer.x
    if alone_backwards:
        x = _turned(node, x)
    biases = [bias for cell in cells for bias in (cell.bias, cell.state_bias)]
    op = Rnn(
        mode=layer.kind,
        input_size=int(cells[0].weight.type.static_shape[1]),
        hidden_size=layer.size,
        is_bidirec=ways == 2,
    )
    weights = [weight for cell in cells for weight in (cell.weight, cell.state_weight)]
    rows = cells[0].weight.type.static_shape[0]
    weights += [
        node.new_constant(np.zeros(rows, np.float32), "bias") if bias is None else bias
        for bias in biases
    ]
    out, _, *cell_state = node.add_all(op, Input=x, PreState=layer.states, WeightList=weights)
    last = _last_outputs(layer, out)
    if alone_backwards:
        out = _turned(node, out)
    time, batch, _ = out.shape
    if ways == 1:
        return unsqueezed(node, out, (1,)), [last, *cell_state]
    sides = reshape_to(node, out, (time, batch, ways, layer.size))
    return transposed(node, sides, (0, 2, 1, 3)), [last, *cell_state]


def _turned(node: ImportedNode, x: Value) -> Value:
    """X with its last step first."""
    length = x.shape[0]
    if not isinstance(length, int):
        return node.add(Flip(axis=(0,)), X=x)
    steps = np.arange(*node.made_up(length), dtype=np.int32)
    index = node.new_constant(steps[::-1].copy(), "backwards")
    return node.add(Gather(axis=0), X=x, Index=index)


def _last_outputs(layer: Layer, out: Value) -> Value:
    """What each direction put out at its last step (directions, N, H)."""
    node, size = layer.node, layer.size
    end = taken(node, out, -1, 0)
    if len(layer.directions) == 1:
        return unsqueezed(node, end, (0,))
    forward = node.add(Slice(axes=(1,), starts=(0,), ends=(size,)), Input=end)
    start = taken(node, out, 0, 0)
    backward = node.add(Slice(axes=(1,), starts=(size,), ends=(2 * size,)), Input=start)
    return stacked(node, [forward, backward], 0)


def _unrolled(
    layer: Layer, cells: Sequence[Cell], masks: Sequence[Value | None]
) -> tuple[Value, list[Value]]:
    node, time = layer.node, layer.x.shape[0]
    if not isinstance(time, int):
        raise node.unsupported(
            f"Paddle Lite has no operator for this form, and {time} steps, known only at run "
            "time, cannot be written out; give the input's shape with --input-shape"
        )
    if not 0 < time <= LONGEST:
        raise node.unsupported(
            f"Paddle Lite has no operator for this form, and {time} steps cannot be written out "
            f"(1 to {LONGEST}); export it with the usual activations and without clip"
        )
    outputs: list[Value] = []
    ends: list[list[Value]] = [[] for _ in layer.states]
    for index, (cell, backwards) in enumerate(zip(cells, layer.directions, strict=True)):
        start = [taken(node, state, index, 0) for state in layer.states]
        y, end = unroll(node.builder, cell, layer.x, start, masks=masks, backwards=backwards)
        outputs.append(unsqueezed(node, y, (1,)))
        for column, state in zip(ends, end, strict=True):
            column.append(state)
    y = outputs[0] if len(outputs) == 1 else node.add(Concat(axis=1), X=outputs)
    return y, [stacked(node, column, 0) for column in ends]
