from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser

import opt_tool
from graphs import TestGraphs
from opt_tool.api.quantization import QuantizationOptions, Quantizer, mode_of_bits
from opt_tool.errors import UsageError, VerificationError
from opt_tool.formats import paddle_lite
from opt_tool.ir import Graph
from opt_tool.ir.operations.activation import Relu
from opt_tool.ir.operations.data_movement import Transpose2
from opt_tool.ir.operations.detection import BoxCoder, MulticlassNms
from opt_tool.ir.operations.matmul import Fc
from opt_tool.ir.operations.reduction import Softmax
from opt_tool.ir.operations.shape import Reshape2
from opt_tool.passes.pipeline import passes_for, run_passes
from opt_tool.passes.quantization.keep_integers import KeepIntegers
from opt_tool.runtime.executor import Executor
from opt_tool.targets import Library, LiteVersion, Target
from small_models import classifier

VERSION = LiteVersion.V2_13
SENSITIVE = "second"


def sensitive_graph() -> Graph:
    """Three layers; the second has outliers for an input that is always zero.

    They coarsen the steps of all its other weights.
    """
    b = TestGraphs()
    x = b.input(4, 32)
    bias = b.constant(np.array([-1000] + [0] * 31, np.float32))
    first = b.add(Fc(activation=Relu()), "first", Input=x, W=b.weight(32, 32), Bias=bias)
    weight = b.rng.standard_normal((32, 32)).astype(np.float32)
    weight[0] = 300
    second = b.add(Fc(), SENSITIVE, Input=first, W=b.constant(weight))
    return b.build(b.add(Fc(), "third", Input=second, W=b.weight(32, 256)))


def test_mixed_finds_the_sensitive_layer_and_meets_the_bound() -> None:
    options = QuantizationOptions(mode="mixed", method="parity", max_error_db=35)
    report = Quantizer(sensitive_graph(), VERSION, options).run()
    bits = {layer.node: layer.bits for layer in report.layers}
    assert bits == {"first": 8, SENSITIVE: 16, "third": 8}
    assert report.search is not None
    assert report.search.measured_db is not None
    assert report.search.measured_db >= 35
    sensitivity = list(report.search.sensitivity_db.values())
    assert min(range(3), key=lambda index: sensitivity[index] or 0) == 1
    wide = Quantizer(sensitive_graph(), VERSION, QuantizationOptions(mode="int16")).run()
    assert report.bytes_after < wide.bytes_after


def test_the_users_samples_decide_what_is_sensitive(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.full((4, 32), 3, np.float32))
    (tmp_path / "notes.txt").write_text("no sample")
    options = QuantizationOptions(mode="mixed", method="parity", samples=tmp_path)
    report = Quantizer(sensitive_graph(), VERSION, options).run()
    made = QuantizationOptions(mode="mixed", method="parity")
    other = Quantizer(sensitive_graph(), VERSION, made).run()
    assert report.search is not None
    assert other.search is not None
    assert report.search.sensitivity_db != other.search.sensitivity_db


def test_samples_must_fit(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones((4, 31), np.float32))
    options = QuantizationOptions(mode="mixed", samples=tmp_path)
    with pytest.raises(UsageError, match=r"x\.npy"):
        Quantizer(sensitive_graph(), VERSION, options).run()


def test_the_layers_say_how_sensitive_they_are() -> None:
    options = QuantizationOptions(mode="mixed", method="parity")
    report = Quantizer(sensitive_graph(), VERSION, options).run()
    assert report.search is not None
    alone = {layer.node: layer.sensitivity_db for layer in report.layers}
    assert alone == report.search.sensitivity_db
    assert None not in alone.values()
    narrow = Quantizer(sensitive_graph(), VERSION, QuantizationOptions()).run()
    assert [layer.sensitivity_db for layer in narrow.layers] == [None] * 3
    assert [layer.weight for layer in narrow.layers] == ["weight", "constant.1", "weight.1"]


