"""Reads a TFLite model into the graph.

Each operator is handed to its importer. Operators that cannot be read are collected, so
that the user sees them all at once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from opt_tool.errors import (
    UnsupportedError,
    UnsupportedModelError,
    UnsupportedOperatorError,
    UsageError,
)
from opt_tool.formats.tflite.decode import read_file
from opt_tool.formats.tflite.float_form import float_form, interface_notes
from opt_tool.formats.tflite.inputs import add_inputs, advice, open_inputs
from opt_tool.formats.tflite.node import IMAGINARY, REAL, TfliteNode
from opt_tool.formats.tflite.open_state import open_state, state_notes
from opt_tool.formats.tflite.orders import PLANES, Laid, Pair, plain
from opt_tool.formats.tflite.refusals import QUANTIZED, refusal_of
from opt_tool.formats.tflite.registry import IMPORTERS, MOVING, STATES, Importer, Made
from opt_tool.formats.tflite.schema import ABSENT, Model, Operator, Tensor
from opt_tool.formats.tflite.schema import TensorType as ElementType
from opt_tool.formats.tflite.tensors import dtype_of, is_quantized, refusing_damaged, to_array
from opt_tool.ir import DType, Graph, ShapeError, Source, Value
from opt_tool.ir.operations.data_movement import Assign
from opt_tool.runtime.fold import FoldingBuilder

__all__ = ["GraphReader", "read"]


MOST_BRANCHES = 2500
"""The most graphs that are read for operators; nested, the same may come any number of times.

A loop of ``TURNS`` reads two for each of them.
"""

DEEPEST = 32
"""The most graphs within graphs."""

LONGEST_PREFIX = 64
"""How much of an operator's name stands before those of the graph that it names."""


def read(
    path: Path,
    *,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    outputs: Sequence[str] = (),
) -> Graph:
    """Read a .tflite file.

    Args:
        path: The model.
        input_shapes: Shapes that take the place of those in the file, by input name.
        outputs: Names of the tensors to compute instead of the model's outputs.

    Raises:
        DamagedFileError: when the file is not a whole TFLite model.
        UnsupportedModelError: naming every operator that cannot be converted.
        UsageError: when a name that is given is not in the model.
    """
    reader = GraphReader(read_file(path), path)
    return reader.read({} if input_shapes is None else input_shapes, outputs)


def converted_form(model: Model, path: Path) -> Model:
    """The form of a model that is converted: in floats, its variables inputs and outputs.

    ``path`` is for messages.

    Raises:
        DamagedFileError: when a constant's bytes are not what its type and shape ask for.
        UnsupportedError: when a constant's integers stand for two things at once.
    """
    return float_form(open_state(model), path)


