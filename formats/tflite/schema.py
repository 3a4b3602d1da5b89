"""What a TFLite file holds, under the schema's own names.

The numbers are those of tensorflow/lite/schema/schema.fbs.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

Option: TypeAlias = int | float | bool | str | tuple[int, ...] | tuple[float, ...]

CUSTOM = "CUSTOM"

ABSENT = -1
"""The index that stands for an operand that is left out."""


class TensorType(enum.Enum):
    """The element types."""

    FLOAT32 = 0
    FLOAT16 = 1
    INT32 = 2
    UINT8 = 3
    INT64 = 4
    STRING = 5
    BOOL = 6
    INT16 = 7
    COMPLEX64 = 8
    INT8 = 9
    FLOAT64 = 10
    COMPLEX128 = 11
    UINT64 = 12
    RESOURCE = 13
    VARIANT = 14
    UINT32 = 15
    UINT16 = 16
    INT4 = 17
    BFLOAT16 = 18


class Padding(enum.Enum):
    """How windows are laid on an axis: up to its ends and beyond, or inside only."""

    SAME = 0
    VALID = 1


class Activation(enum.Enum):
    """What an operator does to its result."""

    NONE = 0
    RELU = 1
    RELU_N1_TO_1 = 2
    RELU6 = 3
    TANH = 4
    SIGN_BIT = 5


class MirrorPadMode(enum.Enum):
    """Whether the edge itself is repeated."""

    REFLECT = 0
    SYMMETRIC = 1


class Quantization(NamedTuple):
    """number = scale * (integer - zero_point), for each slice of an axis where there are more."""

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int


class SparseLevel(NamedTuple):
    """One dimension in traversal order: ``size`` elements, or those that ``indices`` name.

    The elements below the i-th place of the levels in front are ``indices[segments[i]:
    segments[i + 1]]``.
    """

    size: int
    segments: tuple[int, ...] | None = None
    indices: tuple[int, ...] = ()


class Sparsity(NamedTuple):
    """Where the stored elements of a tensor stand; the others are 0.

    The tensor's dimensions may be cut into blocks: the last dimensions of
    ``traversal_order`` are inside of blocks of the dimensions ``block_map``.
    """

    traversal_order: tuple[int, ...]
    block_map: tuple[int, ...]
    levels: tuple[SparseLevel, ...]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor; ``data`` is empty where it is computed.

    ``signature`` is the shape with -1 for sizes that the file leaves open, for which ``shape``
    has others; it is empty where there are none.
    """

    name: str
    type: TensorType
    shape: tuple[int, ...]
    data: memoryview = field(repr=False)
    quantization: Quantization | None = None
    sparsity: Sparsity | None = None
    is_variable: bool = False
    signature: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator by its code's name; tensors by index.

    One that TFLite does not know has the code CUSTOM, a name of its own and options whose
    bytes only its maker can tell.
    """

    code: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Option]
    custom_code: str = ""
    custom_options: memoryview = field(default=memoryview(b""), repr=False)


@dataclass(frozen=True, slots=True)
class Model:
    """A graph of a file; the main one holds those that operators name, by index."""

    name: str
    tensors: tuple[Tensor, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    operators: tuple[Operator, ...]
    branches: Mapping[int, Model] = field(default_factory=dict)

    def operator_name(self, index: int) -> str:
        """What an operator is called in messages: as the first tensor that it makes."""
        operator = self.operators[index]
        made = [self.tensors[output].name for output in operator.outputs if output != ABSENT]
        return next(filter(None, made), f"{operator.code}_{index}")
