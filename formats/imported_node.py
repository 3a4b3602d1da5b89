"""What an importer of any format does with the node that it reads: build, and refuse."""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence

import numpy as np

from opt_tool.errors import UnsupportedOperatorError
from opt_tool.ir import Operation, Value
from opt_tool.runtime.fold import FoldingBuilder

MOST_MADE_UP = 1 << 24
"""The elements of the largest constant that an importer makes up of sizes alone."""


class ImportedNode(abc.ABC):
    """A node being read; what an importer adds goes to ``builder``, mostly by ``add``."""

    name: str

    @property
    @abc.abstractmethod
    def operator(self) -> str:
        """The operator as the source calls it."""

    @property
    @abc.abstractmethod
    def builder(self) -> FoldingBuilder:
        """What the reader builds the graph with."""

    def axis(self, axis: int, rank: int) -> int:
        """An axis counted from the front; refuses one that the rank does not have."""
        if not -rank <= axis < rank:
            raise self.unsupported(f"axis {axis} does not exist in a tensor of rank {rank}")
        return axis % rank

    def add(self, op: Operation, **inputs: Value | Sequence[Value] | None) -> Value:
        """Add an operation and return its first output; operands are given by slot."""
        return self.builder.add(op, **inputs)

    def add_all(self, op: Operation, **inputs: Value | Sequence[Value] | None) -> tuple[Value, ...]:
        """Add an operation and return all its outputs."""
        return self.builder.add_all(op, **inputs)

    def new_constant(self, array: np.ndarray, what: str = "constant") -> Value:
        """A constant named after this node."""
        return self.builder.constant(array, f"{self.name}.{what}")

    def made_up(self, *shape: int) -> tuple[int, ...]:
        """The shape of a constant that the importer makes up; refuses what no model needs.

        Sizes cost a file nothing, so that a small one could ask for any amount of memory.
        """
        if min(shape, default=0) < 0 or math.prod(shape) > MOST_MADE_UP:
            raise self.unsupported(
                f"it needs a constant of shape {list(shape)}; opt makes up at most "
                f"{MOST_MADE_UP} elements"
            )
        return shape

    def unsupported(self, problem: str) -> UnsupportedOperatorError:
        """The error that refuses this node, to be raised."""
        return UnsupportedOperatorError(self.operator, self.name, problem)
