from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import opt_tool
from opt_tool.api.litert_runner import LiteRtRunner, interpreter_module
from opt_tool.errors import UnsupportedModelError
from opt_tool.formats.tflite.recurrent_cells import CONVERTERS_BOUND
from opt_tool.formats.tflite.schema import Quantization, TensorType
from opt_tool.ir.operations.elementwise import Clip
from opt_tool.runtime.executor import Executor
from tflite_models import Made, Op, Stored, need_litert, normal

NONE, RELU, TANH = 0, 1, 4
BATCH, SIZE, UNITS = 2, 3, 4
STEPS = 7


def svdf(*, rank: int = 2, steps: int = 5, bias: bool = True, activation: int = NONE) -> Made:
    filters = UNITS * rank
    given = {"f": normal(filters, SIZE), "t": normal(filters, steps)}
    given |= {"b": normal(UNITS)} if bias else {}
    options = {"rank": rank, "fused_activation_function": activation}
    return Made(
        [Op("SVDF", ["x", "f", "t", "b" if bias else None, "s"], ["y"], options)],
        {"x": normal(BATCH, SIZE)},
        given,
        shapes={"y": (BATCH, UNITS), "s": (BATCH, filters * steps)},
        variables=frozenset({"s"}),
    )


def rnn(activation: int = TANH) -> Made:
    return Made(
        [Op("RNN", ["x", "w", "r", "b", "s"], ["y"], {"fused_activation_function": activation})],
        {"x": normal(BATCH, SIZE)},
        {"w": normal(UNITS, SIZE), "r": normal(UNITS, UNITS) / 2, "b": normal(UNITS)},
        shapes={"y": (BATCH, UNITS), "s": (BATCH, UNITS)},
        variables=frozenset({"s"}),
    )


def lstm(
    *,
    coupled: bool = False,
    peepholes: bool = False,
    projected: int = 0,
    normed: bool = False,
    **options: Any,
) -> Made:
    """Options are the operator's."""
    size = projected or UNITS
    given: dict[str, np.ndarray | None] = {f"w{gate}": normal(UNITS, SIZE) for gate in "ifco"}
    given |= {f"r{gate}": normal(UNITS, size) for gate in "ifco"}
    given |= {f"p{gate}": normal(UNITS) if peepholes else None for gate in "ifo"}
    given |= {f"b{gate}": normal(UNITS) for gate in "ifco"}
    if coupled:
        given |= {f"{kind}i": None for kind in "wrpb"}
    given["projection"] = normal(projected, UNITS) if projected else None
    given["projection_bias"] = None
    norms = {f"n{gate}": normal(UNITS) for gate in "ifco"} if normed else {}
    inputs = ["x", *(name if array is not None else None for name, array in given.items())]
    options = {"fused_activation_function": TANH} | options
    return Made(
        [Op("LSTM", [*inputs, "h", "c", *norms], ["y"], options)],
        {"x": normal(BATCH, SIZE)},
        {name: array for name, array in (given | norms).items() if array is not None},
        shapes={"y": (BATCH, size), "h": (BATCH, size), "c": (BATCH, UNITS)},
        variables=frozenset({"h", "c"}),
    )


def assert_same_run_after_run(made: Made, folder: Path, *, rtol: float = 1e-5) -> None:
    """Assert what LiteRT computes, which keeps the state itself, and as which it is opened."""
    need_litert()
    module = interpreter_module()
    assert module is not None
    path = folder / "model.tflite"
    path.write_bytes(made.data())
    keeping = module.Interpreter(model_content=made.data())
    keeping.allocate_tensors()
    graph, opened = made.read(), LiteRtRunner(path)
    names = sorted(made.variables)
    state = {name: np.zeros(made.shapes[name], np.float32) for name in names}
    for _ in range(STEPS):
        feeds = {"x": normal(BATCH, SIZE), **state}
        keeping.set_tensor(keeping.get_input_details()[0]["index"], feeds["x"])
        keeping.invoke()
        wanted = keeping.get_tensor(keeping.get_output_details()[0]["index"])
        computed, expected = Executor(graph).run(feeds), opened.run(feeds)
        assert list(computed) == list(expected)
        np.testing.assert_allclose(expected["y"], wanted, rtol=rtol, atol=1e-5)
        for name, array in expected.items():
            np.testing.assert_allclose(computed[name], array, rtol=rtol, atol=1e-5, err_msg=name)
        state = {name: computed[f"{name}.after"] for name in names}
    assert all(np.abs(array).max() > 0.1 for array in state.values())


