"""Write what a wheel of opt is made of and needs, as a CycloneDX 1.6 bill of materials.

    python scripts/write_sbom.py dist/opt_tool-0.1.0-py3-none-any.whl [-o FILE]

All of it is what the wheel itself says: its name, licence and checksum, the packages that it
requires, those of its extras as optional ones, and the foreign source that it carries. The same
wheel gives the same bytes. By default the file lies beside the wheel, as NAME.cdx.json.
"""

from __future__ import annotations

import argparse
import email
import hashlib
import json
import re
import uuid
import zipfile
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any

CARRIED = {"dagre.min.js": re.compile(r"(@dagrejs/dagre) ([\d.]+), (MIT) licence")}
"""Foreign files in the wheel: how the first lines tell their package, version and licence."""


def main() -> None:
    """Write the bill and print its path."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("-o", "--out", type=Path)
    arguments = parser.parse_args()
    out = arguments.out or arguments.wheel.with_suffix(".cdx.json")
    text = json.dumps(bill_of(arguments.wheel), indent=2, ensure_ascii=False)
    out.write_text(text + "\n", encoding="utf-8")
    print(out)


def bill_of(wheel: Path) -> dict[str, Any]:
    """The bill of materials of a wheel."""
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    with zipfile.ZipFile(wheel) as archive:
        metadata = _metadata(archive)
        carried = list(_carried(archive))
    required = [_required(text) for text in metadata.get_all("Requires-Dist", [])]
    itself = _component(metadata["Name"], metadata["Version"])
    itself["licenses"] = [{"expression": metadata["License-Expression"]}]
    itself["description"] = metadata["Summary"]
    itself["hashes"] = [{"alg": "SHA-256", "content": sha256}]
    needed = sorted({part["bom-ref"] for part in (*required, *carried)})
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, sha256)}",
        "version": 1,
        "metadata": {"component": {**itself, "type": "application"}},
        "components": [*required, *carried],
        "dependencies": [{"ref": itself["bom-ref"], "dependsOn": needed}],
    }


def _metadata(archive: zipfile.ZipFile) -> Message:
    (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    return email.message_from_bytes(archive.read(name))


def _component(name: str, version: str | None) -> dict[str, Any]:
    """A Python package; what is only required has no version."""
    purl = f"pkg:pypi/{re.sub('[-_.]+', '-', name).lower()}"
    if version is None:
        return {"type": "library", "bom-ref": purl, "name": name, "purl": purl}
    purl = f"{purl}@{version}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def _required(text: str) -> dict[str, Any]:
    """A package that the wheel requires, always or for one of its extras."""
    name = re.match(r"[\w.-]+", text)
    assert name is not None, text
    extra = re.search(r"""extra == ['"](\w+)['"]""", text)
    component = _component(name[0], None)
    if extra is not None:
        component["bom-ref"] += f"#{extra[1]}"
    component["scope"] = "required" if extra is None else "optional"
    component["properties"] = [{"name": "opt:requires-dist", "value": text}]
    return component


def _carried(archive: zipfile.ZipFile) -> Iterator[dict[str, Any]]:
    """The foreign source that lies in the wheel."""
    for path in sorted(archive.namelist()):
        pattern = CARRIED.get(Path(path).name)
        if pattern is None:
            continue
        data = archive.read(path)
        found = pattern.search(data[:200].decode("utf-8"))
        assert found is not None, f"{path} does not say what it is"
        purl = f"pkg:npm/{found[1].replace('@', '%40')}@{found[2]}"
        yield {
            "type": "library",
            "bom-ref": purl,
            "name": found[1],
            "version": found[2],
            "purl": purl,
            "scope": "required",
            "licenses": [{"license": {"id": found[3]}}],
            "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(data).hexdigest()}],
            "properties": [{"name": "opt:path", "value": path}],
        }


if __name__ == "__main__":
    main()
