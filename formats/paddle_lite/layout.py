"""Where things stand in the bytes of a .nb file: what ``encode`` and ``decode`` share.

Field numbers are those of lite/model_parser/flatbuffers/framework.fbs and param.fbs, the
headers those of ``LoadModelFbsFromFile`` and ``ParamDeserializer`` in Paddle Lite.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

from opt_tool.formats.paddle_lite.schema import VarType
from opt_tool.targets import AttributeType

FILE_HEADER = struct.Struct("<H16sQ")
"""Meta version, text of the tool's version, size of the topology that follows."""

PARAMETERS_START = struct.Struct("<HH")
"""Version 0, number of reserved bytes that follow."""

HEADER_SIZE = struct.Struct("<H")
"""The size of the parameters' header that follows."""

PARAMETERS_HEADER = struct.Struct("<HI")
"""Number of parameters, size of the largest one's data."""

PARAMETER_SIZES = struct.Struct("<II")
"""Bytes after this number, and how many of them come before the parameter's flatbuffer."""

LOD_TENSOR_VARIABLE = 1
"""The one kind of parameter, in the union ``VariableDesc``."""

TENSOR_FIELDS: Mapping[VarType, int] = {
    VarType.SELECTED_ROWS: 1,
    VarType.LOD_TENSOR: 2,
    VarType.LOD_TENSOR_ARRAY: 3,
}
"""The field of a ``VarType`` table that tells a tensor's dtype and shape."""


class ValueLayout(NamedTuple):
    """How an attribute's value is stored.

    Attributes:
        field: Its field in the ``Attr`` table.
        code: The type of the elements for ``struct``; ``s`` is a string.
        is_vector: Whether there is a vector of them.
    """

    field: int
    code: str
    is_vector: bool


VALUE_LAYOUTS: Mapping[AttributeType, ValueLayout] = {
    AttributeType.INT: ValueLayout(2, "i", False),
    AttributeType.FLOAT: ValueLayout(3, "f", False),
    AttributeType.STRING: ValueLayout(4, "s", False),
    AttributeType.INTS: ValueLayout(5, "i", True),
    AttributeType.FLOATS: ValueLayout(6, "f", True),
    AttributeType.STRINGS: ValueLayout(7, "s", True),
    AttributeType.BOOLEAN: ValueLayout(8, "?", False),
    AttributeType.BOOLEANS: ValueLayout(9, "?", True),
    AttributeType.BLOCK: ValueLayout(10, "i", False),
    AttributeType.LONG: ValueLayout(11, "q", False),
    AttributeType.BLOCKS: ValueLayout(12, "i", True),
    AttributeType.LONGS: ValueLayout(13, "q", True),
    AttributeType.FLOAT64: ValueLayout(14, "d", False),
    AttributeType.FLOAT64S: ValueLayout(15, "d", True),
}
"""All types but VAR and VARS, which the file has names for and no place."""
