"""One ONNX node as its importer sees it: operands as values, attributes by type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from opt_tool.errors import OpenInputError, UnsupportedOperatorError
from opt_tool.formats.imported_node import ImportedNode
from opt_tool.formats.onnx.messages import GraphProto, NodeProto
from opt_tool.ir import Dim, Value
from opt_tool.runtime.fold import FoldingBuilder

if TYPE_CHECKING:
    from opt_tool.formats.onnx.reader import GraphReader

N = TypeVar("N", int, float)


class OnnxNode(ImportedNode):
    """A node being read.

    Attributes are read by accessors that take the ONNX default; optional operands may be
    None. What an importer adds goes to ``builder``, mostly by ``add``.
    """

    def __init__(
        self,
        reader: GraphReader,
        proto: NodeProto,
        name: str,
        inputs: Sequence[Value | None],
        scope: Mapping[str, Value],
    ) -> None:
        self.reader = reader
        self.proto = proto
        self.name = name
        self.inputs = tuple(inputs)
        self.scope = scope
        self._attributes = {attribute.name: attribute for attribute in proto.attribute}

    @property
    def operator(self) -> str:
        return self.proto.op_type

    @property
    def domain(self) -> str:
        """The operator's domain; empty for the standard one."""
        return "" if self.proto.domain == "ai.onnx" else self.proto.domain

    @property
    def builder(self) -> FoldingBuilder:
        return self.reader.builder

    @property
    def opset(self) -> int:
        """The version of this node's domain that the model uses."""
        return self.reader.opsets.get(self.domain, 1)

    @property
    def output_count(self) -> int:
        return len(self.proto.output)

    def has_output(self, index: int) -> bool:
        return index < len(self.proto.output) and self.proto.output[index] != ""

    # ---- operands

    def input(self, index: int) -> Value:
        """An operand that must be there."""
        value = self.maybe(index)
        if value is None:
            raise self.unsupported(f"input {index} is missing")
        return value

    def maybe(self, index: int) -> Value | None:
        """An operand that may be left out."""
        return self.inputs[index] if index < len(self.inputs) else None

    def constant(self, index: int, what: str) -> np.ndarray:
        """The contents of an operand that must be known at conversion."""
        value = self.input(index)
        if value.is_constant:
            return value.array()
        raise self.open(
            value,
            what,
            f"its {what} ({value.name!r}) is computed at run time; the target needs it at "
            "conversion. Fix the input shapes with --input-shape if it depends on them",
        )

    def open(self, value: Value, what: str, problem: str) -> UnsupportedOperatorError:
        """The error that a value would have to be known, with what to do if it is an input."""
        if not self.builder.graph.is_input(value):
            return self.unsupported(problem)
        return OpenInputError(
            self.operator,
            self.name,
            f"its {what} is the input {value.name!r}, which the target needs at conversion; "
            f"give it a value with `opt convert --input-value {value.name}=...`",
            value.name,
        )

    def maybe_constant(self, index: int, what: str) -> np.ndarray | None:
        """Like ``constant`` for an operand that may be left out."""
        return None if self.maybe(index) is None else self.constant(index, what)

    def wholes(self, index: int, what: str) -> tuple[int, ...]:
        """The whole numbers in an operand, which must be known at conversion."""
        numbers = self.constant(index, what).reshape(-1)
        if not np.isfinite(numbers).all():
            raise self.unsupported(f"its {what} has numbers that are not finite")
        return tuple(map(int, numbers))

    def maybe_wholes(self, index: int, what: str) -> tuple[int, ...] | None:
        """Like ``wholes`` for an operand that may be left out."""
        return None if self.maybe(index) is None else self.wholes(index, what)

    def whole(self, index: int, what: str) -> int:
        """The whole number that an operand is, which must be known at conversion."""
        return self._one(self.wholes(index, what), what)

    def maybe_whole(self, index: int, what: str) -> int | None:
        """Like ``whole`` for an operand that may be left out."""
        return None if self.maybe(index) is None else self.whole(index, what)

    def number(self, index: int, what: str) -> float:
        """The number that an operand is, which must be known at conversion."""
        return self._one(self.constant(index, what).reshape(-1)[:1].tolist(), what)

    def maybe_number(self, index: int, what: str) -> float | None:
        """Like ``number`` for an operand that may be left out."""
        return None if self.maybe(index) is None else self.number(index, what)

    def _one(self, numbers: Sequence[N], what: str) -> N:
        """The first of some numbers, of which there must be one."""
        if not numbers:
            raise self.unsupported(f"its {what} is a tensor without elements; a number is needed")
        return numbers[0]

    def dims(self, index: int, what: str) -> tuple[Dim, ...]:
        """The elements of a shape-like operand: numbers, or symbols of the model's inputs."""
        elements = self.input(index).elements
        return self.wholes(index, what) if elements is None else elements

    # ---- attributes

    def has(self, name: str) -> bool:
        return name in self._attributes

    def integer(self, name: str, default: int) -> int:
        attribute = self._attributes.get(name)
        return default if attribute is None else int(attribute.i)

    def integers(self, name: str, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        attribute = self._attributes.get(name)
        return default if attribute is None else tuple(attribute.ints)

    def real(self, name: str, default: float) -> float:
        attribute = self._attributes.get(name)
        return default if attribute is None else float(attribute.f)

    def reals(self, name: str, default: tuple[float, ...] = ()) -> tuple[float, ...]:
        attribute = self._attributes.get(name)
        return default if attribute is None else tuple(attribute.floats)

    def text(self, name: str, default: str) -> str:
        attribute = self._attributes.get(name)
        return default if attribute is None else attribute.s.decode("utf-8", "replace")

    def texts(self, name: str) -> tuple[str, ...]:
        """Texts, none where the attribute is missing."""
        attribute = self._attributes.get(name)
        given = () if attribute is None else attribute.strings
        return tuple(text.decode("utf-8", "replace") for text in given)

    def tensor(self, name: str) -> np.ndarray:
        """A tensor attribute; refuses the node when it is missing."""
        attribute = self._attributes.get(name)
        if attribute is None:
            raise self.unsupported(f"attribute {name!r} is missing")
        return self.reader.tensors.array(attribute.t)

    def graph(self, name: str) -> GraphProto:
        """A sub-graph attribute; refuses the node when it is missing."""
        attribute = self._attributes.get(name)
        if attribute is None:
            raise self.unsupported(f"attribute {name!r} is missing")
        return attribute.g