class GraphReader:
    """The state of reading one model."""

    def __init__(self, model: Model, path: Path) -> None:
        form = converted_form(model, path)
        self.notes = [*interface_notes(model, form), *state_notes(model)]
        self.builder = FoldingBuilder(model.name or path.stem)
        self.callers: tuple[int, ...] = (0,)
        self.read_for: list[str] = []
        self.constants: dict[int, dict[int, Laid]] = {}
        self._begin(form, path)

    def _begin(self, model: Model, path: Path, prefix: str = "") -> None:
        """Set what belongs to the reading of one graph, the last of ``callers``."""
        self.model = model
        self.path = path
        self.problems: list[UnsupportedOperatorError] = []
        self.pairs: dict[int, Pair] = {}
        self._prefix = prefix
        self._tensors: dict[int, Laid] = {}
        self._named: set[int] = set()
        self._open: tuple[Tensor, ...] = ()

    def read(self, input_shapes: Mapping[str, Sequence[int]], outputs: Sequence[str]) -> Graph:
        """The graph of the model; see the function ``read``."""
        self._tensors |= add_inputs(self.builder.graph, self.model, self.path, input_shapes)
        self._open = open_inputs(self.model, input_shapes)
        wanted = self._wanted(outputs)
        for index in self._needed(wanted):
            self._read_operator(index)
        if self.problems:
            raise UnsupportedModelError(tuple(self.problems))
        self._add_outputs(wanted)
        self.builder.graph.remove_unused()
        return self.builder.graph

    def laid(self, index: int) -> Laid:
        """A tensor that was made, or a constant of the file, which is made once."""
        if index in self._tensors:
            return self._tensors[index]
        made = self.constants.setdefault(self.callers[-1], {})
        if index not in made:
            made[index] = Laid(self._constant(self.model.tensors[index]))
        return made[index]

    def _constant(self, tensor: Tensor) -> Value:
        with refusing_damaged(tensor, self.path):
            return self.builder.constant(to_array(tensor), self._prefix + tensor.name)

    def branch(
        self,
        node: TfliteNode,
        index: int,
        operands: Sequence[Laid],
        *,
        results: int | None = None,
        part: str = "",
    ) -> list[Laid]:
        """What another graph of the file makes of operands.

        Args:
            node: What names it.
            index: Its place in the file.
            operands: What it takes.
            results: How many it makes, by default as many as the node.
            part: What the names in it have in front, behind the node's.
        """
        model = self.model.branches[index]
        if index in self.callers or len(self.callers) > DEEPEST:
            raise node.unsupported(
                f"its graph calls itself, or is the last of {DEEPEST} within each other. Cut the "
                "model in front of it with --output"
            )
        self.read_for.append(node.name)
        if len(self.read_for) > MOST_BRANCHES:
            raise node.unsupported(f"more than {MOST_BRANCHES} graphs within graphs")
        _check_interface(node, model, operands, results)
        inner = BranchReader(self, node, index, part)
        made = inner.outputs(operands)
        self.builder.sources = (Source(node.operator, node.name),)
        if inner.problems:
            raise node.unsupported(f"its graph cannot be converted: {inner.problems[0]}")
        return made

    # ---- operators

    def _wanted(self, outputs: Sequence[str]) -> tuple[int, ...]:
        """The tensors to compute."""
        if not outputs:
            return self.model.outputs
        made = [index for operator in self.model.operators for index in operator.outputs]
        known = {
            self.model.tensors[index].name: index
            for index in (*self.model.inputs, *made)
            if index != ABSENT
        }
        for name in outputs:
            if name not in known:
                raise UsageError(f"{self.path}: no tensor is called {name!r}")
        return tuple(known[name] for name in outputs)

    def _needed(self, wanted: Sequence[int]) -> list[int]:
        """The operators that the wanted tensors depend on, in order."""
        needed = set(wanted)
        kept = []
        for index in reversed(range(len(self.model.operators))):
            operator = self.model.operators[index]
            if needed.intersection(operator.outputs):
                kept.append(index)
                needed.update(set(operator.inputs) - {ABSENT})
        return kept[::-1]

    def _read_operator(self, index: int) -> None:
        operator = self.model.operators[index]
        name = self._prefix + self.model.operator_name(index)
        if not all(self._is_known(tensor) for tensor in operator.inputs):
            return  # behind an operator that was refused
        self.builder.sources = (Source(operator.code, name),)
        try:
            made = self._import(TfliteNode(self, operator, name))
        except UnsupportedOperatorError as error:
            self.problems.append(error)
            return
        except ShapeError as error:
            problem = f"{error}{advice(self._open)}"
            self.problems.append(UnsupportedOperatorError(operator.code, name, problem))
            return
        except UnsupportedError as error:
            self.problems.append(UnsupportedOperatorError(operator.code, name, str(error)))
            return
        for tensor, result in zip(operator.outputs, made, strict=False):
            if isinstance(result, Pair):
                self.pairs[tensor] = result
            elif tensor != ABSENT:
                self._tensors[tensor] = _laid(result)
                self._label(self._tensors[tensor], self.model.tensors[tensor].name)

    def _is_known(self, tensor: int) -> bool:
        made_or_absent = tensor == ABSENT or tensor in self._tensors or tensor in self.pairs
        return made_or_absent or self._is_constant(self.model.tensors[tensor])

    def _is_constant(self, tensor: Tensor) -> bool:
        return bool(tensor.data) or tensor.is_variable or 0 in tensor.shape

    def _import(self, node: TfliteNode) -> Sequence[Made]:
        self._check_operands(node)
        importer = IMPORTERS.get(node.proto.custom_code or node.operator)
        if importer is None:
            raise node.unsupported(refusal_of(node.proto))
        if node.operator in MOVING and any(index in self.pairs for index in node.proto.inputs):
            return self._import_parts(node, importer)
        return _sequence(importer(node))

    def _import_parts(self, node: TfliteNode, importer: Importer) -> Sequence[Made]:
        """Read a node that moves complex numbers once for each of their parts."""
        parts = [
            _sequence(importer(TfliteNode(self, node.proto, node.name, part)))
            for part in (REAL, IMAGINARY)
        ]
        return [Pair(_laid(real), _laid(other)) for real, other in zip(*parts, strict=True)]

    def _check_operands(self, node: TfliteNode) -> None:
        """Refuse what keeps a state or computes in integers that stand for real numbers."""
        states = STATES.get(node.operator, frozenset())
        read = [
            index
            for place, index in enumerate(node.proto.inputs)
            if index != ABSENT and place not in states
        ]
        for index in read:
            tensor = self.model.tensors[index]
            if tensor.is_variable:
                raise node.unsupported(
                    f"it keeps {tensor.name!r} from one run to the next, which Paddle Lite's "
                    "operators do not. Export the model with its state as inputs and outputs"
                )
        for index in (*node.proto.outputs, *read):
            tensor = self.model.tensors[index]
            if index != ABSENT and not tensor.data and is_quantized(tensor):
                raise node.unsupported(QUANTIZED)

    def _label(self, laid: Laid, name: str) -> None:
        """Give a value that an operator just made the name it has in the model.

        One that lies in another order in memory is not the model's tensor, so that its name
        says so.
        """
        value, graph = laid.value, self.builder.graph
        fresh = id(value) not in self._named and not graph.is_input(value)
        if not name or not fresh:
            return
        if not laid.is_plain:
            name = f"{name}.nchw" if laid.order == PLANES else f"{name}.transposed"
        if self._prefix + name not in graph.values:
            self._named.add(id(value))
            graph.rename(value, self._prefix + name)

    def _add_outputs(self, wanted: Sequence[int]) -> None:
        """Make the outputs, each a value of its own that a node makes under its name."""
        graph = self.builder.graph
        self.builder.sources = ()
        for index in wanted:
            if index in self.pairs:
                name = self.model.tensors[index].name
                raise UnsupportedError(
                    f"{self.path}: output {name!r} is of complex numbers, which Paddle Lite does "
                    "not have. Take its size or a part of it with --output"
                )
            laid = self.laid(index)
            value = laid.in_order(self.builder, plain(laid.rank))
            name = self.model.tensors[index].name or f"output_{index}"
            taken = graph.values.get(name)
            if taken is not None and not graph.is_input(taken) and taken is not value:
                graph.rename(taken, graph.unique_name(f"{name}.source"))
            if value.producer is None or graph.is_output(value):
                if value.name == name and not graph.is_input(value):
                    graph.rename(value, graph.unique_name(f"{name}.source"))
                value = graph.add(Assign(), {"X": value}, name=name, outputs=(name,)).output
            elif name not in graph.values:
                graph.rename(value, name)
            graph.outputs.append(value)


