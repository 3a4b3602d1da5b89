"""Every operation of the graph can stand in a file: held against the operator table."""

from __future__ import annotations

import pytest

from opt_tool.formats.paddle_lite.differences import (
    DECODED,
    ENCODED,
    FIXED,
    RENAMED,
    UNUSED_OUTPUTS,
)
from opt_tool.formats.paddle_lite.fused_activation import CONVOLUTION_FORMS, FC_FORMS
from opt_tool.ir import OPERATIONS, Operation, operations
from opt_tool.targets import operator_spec

KINDS = tuple(OPERATIONS[name] for name in sorted(OPERATIONS))
assert operations  # importing it fills the table


def attribute_names(kind: type[Operation]) -> set[str]:
    renamed = RENAMED.get(kind.type, {})
    own = {renamed.get(name, name) for name in kind.defaults if name != "activation"}
    return own | set(FIXED.get(kind.type, {}))


def optional_fields(kind: type[Operation]) -> set[str]:
    renamed = RENAMED.get(kind.type, {})
    return {renamed.get(name, name) for name, default in kind.defaults.items() if default is None}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.type)
def test_fields_are_attributes_that_the_runtime_reads(kind: type[Operation]) -> None:
    assert attribute_names(kind) <= set(operator_spec(kind.type).attributes)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.type)
def test_every_attribute_that_the_runtime_demands_is_written(kind: type[Operation]) -> None:
    spec = operator_spec(kind.type)
    demanded = set(spec.attributes) - spec.optional_attributes
    assert demanded <= attribute_names(kind) - optional_fields(kind)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.type)
def test_slots_are_those_of_the_operator(kind: type[Operation]) -> None:
    spec = operator_spec(kind.type)
    inputs = {slot.name for slot in kind.inputs}
    outputs = {slot.name for slot in kind.outputs} | set(UNUSED_OUTPUTS.get(kind.type, ()))
    assert inputs <= {slot.name for slot in spec.inputs}
    assert outputs <= {slot.name for slot in spec.outputs}
    demanded = {slot.name for slot in kind.inputs if not slot.optional}
    assert {slot.name for slot in spec.inputs if slot.required} <= demanded
    assert {slot.name for slot in spec.outputs if slot.required} <= outputs


@pytest.mark.parametrize("table", [DECODED, ENCODED, FIXED, RENAMED, UNUSED_OUTPUTS])
def test_the_tables_name_operations_that_exist(table: dict[str, object]) -> None:
    assert set(table) <= set(OPERATIONS)


def test_fused_activations_have_names_of_their_own() -> None:
    for forms in (CONVOLUTION_FORMS, FC_FORMS):
        names = [form.name for form in forms.values()]
        assert len(names) == len(set(names))
