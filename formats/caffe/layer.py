"""One Caffe layer as its importer sees it: bottoms as values, weights by expected shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from opt_tool.errors import UnsupportedOperatorError
from opt_tool.formats.caffe import caffe_pb2
from opt_tool.ir import Operation, Value
from opt_tool.ir.operations.shape import Reshape2, reshape_attribute
from opt_tool.ir.types import Dim
from opt_tool.runtime.fold import FoldingBuilder

if TYPE_CHECKING:
    from opt_tool.formats.caffe.reader import NetworkReader


class CaffeLayer:
    """A layer being read. What an importer adds goes to ``builder``, mostly by ``add``."""

    def __init__(
        self, reader: NetworkReader, proto: caffe_pb2.LayerParameter, bottoms: Sequence[Value]
    ) -> None:
        self.reader = reader
        self.proto = proto
        self.bottoms = tuple(bottoms)

    @property
    def name(self) -> str:
        return self.proto.name

    @property
    def type(self) -> str:
        return self.proto.type

    @property
    def tops(self) -> tuple[str, ...]:
        return tuple(self.proto.top)

    @property
    def builder(self) -> FoldingBuilder:
        return self.reader.builder

    # ---- operands

    def bottom(self, index: int = 0) -> Value:
        """A bottom that must be there."""
        if index >= len(self.bottoms):
            raise self.unsupported(f"it has {len(self.bottoms)} bottoms, and needs {index + 1}")
        return self.bottoms[index]

    def planes(self, index: int = 0) -> Value:
        """A bottom of four dimensions, N, C, H, W."""
        x = self.bottom(index)
        if x.rank != 4:
            raise self.unsupported(f"a bottom {x.type}; only four dimensions are supported")
        return x

    def sizes(self, value: Value) -> tuple[int, ...]:
        """The shape of a value in numbers; refuses the layer when one is not known."""
        if not value.type.is_static:
            raise self.unsupported(f"{value.name!r} is {value.type}; its sizes must be known")
        return value.type.static_shape

    def axis(self, axis: int, rank: int) -> int:
        """An axis counted from the front; refuses one that the rank does not have."""
        if not -rank <= axis < rank:
            raise self.unsupported(f"axis {axis} does not exist in a blob of {rank} dimensions")
        return axis % rank

    @property
    def weight_count(self) -> int:
        """How many blobs of weights the layer has."""
        return self.reader.weights.count(self.name)

    def weight(self, index: int, shape: Sequence[int]) -> np.ndarray:
        """A blob of weights, float32.

        Raises:
            DamagedFileError: when it is not there or has another shape.
        """
        return self.reader.weight(self.proto, index, tuple(shape))

    def weight_value(self, index: int, shape: Sequence[int], what: str) -> Value:
        """A blob of weights as a constant named after the layer."""
        return self.constant(self.weight(index, shape), what)

    # ---- building

    def add(self, op: Operation, **inputs: Value | Sequence[Value] | None) -> Value:
        """Add an operation and return its first output; operands are given by slot."""
        return self.builder.add(op, **inputs)

    def add_all(self, op: Operation, **inputs: Value | Sequence[Value] | None) -> tuple[Value, ...]:
        """Add an operation and return all its outputs."""
        return self.builder.add_all(op, **inputs)

    def constant(self, array: np.ndarray, what: str = "constant") -> Value:
        """A constant named after this layer."""
        return self.builder.constant(array, f"{self.name}.{what}")

    def reshaped(self, x: Value, shape: Sequence[Dim]) -> Value:
        """X in another shape of as many elements."""
        if x.shape == tuple(shape):
            return x
        attribute = reshape_attribute(x.shape, tuple(shape))
        if attribute is None:
            raise self.unsupported(f"{x.type} cannot be reshaped to {list(shape)}")
        return self.add(Reshape2(shape=attribute), X=x)

    def unsupported(self, problem: str) -> UnsupportedOperatorError:
        """The error that refuses this layer, to be raised."""
        return UnsupportedOperatorError(self.type, self.name, problem)
