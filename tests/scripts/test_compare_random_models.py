"""Random models of each format for some seconds, and that the tool finds what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import caffe_references
import compare_random_models
import tiers
from compare_random_models import SOURCES, main
from opt_tool.api import conversion
from opt_tool.errors import OptError
from opt_tool.formats import paddle_lite
from opt_tool.ir import Graph, Node
from opt_tool.ir.operations.activation import Relu
from opt_tool.ir.operations.elementwise import Scale
from opt_tool.passes.pipeline import passes_for
from opt_tool.passes.rewrite import Kept, Rewrite
from random_models import comparing
from random_models.comparing import (
    AGREES,
    DIFFERS,
    REFUSED,
    UNSTABLE,
    Arrays,
    Job,
    Settings,
    compare,
)
from random_models.drawing import Draw, Tensor
from random_models.growth import Random, random_model
from random_models.model import Operator, RandomModel
from random_models.onnx_source import OnnxSource, proto
from random_models.shrinking import _smaller, smallest
from random_models.tally import reason
from tflite_models import need_litert

NUMPY = Settings()
"""Files are run in opt's own runtime only."""


def need_references(format: str) -> None:
    tiers.need_official(["2.13"])
    if format == "caffe":
        for name in caffe_references.REFERENCES:
            caffe_references.need(name)
    elif format == "tflite":
        need_litert()


