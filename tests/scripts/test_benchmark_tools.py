"""The parts of the benchmark that need no other tool."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from benchmark import scaling
from benchmark.environments import ENVIRONMENTS
from benchmark.measuring import Usage, least, measure, reason
from benchmark.models import models
from benchmark.running import compare
from benchmark.summary import PEERS
from benchmark.tools import OPT, TOOLS, UNVERIFIED

RNG = np.random.default_rng(0)


def python(program: str, folder: Path) -> Usage:
    return measure([sys.executable, "-c", program], folder)


def test_processor_time_and_memory_are_those_of_the_command(tmp_path: Path) -> None:
    small = python("pass", tmp_path)
    large = python("x = b'1' * 200_000_000; sum(range(3_000_000))", tmp_path)
    assert small.code == large.code == 0
    assert small.peak_bytes < 60_000_000, "the parent's memory counts as the child's"
    assert 190_000_000 < large.peak_bytes - small.peak_bytes < 230_000_000
    assert large.cpu_seconds > small.cpu_seconds


def test_a_reason_is_the_last_error_without_paths(tmp_path: Path) -> None:
    program = "print('loading'); raise ValueError('no /some/where/model.onnx here')"
    assert reason(python(program, tmp_path)) == "ValueError: no model.onnx here (exit code 1)"
    killed = python("import os; os.abort()", tmp_path)
    assert reason(killed) == "ended by SIGABRT"


def test_a_command_that_hangs_is_ended(tmp_path: Path) -> None:
    usage = measure([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path, timeout=0.5)
    assert usage.code == -9
    assert usage.wall_seconds < 20


def test_the_run_counts_that_took_the_least(tmp_path: Path) -> None:
    program = """
import pathlib
marker = pathlib.Path("run")
if not marker.exists():
    marker.touch()
    sum(range(20_000_000))
"""
    assert least([sys.executable, "-c", program], tmp_path).cpu_seconds < 0.2
    assert (tmp_path / "run").exists()


def test_a_command_that_fails_runs_once(tmp_path: Path) -> None:
    program = "open('runs', 'a').write('x'); raise SystemExit(3)"
    assert least([sys.executable, "-c", program], tmp_path).code == 3
    assert (tmp_path / "runs").read_text() == "x"


def test_usages_add_up() -> None:
    total = Usage(0, 1.0, 2.0, 5) + Usage(3, 1.0, 2.0, 4, ("why",))
    assert total == Usage(3, 2.0, 4.0, 5, ("why",))


def test_every_tool_has_its_environment_and_its_place_on_the_page() -> None:
    assert {tool.environment for tool in TOOLS} <= set(ENVIRONMENTS)
    assert [tool.name for tool in TOOLS if tool not in (OPT, UNVERIFIED)] == list(PEERS)
    assert {tool.name: tool.environment for tool in TOOLS if tool.name in PEERS} == PEERS


def test_models_have_names_of_their_own() -> None:
    names = [model.name for model in models()]
    assert len(set(names)) == len(names)


# ---- comparisons


def test_outputs_are_compared_in_the_references_shape() -> None:
    expected = RNG.standard_normal((1, 10, 1, 1))
    assert compare([[expected]], [[expected.reshape(1, 10)]])["max_error_of_scale"] == 0.0
    assert "problem" in compare([[expected]], [[expected[:, :9]]])
    assert "problem" in compare([[expected]], [[expected, expected]])


def test_the_worst_output_counts() -> None:
    first, second = np.ones((1, 3)), np.ones((1, 4))
    found = compare([[first, second]], [[first, second * 1.5]])
    assert found["max_error_of_scale"] == pytest.approx(0.5)


def test_outputs_in_another_order_are_found_by_their_sizes() -> None:
    first, second = np.ones((1, 3)), np.full((1, 4), 2.0)
    assert compare([[first, second]], [[second, first]])["max_error_of_scale"] == 0.0


def test_detections_are_compared_by_score() -> None:
    rows = np.array([[0, 1, 0.2, 0, 0, 1, 1], [0, 2, 0.9, 0, 0, 2, 2], [0, 3, 0.8, 0, 0, 3, 3]])
    other = rows[[1, 2], 1:]  # no picture numbers, no unsure ones
    assert compare([[rows[None, None]]], [[other]])["max_error_of_scale"] == 0.0
    other[0, 2] += 1.5
    assert compare([[rows[None, None]]], [[other]])["max_error_of_scale"] == pytest.approx(0.5)


def test_nothing_detected_is_no_difference() -> None:
    none, zeros = np.zeros((0, 7)), np.zeros((1, 1, 100, 7))
    assert compare([[zeros]], [[none]]) == {"max_error_of_scale": 0.0, "sqnr_db": None}
    found = zeros.copy()
    found[0, 0, 0] = (0, 1, 0.9, 0, 0, 1, 1)
    assert "problem" in compare([[found]], [[none]])


# ---- scaling


@pytest.mark.parametrize(("power", "expected"), [(1, 1.0), (2, 2.0)])
def test_the_exponent_is_that_of_what_grows(power: int, expected: float) -> None:
    sizes = [10.0, 100.0, 1000.0, 10_000.0]
    values = [3.0 + 0.1 * size**power for size in sizes]
    assert scaling.exponent(sizes, values) == pytest.approx(expected, abs=0.05)


def test_what_does_not_grow_has_no_exponent() -> None:
    assert scaling.exponent([1.0, 10.0], [2.0, 2.0]) is None


def test_chains_are_as_large_as_asked(tmp_path: Path) -> None:
    path = tmp_path / "chain.onnx"
    scaling.large_weights(2, path)
    assert 1.9 * 2**20 < path.stat().st_size < 2.1 * 2**20
    scaling.many_operators(7, path)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert len(model.graph.node) == 7
