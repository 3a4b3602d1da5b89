"""The registries of the formats know all their modules, and import those that are needed."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping

import pytest

HELPERS = {"cell_functions"}
"""Modules beside those of the operators that register nothing."""

FORMATS = {
    "onnx": ("operators", ("", "Conv"), "convolution"),
    "tflite": ("operators", "CONV_2D", "convolution"),
    "caffe": ("layers", "Convolution", "convolution"),
}
"""Of each format, where its importers are, and one of them."""

TRACED = """
import sys
from opt_tool.formats.{format}.registry import IMPORTERS

assert IMPORTERS[{key!r}]
package = "opt_tool.formats.{format}.{package}."
print(*(name.removeprefix(package) for name in sys.modules if name.startswith(package)))
"""


def functions(importers: Mapping[object, object]) -> Iterator[Callable[..., object]]:
    """The importers themselves; those of ONNX are told apart by opset."""
    for entry in importers.values():
        if isinstance(entry, dict):
            yield from entry.values()
        else:
            assert callable(entry)
            yield entry


@pytest.mark.parametrize("format", FORMATS)
def test_every_module_of_importers_is_found(format: str) -> None:
    registry = importlib.import_module(f"opt_tool.formats.{format}.registry")
    package = importlib.import_module(f"opt_tool.formats.{format}.{FORMATS[format][0]}")
    assert len(registry.IMPORTERS) > 10
    homes = {function.__module__.rpartition(".")[2] for function in functions(registry.IMPORTERS)}
    assert homes == {module.name for module in pkgutil.iter_modules(package.__path__)} - HELPERS


@pytest.mark.parametrize("format", FORMATS)
def test_finding_an_importer_imports_no_more_than_it_must(format: str) -> None:
    package, key, home = FORMATS[format]
    code = TRACED.format(format=format, package=package, key=key)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert home in run.stdout.split()
    assert len(run.stdout.split()) <= 3


def test_what_no_module_has_is_missing_after_all_were_imported() -> None:
    registry = importlib.import_module("opt_tool.formats.tflite.registry")
    assert "CONV_9D" not in registry.IMPORTERS
    assert registry.IMPORTERS.get("CONV_9D") is None
