from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from graphs import TestGraphs
from opt_tool.api.conversion import convert
from opt_tool.api.optimisation import PassLog
from opt_tool.errors import FileAccessError
from opt_tool.ir.operations.activation import Relu
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.data_movement import Assign
from opt_tool.passes.remove_identity import RemoveIdentity
from opt_tool.passes.rewrite import PassReport
from small_models import classifier


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return classifier(tmp_path / "model.onnx")


def test_says_what_a_pass_saved() -> None:
    b = TestGraphs()
    x = b.add(Conv2D(), Input=b.input(1, 2, 4, 4), Filter=b.weight(3, 2, 1, 1))
    graph = b.build(b.add(Relu(), X=b.add(Assign(), X=x)))
    log = PassLog(graph)
    log(graph, RemoveIdentity().run(graph))
    (summary,) = log.summaries
    assert (summary.name, summary.changes) == ("remove-identity", 1)
    assert (summary.ops_before, summary.ops_after) == (3, 2)
    assert (summary.macs_saved, summary.activation_bytes_saved) == (0, 3 * 16 * 4)


def test_counts_the_multiplications_that_are_left() -> None:
    b = TestGraphs()
    x = b.input(1, 2, 4, 4)
    convs = [b.add(Conv2D(), Input=x, Filter=b.weight(3, 2, 1, 1)) for _ in range(2)]
    graph = b.build(convs[0])
    log = PassLog(graph)
    graph.remove_unused()
    log(graph, PassReport("remove-unused-nodes", 1))
    assert log.summaries[0].macs_saved == 3 * 16 * 2


def test_says_nothing_of_sizes_that_are_open() -> None:
    b = TestGraphs()
    graph = b.build(b.add(Relu(), X=b.add(Assign(), X=b.input("n", 2))))
    log = PassLog(graph)
    log(graph, RemoveIdentity().run(graph))
    assert log.summaries[0].activation_bytes_saved is None
    assert log.summaries[0].ops_after == 1


def test_each_pass_begins_where_the_one_before_it_ended(tmp_path: Path, model: Path) -> None:
    report = convert(model, tmp_path / "out.nb", verify=False)
    sizes = [(p.ops_before, p.ops_after) for p in report.passes]
    assert all(end == begin for (_, end), (begin, _) in itertools.pairwise(sizes))
    assert sizes[-1][1] == report.output.ops


def test_writes_the_graph_after_each_pass(tmp_path: Path, model: Path) -> None:
    folder = tmp_path / "new" / "passes"
    report = convert(model, tmp_path / "out.nb", verify=False, dump_passes=folder)
    files = sorted(folder.iterdir())
    assert files[0].name == "00-source.txt"
    assert [file.stem.split("-", 1)[1] for file in files[1:]] == [p.name for p in report.passes]
    assert "relu" in files[0].read_text()
    assert "activation=Relu()" in files[-1].read_text()


def test_refuses_a_folder_that_is_a_file(tmp_path: Path, model: Path) -> None:
    with pytest.raises(FileAccessError, match="folder"):
        convert(model, tmp_path / "out.nb", verify=False, dump_passes=model)
    assert not (tmp_path / "out.nb").exists()
