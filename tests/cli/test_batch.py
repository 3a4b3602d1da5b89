from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from command_line import MAIN, opt, opt_json
from opt_tool.cli.batch import Batch, Task, tasks_of
from opt_tool.errors import UsageError
from small_caffe_models import small_model
from small_models import classifier, unsupported


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Good and bad models; the folder to be in."""
    classifier(tmp_path / "a.onnx")
    classifier(tmp_path / "b.onnx", seed=1)
    unsupported(tmp_path / "odd.onnx")
    (tmp_path / "text.onnx").write_text("no model\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_one_failure_does_not_stop_the_rest(folder: Path) -> None:
    data = opt_json(
        *("convert", "a.onnx", "text.onnx", "odd.onnx", "missing.onnx", "b.onnx"),
        *("-d", "new/out", "--jobs", "2"),
    )
    assert [model["exit_code"] for model in data["models"]] == [0, 5, 3, 6, 0]
    assert data["exit_code"] == 6
    assert sorted(path.name for path in (folder / "new" / "out").iterdir()) == ["a.nb", "b.nb"]
    good, bad = data["models"][0], data["models"][1]
    assert good["report"]["verification"]["status"] == "passed"
    assert good["output"] == str(Path("new", "out", "a.nb"))
    assert "a text file, not a model" in bad["error"]
    assert bad["output"] is None


def test_the_table_has_a_line_for_each_and_the_exit_code_is_the_worst(folder: Path) -> None:
    result = opt("convert", "a.onnx", "text.onnx", "-d", "out", "--report", "report.json")
    assert result.exit_code == 5
    assert result.stdout == "converted 1 of 2 models; 1 failed\n"
    lines = result.stderr.splitlines()
    assert lines[1].split()[:3] == ["a.onnx", "verification", "passed"]
    assert lines[2].startswith("text.onnx")
    assert "failed (5): text.onnx: a text file" in lines[2]
    assert json.loads((folder / "report.json").read_text())["exit_code"] == 5


def test_each_conversion_gets_the_options(folder: Path) -> None:
    small_model(folder)
    data = opt_json(
        *("convert", "a.onnx", "deploy.prototxt", "weights.caffemodel", "-d", "out"),
        *("--target", "x86", "--lite-version=2.12", "--no-verify", "--quantize", "int8"),
        *("--keep-float", "w1", "--keep-float", "w2"),
    )
    assert len(data["models"]) == 2
    report = data["models"][0]["report"]
    assert (report["target"], report["lite_version"]) == ("x86", "2.12")
    assert report["verification"]["status"] == "skipped"
    assert report["quantization"]["mode"] == "int8"
    assert {layer["bits"] for layer in report["quantization"]["layers"]} <= {32}
    assert data["models"][0]["warnings"]


def test_the_files_are_those_of_single_conversions(folder: Path) -> None:
    opt("convert", "a.onnx", "-d", "out")
    opt("convert", "a.onnx", "-o", "single.nb")
    assert (folder / "out" / "a.nb").read_bytes() == (folder / "single.nb").read_bytes()


def test_models_of_one_name_are_refused_before_any_work() -> None:
    with pytest.raises(UsageError, match=r"x/a.onnx and y/a.onnx would both become"):
        tasks_of([(Path("x/a.onnx"),), (Path("y/a.onnx"),)], Path("out"))


def test_a_caffe_model_is_named_by_its_weights() -> None:
    files = (Path("deploy.prototxt"), Path("net.caffemodel"))
    assert tasks_of([files], Path("out")) == [Task(files, Path("out/net.nb"))]


@pytest.mark.parametrize(
    "arguments",
    [
        ("a.onnx",),
        ("a.onnx", "-o", "a.nb", "-d", "out"),
        ("a.onnx", "b.onnx", "odd.onnx", "-o", "a.nb"),
        ("a.onnx", "-d", "out", "--visualize", "a.html"),
        ("a.onnx", "-d", "out", "--dump-passes", "passes"),
        ("a.onnx", "-d", "out", "--jobs", "0"),
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("folder")
def test_wrong_usage_is_exit_code_2(arguments: tuple[str, ...]) -> None:
    assert opt("convert", *arguments).exit_code == 2


def test_a_conversion_that_crashes_is_one_that_failed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "opt_tool.cli.batch.MAIN", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
    )
    report = Batch(1).run([Task((folder / "a.onnx",), folder / "a.nb")], [], print)
    assert report.exit_code == 1
    assert report.models[0].error == "the conversion ended by signal 11"


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=lambda x: str(x)
)
def test_a_signal_ends_all_conversions(folder: Path, number: int, code: int) -> None:
    slow = "import time; from opt_tool.cli import main; open('begun', 'w').close(); time.sleep(60)"
    start = f"import opt_tool.cli.batch as batch; batch.MAIN = {slow!r}; "
    process = subprocess.Popen(
        [sys.executable, "-c", start + MAIN, "convert", "a.onnx", "b.onnx", "-d", "out"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not (folder / "begun").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    begin = time.monotonic()
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == code
    assert "Traceback" not in errors
    assert time.monotonic() - begin < 20
    assert list((folder / "out").iterdir()) == []
