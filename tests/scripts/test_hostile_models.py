"""The scripts that attack conversions, each for a few seconds."""

from __future__ import annotations

import importlib.util
import random
import subprocess
import sys
from pathlib import Path

import pytest

import tiers
from fetch_models import CACHE
from hostile_models import byte_changes, seeds, trees, trial
from hostile_models.mutants import CHANGES, Model, frozen, mutants, thaw
from opt_tool.formats.paddle_lite.decode import decode
from opt_tool.formats.paddle_lite.encode import encode
from small_models import classifier

READERS = ("onnx", "prototxt", "caffemodel", "tflite", "nb")


def script(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    path = tiers.ROOT / "scripts" / name
    command = [sys.executable, str(path), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tiers.ROOT)


def need_models() -> None:
    missing = [name for name in (*seeds.ONNX, *seeds.TFLITE) if not (CACHE / name).is_file()]
    tiers.need(f"{missing[0]} is missing; scripts/fetch_models.py fetches it" if missing else None)


def test_mutants_are_refused_or_converted(tmp_path: Path) -> None:
    need_models()
    options = ("--count", 40, "--first", 60, "--format", "onnx", "--keep", tmp_path)
    result = script("mutate_models.py", *options)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "onnx: up to 99, 0 faults" in result.stdout
    assert "40 mutants, 0 faults" in result.stdout


def test_a_killed_conversion_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    model = classifier(tmp_path / "model.onnx")
    result = script("kill_conversions.py", "--count", 15, "--model", model)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "partial" not in result.stdout


@pytest.mark.parametrize("reader", READERS)
def test_fuzzing_finds_nothing_in_some_seconds(tmp_path: Path, reader: str) -> None:
    need_models()
    if importlib.util.find_spec("atheris") is None:
        if sys.version_info >= (3, 11):
            tiers.need("atheris is missing; `pip install atheris` installs it")
        pytest.skip("atheris needs Python 3.11")
    options = ("--seconds", 5, "--seed", 1, "--faults", tmp_path / "faults")
    result = script("fuzz_readers.py", reader, *options)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    assert "executions" in result.stdout


# ---- the tools themselves


def test_a_trial_sees_every_way_to_end() -> None:
    def loop() -> int:
        while True:
            pass

    def hunger() -> int:
        return len(bytearray(2 << 30))

    assert trial.attempt(lambda: 3).code == 3
    assert trial.attempt(lambda: 1 // 0).description == "uncaught exception"
    assert "MiB" in trial.attempt(hunger).description
    assert trial.attempt(loop, seconds=0.2).description.startswith("no end")


def test_the_same_seed_gives_the_same_mutant(tmp_path: Path) -> None:
    data = classifier(tmp_path / "model.onnx").read_bytes()
    made = [CHANGES["onnx"](data, random.Random(7)) for _ in range(2)]
    assert made[0] == made[1]
    assert len({CHANGES["onnx"](data, random.Random(seed)) for seed in range(20)}) > 10
    assert len({byte_changes.change(data, random.Random(seed)) for seed in range(20)}) > 15


def test_mutants_go_on_from_a_number(tmp_path: Path) -> None:
    model = Model("classifier", {"onnx": classifier(tmp_path / "model.onnx").read_bytes()})
    whole = list(mutants([model], 5, range(8)))
    assert list(mutants([model], 5, range(6, 8))) == whole[6:]


def test_a_file_that_is_thawed_and_frozen_is_the_same() -> None:
    need_models()
    data = next(seeds.nb_seeds()).files["nb"]
    assert encode(frozen(thaw(decode(data)))) == encode(decode(data))


def test_a_tree_changes_in_one_place() -> None:
    tree = {"a": [1, 2, 3], "b": "text", "c": {"d": 2.5}}
    trees.change(tree, random.Random(0))
    assert tree != {"a": [1, 2, 3], "b": "text", "c": {"d": 2.5}}
