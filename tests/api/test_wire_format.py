from __future__ import annotations

import pytest

from opt_tool.api.wire_format import LENGTH_DELIMITED, VARINT, Field, NotProtobufError, fields


def test_yields_numbers_types_and_places_of_fields() -> None:
    message = b"\x08\x96\x01" + b"\x12\x03abc"
    assert list(fields(message)) == [Field(1, VARINT, 1, 3), Field(2, LENGTH_DELIMITED, 5, 8)]


def test_a_cut_message_yields_what_came_before_with_the_last_field_reaching_out() -> None:
    assert list(fields(b"\x08\x01\x12\x7fabc")) == [
        Field(1, VARINT, 1, 2),
        Field(2, LENGTH_DELIMITED, 4, 131),
    ]


@pytest.mark.parametrize("data", [b"\x00\x01", b"\x0e", b"\x08" + b"\xff" * 11], ids=repr)
def test_refuses_what_no_message_begins_with(data: bytes) -> None:
    with pytest.raises(NotProtobufError):
        list(fields(data))
