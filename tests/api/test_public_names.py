from __future__ import annotations

import subprocess
import sys

import pytest

import opt_tool

HEAVY = ("numpy", "onnx", "onnxruntime", "rich", "flatbuffers", "google.protobuf")


@pytest.mark.parametrize("name", opt_tool.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    assert name in dir(opt_tool)
    found = getattr(opt_tool, name)
    assert name == "__version__" or found.__doc__


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'quantise'"):
        opt_tool.quantise  # noqa: B018  # that is the test


@pytest.mark.parametrize("module", ["opt_tool", "opt_tool.cli"])
def test_importing_costs_nothing_heavy(module: str) -> None:
    code = f"import {module}, sys; print([name for name in {HEAVY} if name in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
