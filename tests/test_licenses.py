"""What opt brings along may be used and passed on like opt itself."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "MIT",
    "PSF-2.0",
    "Zlib",
}
"""Permissive licences: none asks for more than that its text is kept."""

SPDX = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
    "MIT-CMU": "MIT",
    "Python Software Foundation License": "PSF-2.0",
}
"""What packages without a licence expression say, and its short name."""


def installed_with(name: str) -> Iterator[str]:
    """The distributions that installing one brings along, itself included."""
    waiting, seen = [name], set[str]()
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in seen:
            continue
        seen.add(name)
        yield name
        for text in importlib.metadata.requires(name) or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)


def licenses(name: str) -> set[str]:
    """The licences of an installed distribution, as their short names."""
    metadata = importlib.metadata.metadata(name)
    if "License-Expression" in metadata:
        parts = re.split(r"\b(?:AND|OR)\b", metadata["License-Expression"])
        return {part.strip("() ") for part in parts}
    classifiers = [text for text in metadata.get_all("Classifier", []) if "License ::" in text]
    texts = [text.rsplit(" :: ", 1)[-1] for text in classifiers]
    if not texts and "License" in metadata:
        texts = [metadata["License"]]
    return {SPDX.get(text, text) for text in texts or ["no licence"]}


RUN_TIME = sorted(installed_with("opt-tool"))


def test_the_direct_dependencies_are_among_them() -> None:
    assert {"click", "numpy", "onnx", "onnxruntime", "protobuf", "opt-tool"} <= set(RUN_TIME)


@pytest.mark.parametrize("name", RUN_TIME)
def test_a_dependency_has_a_permissive_license(name: str) -> None:
    assert licenses(name) <= ALLOWED
