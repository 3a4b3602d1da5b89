"""Everything that is measured for one model."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any  # JSON

from benchmark.activations import Activations, measure
from benchmark.conversions import Conversion, Converter
from benchmark.environments import ENVIRONMENTS
from benchmark.models import REFERENCES, Arrays, Model
from benchmark.running import RunError, Served, compare, latencies
from benchmark.tools import (
    DEVICE,
    FLOAT,
    HERE,
    INT8,
    MODES,
    OFFICIAL,
    OPT,
    TOOLS,
    UNVERIFIED,
    Tool,
)
from opt_tool.api.official_runtime import OfficialRuntimeError

Made = Mapping[tuple[Tool, str], Conversion]
"""What can be run here, by tool and mode."""


def measure_model(model: Model, folder: Path) -> dict[str, Any]:
    """Convert a model with every tool that reads it, run the results, compare them."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    conversions, made = _convert(model, folder)
    inputs = model.inputs()
    fidelity, latency = _run(made, inputs, model.expected(inputs), folder)
    report = {
        "format": model.format,
        "reference": REFERENCES[model.format],
        "bytes": model.bytes,
        "input_shapes": {name: list(array.shape) for name, array in inputs[0].items()},
        "conversions": conversions,
        "fidelity": fidelity,
        "latency": latency,
        **_activations(made, inputs[0]),
    }
    shutil.rmtree(folder)
    return report


def _convert(model: Model, folder: Path) -> tuple[dict[str, Any], Made]:
    converter = Converter(model, folder)
    facts: dict[str, Any] = {}
    made: dict[tuple[Tool, str], Conversion] = {}
    for tool, mode, target in _jobs(model):
        conversion = converter.convert(tool, mode, target)
        if conversion is None:
            continue
        facts.setdefault(tool.name, {}).setdefault(mode, {})[target] = conversion.facts()
        if conversion.files and target == HERE and tool is not UNVERIFIED:
            made[tool, mode] = conversion
    return facts, made


def _jobs(model: Model) -> Iterator[tuple[Tool, str, str]]:
    for tool in TOOLS:
        if model.format not in tool.formats:
            continue
        for mode in (FLOAT,) if tool is UNVERIFIED else MODES:
            targets = (DEVICE, HERE) if tool.has_targets else (HERE,)
            for target in (DEVICE,) if tool is UNVERIFIED else targets:
                yield tool, mode, target


def _run(
    made: Made, inputs: Sequence[Arrays], expected: Sequence[Arrays], folder: Path
) -> tuple[dict[str, Any], dict[str, Any]]:
    """How far each result is from the reference, and the seconds of those that are timed."""
    fidelity: dict[str, Any] = {}
    with ExitStack() as stack:
        timed: dict[str, Served] = {}
        for (tool, mode), conversion in made.items():
            place = folder / f"run-{len(fidelity)}-{mode}-{tool.name.replace(' ', '-')}"
            of_tool = fidelity.setdefault(tool.name, {})
            try:
                server = Served(tool.runtime, conversion.files, inputs, list(expected[0]), place)
            except RunError as error:
                of_tool[mode] = {"problem": f"does not run: {error}"}
                continue
            of_tool[mode] = compare([list(arrays.values()) for arrays in expected], server.outputs)
            if _is_timed(tool, mode, made):
                timed[tool.name] = stack.enter_context(server)
            else:
                server.close()
        return fidelity, latencies(timed)


def _is_timed(tool: Tool, mode: str, made: Made) -> bool:
    """Float files are timed, and those of tools that make no others."""
    return mode == FLOAT or (mode == INT8 and (tool, FLOAT) not in made)


def _activations(made: Made, inputs: Arrays) -> dict[str, Any]:
    """What activations take in our file and in the other one.

    None where the runtime does not hand out every tensor of a file.
    """
    found: dict[str, Activations | None] = {}
    for tool in (OPT, OFFICIAL):
        if (tool, FLOAT) in made:
            try:
                found[tool.name] = measure(
                    made[tool, FLOAT].files[0], inputs, Path(ENVIRONMENTS["official"].python)
                )
            except OfficialRuntimeError:
                found[tool.name] = None
    return {
        "activations": {name: each and each.live for name, each in found.items()},
        "variables": {name: each and each.variables for name, each in found.items()},
    }
