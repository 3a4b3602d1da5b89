from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import fetch_models
from fetch_models import FetchError, fetch, is_cached, path_of
from model_table import Bundle, File, Package, bundles

METADATA = "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"
CONTENT = b"the weights of a very small model"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def package(archive: Path, *members: str, sha256: str = SHA256, wheel: bool = True) -> Package:
    """A row of the table for an archive on this machine."""
    files = tuple(File(member, sha256) for member in members)
    checksum = hashlib.sha256(archive.read_bytes()).hexdigest()
    return Package("tiny", "1.0", checksum, 0.1, "MIT", (Bundle("tiny", files),), wheel)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all that pip knows of the world."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def wheel(index: Path) -> Path:
    """A wheel with one model, once more under a name that climbs out of the archive."""
    path = index / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny/model.onnx", CONTENT)
        archive.writestr("../../escaped.onnx", CONTENT)
        archive.writestr("tiny-1.0.dist-info/METADATA", METADATA)
        archive.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\n")
        archive.writestr("tiny-1.0.dist-info/RECORD", "")
    return path


def test_fetches_a_file_and_leaves_nothing_else(wheel: Path, tmp_path: Path) -> None:
    row = package(wheel, "tiny/model.onnx")
    cache = tmp_path / "cache"
    fetch(row, row.bundles, cache)
    assert [path.relative_to(cache).as_posix() for path in sorted(cache.rglob("*"))] == [
        "tiny",
        "tiny/model.onnx",
    ]
    assert (cache / "tiny" / "model.onnx").read_bytes() == CONTENT


def test_a_cached_file_needs_no_download(wheel: Path, tmp_path: Path) -> None:
    row = package(wheel, "tiny/model.onnx")
    fetch(row, row.bundles, tmp_path / "cache")
    wheel.unlink()
    fetch(row, row.bundles, tmp_path / "cache")


def test_a_damaged_cached_file_is_fetched_again(wheel: Path, tmp_path: Path) -> None:
    row = package(wheel, "tiny/model.onnx")
    path = path_of(row.bundles[0].files[0], row.bundles[0], tmp_path)
    path.parent.mkdir()
    path.write_bytes(CONTENT[:-1])
    assert not is_cached(row.bundles[0].files[0], row.bundles[0], tmp_path)
    fetch(row, row.bundles, tmp_path)
    assert path.read_bytes() == CONTENT


def test_a_name_in_an_archive_decides_no_path(wheel: Path, tmp_path: Path) -> None:
    row = package(wheel, "../../escaped.onnx")
    fetch(row, row.bundles, tmp_path / "cache")
    assert list(tmp_path.rglob("escaped.onnx")) == [tmp_path / "cache" / "tiny" / "escaped.onnx"]


def test_refuses_a_file_with_another_checksum(wheel: Path, tmp_path: Path) -> None:
    row = package(wheel, "tiny/model.onnx", sha256="0" * 64)
    with pytest.raises(FetchError, match=r"tiny/model\.onnx has the SHA-256"):
        fetch(row, row.bundles, tmp_path / "cache")
    assert [path.name for path in (tmp_path / "cache").rglob("*")] == ["tiny"]


def test_refuses_an_archive_with_another_checksum(wheel: Path, tmp_path: Path) -> None:
    row = package(wheel, "tiny/model.onnx")
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("tiny/more.py", "")
    with pytest.raises(FetchError, match=r"could not download tiny 1\.0"):
        fetch(row, row.bundles, tmp_path / "cache")


def test_says_what_to_do_without_a_package_index(wheel: Path, tmp_path: Path) -> None:
    row = package(wheel, "tiny/model.onnx")
    wheel.unlink()
    with pytest.raises(FetchError, match="Is the package index within reach"):
        fetch(row, row.bundles, tmp_path / "cache")


def test_refuses_a_link_in_a_source_archive(tmp_path: Path) -> None:
    archive = tmp_path / "tiny-1.0.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        link = tarfile.TarInfo("tiny-1.0/model.onnx")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(link)
        whole = tarfile.TarInfo("tiny-1.0/whole.onnx")
        whole.size = len(CONTENT)
        tar.addfile(whole, io.BytesIO(CONTENT))
    target = io.BytesIO()
    fetch_models._copy_member(archive, "tiny-1.0/whole.onnx", target)
    assert target.getvalue() == CONTENT
    with pytest.raises(FetchError, match="is not a file"):
        fetch_models._copy_member(archive, "tiny-1.0/model.onnx", target)


def test_the_table_has_each_name_once_and_whole_checksums() -> None:
    rows = list(bundles())
    names = [bundle.name for _, bundle in rows]
    assert len(names) == len(set(names))
    for package_row, bundle in rows:
        assert len({Path(file.member).name for file in bundle.files}) == len(bundle.files)
        for sha256 in (package_row.sha256, *(file.sha256 for file in bundle.files)):
            assert len(bytes.fromhex(sha256)) == 32


def test_an_unknown_name_is_wrong_usage_with_a_hint() -> None:
    script = Path(fetch_models.__file__)
    result = subprocess.run(
        [sys.executable, script, "mtcn_pnet"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert "did you mean mtcnn_pnet" in result.stderr