class BranchReader(GraphReader):
    """The state of reading a graph that a node of another one names, in that node's place."""

    def __init__(self, outer: GraphReader, node: TfliteNode, index: int, part: str) -> None:
        branches = outer.model.branches
        self.notes = outer.notes
        self.builder = outer.builder
        self.callers = (*outer.callers, index)
        self.read_for = outer.read_for
        self.constants = outer.constants
        model = dataclasses.replace(branches[index], branches=branches)
        self._begin(model, outer.path, f"{node.name[-LONGEST_PREFIX:]}/{part}")

    def outputs(self, operands: Sequence[Laid]) -> list[Laid]:
        """What the graph makes of operands; nothing when there are problems."""
        self._tensors.update(zip(self.model.inputs, operands, strict=True))
        for place in self._needed(self.model.outputs):
            self._read_operator(place)
        return [] if self.problems else [self.laid(output) for output in self.model.outputs]


def _check_interface(
    node: TfliteNode, model: Model, operands: Sequence[Laid], results: int | None
) -> None:
    """Refuse operands and results that the graph which a node names has other ones for."""
    for what, given, known in (
        ("operands", len(operands), len(model.inputs)),
        ("results", len(node.proto.outputs) if results is None else results, len(model.outputs)),
    ):
        if given != known:
            raise node.unsupported(f"{given} {what}, but its graph has {known}")
    for index, operand in zip(model.inputs, operands, strict=True):
        tensor, dtype = model.tensors[index], operand.value.dtype
        if tensor.type in (ElementType.FLOAT32, ElementType.FLOAT16):
            fits = dtype is DType.FLOAT32
        else:
            fits = tensor.quantization is None and dtype_of(tensor.type) is dtype
        if not fits:
            raise node.unsupported(QUANTIZED)


def _sequence(made: Made | Sequence[Made]) -> Sequence[Made]:
    return made if isinstance(made, Sequence) else (made,)


def _laid(made: Made) -> Laid:
    assert not isinstance(made, Pair)
    return Laid(made) if isinstance(made, Value) else made


def outline(model: Model) -> list[tuple[str, str, tuple[str, ...]]]:
    """Operator, name and outputs of each operator, in order; names as in error messages."""
    return [
        (operator.code, model.operator_name(index), _output_names(model, operator))
        for index, operator in enumerate(model.operators)
    ]


def _output_names(model: Model, operator: Operator) -> tuple[str, ...]:
    return tuple(model.tensors[index].name for index in operator.outputs if index != ABSENT)
