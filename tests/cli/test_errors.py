from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from command_line import MAIN, opt, opt_process
from opt_tool.api import conversion
from small_models import classifier, unsupported

COMMANDS = ("convert", "run", "list-ops", "inspect", "verify", "bench")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Good and bad models, and things in the way of outputs."""
    model = classifier(tmp_path / "model.onnx")
    (tmp_path / "empty.onnx").touch()
    (tmp_path / "cut.onnx").write_bytes(model.read_bytes()[:600])
    (tmp_path / "text.onnx").write_text("this is not a model\n")
    (tmp_path / "folder").mkdir()
    unsupported(tmp_path / "odd.onnx")
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


CASES = [
    ("empty.onnx", "out.nb", 5, "the file is empty; export or copy the model again"),
    ("cut.onnx", "out.nb", 5, "not a whole ONNX model"),
    ("text.onnx", "out.nb", 5, "a text file, not a model"),
    ("odd.onnx", "out.nb", 3, "Unheard (nodes 'unheard_1', 'unheard_2')"),
    ("missing.onnx", "out.nb", 6, "there is no such file"),
    ("folder", "out.nb", 6, "is a folder"),
    ("model.onnx", "folder", 6, "is a folder; give the name of the file to write"),
    ("model.onnx", "missing/out.nb", 6, "does not exist; make it first"),
    ("model.onnx", "text.onnx/out.nb", 6, "is a file, not a folder"),
    ("model.onnx", "model.onnx", 6, "is the input; give the output another name"),
]


@pytest.mark.parametrize(("model", "output", "code", "fact"), CASES)
def test_bad_files_give_one_sentence_and_their_exit_code(
    folder: Path, model: str, output: str, code: int, fact: str
) -> None:
    before = names(folder)
    result = opt("convert", folder / model, "-o", folder / output)
    assert result.exit_code == code
    assert result.stderr.startswith("Error: ")
    assert fact in result.stderr
    assert result.stdout == ""
    assert names(folder) == before


@pytest.mark.parametrize(
    ("model", "output", "code"), [case[:3] for case in CASES[:5]], ids=lambda x: str(x)
)
def test_as_a_process_there_is_no_traceback_either(
    folder: Path, model: str, output: str, code: int
) -> None:
    before = names(folder)
    result = opt_process("convert", folder / model, "-o", folder / output)
    assert result.returncode == code
    assert "Traceback" not in result.stderr
    assert result.stderr.startswith("Error: ")
    assert names(folder) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("convert", "model.onnx"),
        ("convert", "model.onnx", "-o", "out.nb", "--target", "gpu"),
        ("convert", "model.onnx", "-o", "out.nb", "--input-shape", "image"),
        ("convert", "model.onnx", "-o", "out.nb", "--input-shape", "image=1,x"),
        ("convert", "model.onnx", "-o", "out.nb", "--input-value", "image"),
        ("convert", "model.onnx", "-o", "out.nb", "--input-value", "image=1,x"),
        ("convert", "model.onnx", "-o", "out.nb", "--input-value", "picture=1"),
        ("convert", "model.onnx", "-o", "out.nb", "--input-shape", "image=1,0"),
        ("convert", "model.onnx", "-o", "out.nb", *["--input-shape", "image=1,3,8,8"] * 2),
        ("convert", "model.onnx", "-o", "out.nb", "--lite-version", "1.0"),
        ("convert", "model.onnx", "-o", "out.nb", "--input-shape", "picture=1,3,8,8"),
        ("convert", "model.onnx", "-o", "out.nb", "--output", "nothing"),
        ("list-ops",),
        ("list-ops", "model.onnx", "--supported"),
        ("run", "model.onnx", "--output-dir", "."),
        ("bench", "model.onnx", "--repeat", "0"),
        ("frobnicate",),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(folder)
    before = names(folder)
    result = opt(*arguments)
    assert result.exit_code == 2
    assert "Error: " in result.stderr
    assert names(folder) == before


def test_an_error_is_an_object_too_with_json(folder: Path) -> None:
    result = opt("inspect", folder / "odd.onnx", "--json")
    error = json.loads(result.stdout)["error"]
    assert error["exit_code"] == result.exit_code == 3
    assert error["kind"] == "UnsupportedModel"
    assert "unheard_2" in error["message"]


def test_debug_shows_the_traceback_of_an_error(folder: Path) -> None:
    result = opt_process("inspect", folder / "empty.onnx", "--debug")
    assert "Traceback" in result.stderr
    assert result.returncode == 5


def test_an_interrupt_is_exit_code_130(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: object, **options: object) -> None:  # noqa: ARG001
        raise KeyboardInterrupt

    monkeypatch.setattr(conversion, "convert", interrupt)
    result = opt("convert", folder / "model.onnx", "-o", folder / "out.nb")
    assert result.exit_code == 130
    assert "Interrupted" in result.stderr


FAULT = """
from opt_tool.api import conversion
def fault(*arguments, **options):
    raise KeyError("bug")
conversion.convert = fault
"""


def faulty(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    arguments = ["convert", str(folder / "model.onnx"), "-o", str(folder / "out.nb"), *options]
    command = [sys.executable, "-c", FAULT + MAIN, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_fault_of_ours_is_one_sentence_that_asks_to_report_it(folder: Path) -> None:
    result = faulty(folder)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "opt has a fault (KeyError: 'bug'). Please report it" in result.stderr
    assert "Traceback" in faulty(folder, "--debug").stderr


WAIT = """
import time
from opt_tool.api import conversion
def wait(request, part, watch):
    print("waiting", flush=True)
    time.sleep(60)
conversion._write = wait
"""


NATIVE = """
import ctypes, signal
from opt_tool.api import conversion
def wait(request, part, watch):
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
    print("waiting", flush=True)
    ctypes.CDLL(None).sleep(60)
conversion._write = wait
"""
"""Native code that a signal does not wake, as it is delivered to another thread."""


@pytest.mark.parametrize("start", [WAIT, NATIVE], ids=["python", "native"])
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=lambda x: str(x)
)
def test_a_signal_in_the_middle_leaves_no_file(
    folder: Path, number: int, code: int, start: str
) -> None:
    before = names(folder)
    process = converting(folder, start)
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == code
    assert "Traceback" not in errors
    assert names(folder) == before


def test_a_signal_that_is_to_be_ignored_is_ignored(folder: Path) -> None:
    ignore = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    process = converting(folder, ignore + WAIT.replace("time.sleep(60)", "time.sleep(1); 1 / 0"))
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert "ZeroDivisionError" in errors


def test_an_interrupt_that_becomes_an_error_of_imports_is_still_one(folder: Path) -> None:
    wait = "try: time.sleep(60)\n    except KeyboardInterrupt: raise ImportError"
    process = converting(folder, WAIT.replace("time.sleep(60)", wait))
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "fault" not in errors


def converting(folder: Path, start: str) -> subprocess.Popen[str]:
    """A conversion in a process that has come to where it waits."""
    arguments = ["convert", str(folder / "model.onnx"), "-o", str(folder / "out.nb")]
    process = subprocess.Popen(
        [sys.executable, "-c", start + MAIN, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    time.sleep(0.05)  # until it sleeps
    return process
