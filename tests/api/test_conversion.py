from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from onnx_models import node_model
from opt_tool.api.conversion import FailedConversionError, convert
from opt_tool.errors import (
    DamagedFileError,
    FileAccessError,
    OpenInputError,
    OptError,
    UnsupportedModelError,
    UsageError,
)
from opt_tool.formats import paddle_lite
from opt_tool.ir import Graph
from small_models import classifier, unsupported


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return classifier(tmp_path / "model.onnx")


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def corrupt(monkeypatch: pytest.MonkeyPatch, change: Callable[[Graph], None]) -> None:
    """Let the file that is read back hold something else than what was written."""
    right = paddle_lite.read

    def wrong(path: Path) -> Graph:
        graph = right(path)
        change(graph)
        return graph

    monkeypatch.setattr(paddle_lite, "read", wrong)


def scale_weights(factor: float) -> Callable[[Graph], None]:
    def change(graph: Graph) -> None:
        for value in graph.constants:
            if value.rank == 4 and value.data is not None:
                value.data = (value.data * factor).astype(np.float32)

    return change


@pytest.mark.parametrize("target", ["arm", "x86"])
def test_writes_a_file_that_computes_what_the_source_computes(
    tmp_path: Path, model: Path, target: str
) -> None:
    report = convert(model, tmp_path / "out.nb", target=target)
    assert report.verification.status == "passed"
    assert report.verification.reference == "onnxruntime"
    assert report.verification.samples == 3
    assert report.output.ops < report.source.ops == 6
    assert report.output.bytes == (tmp_path / "out.nb").stat().st_size
    assert files(tmp_path) == ["model.onnx", "out.nb"]


def test_compares_what_comes_before_the_softmax_too(tmp_path: Path, model: Path) -> None:
    outputs = convert(model, tmp_path / "out.nb").verification.outputs
    assert [(output.name, output.before) for output in outputs] == [
        ("probabilities", None),
        ("scores", "softmax"),
    ]


@pytest.mark.parametrize("factor", [1.001, -1, 0, np.nan], ids=str)
def test_a_file_that_computes_something_else_is_not_left_in_place(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, factor: float
) -> None:
    corrupt(monkeypatch, scale_weights(factor))
    with pytest.raises(FailedConversionError, match="does not compute what the source") as caught:
        convert(model, tmp_path / "out.nb", report=tmp_path / "report.json")
    assert files(tmp_path) == ["model.onnx", "report.json"]
    assert caught.value.exit_code == 4
    written = json.loads((tmp_path / "report.json").read_text())
    assert written["verification"]["status"] == "failed"
    assert written["output"]["path"] is None


def test_a_saturated_output_does_not_hide_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = classifier(tmp_path / "model.onnx", certain=True)

    def change(graph: Graph) -> None:
        for value in graph.constants:
            if value.shape == (5,) and value.data is not None:
                value.data = value.data + np.float32(0.5)

    corrupt(monkeypatch, change)
    with pytest.raises(FailedConversionError) as caught:
        convert(model, tmp_path / "out.nb")
    final, scores = caught.value.report.verification.outputs
    assert final.within(1e-4)
    assert not scores.within(1e-4)


def test_without_verification_the_report_says_so(tmp_path: Path, model: Path) -> None:
    report = convert(model, tmp_path / "out.nb", verify=False)
    assert report.verification.status == "skipped"
    assert report.warnings == ("the file was not verified",)


