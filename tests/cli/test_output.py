"""What becomes of the output when the disk, the folder or another process is in the way."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from command_line import MAIN, opt, opt_process
from small_models import classifier

FULL_DISK = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
"""
"""No file may grow beyond 1,000 bytes: a write fails as on a disk that is full."""

INTERRUPTED_IMPORT = """
import sys
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == "{name}":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupt())
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return classifier(tmp_path / "model.onnx")


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, model: Path) -> None:
    output = tmp_path / "out.nb"
    output.write_bytes(b"old")
    before = model.read_bytes()
    command = [sys.executable, "-c", FULL_DISK + MAIN, "convert", str(model), "-o", str(output)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 6, result.stderr
    assert "cannot be written" in result.stderr
    assert output.read_bytes() == b"old"
    assert model.read_bytes() == before
    assert names(tmp_path) == ["model.onnx", "out.nb"]


@pytest.mark.parametrize(
    ("place", "fact"),
    [
        ("model.onnx", "is the input"),
        ("folder", "is a folder"),
        ("missing/out.nb", "does not exist"),
        ("model.onnx/out.nb", "is a file, not a folder"),
    ],
)
def test_a_place_that_is_taken_is_refused_before_the_work(
    tmp_path: Path, model: Path, place: str, fact: str
) -> None:
    (tmp_path / "folder").mkdir()
    before = model.read_bytes()
    result = opt("convert", model, "-o", tmp_path / place)
    assert result.exit_code == 6
    assert fact in result.stderr
    assert model.read_bytes() == before
    assert names(tmp_path) == ["folder", "model.onnx"]


def test_conversions_to_one_path_leave_one_whole_file(tmp_path: Path, model: Path) -> None:
    other = classifier(tmp_path / "other.onnx", seed=1)
    wholes = []
    for source in (model, other):
        assert opt("convert", source, "-o", tmp_path / "whole.nb").exit_code == 0
        wholes.append((tmp_path / "whole.nb").read_bytes())
    assert wholes[0] != wholes[1]
    (tmp_path / "whole.nb").unlink()
    output = tmp_path / "out.nb"
    running = [
        subprocess.Popen([sys.executable, "-c", MAIN, "convert", source, "-o", output, "-q"])
        for source in (model, other) * 2
    ]
    seen = set()
    while any(process.poll() is None for process in running):
        if output.exists():
            seen.add(output.read_bytes())
        time.sleep(0.005)
    assert [process.returncode for process in running] == [0] * 4
    assert output.read_bytes() in wholes
    assert seen <= set(wholes)
    assert names(tmp_path) == ["model.onnx", "other.onnx", "out.nb"]


def test_the_file_has_the_permissions_of_any_new_file(tmp_path: Path, model: Path) -> None:
    for umask, mode in ((0o022, 0o644), (0o077, 0o600), (0o002, 0o664)):
        before = os.umask(umask)
        try:
            assert opt("convert", model, "-o", tmp_path / f"{mode}.nb").exit_code == 0
        finally:
            os.umask(before)
        assert (tmp_path / f"{mode}.nb").stat().st_mode & 0o777 == mode


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("opt_tool.cli.app", "Interrupted: nothing was done\n"),
        ("opt_tool.cli.convert", "Interrupted: nothing half done was left\n"),
    ],
)
def test_an_interrupt_while_opt_starts_is_no_traceback(
    name: str, message: str, tmp_path: Path, model: Path
) -> None:
    code = INTERRUPTED_IMPORT.format(name=name) + MAIN
    command = [sys.executable, "-c", code, "convert", str(model), "-o", str(tmp_path / "out.nb")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (130, message)


def test_the_bytes_are_the_same_whatever_the_hashes_and_threads(
    tmp_path: Path, model: Path
) -> None:
    files = set()
    for seed, threads in (("0", "1"), ("1", "2"), ("4711", "4")):
        output = tmp_path / f"{seed}.nb"
        variables = {
            "PYTHONHASHSEED": seed,
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
        }
        result = opt_process("convert", model, "-o", output, variables=variables)
        assert result.returncode == 0, result.stderr
        files.add(output.read_bytes())
    assert len(files) == 1
