from __future__ import annotations

import hashlib
import json
from pathlib import Path

from opt_tool.api.conversion import convert
from opt_tool.api.report import file_sha256
from small_models import classifier

KEYS = {
    "tool_version": None,
    "source": {"path", "format", "bytes", "sha256", "ops"},
    "target": None,
    "lite_version": None,
    "output": {
        "path",
        "bytes",
        "sha256",
        "ops",
        "parameter_bytes",
        "library",
        "extra_operators",
    },
    "passes": None,
    "quantization": {"mode", "layers"},
    "verification": {"status", "reference", "inputs", "outputs"},
    "seconds": {"read", "passes", "quantize", "write", "verify", "total"},
    "peak_rss_bytes": None,
    "warnings": None,
}
PASS_KEYS = {
    "name",
    "changes",
    "ops_before",
    "ops_after",
    "macs_saved",
    "activation_bytes_saved",
}
TENSOR_KEYS = {
    "name",
    "max_abs_error",
    "max_rel_error",
    "sqnr_db",
    "cosine",
    "argmax_agreement",
}


def test_a_conversion_report_has_the_keys_that_scripts_rely_on(tmp_path: Path) -> None:
    report = convert(classifier(tmp_path / "model.onnx"), tmp_path / "model.nb")
    data = json.loads(report.to_json())
    for key, inner in KEYS.items():
        assert key in data
        assert inner is None or inner <= set(data[key]), key
    assert all(set(item) == PASS_KEYS for item in data["passes"])
    assert all(set(item) >= TENSOR_KEYS for item in data["verification"]["outputs"])
    assert data["source"]["sha256"] == file_sha256(tmp_path / "model.onnx")
    assert data["peak_rss_bytes"] > 1e7


def test_a_report_has_no_checksums_where_nobody_asks_for_them(tmp_path: Path) -> None:
    model, out = classifier(tmp_path / "model.onnx"), tmp_path / "model.nb"
    report = convert(model, out, checksums=False, verify=False)
    assert (report.source.sha256, report.output.sha256) == (None, None)


def test_a_report_that_is_written_has_them(tmp_path: Path) -> None:
    model, out = classifier(tmp_path / "model.onnx"), tmp_path / "model.nb"
    convert(model, out, checksums=False, verify=False, report=tmp_path / "report.json")
    data = json.loads((tmp_path / "report.json").read_text())
    assert data["source"]["sha256"] == file_sha256(model)
    assert data["output"]["sha256"] == file_sha256(out)


def test_the_hash_of_several_files_is_that_of_their_bytes_together(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    assert file_sha256(tmp_path / "a", tmp_path / "b") == hashlib.sha256(b"ab").hexdigest()