@pytest.mark.parametrize("activation", [NONE, RELU])
@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_svdf_hands_its_memory_on(tmp_path: Path, rank: int, steps: int, activation: int) -> None:
    assert_same_run_after_run(svdf(rank=rank, steps=steps, activation=activation), tmp_path)


def test_svdf_without_a_bias(tmp_path: Path) -> None:
    assert_same_run_after_run(svdf(bias=False), tmp_path)


@pytest.mark.parametrize("activation", [TANH, RELU])
def test_a_step_of_an_rnn(tmp_path: Path, activation: int) -> None:
    assert_same_run_after_run(rnn(activation), tmp_path, rtol=1e-4)


@pytest.mark.parametrize("peepholes", [True, False])
@pytest.mark.parametrize("coupled", [True, False])
def test_a_step_of_an_lstm(tmp_path: Path, coupled: bool, peepholes: bool) -> None:
    assert_same_run_after_run(lstm(coupled=coupled, peepholes=peepholes), tmp_path)


@pytest.mark.parametrize("options", [{}, {"proj_clip": 0.3}], ids=str)
@pytest.mark.parametrize("normed", [True, False])
def test_a_step_with_a_projection(tmp_path: Path, options: dict[str, Any], normed: bool) -> None:
    made = lstm(projected=2, normed=normed, **options)
    assert_same_run_after_run(made, tmp_path, rtol=1e-4)


def test_the_cells_of_a_step_are_bounded(tmp_path: Path) -> None:
    assert_same_run_after_run(lstm(cell_clip=0.5), tmp_path)


def test_steps_without_end_reach_any_bound() -> None:
    graph = lstm(cell_clip=CONVERTERS_BOUND).read()
    assert any(isinstance(node.op, Clip) for node in graph.nodes)


def test_converted_files_are_verified_with_litert(tmp_path: Path) -> None:
    need_litert()
    source = tmp_path / "model.tflite"
    source.write_bytes(svdf().data())
    report = opt_tool.convert(source, tmp_path / "model.nb")
    assert report.verification.reference == "litert"
    assert [output.name for output in report.verification.outputs] == ["y", "s.after"]
    assert any("input 's' takes what output 's.after' gave" in note for note in report.warnings)


def test_several_steps_have_a_state_each(tmp_path: Path) -> None:
    first, second = svdf(), svdf(rank=1)
    renamed = {name: f"{name}2" for name in "ftbs"}
    made = dataclasses.replace(
        first,
        ops=[
            dataclasses.replace(first.ops[0], outputs=["m"]),
            Op("SVDF", ["m", "f2", "t2", "b2", "s2"], ["y"], second.ops[0].options),
        ],
        constants={
            **first.constants,
            **{renamed[name]: array for name, array in second.constants.items()},
            "f2": normal(UNITS, UNITS),
        },
        shapes={**first.shapes, "m": (BATCH, UNITS), "s2": second.shapes["s"]},
        variables=frozenset({"s", "s2"}),
    )
    assert_same_run_after_run(made, tmp_path)


INPUT, FEATURE, TIME, MEMORY = 0.03, 0.02, 0.0004, 0.0003
"""The steps of the integers of a layer."""


