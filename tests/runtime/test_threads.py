from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from opt_tool.runtime import threads


@pytest.mark.parametrize(
    ("library", "count", "small"),
    [
        ({"internal_api": "openblas", "architecture": "SkylakeX"}, 1, True),
        ({"internal_api": "openblas", "architecture": "SkylakeX"}, 2, False),
        ({"internal_api": "openblas", "architecture": "Haswell"}, 1, False),
        ({"internal_api": "mkl"}, 1, False),
    ],
    ids=str,
)
def test_small_products_are_fast_in_one_thread_of_openblas_on_avx512(
    monkeypatch: pytest.MonkeyPatch, library: dict[str, str], count: int, small: bool
) -> None:
    libraries = [SimpleNamespace(user_api="openmp"), SimpleNamespace(user_api="blas", **library)]
    found = SimpleNamespace(lib_controllers=libraries)
    monkeypatch.setattr(threads, "controller", lambda: found)
    assert threads.multiplies_small(count) == small


class Library(SimpleNamespace):
    """A library whose threads can be counted and set."""

    user_api = "blas"

    def set_num_threads(self, count: int) -> None:
        self.num_threads = count


def test_blas_has_as_many_threads_as_before_when_a_run_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    libraries = [Library(num_threads=2), Library(num_threads=1), Library(num_threads=4)]
    others = Library(num_threads=8, user_api="openmp")
    found = SimpleNamespace(lib_controllers=[*libraries, others])
    monkeypatch.setattr(threads, "controller", lambda: found)

    def counts() -> list[int]:
        return [library.num_threads for library in (*libraries, others)]

    def fail() -> None:
        with threads.limited_threads(1):
            assert counts() == [1, 1, 1, 8]
            with threads.limited_threads(3):
                assert counts() == [3, 3, 3, 8]
            assert counts() == [1, 1, 1, 8]
            raise ValueError("the run fails")

    with pytest.raises(ValueError, match="the run fails"):
        fail()
    assert counts() == [2, 1, 4, 8]


COUNTED = """
import os
from opt_tool.cli import main
try:
    main()
except SystemExit:
    print(os.environ["OPENBLAS_NUM_THREADS"])
import numpy
from opt_tool.runtime.threads import controller, limited_threads
with limited_threads(2):
    print(*{library["num_threads"] for library in controller().info()})
"""


@pytest.mark.skipif(os.cpu_count() == 1, reason="BLAS has no more threads than the machine")
@pytest.mark.parametrize(("given", "starts_with"), [(None, "1"), ("2", "2")])
def test_opt_starts_with_one_thread_and_gets_more_when_they_are_asked_for(
    given: str | None, starts_with: str
) -> None:
    environment = {name: text for name, text in os.environ.items() if "NUM_THREADS" not in name}
    if given is not None:
        environment["OPENBLAS_NUM_THREADS"] = given
    command = [sys.executable, "-c", COUNTED, "--version"]
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert run.stdout.splitlines()[1:] == [starts_with, "2"]


def test_threads_of_the_blas_that_is_loaded_are_limited() -> None:
    with threads.limited_threads(2):
        libraries = [one for one in threads.controller().info() if one["user_api"] == "blas"]
        assert {library["num_threads"] for library in libraries} <= {1, 2}
        with threads.limited_threads(1):
            libraries = [one for one in threads.controller().info() if one["user_api"] == "blas"]
            assert {library["num_threads"] for library in libraries} == {1}