def test_names_decide_for_single_layers() -> None:
    options = QuantizationOptions(keep_float=("first",), bits_for={"third": 16}, method="parity")
    report = Quantizer(sensitive_graph(), VERSION, options).run()
    assert [layer.bits for layer in report.layers] == [32, 8, 16]
    with pytest.raises(UsageError, match="'fourth'"):
        Quantizer(sensitive_graph(), VERSION, QuantizationOptions(keep_float=("fourth",))).run()


@pytest.mark.parametrize(
    "options",
    [
        QuantizationOptions(mode="int7"),
        QuantizationOptions(method="guess"),
        QuantizationOptions(bits=17),
        QuantizationOptions(bits_for={"first": 1}),
    ],
    ids=repr,
)
def test_refuses_what_is_out_of_range(options: QuantizationOptions) -> None:
    with pytest.raises(UsageError):
        options.check()


def test_reads_bits() -> None:
    assert mode_of_bits("mixed") == ("mixed", None)
    assert mode_of_bits("4") == ("int8", 4)
    assert mode_of_bits("16") == ("int16", 16)
    with pytest.raises(UsageError, match="17"):
        mode_of_bits("17")


def test_a_finished_file_is_quantized_once(tmp_path: Path) -> None:
    source = classifier(tmp_path / "model.onnx")
    float_nb, small, again = (tmp_path / name for name in ("float.nb", "small.nb", "again.nb"))
    opt_tool.convert(source, float_nb, target="x86")
    report = opt_tool.quantize(float_nb, small)
    assert report.target == "x86"
    assert report.verification.status == "passed"
    assert len(report.verification.restored) > 0
    assert report.quantization.bytes_after < report.quantization.bytes_before / 2
    with pytest.raises(UsageError, match="--force"):
        opt_tool.quantize(small, again)
    assert not again.exists()
    opt_tool.quantize(small, again, options=QuantizationOptions(mode="int16", force=True))
    assert again.exists()


def test_too_much_drift_leaves_no_file(tmp_path: Path) -> None:
    source, nb = classifier(tmp_path / "model.onnx"), tmp_path / "small.nb"
    with pytest.raises(VerificationError, match="asked for are 90 dB"):
        opt_tool.quantize(source, nb, options=QuantizationOptions(min_sqnr_db=90))
    assert not nb.exists()