@pytest.mark.official
@pytest.mark.parametrize("format", SOURCES)
def test_random_models_compute_what_their_sources_compute(
    format: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    need_references(format)
    code = main(["--format", format, "--seed", "7", "--count", "20", "--keep", str(tmp_path)])
    said = capsys.readouterr().out
    assert (code, list(tmp_path.iterdir())) == (0, []), said
    assert int(said.split(" agree")[0].rsplit(" ", 1)[-1]) >= 12, said


def test_open_sizes_are_fed_in_several_sizes(tmp_path: Path) -> None:
    drawn = [random_model(OnnxSource(), 3, n, tmp_path, open_sizes=True) for n in range(12)]
    models = [model for model in drawn if model is not None]
    assert any(model.others for model in models)
    verdicts = compare(OnnxSource(), models, NUMPY, tmp_path)
    assert {verdict.kind for verdict in verdicts} <= {AGREES, REFUSED}


# ---- what is wrong is found


class DoubleRelu(Rewrite[Node]):
    """A pass that does something wrong."""

    def match(self, graph: Graph, node: Node) -> Node | Kept | None:  # noqa: ARG002
        return node if isinstance(node.op, Relu) else None

    def rewrite(self, graph: Graph, match: Node) -> None:
        graph.fuse((match,), Scale(scale=2.0), {"X": match.inputs["X"]})


@pytest.fixture
def wrong_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    def passes(*arguments: object, **options: object) -> list[object]:
        return [DoubleRelu(), *passes_for(*arguments, **options)]  # type: ignore[arg-type]

    monkeypatch.setattr(conversion, "passes_for", passes)


def chain(*types: str) -> RandomModel:
    """Operators one behind the other."""
    names = ["x", *(f"t{number}" for number in range(len(types)))]
    operators = [
        Operator(type, (before,), (after,))
        for type, before, after in zip(types, names[:-1], names[1:], strict=True)
    ]
    x = np.linspace(-2, 2, 24, dtype=np.float32).reshape(2, 3, 4)
    return RandomModel(tuple(operators), {"x": x}, outputs=(names[-1],), opset=17)


@pytest.mark.usefixtures("wrong_pass")
def test_finds_the_operator_that_a_pass_spoils(tmp_path: Path) -> None:
    model = chain("Tanh", "Softsign", "Relu", "Sigmoid", "Neg")
    source = OnnxSource()
    (verdict,) = compare(source, [model], NUMPY, tmp_path)
    assert (verdict.kind, verdict.place) == (DIFFERS, "numpy")
    part, its = smallest(source, model, NUMPY, tmp_path, verdict)
    assert part.types == ["Relu"]
    assert its.kind == DIFFERS


def test_keeps_the_operator_whose_second_result_is_an_output(tmp_path: Path) -> None:
    model = chain("Relu", "Split")
    parts = replace(model.operators[1], outputs=("first", "second"), attributes={"axis": 2})
    model = replace(model, operators=(model.operators[0], parts), outputs=("second",), opset=11)
    made = list(_smaller(OnnxSource(), model, tmp_path))
    assert [part.types for part in made] == [["Relu"], ["Split"], ["Split"]]


@pytest.mark.usefixtures("wrong_pass")
def test_keeps_what_differs_with_its_smallest_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(comparing, "RUNTIMES", {})
    monkeypatch.setattr(
        compare_random_models, "random_model", lambda *_, **__: chain("Relu", "Neg")
    )
    assert main(["--format", "onnx", "--target", "arm", "--count", "1", "--keep", str(tmp_path)])
    (kept,) = tmp_path.iterdir()
    assert {path.name for path in kept.iterdir()} == {
        "about.txt", "inputs0.npz", "model.onnx", "smallest",
    }  # fmt: skip
    assert "Relu(x)" in (kept / "smallest" / "about.txt").read_text()
    assert "1 differ" in capsys.readouterr().out


def test_finds_a_file_that_the_runtime_computes_otherwise(tmp_path: Path) -> None:
    def runtime(jobs: Sequence[Job], version: str) -> list[list[Arrays] | OptError]:
        assert version == "2.13"
        return [[[sets[0][0] * 0 + 1]] for _, sets in jobs]

    settings = replace(NUMPY, runtime=runtime)
    (verdict,) = compare(OnnxSource(), [chain("Tanh")], settings, tmp_path)
    assert (verdict.kind, verdict.place) == (DIFFERS, "x86 runtime")


def test_quantized_files_are_held_to_the_weights_in_them(tmp_path: Path) -> None:
    def runtime(jobs: Sequence[Job], version: str) -> list[list[Arrays] | OptError]:  # noqa: ARG001
        return [[[sets[0][0] @ weight]] for _, sets in jobs]

    weight = np.random.default_rng(0).standard_normal((4, 64)).astype(np.float32)
    model = replace(chain("Relu"), constants={"w": weight})
    model = replace(model, operators=(Operator("MatMul", ("x", "w"), ("t0",)),))
    settings = Settings(quantization="int8")
    (own,) = compare(OnnxSource(), [model], settings, tmp_path)
    assert own.kind == AGREES
    (verdict,) = compare(OnnxSource(), [model], replace(settings, runtime=runtime), tmp_path)
    assert (verdict.kind, verdict.place) == (DIFFERS, "x86 runtime")


def test_a_fault_of_the_reader_is_no_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(path: Path) -> Graph:
        raise KeyError(path)

    monkeypatch.setattr(paddle_lite, "read", read)
    (verdict,) = compare(OnnxSource(), [chain("Tanh")], NUMPY, tmp_path)
    assert (verdict.kind, verdict.place) == (DIFFERS, "numpy")


@pytest.mark.usefixtures("wrong_pass")
def test_a_model_that_multiplies_errors_of_rounding_is_unstable(tmp_path: Path) -> None:
    model = chain("Floor", "Relu")
    x = np.full((2, 3), 3, np.float32)
    (verdict,) = compare(OnnxSource(), [replace(model, inputs={"x": x})], NUMPY, tmp_path)
    assert verdict.kind == UNSTABLE


# ---- the tool itself


def test_a_number_draws_the_same_model_again(tmp_path: Path) -> None:
    def drawn(seed: int, number: int) -> bytes:
        model = random_model(OnnxSource(), seed, number, tmp_path)
        return b"" if model is None else bytes(proto(model).SerializeToString())

    assert [drawn(1, n) for n in range(6)] == [drawn(1, n) for n in range(6)]
    assert len({drawn(seed, 2) for seed in range(6)}) > 3


@pytest.mark.parametrize("format", SOURCES)
def test_every_rule_leads_to_models(format: str, tmp_path: Path) -> None:
    """A rule whose operators no reference runs would never be compared."""
    need_references(format)
    missing = [
        row.rule.__name__
        for row in SOURCES[format].menu
        if not any(_grows(format, row.rule, kind, tmp_path) for kind in row.kinds)
    ]
    assert missing == []


def _grows(format: str, rule: object, kind: str, folder: Path) -> bool:
    source = SOURCES[format]
    types = {"f": np.float32, "i": np.int32 if format == "tflite" else np.int64, "b": np.bool_}
    for number in range(40):
        chance = Random(5, number)
        draw = chance.draw(RandomModel(opset=chance.rng.choice((9, 13, 17, 21))), [])
        shape = chance.rng.choice(((1, 4, 6, 8), (2, 3, 1), (1, 5, 4), (3, 4)))
        array = chance.numbers.uniform(-2, 3, shape).astype(types[kind])
        name = rule(draw, Tensor(draw.input(array), array))  # type: ignore[operator]
        if name is None or not draw.model.operators:
            continue
        model = replace(draw.model, outputs=(name,)).used()
        if source.try_out(model, folder) is not None:
            return True
    return False


def test_names_are_new_behind_operators_with_several_results() -> None:
    chance = Random(0, 0)
    first = chance.draw(RandomModel(), [])
    first.results(4, "Split", first.input(np.zeros(4, np.float32)))
    second = Draw(chance.rng, chance.numbers, first.model)
    second.add("Relu", "t2")
    names = [name for operator in second.model.operators for name in operator.outputs]
    assert len(set(names)) == len(names)


def test_refusals_are_counted_by_their_reason() -> None:
    one = "/tmp/a/model.onnx: Conv (node 'a1'): strides (3, 1) of 'x' are 2.5 too many"
    other = "/tmp/b/model.onnx: Conv (node 'b'): strides (2, 2) of 'y' are 7 too many"
    assert reason(one) == reason(other)
    assert reason(one).startswith("Conv: strides")
