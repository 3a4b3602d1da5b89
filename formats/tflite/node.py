"""One TFLite operator as its importer sees it: operands in any order, options by type."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from opt_tool.formats.imported_node import ImportedNode
from opt_tool.formats.tflite.orders import PLANES, Laid, Order, Pair, plain
from opt_tool.formats.tflite.schema import ABSENT, Activation, Operator, Tensor
from opt_tool.ir import Dim, Operation, Value
from opt_tool.ir.operations.activation import Relu, Relu6, Tanh
from opt_tool.ir.operations.elementwise import Clip
from opt_tool.ir.operations.shape import Unsqueeze2
from opt_tool.runtime.fold import FoldingBuilder

if TYPE_CHECKING:
    from opt_tool.formats.tflite.reader import GraphReader

E = TypeVar("E", bound=enum.Enum)

REAL, IMAGINARY = "real", "imaginary"
"""What a node may see of complex operands."""

ACTIVATIONS: dict[Activation, Operation | None] = {
    Activation.NONE: None,
    Activation.RELU: Relu(),
    Activation.RELU_N1_TO_1: Clip(min=-1.0, max=1.0),
    Activation.RELU6: Relu6(),
    Activation.TANH: Tanh(),
}


class TfliteNode(ImportedNode):
    """An operator being read.

    ``laid`` is an operand as it happens to be, ``value`` is one in the file's order. What
    an importer adds goes to ``builder``, mostly by ``add``. ``part`` says which half of complex
    operands it sees.
    """

    def __init__(self, reader: GraphReader, proto: Operator, name: str, part: str = "") -> None:
        self.reader = reader
        self.proto = proto
        self.name = name
        self.part = part

    @property
    def operator(self) -> str:
        return self.proto.code

    @property
    def builder(self) -> FoldingBuilder:
        return self.reader.builder

    # ---- operands

    @property
    def count(self) -> int:
        """How many operands there are."""
        return len(self.proto.inputs)

    def has(self, index: int) -> bool:
        return index < len(self.proto.inputs) and self.proto.inputs[index] != ABSENT

    def tensor(self, index: int) -> Tensor:
        """What the file says of an operand."""
        if not self.has(index):
            raise self.unsupported(f"input {index} is missing")
        return self.reader.model.tensors[self.proto.inputs[index]]

    def output(self, index: int = 0) -> Tensor:
        """What the file says of an output."""
        if index >= len(self.proto.outputs) or self.proto.outputs[index] == ABSENT:
            raise self.unsupported(f"output {index} is missing")
        return self.reader.model.tensors[self.proto.outputs[index]]

    def laid(self, index: int) -> Laid:
        """An operand that must be there, in the order or orders that it has."""
        if not self.is_complex(index):
            return self.reader.laid(self.proto.inputs[index])
        if not self.part:
            raise self.unsupported(
                "it computes with complex numbers; opt reads spectra that are only moved before "
                "their sizes or parts are taken"
            )
        pair = self.pair(index)
        return pair.real if self.part == REAL else pair.imaginary

    def is_complex(self, index: int) -> bool:
        """Whether an operand that must be there is of complex numbers."""
        self.tensor(index)
        return self.proto.inputs[index] in self.reader.pairs

    def pair(self, index: int) -> Pair:
        """An operand of complex numbers."""
        if not self.is_complex(index):
            raise self.unsupported(f"an operand of {self.tensor(index).type.name}")
        return self.reader.pairs[self.proto.inputs[index]]

    def value(self, index: int) -> Value:
        """An operand in the file's order."""
        return self.in_order(self.laid(index))

    def planes(self, index: int) -> Value:
        """An operand (N, H, W, C) as (N, C, H, W)."""
        x = self.laid(index)
        if x.rank != 4:
            raise self.unsupported(f"an input of {x.rank} dimensions; 4 are needed")
        return x.in_order(self.builder, PLANES)

    def in_order(self, x: Laid, order: Order | None = None) -> Value:
        """A tensor with its dimensions in an order, by default the file's."""
        return x.in_order(self.builder, plain(x.rank) if order is None else order)

    def maybe(self, index: int) -> Value | None:
        """An operand that may be left out, in the file's order."""
        return self.value(index) if self.has(index) else None

    def constant(self, index: int, what: str) -> np.ndarray:
        """The contents of an operand that must be known at conversion."""
        value = self.value(index)
        if not value.is_constant:
            raise self.unsupported(
                f"its {what} ({value.name!r}) is computed at run time; the target needs it at "
                "conversion. Fix the input shapes with --input-shape if it depends on them"
            )
        return value.array()

    def integers(self, index: int, what: str) -> tuple[int, ...]:
        """The numbers in an operand that must be known at conversion."""
        numbers = self.constant(index, what)
        if numbers.dtype.kind not in "iu":
            raise self.unsupported(f"its {what} is {numbers.dtype}; whole numbers are needed")
        return tuple(int(x) for x in numbers.reshape(-1))

    def whole(self, index: int, what: str) -> int:
        """The one whole number in an operand that must be known at conversion."""
        number = self.number(index, what)
        if number.dtype.kind not in "iu":
            raise self.unsupported(f"its {what} is {number.dtype}; whole numbers are needed")
        return int(number)

    def number(self, index: int, what: str) -> np.ndarray:
        """The one number in an operand that must be known at conversion, as an array ()."""
        numbers = self.constant(index, what)
        if numbers.size != 1:
            raise self.unsupported(f"its {what} has {numbers.size} elements; one is needed")
        return numbers.reshape(())

    def declared_shape(self, output: int) -> tuple[int, ...]:
        """The shape that the file gives an output."""
        return self.reader.model.tensors[self.proto.outputs[output]].shape

    def dims(self, index: int, what: str) -> tuple[Dim, ...]:
        """The elements of a shape-like operand: numbers, or symbols of the model's inputs."""
        value = self.value(index)
        return self.integers(index, what) if value.elements is None else value.elements

    # ---- options

    def integer(self, name: str) -> int:
        return int(self.proto.options[name])  # type: ignore[arg-type]  # never a vector

    def flag(self, name: str) -> bool:
        return bool(self.proto.options[name])

    def real(self, name: str) -> float:
        return float(self.proto.options[name])  # type: ignore[arg-type]  # never a vector

    def vector(self, name: str) -> tuple[int, ...]:
        return self.proto.options[name]  # type: ignore[return-value]  # never a number

    def reals(self, name: str) -> tuple[float, ...]:
        return self.proto.options[name]  # type: ignore[return-value]  # never a number

    def choice(self, name: str, kind: type[E]) -> E:
        """An option that is one of the schema's enumerations."""
        number = self.integer(name)
        try:
            return kind(number)
        except ValueError:
            raise self.unsupported(f"{name} {number} is none that opt knows") from None

    # ---- building

    def activated(self, x: Value) -> Value:
        """What the operator's fused activation makes of its result."""
        activation = self.choice("fused_activation_function", Activation)
        if activation not in ACTIVATIONS:
            raise self.unsupported(f"the activation {activation.name} is not supported")
        op = ACTIVATIONS[activation]
        return x if op is None else self.add(op, X=x)

    def together(self, operands: Sequence[Laid]) -> tuple[list[Value], Order]:
        """Operands that broadcast together, in one order, and that order.

        The order is that of the first operand of full rank which is not in the file's, so
        that what comes from a convolution stays as it is. Smaller ones get dimensions in
        front where these would not be understood otherwise.
        """
        rank = max(operand.rank for operand in operands)
        full = [x for x in operands if x.rank == rank]
        moved = [x.order for x in full if x.order != plain(rank) and not x.value.is_constant]
        order = moved[0] if moved else plain(rank)
        return [self._aligned(operand, rank, order) for operand in operands], order

    def _aligned(self, x: Laid, rank: int, order: Order) -> Value:
        if x.rank == rank:
            return x.in_order(self.builder, order)
        value = self.in_order(x)
        if order == plain(rank) or (value.type.is_static and value.type.size == 1):
            return value
        missing = tuple(range(rank - x.rank))
        return Laid(self.add(Unsqueeze2(axes=missing), X=value)).in_order(self.builder, order)
