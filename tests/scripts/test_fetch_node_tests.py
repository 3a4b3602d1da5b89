from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import fetch_node_tests
from fetch_node_tests import FetchError, fetch, write_newest


def test_keeps_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    place = tmp_path / "onnx-node-tests"
    place.mkdir()
    assert fetch(tmp_path) == place


def test_says_what_to_do_without_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(FetchError, match=r"unpack that \.deb file"):
        fetch(tmp_path)


def test_leaves_nothing_when_the_download_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("apt-get", "dpkg-deb"):
        (programs / name).write_text("#!/bin/sh\necho 'E: no network' >&2\nexit 100\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    cache = tmp_path / "cache"
    with pytest.raises(FetchError, match="E: no network"):
        fetch(cache)
    assert list(cache.iterdir()) == []


@pytest.mark.conformance
def test_the_cases_are_all_there() -> None:
    place = fetch_node_tests.fetch()
    assert all((place / name).is_dir() for name in fetch_node_tests.FOLDERS)
    assert len(list(place.glob("*/*/model.onnx"))) > 1000


def test_the_cases_of_the_package_are_written_as_the_others_are(tmp_path: Path) -> None:
    place = write_newest(tmp_path)
    assert list(tmp_path.iterdir()) == [place]
    assert len(list(place.glob("*/model.onnx"))) > 1500
    case = place / "test_matmul_2d" / "test_data_set_0"
    x, y, z = (
        numpy_helper.to_array(onnx.load_tensor(case / f"{name}.pb"))
        for name in ("input_0", "input_1", "output_0")
    )
    np.testing.assert_allclose(x @ y, z, rtol=1e-6)
    assert write_newest(tmp_path) == place
