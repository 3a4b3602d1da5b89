"""Tensors of the file whose dimensions stand in another order in the graph.

TensorFlow has channels last, Paddle Lite's kernels have them first. Operators that do not
care take their operands in the order in which they happen to be, so that a transpose is
only added where a tensor is needed in an order that nobody made yet; the file's own
transposes then only say what the dimensions mean from there on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from opt_tool.errors import UnsupportedError
from opt_tool.ir import Dim, Value
from opt_tool.ir.builder import GraphBuilder
from opt_tool.ir.operations.data_movement import Transpose2

Order: TypeAlias = tuple[int, ...]
"""Dimension i of the graph's value is dimension ``order[i]`` of the file's tensor."""

PLANES: Order = (0, 3, 1, 2)
"""(N, H, W, C) of the file as (N, C, H, W)."""


def plain(rank: int) -> Order:
    """The file's own order."""
    return tuple(range(rank))


def channels_first(rank: int) -> Order:
    """The last dimension moved behind the first one."""
    return (0, rank - 1, *range(1, rank - 1)) if rank > 1 else plain(rank)


class Laid:
    """A tensor of the file in one order or more.

    Args:
        value: The value that holds it.
        order: The order of that value's dimensions, by default the file's.
    """

    def __init__(self, value: Value, order: Order | None = None) -> None:
        self.order = plain(value.rank) if order is None else order
        self.value = value
        self._values = {self.order: value}

    @property
    def rank(self) -> int:
        return self.value.rank

    @property
    def shape(self) -> tuple[Dim, ...]:
        """The shape that the file's tensor has."""
        return tuple(self.value.shape[self.order.index(axis)] for axis in range(self.rank))

    @property
    def is_plain(self) -> bool:
        """Whether it lies in memory as the file's tensor does."""
        moved = [axis for axis in self.order if self.shape[axis] != 1]
        return moved == sorted(moved)

    @property
    def last(self) -> int:
        """Where the file's last dimension stands; raises UnsupportedError for a scalar."""
        if self.rank == 0:
            raise UnsupportedError(f"{self.value.name!r} is a scalar, without a last dimension")
        return self.order.index(self.rank - 1)

    def has(self, order: Order) -> bool:
        """Whether it is there in an order already."""
        return order in self._values

    def in_order(self, builder: GraphBuilder, order: Order) -> Value:
        """The tensor with its dimensions in an order; made by a transpose at the first call."""
        if order not in self._values:
            axis = tuple(self.order.index(dimension) for dimension in order)
            self._values[order] = builder.add(Transpose2(axis=axis), X=self.value)
        return self._values[order]

    def transposed(self, axes: Order) -> Laid:
        """The same values for the file's transpose of this tensor: nothing is moved."""
        places = {axis: place for place, axis in enumerate(axes)}
        named = {
            tuple(places[axis] for axis in order): value for order, value in self._values.items()
        }
        home = tuple(places[axis] for axis in self.order)
        result = Laid(self.value, home)
        result._values = named
        return result


@dataclass(frozen=True, slots=True)
class Pair:
    """A tensor of complex numbers, which the graph has as two of real ones."""

    real: Laid
    imaginary: Laid
