from __future__ import annotations

from pathlib import Path

from graphs import TestGraphs
from opt_tool.formats import paddle_lite
from opt_tool.ir import Graph
from opt_tool.ir.operations.data_movement import Concat
from opt_tool.ir.operations.matmul import Fc
from opt_tool.passes.name_parameters import short_parameter_names
from opt_tool.passes.pipeline import passes_for, run_passes
from opt_tool.targets import LiteVersion, Target

LONG = "a/long/path/of/an/exporter/"
VERSION = LiteVersion.V2_13


def layers(b: TestGraphs) -> Graph:
    """Two layers whose parameters have long names; the weight is the same one."""
    weight, bias = b.weight(4, 4), b.weight(4)
    b.graph.rename(weight, f"{LONG}weight")
    b.graph.rename(bias, f"{LONG}bias")
    first = b.add(Fc(), Input=b.input(3, 4), W=weight, Bias=bias)
    return b.build(b.add(Fc(), Input=first, W=weight, Bias=b.weight(4)))


def named(graph: Graph) -> dict[str, str]:
    return {value.name: name for value, name in short_parameter_names(graph).items()}


def test_long_names_become_position_and_slot() -> None:
    assert named(layers(TestGraphs())) == {f"{LONG}weight": "0w", f"{LONG}bias": "0b"}


def test_a_name_that_something_has_is_not_given() -> None:
    b = TestGraphs()
    graph = layers(b)
    b.graph.rename(next(graph.nodes).output, "0w")
    assert named(graph) == {f"{LONG}weight": "1w", f"{LONG}bias": "0b"}


def test_parts_of_one_slot_are_counted() -> None:
    b = TestGraphs()
    parts = [b.weight(1, 2), b.input(1, 2), b.weight(1, 2)]
    for number in (0, 2):
        b.graph.rename(parts[number], f"{LONG}{number}")
    graph = b.build(b.add(Concat(axis=0), X=parts))
    assert named(graph) == {f"{LONG}0": "0x.0", f"{LONG}2": "0x.2"}


def test_the_file_is_smaller_and_computes_the_same(tmp_path: Path) -> None:
    graph = layers(TestGraphs())
    run_passes(graph, passes_for(Target.X86, VERSION))
    files = tmp_path / "short.nb", tmp_path / "long.nb"
    for file, names in zip(files, (short_parameter_names(graph), {}), strict=True):
        paddle_lite.write(graph, file, version=VERSION, names=names)
    short, long = (file.stat().st_size for file in files)
    assert long - short > 3 * len(LONG)
    arrays = [
        {
            value.data.tobytes()
            for value in paddle_lite.read(file).constants
            if value.data is not None
        }
        for file in files
    ]
    assert arrays[0] == arrays[1]
