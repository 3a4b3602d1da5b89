from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from command_line import opt, opt_json, opt_process
from opt_tool.api.difference import Difference
from small_models import classifier, unsupported

IMAGE = np.random.default_rng(0).random((1, 3, 16, 16), np.float32)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    np.save(tmp_path / "image.npy", IMAGE)
    return classifier(tmp_path / "model.onnx")


@pytest.fixture
def converted(tmp_path: Path, model: Path) -> Path:
    path = tmp_path / "model.nb"
    assert opt("convert", model, "-o", path, "--target", "x86", "--no-verify").exit_code == 0
    return path


def test_convert_says_what_it_wrote_and_how_it_was_verified(tmp_path: Path, model: Path) -> None:
    result = opt("convert", model, "-o", tmp_path / "out.nb")
    assert result.exit_code == 0
    wrote, verified = result.stdout.splitlines()
    assert wrote.startswith(f"wrote {tmp_path / 'out.nb'}: ")
    assert wrote.endswith("(the source has 6), for arm, Paddle Lite 2.13")
    assert verified.startswith("verification passed: largest difference from onnxruntime is ")
    assert "fuse-activation" in result.stderr


def test_convert_takes_all_its_options(tmp_path: Path, model: Path) -> None:
    data = opt_json(
        *("convert", model, "-o", tmp_path / "out.nb", "--target", "x86", "--lite-version", "2.10"),
        *("--input-shape", "image=1,3,12,20", "--output", "features", "--output", "scores"),
        *("--dry-run", "--report", tmp_path / "report.json"),
    )
    assert (data["target"], data["lite_version"]) == ("x86", "2.10")
    assert data["verification"]["inputs"][0]["shape"] == [1, 3, 12, 20]
    assert [output["name"] for output in data["verification"]["outputs"]] == ["features", "scores"]
    assert data["output"]["path"] is None
    assert json.loads((tmp_path / "report.json").read_text()) == data
    assert not (tmp_path / "out.nb").exists()


def test_convert_warns_when_it_did_not_verify(tmp_path: Path, model: Path) -> None:
    result = opt("convert", model, "-o", tmp_path / "out.nb", "--no-verify", "--json", "-q")
    assert json.loads(result.stdout)["verification"]["status"] == "skipped"
    assert result.stderr == "Warning: the file was not verified\n"


def test_a_failed_verification_is_exit_code_4_with_the_report(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Difference, "within", lambda *bounds: False)  # noqa: ARG005
    result = opt("convert", model, "-o", tmp_path / "out.nb", "--json")
    assert result.exit_code == 4
    assert json.loads(result.stdout)["verification"]["status"] == "failed"
    assert "does not compute what the source computes" in result.stderr
    assert not (tmp_path / "out.nb").exists()


def test_the_bytes_do_not_depend_on_the_process(tmp_path: Path, model: Path) -> None:
    for seed in ("1", "2"):
        result = opt_process(
            *("convert", model, "-o", tmp_path / f"{seed}.nb", "--no-verify"),
            variables={"PYTHONHASHSEED": seed},
        )
        assert result.returncode == 0, result.stderr
    assert (tmp_path / "1.nb").read_bytes() == (tmp_path / "2.nb").read_bytes()


def test_a_process_prints_one_object_and_nothing_else(tmp_path: Path, model: Path) -> None:
    result = opt_process("convert", model, "-o", tmp_path / "out.nb", "--json")
    assert json.loads(result.stdout)["verification"]["status"] == "passed"
    assert result.stderr == ""


def test_run_writes_outputs(tmp_path: Path, model: Path, converted: Path) -> None:
    for file, backend in ((model, "onnxruntime"), (model, "numpy"), (converted, "numpy")):
        folder = tmp_path / f"{file.suffix[1:]}-{backend}"
        data = opt_json(
            *("run", file, "--input", f"image={tmp_path / 'image.npy'}"),
            *("--output-dir", folder, "--backend", backend),
        )
        assert data["backend"] == backend
        (output,) = data["outputs"]
        assert output["file"] == str(folder / "probabilities.npy")
    results = [np.load(path) for path in sorted(tmp_path.glob("*/probabilities.npy"))]
    assert len(results) == 3
    np.testing.assert_allclose(results[0], results[1], rtol=1e-5)
    np.testing.assert_allclose(results[0], results[2], rtol=1e-5)


