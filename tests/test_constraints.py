"""What CI installs is pinned: .ci/constraints.txt, made by scripts/pin_dependencies.sh."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import tiers

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PINS = tiers.ROOT / ".ci" / "constraints.txt"
PYTHONS = ("3.10", "3.11", "3.12", "3.13")


def pins() -> list[Requirement]:
    return [Requirement(line) for line in PINS.read_text(encoding="utf-8").splitlines()]


def wanted() -> Iterator[Requirement]:
    """What pyproject.toml asks for in development."""
    project: dict[str, Any] = tomllib.loads((tiers.ROOT / "pyproject.toml").read_text("utf-8"))
    texts = (*project["project"]["dependencies"], *project["dependency-groups"]["dev"])
    yield from map(Requirement, texts)
    yield from map(Requirement, project["build-system"]["requires"])


def applies(requirement: Requirement, python: str) -> bool:
    there = {"python_version": python, "python_full_version": f"{python}.9"}
    return requirement.marker is None or requirement.marker.evaluate(there)


def test_every_pin_is_one_version_and_names_no_place() -> None:
    for pin in pins():
        assert pin.url is None
        assert [specifier.operator for specifier in pin.specifier] == ["=="], str(pin)
    assert "://" not in PINS.read_text(encoding="utf-8")


@pytest.mark.parametrize("python", PYTHONS)
def test_every_requirement_has_one_pin_that_it_allows(python: str) -> None:
    versions: dict[str, str] = {}
    for pin in pins():
        if applies(pin, python):
            assert versions.setdefault(canonicalize_name(pin.name), str(pin.specifier)[2:])
    for requirement in wanted():
        if applies(requirement, python):
            version = versions.get(canonicalize_name(requirement.name))
            assert version is not None, f"{requirement.name} has no pin"
            assert requirement.specifier.contains(version), f"{requirement} is pinned to {version}"


def test_no_package_has_two_pins_on_one_python() -> None:
    for python in PYTHONS:
        names = [canonicalize_name(pin.name) for pin in pins() if applies(pin, python)]
        assert len(set(names)) == len(names)
