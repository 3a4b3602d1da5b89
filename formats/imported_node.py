"""What an importer of any format does with the node that it reads: build, and refuse."""

from __future__ import annotations

import abc
from collections.abc import Sequence

import numpy as np

from opt_tool.errors import UnsupportedOperatorError
from opt_tool.ir import Operation, Value
from opt_tool.runtime import FoldingBuilder


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

    def unsupported(self, problem: str) -> UnsupportedOperatorError:
        """The error that refuses this node, to be raised."""
        return UnsupportedOperatorError(self.operator, self.name, problem)