def test_run_tells_which_arrays_it_needs(tmp_path: Path, model: Path) -> None:
    result = opt("run", model, "--output-dir", tmp_path)
    assert result.exit_code == 2
    assert "--input NAME=file.npy: image (float32[1, 3, 16, 16])" in result.stderr


def test_list_ops_has_the_keys_that_scripts_rely_on(model: Path) -> None:
    data = opt_json("list-ops", model, "--target", "arm")
    assert data["supported"] is True
    keys = {"op", "count", "kernel", "library", "nodes", "supported", "reason", "sources"}
    assert all(set(row) == keys for row in data["operators"])
    assert opt("list-ops", model).stdout.splitlines()[-1].endswith("must be the basic build")


def test_list_ops_names_what_is_missing(tmp_path: Path) -> None:
    result = opt("list-ops", unsupported(tmp_path / "odd.onnx"))
    assert result.exit_code == 0
    assert "not supported on arm: 2 nodes (Unheard)" in result.stdout
    assert "unheard_1" in result.stderr


def test_list_ops_knows_what_is_supported(model: Path) -> None:
    data = opt_json("list-ops", "--supported", "--framework", "onnx")
    assert "Conv" in {row["op"] for row in data["operators"]}
    assert "onnx: " in opt("list-ops", "--supported").stdout
    assert opt("list-ops", model, "--framework", "onnx").exit_code == 2


def test_inspect_shows_layers_and_totals(converted: Path) -> None:
    data = opt_json("inspect", converted)
    keys = {"name", "op", "kernel", "output_shape", "parameters", "macs", "activation_bytes"}
    assert all(set(layer) >= keys for layer in data["layers"])
    assert data["totals"]["peak_memory_bytes"] > 0
    result = opt("inspect", converted)
    assert "input image: float32 1x3x16x16" in result.stdout
    assert "conv2d/def/2/1/1" in result.stderr


def test_inspect_prints_layers_as_csv(converted: Path) -> None:
    result = opt("inspect", converted, "--csv")
    assert (result.exit_code, result.stderr) == (0, "")
    rows = list(csv.DictReader(result.stdout.splitlines()))
    layers = opt_json("inspect", converted)["layers"]
    assert [row["name"] for row in rows] == [layer["name"] for layer in layers]
    assert [int(row["macs"]) for row in rows] == [layer["macs"] for layer in layers]
    assert sum(float(row["share"]) for row in rows) == pytest.approx(1)
    assert rows[0]["output_shape"] == "1x8x16x16"
    assert opt("inspect", converted, "--csv", "--json").exit_code == 2


def test_inspect_says_what_is_open(tmp_path: Path) -> None:
    model = classifier(tmp_path / "open.onnx", shape=("n", 3, "h", "w"))
    assert (
        "--input-shape fixes them: 'conv2d', 'relu', 'conv2d.1' and" in opt("inspect", model).stdout
    )
    (unknown, *_) = csv.DictReader(opt("inspect", model, "--csv").stdout.splitlines())
    assert (unknown["macs"], unknown["share"]) == ("", "")


def test_verify_passes_and_fails_with_exit_code_4(
    tmp_path: Path, model: Path, converted: Path
) -> None:
    result = opt("verify", model, converted, "--input", tmp_path / "image.npy")
    assert result.exit_code == 0
    assert result.stdout.startswith("passed: ")
    assert "scores (before softmax)" in result.stderr
    other = classifier(tmp_path / "other.onnx", seed=1)
    result = opt("verify", other, converted, "--per-layer", "--json")
    assert result.exit_code == 4
    data = json.loads(result.stdout)
    assert data["status"] == "failed"
    assert data["first_divergence"]["op"] == "conv2d"
    assert {"outputs", "layers"} <= set(data)
    assert "first layer that differs: conv2d" in opt(
        "verify", other, converted, "--per-layer"
    ).stdout  # fmt: skip


def test_bench_has_the_keys_that_scripts_rely_on(model: Path) -> None:
    data = opt_json("bench", model, "--repeat", 2, "--per-op", "--against", "onnxruntime")
    assert {"median_seconds", "spread", "operators", "against", "ratio"} <= set(data)
    result = opt("bench", model, "--repeat", 2, "--per-op")
    assert result.stdout.startswith("numpy: ")
    assert "conv2d" in result.stderr


@pytest.mark.parametrize("command", ["inspect", "list-ops"])
def test_quiet_prints_no_tables(model: Path, command: str) -> None:
    assert opt(command, model, "-q").stderr == ""
