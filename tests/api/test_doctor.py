from __future__ import annotations

import importlib.metadata
import re
import sys
from pathlib import Path

import pytest

from command_line import opt, opt_json
from opt_tool.api import official_runtime
from opt_tool.api.doctor import OPTIONAL, RUNTIMES, Package, check_package, diagnose

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has no tomllib")

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_all_that_is_required_is_here() -> None:
    report = diagnose()
    assert report.status == "ok"
    required = {check.name for check in report.checks if check.required}
    assert {"python", "numpy", "onnx", "onnxruntime", "click", "protobuf"} <= required


def test_extras_ask_for_what_the_project_asks_for() -> None:
    extras = tomllib.loads(PROJECT.read_text())["project"]["optional-dependencies"]
    for package in OPTIONAL:
        extra = re.search(r"opt-tool\[(\w+)\]", package.install)
        if extra is not None:
            (wish,) = extras[extra[1]]
            assert wish.startswith(package.names[0])
            assert package.least is None or f">={package.least}" in wish
            assert package.limit is None or f"<{package.limit}" in wish


@pytest.mark.parametrize(
    ("least", "limit", "status"),
    [(None, None, "ok"), ("1", None, "ok"), ("999", None, "unfit"), (None, "0.1", "unfit")],
)
def test_versions_are_compared_as_numbers(
    least: str | None, limit: str | None, status: str
) -> None:
    check = check_package(Package(("numpy",), "tests", "pip install numpy", least, limit))
    assert (check.status, check.version) == (status, importlib.metadata.version("numpy"))
    assert (check.install is None) == (status == "ok")


def test_any_of_the_names_of_a_package_will_do() -> None:
    assert check_package(Package(("no-such-thing", "numpy"), "tests", "")).name == "numpy"
    missing = check_package(Package(("no-such-thing", "nor-this"), "tests", "pip install it"))
    assert (missing.name, missing.status, missing.install) == (
        "no-such-thing", "missing", "pip install it",
    )  # fmt: skip


def test_says_how_to_install_the_official_runtime(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(official_runtime, "ENVIRONMENTS", tmp_path)
    checks = {check.name: check for check in diagnose().checks}
    for version in RUNTIMES:
        check = checks[f"official runtime {version}"]
        assert check.status == "missing"
        assert check.install is not None
        assert check.install.endswith(f"--version {version}")


def test_something_required_that_is_missing_is_exit_code_3(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ["no-such-thing>=1.5", "numpy>=999", "pillow>=10; extra == 'images'"]
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: wanted)  # noqa: ARG005
    result = opt("doctor")
    assert result.exit_code == 3
    assert "no-such-thing is missing: pip install 'no-such-thing>=1.5'" in result.stdout
    assert "numpy is unfit: pip install 'numpy>=999'" in result.stdout
    assert "pillow is" not in result.stdout


def test_the_command_prints_one_object() -> None:
    data = opt_json("doctor")
    keys = {"name", "status", "required", "version", "purpose", "install"}
    assert all(set(check) == keys for check in data["checks"])
    assert opt("doctor").stdout.splitlines()[-1].startswith("all that is required is there")