def test_a_layer_in_integers_is_the_float_one_that_it_stands_for() -> None:
    """Its bias counts in steps of the memory's by the times'."""
    features, times = (
        np.random.default_rng(seed).integers(-100, 101, shape)
        for seed, shape in ((1, (UNITS, SIZE)), (2, (UNITS, 5)))
    )
    bias = np.array([50000, -20000, 0, 900000], np.int32)
    made = svdf(rank=1)
    quantized = dataclasses.replace(
        made,
        inputs={"x": np.zeros((BATCH, SIZE), np.int8)},
        constants={
            "f": Stored.of(
                features.astype(np.int8), quantization=Quantization((FEATURE,), (0,), 0)
            ),
            "t": Stored.of(times.astype(np.int16), quantization=Quantization((TIME,), (0,), 0)),
            "b": bias,
        },
        types={"y": TensorType.INT8, "s": TensorType.INT16},
        rules={
            "x": Quantization((INPUT,), (4,), 0),
            "s": Quantization((MEMORY,), (0,), 0),
            "y": Quantization((0.01,), (0,), 0),
        },
    )
    floats = dataclasses.replace(
        made,
        constants={
            "f": (features * np.float32(FEATURE)).astype(np.float32),
            "t": (times * np.float32(TIME)).astype(np.float32),
            "b": (bias * (MEMORY * TIME)).astype(np.float32),
        },
    )
    feeds = {"x": normal(BATCH, SIZE), "s": normal(BATCH, UNITS * 5)}
    expected = Executor(floats.read()).run(feeds)
    for name, array in Executor(quantized.read()).run(feeds).items():
        np.testing.assert_allclose(array, expected[name], rtol=1e-5, atol=1e-6, err_msg=name)


def test_weights_in_integers_are_restored(tmp_path: Path) -> None:
    made = svdf()
    rule = Quantization((0.02,), (0,), 0)
    stored = {
        name: Stored.of(
            np.clip(np.asarray(made.constants[name]) * 50, -127, 127).astype(np.int8),
            quantization=rule,
        )
        for name in "ft"
    }
    made = dataclasses.replace(made, constants={**made.constants, **stored})
    source = tmp_path / "model.tflite"
    source.write_bytes(made.data())
    assert opt_tool.convert(source, tmp_path / "model.nb").verification.status == "passed"


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        pytest.param(
            dataclasses.replace(svdf(), outputs=("y", "s")), "keeps 's' from one run",
            id="an output of the model",
        ),
        pytest.param(
            dataclasses.replace(svdf(), inputs={"x": normal(2, 4)}), "do not fit", id="features",
        ),
        pytest.param(
            dataclasses.replace(svdf(), shapes={"s": (BATCH, 7)}), "do not fit", id="memory",
        ),
        pytest.param(
            dataclasses.replace(svdf(), inputs={"x": normal(1, SIZE)}), "do not fit", id="batch",
        ),
        pytest.param(
            dataclasses.replace(svdf(), inputs={"x": normal(SIZE)}), "is needed", id="rank",
        ),
        pytest.param(lstm(kernel_type=1), "BASIC", id="an old LSTM"),
    ],
)  # fmt: skip
def test_other_steps_are_refused(made: Made, reason: str) -> None:
    with pytest.raises(UnsupportedModelError, match=reason):
        made.read()


@pytest.mark.parametrize("rank", [0, 3])
def test_ranks_that_do_not_divide_the_filters_are_refused(rank: int) -> None:
    made = svdf()
    op = dataclasses.replace(made.ops[0], options={"rank": rank})
    with pytest.raises(UnsupportedModelError, match=f"a rank of {rank}"):
        dataclasses.replace(made, ops=[op]).read()


def test_a_memory_that_another_step_reads_is_refused() -> None:
    made = svdf()
    ops = [dataclasses.replace(made.ops[0], outputs=["m"]), Op("NEG", ["s"], ["y"])]
    with pytest.raises(UnsupportedModelError, match="keeps 's' from one run"):
        dataclasses.replace(made, ops=ops, outputs=("m", "y")).read()