def test_logarithms_of_made_zeros_leave_the_bias_alone(tmp_path: Path) -> None:
    model = parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 17]> g (float[4, 64] x) => (float[4, 64] y)
        { positive = Relu (x) z = Log (positive) y = MatMul (z, w) }"""
    )
    weight = np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32)
    model.graph.initializer.append(numpy_helper.from_array(weight, "w"))
    onnx.save(model, tmp_path / "m.onnx")
    options = QuantizationOptions(mode="int8")
    opt_tool.convert(tmp_path / "m.onnx", tmp_path / "m.nb", quantization=options, verify=False)
    graph = paddle_lite.read(tmp_path / "m.nb")
    constants = [value.array() for value in graph.values.values() if value.is_constant]
    assert all(np.isfinite(array).all() for array in constants)
    (y,) = Executor(graph).run({"x": np.full((4, 64), 2, np.float32)}).values()
    assert np.isfinite(y).all()


def test_a_weight_that_many_layers_read_stays_float_unless_it_is_named() -> None:
    def graph() -> Graph:
        b = TestGraphs()
        x, weight = b.input(1, 32), b.weight(32, 32)
        for number in range(4):
            x = b.add(Fc(), f"layer{number}", Input=x, W=weight)
        return b.build(b.add(Fc(), "last", Input=x, W=b.weight(32, 32)))

    for mode in ("int8", "mixed"):
        options = QuantizationOptions(mode=mode, method="parity")
        report = Quantizer(graph(), VERSION, options).run()
        assert [layer.bits for layer in report.layers] == [32, 32, 32, 32, 8]
    options = QuantizationOptions(bits_for={"layer1": 16}, method="parity")
    report = Quantizer(graph(), VERSION, options).run()
    assert [layer.bits for layer in report.layers] == [32, 16, 32, 32, 8]


@pytest.mark.parametrize(("mode", "bits"), [("int8", 8), ("int16", 16), ("mixed", 16)])
def test_weights_that_came_with_a_zero_point_get_the_bits_that_are_asked_for(
    mode: str, bits: int
) -> None:
    b = TestGraphs()
    integers = (np.arange(32 * 32).reshape(32, 32) % 256 - 37).astype(np.float32)
    graph = b.build(b.add(Fc(), Input=b.input(4, 32), W=b.constant(integers * np.float32(0.1))))
    assert KeepIntegers(VERSION).run(graph).changes == 1
    Quantizer(graph, VERSION, QuantizationOptions(mode=mode, force=True, max_error_db=60)).run()
    (weight,) = (value for value in graph.constants if value.rank == 2)
    assert weight.quantization is not None
    assert weight.quantization.bits == bits


# ---- lists of boxes


def detector(path: Path) -> Path:
    """A float file that finds boxes: which ones depends on the last digits of its weights."""
    b = TestGraphs()
    x = b.input(1, 16)
    distances = b.add(Fc(), Input=x, W=b.weight(16, 4 * 64))
    scores = b.add(Fc(), Input=x, W=b.weight(16, 3 * 64))
    boxes = b.add(
        BoxCoder(),
        PriorBox=b.constant(np.tile(np.array([0.4, 0.4, 0.6, 0.6], np.float32), (64, 1))),
        PriorBoxVar=b.constant(np.full((64, 4), 0.1, np.float32)),
        TargetBox=b.add(Reshape2(shape=(1, 64, 4)), X=distances),
    )
    chances = b.add(Softmax(axis=-1), X=b.add(Reshape2(shape=(1, 64, 3)), X=scores))
    by_class = b.add(Transpose2(axis=(0, 2, 1)), X=chances)
    op = MulticlassNms(score_threshold=0.3, nms_threshold=0.8)
    rows, _ = b.add_all(op, BBoxes=boxes, Scores=by_class)
    graph = b.build(b.add(Fc(), Input=rows, W=b.constant(np.eye(6, 7, k=1, dtype=np.float32))))
    run_passes(graph, passes_for(Target.X86, VERSION, Library.WITH_EXTRA))
    paddle_lite.write(graph, path, version=VERSION)
    return path


def test_detectors_are_judged_by_what_boxes_are_chosen_from(tmp_path: Path) -> None:
    source, nb = detector(tmp_path / "detector.nb"), tmp_path / "small.nb"
    report = opt_tool.quantize(source, nb, options=QuantizationOptions(bits=4)).verification
    assert [output.before for output in report.outputs] == ["multiclass_nms2"] * 2
    assert all(10 < (output.sqnr_db or 0) < 30 for output in report.outputs)
    assert any("chosen" in warning for warning in report.warnings)
    found = [opt_tool.Session(path).run({"x": sample()}) for path in (source, nb)]
    rows = [next(iter(outputs.values())) for outputs in found]
    assert len(rows[0]) != len(rows[1])  # so that comparing them would say nothing
    again = opt_tool.verify(source, nb)
    assert again.status == "passed"
    assert [output.before for output in again.outputs] == ["multiclass_nms2"] * 2
    assert any("chosen" in warning for warning in again.warnings)


def test_detectors_must_keep_what_boxes_are_chosen_from(tmp_path: Path) -> None:
    nb = tmp_path / "small.nb"
    with pytest.raises(VerificationError, match=r"keeps \d"):
        opt_tool.quantize(detector(tmp_path / "d.nb"), nb, options=QuantizationOptions(bits=2))
    assert not nb.exists()


def sample() -> np.ndarray:
    return np.random.default_rng(3).uniform(-1, 1, (1, 16)).astype(np.float32)


def test_mixed_measures_what_boxes_are_chosen_from(tmp_path: Path) -> None:
    options = QuantizationOptions(mode="mixed", max_error_db=60)
    report = opt_tool.quantize(
        detector(tmp_path / "detector.nb"), tmp_path / "small.nb", options=options
    )
    assert report.quantization.search is not None
    assert (report.quantization.search.measured_db or 0) >= 60
    assert {layer.bits for layer in report.quantization.layers} == {16}
