"""The table of ONNX's definitions holds what the installed package says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from onnx import AttributeProto, defs

import generate_onnx_definitions
from opt_tool.formats.onnx import definitions
from opt_tool.formats.onnx.definitions import Definition, definition, newest_opset


def test_the_table_is_what_its_script_writes() -> None:
    assert generate_onnx_definitions.TABLE.read_text() == generate_onnx_definitions.table()


@pytest.mark.parametrize("opset", [1, 7, 13, 18, newest_opset()])
def test_every_operator_is_defined_as_the_package_defines_it(opset: int) -> None:
    names = {(schema.name, schema.domain) for schema in defs.get_all_schemas_with_history()}
    for name, domain in sorted(names):
        version = min(opset, definitions._table()["opsets"][domain])
        expected = definitions._installed_definition(name, version, domain)
        assert definition(name, version, domain) == expected, (name, domain)


def test_a_definition_lists_operands_and_attributes() -> None:
    types = {"axis": AttributeProto.INT, "select_last_index": AttributeProto.INT}
    types["keepdims"] = AttributeProto.INT
    assert definition("ArgMax", 12, "ai.onnx") == Definition((1, 1), (1, 1), types)


def test_what_onnx_does_not_define_has_no_definition() -> None:
    assert definition("Nonsense", 13, "") is None
    assert definition("Gelu", 19, "") is None  # it came with 20
    assert definition("FusedConv", 1, "com.microsoft") is None


def test_opsets_newer_than_the_table_are_those_of_the_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    older: dict[str, Any] = json.loads(generate_onnx_definitions.table())
    older["opsets"][""] = 9
    older["definitions"] = []
    monkeypatch.setattr(definitions, "_table", lambda: older)
    definition.cache_clear()
    definitions._rows.cache_clear()
    try:
        assert definition("Relu", 9, "") is None
        assert definition("Relu", 10, "") == Definition((1, 1), (1, 1), {})
    finally:
        definition.cache_clear()
        definitions._rows.cache_clear()