@pytest.mark.parametrize(
    ("target", "shapes", "count"),
    [("x86", {}, 1), ("x86", {"x": (1, 2, 9, 9)}, 0), ("arm", {}, 0)],
    ids=str,
)
def test_says_that_a_size_would_make_the_file_faster(
    tmp_path: Path, target: str, shapes: dict[str, tuple[int, ...]], count: int
) -> None:
    rng = np.random.default_rng(0)
    arrays = {name: rng.standard_normal((8, 2, 3, 3)).astype(np.float32) for name in ("x", "w")}
    model = tmp_path / "open.onnx"
    onnx.save(node_model("Conv", {**arrays}, constants=("w",), dynamic=True), str(model))
    report = convert(model, tmp_path / "out.nb", target=target, input_shapes=shapes)
    said = [warning for warning in report.warnings if "--input-shape" in warning]
    assert len(said) == count
    assert report.verification.status == "passed"


def test_says_that_the_inputs_numbers_may_leave_nothing(tmp_path: Path) -> None:
    numbers = {name: np.array(n, np.int64) for name, n in (("from", 0), ("to", 7), ("by", 2))}
    model = tmp_path / "range.onnx"
    onnx.save(node_model("Range", {**numbers}), str(model))
    report = convert(model, tmp_path / "out.nb")
    assert report.verification.status == "passed"
    assert [warning for warning in report.warnings if "'y'; where that is none" in warning]


@pytest.mark.parametrize(
    ("factor", "fact"), [(np.nan, "is NaN or infinite"), (0, "is zero")], ids=str
)
def test_says_of_what_outputs_prove_nothing(tmp_path: Path, factor: float, fact: str) -> None:
    arrays = {"x": np.ones((2, 3), np.float32), "w": np.full((2, 3), factor, np.float32)}
    model = tmp_path / "product.onnx"
    onnx.save(node_model("Mul", {**arrays}, constants=("w",)), str(model))
    report = convert(model, tmp_path / "out.nb")
    assert report.warnings[-1] == f"'y' {fact} for every sample, so comparing it proves little"
    assert any("hold NaN: 'w'" in warning for warning in report.warnings) == np.isnan(factor)


def test_says_which_build_of_the_runtime_runs_the_file(tmp_path: Path) -> None:
    model = tmp_path / "swish.onnx"
    x = np.linspace(-3, 3, 24, dtype=np.float32).reshape(1, 2, 3, 4)
    onnx.save(node_model("HardSwish", {"x": x}), str(model))
    output = convert(model, tmp_path / "out.nb").output
    assert (output.library, output.extra_operators) == ("with_extra", ("hard_swish",))
    output = convert(model, tmp_path / "out.nb", library="basic").output
    assert (output.library, output.extra_operators) == ("basic", ())
    with pytest.raises(UsageError, match="no build"):
        convert(model, tmp_path / "out.nb", library="small")


def test_a_dry_run_reports_the_same_and_leaves_no_file(tmp_path: Path, model: Path) -> None:
    dry = convert(model, tmp_path / "out.nb", dry_run=True)
    assert files(tmp_path) == ["model.onnx"]
    real = convert(model, tmp_path / "out.nb")
    assert dry.output.path is None
    assert (dry.output.sha256, dry.output.ops) == (real.output.sha256, real.output.ops)
    assert dry.verification.status == "passed"


def test_fixes_shapes_and_cuts_at_a_tensor(tmp_path: Path, model: Path) -> None:
    report = convert(
        model, tmp_path / "out.nb", input_shapes={"image": (2, 3, 10, 12)}, outputs=["features"]
    )
    assert report.verification.status == "passed"
    assert [input.shape for input in report.verification.inputs] == [(2, 3, 10, 12)]
    (features,) = paddle_lite.read(tmp_path / "out.nb").outputs
    assert features.shape == (2, 8, 10, 12)


def test_open_dimensions_stay_open(tmp_path: Path) -> None:
    model = classifier(tmp_path / "model.onnx", shape=("n", 3, "h", "w"))
    report = convert(model, tmp_path / "out.nb")
    assert report.verification.status == "passed"
    (image,) = paddle_lite.read(tmp_path / "out.nb").inputs
    assert [isinstance(dim, str) for dim in image.shape] == [True, False, True, True]


