"""Write formats/onnx/definitions.json from the operator definitions of the onnx package.

    python scripts/generate_onnx_definitions.py

Run it after raising the pinned onnx; a test holds the table in step with the installed one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from onnx import defs

TABLE = Path(__file__).resolve().parents[1] / "formats" / "onnx" / "definitions.json"


def table() -> str:
    """The table as it should be: one definition a line."""
    opsets = {domain: newest for domain, (_, newest) in defs.C.schema_version_map().items()}
    rows = ",\n".join(json.dumps(row) for row in sorted(_rows(), key=lambda row: row[:3]))
    return f'{{"opsets": {json.dumps(opsets, sort_keys=True)},\n"definitions": [\n{rows}\n]}}\n'


def _rows() -> Iterator[tuple[str, str, int, list[int], list[int], dict[str, str]]]:
    """Domain, name, first opset, numbers of inputs and outputs, and attributes' types."""
    for schema in defs.get_all_schemas_with_history():
        yield (
            schema.domain,
            schema.name,
            schema.since_version,
            [schema.min_input, schema.max_input],
            [schema.min_output, schema.max_output],
            {name: _type_name(x.type) for name, x in sorted(schema.attributes.items())},
        )


def _type_name(type: defs.OpSchema.AttrType) -> str:
    return type.name.lower()  # type: ignore[attr-defined]  # its stub is no enum


if __name__ == "__main__":
    TABLE.write_text(table())
