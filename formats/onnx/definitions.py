"""What ONNX defines of its operators' operands and attributes.

``definitions.json`` has one definition a line, made from the onnx package by
scripts/generate_onnx_definitions.py: the package itself takes longer to set its own up than a
small model to convert. It is asked for opsets that are newer than the table.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypedDict

from opt_tool.formats.onnx.messages import AttributeProto

STANDARD = ("", "ai.onnx")
"""Both names of ONNX's own domain."""


class Definition(NamedTuple):
    """What an operator's definition says: how many operands and results, attributes' types."""

    inputs: tuple[int, int]
    outputs: tuple[int, int]
    attributes: Mapping[str, int]


class _Row(NamedTuple):
    domain: str
    name: str
    since: int
    inputs: Sequence[int]
    outputs: Sequence[int]
    attributes: Mapping[str, str]


class _Table(TypedDict):
    opsets: dict[str, int]
    definitions: list[list[object]]


def newest_opset() -> int:
    """The newest opset of ONNX's own domain that the table holds."""
    return _table()["opsets"][""]


@functools.cache
def definition(name: str, opset: int, domain: str) -> Definition | None:
    """The definition of an operator in an opset of its domain; None if there is none."""
    domain = "" if domain in STANDARD else domain
    if opset > _table()["opsets"].get(domain, opset):
        return _installed_definition(name, opset, domain)
    rows = [row for row in _rows().get((domain, name), ()) if row.since <= opset]
    if not rows:
        return None
    row = max(rows, key=lambda row: row.since)
    types = {name: _attribute_type(type) for name, type in row.attributes.items()}
    return Definition((row.inputs[0], row.inputs[1]), (row.outputs[0], row.outputs[1]), types)


def _attribute_type(name: str) -> int:
    return AttributeProto.AttributeType.Value(name.upper())


def _installed_definition(name: str, opset: int, domain: str) -> Definition | None:
    """What the installed onnx package says."""
    from onnx import defs

    if not defs.has(name, opset, domain):
        return None
    schema = defs.get_schema(name, opset, domain)
    return Definition(
        (schema.min_input, schema.max_input),
        (schema.min_output, schema.max_output),
        {
            name: int(attribute.type.value)  # type: ignore[attr-defined]  # its stub is no enum
            for name, attribute in schema.attributes.items()
        },
    )


@functools.cache
def _rows() -> Mapping[tuple[str, str], Sequence[_Row]]:
    rows: dict[tuple[str, str], list[_Row]] = {}
    for entry in _table()["definitions"]:
        row = _Row(*entry)  # type: ignore[arg-type]  # JSON does not say
        rows.setdefault((row.domain, row.name), []).append(row)
    return rows


@functools.cache
def _table() -> _Table:
    text = Path(__file__).with_name("definitions.json").read_text("utf-8")
    table: _Table = json.loads(text)
    return table
