from __future__ import annotations

import pytest

from opt_tool.errors import UnsupportedError
from opt_tool.targets import (
    AttributeType,
    Library,
    LiteVersion,
    operator_spec,
    operator_types,
)


def required(op_type: str) -> dict[str, AttributeType]:
    spec = operator_spec(op_type)
    return {name: t for name, t in spec.attributes.items() if name not in spec.optional_attributes}


def test_lists_slots_and_which_may_be_absent() -> None:
    spec = operator_spec("conv2d")
    slots = {slot.name: slot.required for slot in spec.inputs}
    assert (slots["Input"], slots["Filter"], slots["Bias"]) == (True, True, False)
    assert [(slot.name, slot.required) for slot in spec.outputs] == [("Output", True)]


def test_lists_what_a_convolution_must_have() -> None:
    assert required("conv2d") == {
        "strides": AttributeType.INTS,
        "paddings": AttributeType.INTS,
        "dilations": AttributeType.INTS,
        "groups": AttributeType.INT,
    }
    spec = operator_spec("conv2d")
    assert spec.attributes["with_act"] is AttributeType.BOOLEAN
    assert "with_act" in spec.optional_attributes


@pytest.mark.parametrize(
    ("op_type", "attributes"),
    [
        ("relu", {}),
        ("leaky_relu", {"alpha": AttributeType.FLOAT}),
        ("relu6", {"threshold": AttributeType.FLOAT}),
        ("prelu", {"mode": AttributeType.STRING}),
        ("swish", {"beta": AttributeType.FLOAT}),
        ("hard_sigmoid", {"slope": AttributeType.FLOAT, "offset": AttributeType.FLOAT}),
        ("softplus", {"threshold": AttributeType.FLOAT, "beta": AttributeType.FLOAT}),
        ("gelu", {}),
    ],
)
def test_keeps_operators_apart_that_share_a_class(
    op_type: str, attributes: dict[str, AttributeType]
) -> None:
    assert required(op_type) == attributes


@pytest.mark.parametrize(
    ("op_type", "attribute"),
    [("arg_max", "axis"), ("lookup_table_v2", "padding_idx"), ("lookup_table", "padding_idx")],
)
def test_knows_the_attributes_of_64_bits(op_type: str, attribute: str) -> None:
    assert required(op_type)[attribute] is AttributeType.LONG


@pytest.mark.parametrize("op_type", ["batch_norm", "dropout"])
def test_requires_an_attribute_whose_type_is_asked_for_first(op_type: str) -> None:
    assert required(op_type)["is_test"] is AttributeType.BOOLEAN


@pytest.mark.parametrize(
    ("op_type", "output"),
    [
        ("reshape2", "XShape"),
        ("squeeze2", "XShape"),  # 2.12 and 2.13 would do without
        ("group_norm", "SavedMean"),
        ("layer_norm", "Variance"),
    ],
)
def test_requires_outputs_that_some_version_writes(op_type: str, output: str) -> None:
    outputs = {slot.name: slot.required for slot in operator_spec(op_type).outputs}
    assert outputs[output]


def test_requires_what_only_an_older_version_asks_for() -> None:
    assert required("cumsum")["flatten"] is AttributeType.BOOLEAN


def test_tells_since_when_an_attribute_is_read() -> None:
    assert operator_spec("gather").since == {"axis": LiteVersion.V2_11}
    assert "groups" not in operator_spec("conv2d").since
    assert operator_spec("silu").since == {}  # younger than 2.8, as a whole


def test_knows_which_build_has_an_operator() -> None:
    assert operator_spec("relu").library is Library.BASIC
    assert operator_spec("exp").library is Library.WITH_EXTRA


def test_refuses_an_operator_that_no_version_has() -> None:
    with pytest.raises(UnsupportedError, match="no operator 'conv9d'"):
        operator_spec("conv9d")


def test_reads_every_row_of_the_table() -> None:
    assert len(operator_types()) == 250
    for op_type in operator_types():
        assert operator_spec(op_type).type == op_type
