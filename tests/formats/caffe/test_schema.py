"""The generated module is that of caffe.proto as it is now."""

from __future__ import annotations

import re
from pathlib import Path

from opt_tool.formats.caffe import caffe_pb2

PROTO = Path(__file__).parents[3] / "formats" / "caffe" / "caffe.proto"
FIELD = re.compile(r"(?:optional|repeated|required) \S+ (\w+) = (\d+)")

Fields = dict[str, int]


def written() -> dict[str, Fields]:
    """The fields of each message at the top of the text, by name."""
    text = re.sub(r"//[^\n]*", "", PROTO.read_text(encoding="utf-8"))
    messages = re.findall(r"^message (\w+) \{(\}|.*?^\})", text, re.MULTILINE | re.DOTALL)
    return {
        name: {field: int(number) for field, number in FIELD.findall(body)}
        for name, body in messages
    }


def generated() -> dict[str, Fields]:
    messages = caffe_pb2.DESCRIPTOR.message_types_by_name
    return {
        name: {field.name: field.number for field in message.fields}
        for name, message in messages.items()
    }


def test_the_generated_module_has_the_schemas_fields() -> None:
    assert generated() == written()
    assert len(written()) > 40
