"""What a .nb file holds, in the file's own words.

The byte layer is ``encode`` and ``decode``; nothing here knows bytes. Names are those of
the flatbuffer schema (lite/model_parser/flatbuffers/*.fbs in Paddle Lite), dtypes those
of NumPy.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import numpy as np

from opt_tool.targets import AttributeType

META_VERSION = 2
"""The version of the layout that is written; 1 keeps all parameters in one flatbuffer."""


class VarType(enum.IntEnum):
    """What a variable is, or what a tensor's elements are."""

    BOOL = 0
    INT16 = 1
    INT32 = 2
    INT64 = 3
    FP16 = 4
    FP32 = 5
    FP64 = 6
    LOD_TENSOR = 7
    SELECTED_ROWS = 8
    FEED_MINIBATCH = 9
    FETCH_LIST = 10
    STEP_SCOPES = 11
    LOD_RANK_TABLE = 12
    LOD_TENSOR_ARRAY = 13
    PLACE_LIST = 14
    READER = 15
    RAW = 17
    TUPLE = 18
    SIZE_T = 19
    UINT8 = 20
    INT8 = 21


DATA_TYPES: Mapping[str, VarType] = {
    "bool": VarType.BOOL,
    "int16": VarType.INT16,
    "int32": VarType.INT32,
    "int64": VarType.INT64,
    "float16": VarType.FP16,
    "float32": VarType.FP32,
    "float64": VarType.FP64,
    "uint64": VarType.SIZE_T,
    "uint8": VarType.UINT8,
    "int8": VarType.INT8,
}
"""The element types that a tensor can have, by NumPy's names."""

DTYPES: Mapping[VarType, str] = {number: name for name, number in DATA_TYPES.items()}

Scalar: TypeAlias = "int | float | str | bool"
AttributeValue: TypeAlias = (
    "Scalar | tuple[int, ...] | tuple[float, ...] | tuple[str, ...] | tuple[bool, ...]"
)

_SCALARS: Mapping[AttributeType, tuple[type, ...]] = {
    AttributeType.INT: (int,),
    AttributeType.FLOAT: (float, int),
    AttributeType.STRING: (str,),
    AttributeType.BOOLEAN: (bool,),
    AttributeType.BLOCK: (int,),
    AttributeType.LONG: (int,),
    AttributeType.FLOAT64: (float, int),
}


@dataclass(frozen=True, slots=True)
class Attribute:
    """A value with the type that it is written with; vectors are tuples."""

    type: AttributeType
    value: AttributeValue

    def __post_init__(self) -> None:
        kinds = _SCALARS.get(self.type, (tuple,))
        fits = isinstance(self.value, kinds)
        if not fits or (isinstance(self.value, bool) and bool not in kinds):
            raise TypeError(f"{self.value!r} is not of the attribute type {self.type.name}")


class Var(NamedTuple):
    """One variable.

    Attributes:
        dtype: The element type where the variable holds a tensor, or several.
        shape: The tensor's dimensions; -1 is one that is not known before the run.
    """

    name: str
    type: VarType
    persistable: bool = False
    dtype: str | None = None
    shape: tuple[int, ...] = ()
    lod_level: int = 0
    need_check_feed: bool = False


class OpDesc(NamedTuple):
    """One operator: the variables in each slot, and its attributes by name."""

    type: str
    inputs: Mapping[str, tuple[str, ...]]
    outputs: Mapping[str, tuple[str, ...]]
    attributes: Mapping[str, Attribute]
    is_target: bool = False


class Block(NamedTuple):
    """Variables, and operators in the order in which they run. The main block is the first."""

    variables: tuple[Var, ...]
    operators: tuple[OpDesc, ...]
    idx: int = 0
    parent_idx: int = -1
    forward_block_idx: int = -1


@dataclass(frozen=True, slots=True)
class Program:
    """The file's topology: everything but the weights."""

    blocks: tuple[Block, ...]
    version: int = 0
    op_versions: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Parameter:
    """A weight; equal to another when name, dtype, shape and all bytes are."""

    name: str
    data: np.ndarray

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Parameter):
            return NotImplemented
        a, b = self.data, other.data
        same_type = (self.name, a.dtype, a.shape) == (other.name, b.dtype, b.shape)
        return same_type and a.tobytes() == b.tobytes()

    __hash__ = None  # type: ignore[assignment]  # arrays can change


class File(NamedTuple):
    """A whole file.

    Attributes:
        version: The text of the tool's version, such as ``v2.13``; a runtime of another
            version warns when it loads the file.
    """

    version: str
    program: Program
    parameters: tuple[Parameter, ...]
    meta_version: int = META_VERSION
