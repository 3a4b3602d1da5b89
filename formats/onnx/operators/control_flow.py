"""Reads If, Loop and Scan where what they decide is known at conversion.

A branch is read in the place of its node, the body of a loop once for every turn. Where
the condition of an If is computed at run time, both branches are computed and ``where``
takes one, if their results have the same types.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence

import numpy as np

from opt_tool.errors import UnsupportedError
from opt_tool.formats.choosing import selected
from opt_tool.formats.loops import TURNS, check_turn, goes_on
from opt_tool.formats.onnx.messages import ValueInfoProto
from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.outline import needed_nodes
from opt_tool.formats.onnx.place import Place
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.formats.onnx.tensors import dtype_of
from opt_tool.formats.picking import taken
from opt_tool.formats.shapes import stacked
from opt_tool.ir import Value


class Body:
    """A sub-graph, which sees the names around it; its constants are read once for all turns."""

    def __init__(self, node: OnnxNode, name: str) -> None:
        self.node = node
        self.graph = node.graph(name)
        self.names = [info.name for info in self.graph.input]
        self.wanted = [output.name for output in self.graph.output]
        self.scope = dict(node.scope)
        node.reader.add_initializers(self.graph, self.scope)
        needed = needed_nodes(self.graph.node, self.wanted)
        self.nodes = [inner for inner in needed if inner.op_type != "Constant"]
        constants = [inner for inner in needed if inner.op_type == "Constant"]
        node.reader.read_nodes(constants, self.scope, Place(f"{node.name}/"))

    def read(self, inputs: Iterable[Value] = (), part: str = "") -> list[Value] | None:
        """The outputs, with names that have ``part`` in front; None when there are problems."""
        given = list(inputs)
        if len(given) != len(self.names):
            raise self.node.unsupported(
                f"its body has {len(self.names)} inputs; it is given {len(given)}"
            )
        scope = {**self.scope, **dict(zip(self.names, given, strict=True))}
        place = Place(f"{self.node.name}/{part}", frozenset(self.wanted))
        self.node.reader.read_nodes(self.nodes, scope, place)
        made = [scope.get(name) for name in self.wanted]
        known = [value for value in made if value is not None]
        return known if len(known) == len(made) else None


# ---- If


@onnx_op("If", since=1)
def if_(node: OnnxNode) -> Sequence[Value | None]:
    condition = node.input(0)
    if condition.is_constant:
        chosen = bool(node.whole(0, "condition"))
        name = "then_branch" if chosen else "else_branch"
        return Body(node, name).read() or ()
    known = len(node.reader.problems)
    branches = [Body(node, f"{name}_branch").read((), f"{name}/") for name in ("then", "else")]
    reason = "" if len(node.reader.problems) == known else node.reader.problems[-1].problem
    del node.reader.problems[known:]
    if None in branches:
        raise _undecided(node, f"one of its branches cannot be converted ({reason})")
    if len({len(branch or ()) for branch in branches}) > 1:
        raise node.unsupported("its branches make different numbers of results")
    return [
        _selected(node, condition, *pair)
        for pair in zip(*(branch or () for branch in branches), strict=True)
    ]


def _undecided(node: OnnxNode, fact: str) -> UnsupportedError:
    return node.unsupported(
        f"its condition ({node.input(0).name!r}) is computed at run time, and {fact}. Make the "
        "input that it depends on a constant with --input-value, or export one branch"
    )


def _selected(node: OnnxNode, condition: Value, yes: Value, no: Value) -> Value:
    """The result of one branch or the other."""
    if yes is not no and (yes in node.reader.sequences or no in node.reader.sequences):
        raise _undecided(node, "its branches make sequences of tensors")
    undecided = functools.partial(_undecided, node)
    return selected(node, condition, (yes, no), undecided=undecided)


# ---- Loop


@onnx_op("Loop", since=1)
def loop(node: OnnxNode) -> Sequence[Value | None]:
    body = Body(node, "body")
    state = [node.input(index) for index in range(2, len(node.inputs))]
    if len(body.graph.output) <= len(state):
        raise node.unsupported(f"its body makes {len(body.graph.output)} results")
    most = node.maybe_whole(0, "number of turns")
    running = node.maybe_number(1, "condition")
    going = running is None or bool(running)
    columns: list[list[Value]] = [[] for _ in body.graph.output[1 + len(state) :]]
    turn = 0
    while going and (most is None or turn < most):
        check_turn(node, turn)
        counted = node.new_constant(np.array(turn, np.int64), "turn")
        still = node.new_constant(np.array(True), "running")
        made = body.read((counted, still, *state), f"{turn}/")
        if made is None:
            return ()
        going = goes_on(node, made[0])
        state = made[1 : 1 + len(state)]
        for column, value in zip(columns, made[1 + len(state) :], strict=True):
            column.append(value)
        turn += 1
    infos = body.graph.output[1 + len(state) :]
    return [*state, *(_rows(node, *pair, 0) for pair in zip(columns, infos, strict=True))]


def _rows(node: OnnxNode, values: list[Value], info: ValueInfoProto, axis: int) -> Value:
    """What the turns made, side by side along a new axis."""
    if values:
        if any(value.type != values[0].type for value in values):
            raise node.unsupported(f"its turns make {info.name!r} in different shapes")
        return stacked(node, values, axis)
    tensor = info.type.tensor_type
    shape = [dim.dim_value for dim in tensor.shape.dim]
    if not tensor.HasField("shape") or 0 in shape:
        raise node.unsupported(f"it takes no turn, and the shape of {info.name!r} is not given")
    return node.new_constant(np.zeros((0, *shape), dtype_of(tensor.elem_type).numpy), info.name)


# ---- Scan


@onnx_op("Scan", since=8)
def scan_of_batches(node: OnnxNode) -> Sequence[Value | None]:
    raise node.unsupported(
        "Scan of opset 8, which has a batch axis of its own; convert the model to opset 9 or newer"
    )


@onnx_op("Scan", since=9)
def scan(node: OnnxNode) -> Sequence[Value | None]:
    body = Body(node, "body")
    count = node.integer("num_scan_inputs", 0)
    operands = [node.input(index) for index in range(len(node.inputs))]
    if not 0 < count <= len(operands) or len(body.graph.output) < len(operands) - count:
        raise node.unsupported(f"it scans {count} of {len(operands)} inputs")
    state, scanned = operands[:-count], operands[-count:]
    rows = _scanned_rows(node, scanned)
    columns: list[list[Value]] = [[] for _ in body.graph.output[len(state) :]]
    for turn, parts in enumerate(zip(*rows, strict=True)):
        made = body.read((*state, *parts), f"{turn}/")
        if made is None:
            return ()
        state = made[: len(state)]
        for column, value in zip(columns, made[len(state) :], strict=True):
            column.append(value)
    results = zip(
        columns, body.graph.output[len(state) :], _scan_outputs(node, columns), strict=True
    )
    return [
        *state,
        *(
            _rows(node, column[::-1] if backwards else column, info, axis)
            for column, info, (axis, backwards) in results
        ),
    ]


def _scanned_rows(node: OnnxNode, scanned: Sequence[Value]) -> list[list[Value]]:
    """The parts of each scanned operand, in the order in which the turns take them."""
    axes = node.integers("scan_input_axes", (0,) * len(scanned))
    backwards = node.integers("scan_input_directions", (0,) * len(scanned))
    rows = []
    if not len(axes) == len(backwards) == len(scanned):
        raise node.unsupported("it does not say how each input is scanned")
    for value, axis, reverse in zip(scanned, axes, backwards, strict=True):
        place = node.axis(axis, value.rank)
        length = value.shape[place]
        if not isinstance(length, int):
            raise node.unsupported(
                f"it takes {length} turns, known only at run time; give the input's shape with "
                "--input-shape"
            )
        if length > TURNS:
            raise node.unsupported(f"it takes {length} turns; at most {TURNS} are written out")
        parts = [taken(node, value, turn, place) for turn in range(length)]
        rows.append(parts[::-1] if reverse else parts)
    if len({len(parts) for parts in rows}) > 1:
        raise node.unsupported("the scanned inputs are of different lengths")
    return rows


def _scan_outputs(node: OnnxNode, columns: Sequence[Sequence[Value]]) -> list[tuple[int, bool]]:
    """Axis and direction of each stacked output."""
    axes = node.integers("scan_output_axes", (0,) * len(columns))
    backwards = node.integers("scan_output_directions", (0,) * len(columns))
    if not len(axes) == len(backwards) == len(columns):
        raise node.unsupported("it does not say how each output is stacked")
    return [
        (node.axis(axis, column[0].rank + 1) if column else 0, bool(reverse))
        for axis, reverse, column in zip(axes, backwards, columns, strict=True)
    ]
