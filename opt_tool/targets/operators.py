"""What Paddle Lite's operators read: slots, and attributes with their wire types.

``operators.json`` has one operator a line, made from Paddle Lite's sources by
``scripts/update_paddle_lite_tables.py``. A name that ends in ``?`` may be absent; all
others must be there for some version from 2.8 on, and the versions that do not need them
pass them over. A runtime that misses a required one, or finds it in another type, crashes
or computes with a default.
"""

from __future__ import annotations

import enum
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypedDict

from opt_tool.errors import UnsupportedError
from opt_tool.targets.versions import LiteVersion


class AttributeType(enum.IntEnum):
    """The type that an attribute is written with (``AttrType`` in the file's schema)."""

    INT = 0
    FLOAT = 1
    STRING = 2
    INTS = 3
    FLOATS = 4
    STRINGS = 5
    BOOLEAN = 6
    BOOLEANS = 7
    BLOCK = 8
    LONG = 9
    BLOCKS = 10
    LONGS = 11
    FLOAT64S = 12
    VAR = 13
    VARS = 14
    FLOAT64 = 15


class Library(enum.Enum):
    """Which of the two builds of the runtime has something."""

    BASIC = "basic"
    """The small default build, and the larger one too."""
    WITH_EXTRA = "with_extra"
    """Only the build that is made ``with_extra``."""


class SlotSpec(NamedTuple):
    """One input or output of an operator; it holds any number of variables."""

    name: str
    required: bool


@dataclass(frozen=True)
class OperatorSpec:
    """All that an operator reads. The slots are in the order of the sources.

    Attributes:
        attributes: The wire type of each attribute.
        optional_attributes: Those that may be absent.
        since: The first version that reads an attribute, for those that are younger than
            their operator; older versions ignore them.
    """

    type: str
    inputs: tuple[SlotSpec, ...]
    outputs: tuple[SlotSpec, ...]
    attributes: Mapping[str, AttributeType] = field(hash=False)
    optional_attributes: frozenset[str]
    since: Mapping[str, LiteVersion] = field(hash=False)
    library: Library


class _Row(TypedDict):
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, str]
    library: str


def operator_types() -> tuple[str, ...]:
    """The names of all operators that ARM, x86 or the host can run, sorted."""
    return tuple(_rows())


@functools.cache
def operator_spec(op_type: str) -> OperatorSpec:
    """What an operator reads.

    Raises:
        UnsupportedError: No Paddle Lite version has the operator for ARM or x86.
    """
    row = _rows().get(op_type)
    if row is None:
        raise UnsupportedError(f"Paddle Lite has no operator {op_type!r} for ARM or x86")
    attributes, optional, since = {}, set(), {}
    for marked_name, text in row["attributes"].items():
        name, required = _split_mark(marked_name)
        type_name, _, version = text.partition(" since ")
        attributes[name] = AttributeType[type_name]
        if not required:
            optional.add(name)
        if version:
            since[name] = LiteVersion(version)
    return OperatorSpec(
        op_type,
        tuple(SlotSpec(*_split_mark(name)) for name in row["inputs"]),
        tuple(SlotSpec(*_split_mark(name)) for name in row["outputs"]),
        attributes,
        frozenset(optional),
        since,
        Library(row["library"]),
    )


@functools.cache
def _rows() -> Mapping[str, _Row]:
    text = Path(__file__).with_name("operators.json").read_text("utf-8")
    rows: Mapping[str, _Row] = json.loads(text)
    return rows


def _split_mark(name: str) -> tuple[str, bool]:
    return name.removesuffix("?"), not name.endswith("?")
