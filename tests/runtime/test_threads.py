from __future__ import annotations

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