def test_a_model_of_16_bits_has_its_own_bound_with_the_reason(tmp_path: Path) -> None:
    model = classifier(tmp_path / "model.onnx", dtype=TensorProto.FLOAT16)
    verification = convert(model, tmp_path / "out.nb").verification
    assert verification.status == "passed"
    assert verification.bound > 1e-4
    assert verification.reason is not None
    assert "16-bit" in verification.reason


def test_converts_a_file_to_another_target(tmp_path: Path, model: Path) -> None:
    convert(model, tmp_path / "arm.nb")
    report = convert(tmp_path / "arm.nb", tmp_path / "x86.nb", target="x86")
    assert report.source.format == "paddle_lite"
    assert report.verification.reference == "numpy"
    assert report.verification.status == "passed"


def test_the_same_options_give_the_same_bytes(tmp_path: Path, model: Path) -> None:
    first = convert(model, tmp_path / "a.nb")
    second = convert(model, tmp_path / "b.nb", verify=False)
    assert first.output.sha256 == second.output.sha256
    assert (tmp_path / "a.nb").read_bytes() == (tmp_path / "b.nb").read_bytes()


def test_tells_the_stages_in_order(tmp_path: Path, model: Path) -> None:
    stages: list[str] = []
    report = convert(model, tmp_path / "out.nb", on_stage=stages.append)
    assert stages == ["read", "passes", "write", "verify"]
    seconds = report.seconds
    parts = seconds.read + seconds.passes + seconds.quantize + seconds.write + seconds.verify
    assert 0 < parts <= seconds.total


def test_refuses_what_cannot_be_done_and_leaves_nothing(tmp_path: Path, model: Path) -> None:
    (tmp_path / "cut.onnx").write_bytes(model.read_bytes()[:500])
    unsupported(tmp_path / "odd.onnx")
    before = files(tmp_path)
    cases: list[tuple[dict[str, str], type[OptError]]] = [
        ({"model": "cut.onnx"}, DamagedFileError),
        ({"model": "odd.onnx"}, UnsupportedModelError),
        ({"model": "missing.onnx"}, FileAccessError),
        ({"output": "missing/out.nb"}, FileAccessError),
        ({"output": "model.onnx"}, FileAccessError),
        ({"target": "gpu"}, UsageError),
        ({"lite_version": "1.0"}, UsageError),
    ]
    for changes, error in cases:
        options = {"model": "model.onnx", "output": "out.nb"} | changes
        paths = {name: tmp_path / options.pop(name) for name in ("model", "output")}
        with pytest.raises(error):
            convert(paths["model"], paths["output"], **options)  # type: ignore[arg-type]  # texts
        assert files(tmp_path) == before


def test_the_users_interrupt_leaves_nothing(tmp_path: Path, model: Path) -> None:
    def interrupt(stage: str) -> None:
        if stage == "verify":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(model, tmp_path / "out.nb", on_stage=interrupt)
    assert files(tmp_path) == ["model.onnx"]


def test_inputs_can_become_constants(tmp_path: Path) -> None:
    source = tmp_path / "sum.onnx"
    onnx.save(onnx.parser.parse_model(SUM_OVER_AXES), source)
    problem = _problem_of(source, tmp_path)
    assert isinstance(problem, OpenInputError)
    assert "--input-value axes=" in str(problem)
    report = convert(source, tmp_path / "out.nb", input_values={"axes": np.array([1])})
    assert report.verification.status == "passed"
    assert [spec.name for spec in report.verification.inputs] == ["x"]


SUM_OVER_AXES = """
    <ir_version: 8, opset_import: ["" : 13]>
    sum (float[2, 3] x, int64[1] axes) => (float[2, 1] y) { y = ReduceSum (x, axes) }
"""


def _problem_of(source: Path, folder: Path) -> Exception:
    with pytest.raises(UnsupportedModelError) as error:
        convert(source, folder / "out.nb")
    return error.value.problems[0]
