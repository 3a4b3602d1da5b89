"""Write recurrent layers of few steps out, and those whose last cell x86 does not hand over.

Before::

    y, h, c = rnn(x, h0, c0, weights)          # x (T, N, I) with T a number

After, with each of T steps for an LSTM::

    i, f, new, o = split(x[t] @ w + h @ u + b)
    c = sigmoid(f) * c + sigmoid(i) * tanh(new)
    h = sigmoid(o) * tanh(c)

The operator is in the large libraries only. x86's kernel fills Out and leaves State as it
was (lite/kernels/x86/rnn_compute.cc copies State apart and never back).
"""

from __future__ import annotations

from typing import NamedTuple

from opt_tool.ir import Graph, Node, Value
from opt_tool.ir.operations.data_movement import Concat, Slice
from opt_tool.ir.operations.recurrence import Rnn
from opt_tool.ir.operations.shape import Unsqueeze2
from opt_tool.ir.unrolling import Cell, unroll
from opt_tool.passes.rewrite import Kept, Rewrite
from opt_tool.runtime.fold import InsertingBuilder
from opt_tool.targets import Target

FEW = 8
"""Layers of at most so many steps are written out for every target."""


class SteppedRnn(NamedTuple):
    """A recurrent layer and its operation."""

    node: Node
    op: Rnn


class LowerRnn(Rewrite[SteppedRnn]):
    """Writes recurrent layers out where the target has no kernel that does."""

    roots = (Rnn,)

    def __init__(self, target: Target) -> None:
        self.target = target

    def match(self, graph: Graph, node: Node) -> SteppedRnn | Kept | None:
        assert isinstance(node.op, Rnn)
        length = node.input("Input").shape[0]
        if not isinstance(length, int):
            return Kept(f"it takes {length} steps, known only at run time")
        if length > FEW and not (self.target is Target.X86 and reads_state(graph, node)):
            return Kept(f"{length} steps are faster in one operator")
        if node.op.num_layers > 1:
            return Kept(f"it is {node.op.num_layers} layers in one")
        return SteppedRnn(node, node.op)

    def rewrite(self, graph: Graph, match: SteppedRnn) -> None:
        builder = InsertingBuilder(graph, match.node)
        outputs: list[Value] = []
        ends: list[list[Value]] = [[] for _ in match.node.inputs["PreState"]]
        for direction in range(match.op.directions):
            states = [_row(builder, state, direction) for state in match.node.inputs["PreState"]]
            y, end = unroll(
                builder,
                _cell(match.node, match.op, direction),
                match.node.input("Input"),
                states,
                backwards=direction == 1,
            )
            outputs.append(y)
            for column, state in zip(ends, end, strict=True):
                column.append(builder.add(Unsqueeze2(axes=(0,)), X=state))
        made = [_joined(builder, outputs, 2), *(_joined(builder, column, 0) for column in ends)]
        for old, new in zip(match.node.outputs.flat(), made, strict=True):
            graph.replace_uses(old, new)


def reads_state(graph: Graph, node: Node) -> bool:
    """Whether anything reads a layer's states after the last step."""
    return any(value.users or graph.is_output(value) for value in node.outputs["State"])


def _cell(node: Node, op: Rnn, direction: int) -> Cell:
    weights = node.inputs["WeightList"]
    first = 2 * direction
    biases = weights[2 * op.directions :]
    return Cell(
        op.mode,
        weights[first],
        weights[first + 1],
        biases[first],
        biases[first + 1],
    )


def _row(builder: InsertingBuilder, state: Value, index: int) -> Value:
    op = Slice(axes=(0,), starts=(index,), ends=(index + 1,), decrease_axis=(0,))
    return builder.add(op, Input=state)


def _joined(builder: InsertingBuilder, values: list[Value], axis: int) -> Value:
    return values[0] if len(values) == 1 else builder.add(Concat(axis=axis), X=values)
