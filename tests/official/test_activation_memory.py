"""Activations take no more than in the files of Paddle Lite's own converter.

What those take was measured alike; it stands in the report of the benchmarks.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import opt_tool
import tiers
from benchmark.activations import live_bytes, measure, variable_bytes, with_all_shown
from benchmark.models import Model, models
from benchmark.tools import OFFICIAL
from graphs import TestGraphs, feeds
from opt_tool.api.inspection import inspect, peak_memory_bytes
from opt_tool.formats import paddle_lite
from opt_tool.formats.paddle_lite.decode import read_file
from opt_tool.formats.paddle_lite.schema import (
    Attribute,
    Block,
    File,
    OpDesc,
    Program,
    Var,
    VarType,
)
from opt_tool.ir.operations.activation import Relu, Sigmoid, Tanh
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.data_movement import Concat
from opt_tool.passes.choose_kernels import ChooseKernels
from opt_tool.passes.plan_memory import plan_variable_names, planned_bytes
from opt_tool.targets import AttributeType, LiteVersion, Target

pytestmark = pytest.mark.official

REPORT = tiers.ROOT / "docs" / "benchmarks.json"


def measured() -> dict[str, Any]:
    """What was measured of each model that the official route converts."""
    found = json.loads(REPORT.read_text(encoding="utf-8"))["models"]
    return {
        name: facts for name, facts in found.items() if OFFICIAL.name in facts.get("variables", ())
    }


def test_the_report_has_what_the_official_route_takes() -> None:
    report = json.loads(REPORT.read_text(encoding="utf-8"))["models"]
    runs = {name for name, facts in report.items() if OFFICIAL.name in facts["latency"]}
    assert set(measured()) == runs
    assert len(runs) >= 9


@pytest.mark.parametrize(
    "model", [model for model in models() if model.name in measured()], ids=lambda m: m.name
)
def test_activations_take_no_more_than_in_the_official_file(model: Model, tmp_path: Path) -> None:
    for file in model.files:
        tiers.need(None if file.is_file() else f"{file} is missing; run scripts/fetch_models.py")
    nb = tmp_path / "ours.nb"
    shapes = {name: list(shape) for name, shape in model.shapes.items()}
    source, *weights = model.files
    opt_tool.convert(source, nb, *weights, target="x86", input_shapes=shapes, verify=False)
    ours, theirs = measure(nb, model.inputs()[0]), measured()[model.name]
    assert ours.live <= theirs["activations"][OFFICIAL.name]
    assert ours.variables <= theirs["variables"][OFFICIAL.name]
    assert inspect(nb).totals.peak_memory_bytes == ours.live


def test_the_runtime_is_asked_for_every_tensor(tmp_path: Path) -> None:
    b = TestGraphs()
    x = b.add(Tanh(), X=b.input(1, 2, 8, 8))
    wide = b.add(Conv2D(), Input=x, Filter=b.weight(16, 2, 1, 1))
    again = b.add(Relu(), X=wide)
    narrow = b.add(Conv2D(strides=(2, 2)), Input=again, Filter=b.weight(4, 16, 1, 1))
    small = b.add(Conv2D(strides=(2, 2)), Input=x, Filter=b.weight(4, 2, 1, 1))
    graph = b.build(b.add(Sigmoid(), X=b.add(Concat(axis=1), X=[narrow, small])), narrow)
    ChooseKernels(Target.X86, LiteVersion.V2_13).run(graph)
    nb = tmp_path / "m.nb"
    names = plan_variable_names(graph)
    assert len(set(names.values())) < len(names)
    paddle_lite.write(graph, nb, version=LiteVersion.V2_13, names=names)
    assert len(with_all_shown(read_file(nb)).variables) == len(names)
    found = measure(nb, feeds(graph))
    assert found.live == peak_memory_bytes(graph) == 4 * 64 * (2 + 16 + 16)
    assert found.variables == planned_bytes(names)


def test_outputs_live_to_the_end(tmp_path: Path) -> None:
    b = TestGraphs()
    shown = b.add(Tanh(), X=b.input(1, 64))
    graph = b.build(b.add(Relu(), X=b.add(Sigmoid(), X=b.add(Relu(), X=shown))), shown)
    ChooseKernels(Target.X86, LiteVersion.V2_13).run(graph)
    nb = tmp_path / "m.nb"
    paddle_lite.write(graph, nb, version=LiteVersion.V2_13, names=plan_variable_names(graph))
    assert measure(nb, feeds(graph)).live == peak_memory_bytes(graph) == 3 * 4 * 64


def test_a_slot_that_nothing_fills_is_no_tensor_and_overwrites_none() -> None:
    """A file may give it the name of a tensor that nothing needs any more."""
    column = {"col": Attribute(AttributeType.INT, 0)}
    steps = [
        OpDesc("feed", {"X": ("feed",)}, {"Out": ("x",)}, column),
        OpDesc("relu", {"X": ("x",)}, {"Out": ("a",)}, {}),
        OpDesc("tanh", {"X": ("a",)}, {"Out": ("b",)}, {}),
        OpDesc("reshape2", {"X": ("b",)}, {"Out": ("c",), "XShape": ("a",)}, {}),
        OpDesc("relu", {"X": ("c",)}, {"Out": ("a",)}, {}),
        OpDesc("fetch", {"X": ("a",)}, {"Out": ("fetch",)}, column),
    ]
    variables = tuple(Var(name, VarType.LOD_TENSOR) for name in ("feed", "x", "a", "b", "c"))
    shown = with_all_shown(File("v2.13", Program((Block(variables, tuple(steps)),)), ()))
    assert shown.variables == {"x": "x", "a@1": "a", "b@2": "b", "c@3": "c", "a@4": "a"}
    assert shown.outputs == {"a@4"}
    (block,) = shown.file.program.blocks
    assert dict(block.operators[3].outputs) == {"Out": ("c@3",), "XShape": ("a@3",)}
    assert {"a@1", "a@3", "a@4"} <= {variable.name for variable in block.variables}
    fetched = [op.inputs["X"] for op in block.operators if op.type == "fetch"]
    assert fetched == [(name,) for name in shown.variables]
    sizes = dict(zip(shown.variables, (1, 2, 4, 8, 16), strict=True))
    assert live_bytes(shown, sizes) == 8 + 16
    assert variable_bytes(shown, sizes) == 1 + 16 + 4 + 8
