from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from opt_tool.api.litert_runner import LiteRtRunner
from opt_tool.api.loading import load_model
from opt_tool.errors import UnsupportedModelError
from opt_tool.formats.tflite.recurrent_cells import CONVERTERS_BOUND
from opt_tool.formats.tflite.schema import Quantization, TensorType
from opt_tool.ir.operations.recurrence import Rnn
from opt_tool.runtime.executor import Executor
from tflite_models import Made, Op, Stored, assert_same, need_litert, normal

NONE, RELU, TANH = 0, 1, 4
SIZE, STATE = 3, 4
GATES = ("i", "f", "c", "o")


def direction(
    name: str, *, coupled: bool, peepholes: bool, projected: int = 0
) -> dict[str, np.ndarray | None]:
    """The operands of one direction of an LSTM, those that are left out as None."""
    given: dict[str, np.ndarray | None] = {}
    for gate in GATES:
        given[f"{name}w{gate}"] = normal(STATE, SIZE)
    for gate in GATES:
        given[f"{name}r{gate}"] = normal(STATE, projected or STATE)
    for gate in ("i", "f", "o"):
        given[f"{name}p{gate}"] = normal(STATE) if peepholes else None
    for gate in GATES:
        given[f"{name}b{gate}"] = normal(STATE)
    if coupled:
        given |= {f"{name}{kind}i": None for kind in "wrpb"}
    given[f"{name}projection"] = normal(projected, STATE) if projected else None
    return given | {f"{name}projection_bias": normal(projected) if projected else None}


def lstm(
    shape: tuple[int, int, int] = (2, 5, SIZE),
    *,
    both: bool = False,
    coupled: bool = False,
    peepholes: bool = False,
    projected: int = 0,
    normed: bool = False,
    **options: Any,  # the operator's
) -> Made:
    """A layer over (N, T, I), or (T, N, I) where it is told so."""
    batch = shape[1] if options.get("time_major") else shape[0]
    kind: Any = {"coupled": coupled, "peepholes": peepholes, "projected": projected}
    given = direction("", **kind)
    if both:
        given |= direction("back_", **kind)
    states = [f"s{number}" for number in range(4 if both else 2)]
    inputs = ["x", *(name if array is not None else None for name, array in given.items())]
    code = "BIDIRECTIONAL_SEQUENCE_LSTM" if both else "UNIDIRECTIONAL_SEQUENCE_LSTM"
    norms = {f"n{gate}": normal(STATE) for gate in GATES[int(coupled) :]} if normed else {}
    end = [None] * 9 if both else [f"n{gate}" if f"n{gate}" in norms else None for gate in GATES]
    outputs = ("y", "z") if both and not options.get("merge_outputs") else ("y",)
    usual = {"fused_activation_function": TANH}
    return Made(
        [Op(code, [*inputs, *states, *end], outputs, usual | options)],
        {"x": normal(*shape)},
        {name: array for name, array in (given | norms).items() if array is not None},
        outputs,
        shapes={
            name: (batch, projected if projected and name in ("s0", "s2") else STATE)
            for name in states
        },
        variables=frozenset(states),
    )


def rnn(*, both: bool = False, **options: Any) -> Made:  # options of the operator
    cells = ("", "back_") if both else ("",)
    given = {
        f"{cell}{name}": array
        for cell in cells
        for name, array in {
            "w": normal(STATE, SIZE), "r": normal(STATE, STATE) / 2, "b": normal(STATE),
        }.items()
    }  # fmt: skip
    states = [f"{cell}state" for cell in cells]
    inputs = [name for cell in cells for name in (*(f"{cell}{n}" for n in "wrb"), f"{cell}state")]
    code = "BIDIRECTIONAL_SEQUENCE_RNN" if both else "UNIDIRECTIONAL_SEQUENCE_RNN"
    end = [None] * (3 if both else 0)
    outputs = ("y", "z") if both and not options.get("merge_outputs") else ("y",)
    return Made(
        [Op(code, ["x", *inputs, *end], outputs, {"fused_activation_function": TANH, **options})],
        {"x": normal(2, 5, SIZE)},
        given,
        outputs,
        shapes=dict.fromkeys(states, (5 if options.get("time_major") else 2, STATE)),
        variables=frozenset(states),
    )


@pytest.mark.parametrize("time_major", [True, False])
@pytest.mark.parametrize("coupled", [True, False])
@pytest.mark.parametrize("both", [True, False])
def test_lstm_is_one_operator(tmp_path: Path, time_major: bool, coupled: bool, both: bool) -> None:
    made = lstm(both=both, coupled=coupled, time_major=time_major)
    graph = assert_same(made, tmp_path)
    assert sum(isinstance(node.op, Rnn) for node in graph.nodes) == 1


@pytest.mark.parametrize("coupled", [True, False])
def test_lstm_with_peepholes(tmp_path: Path, coupled: bool) -> None:
    assert_same(lstm(peepholes=True, coupled=coupled), tmp_path)


def test_lstm_with_other_functions(tmp_path: Path) -> None:
    assert_same(lstm(fused_activation_function=RELU), tmp_path, rtol=1e-4)


@pytest.mark.parametrize("merged", [True, False])
def test_both_directions_side_by_side(tmp_path: Path, merged: bool) -> None:
    one = (1, 5, SIZE)  # of more by batch LiteRT's merged outputs differ from run to run
    assert_same(lstm(one, both=True, merge_outputs=merged, time_major=False), tmp_path)
    assert_same(lstm(both=True, merge_outputs=merged, time_major=True), tmp_path)
    assert_same(rnn(both=True, merge_outputs=merged), tmp_path)


def test_weights_in_integers_are_restored(tmp_path: Path) -> None:
    made = lstm(time_major=True)
    rule = Quantization((0.02,), (0,), 0)
    stored = {
        name: Stored.of(np.clip(array * 50, -127, 127).astype(np.int8), quantization=rule)
        for name, array in made.constants.items()
        if name[0] in "wr" and isinstance(array, np.ndarray)
    }
    assert_same(dataclasses.replace(made, constants={**made.constants, **stored}), tmp_path)


INPUT, WEIGHT = 0.04, 0.01
"""The steps of the integers of a layer."""


def test_a_layer_in_integers_throughout_is_the_float_one_that_it_stands_for(tmp_path: Path) -> None:
    """Its biases count in steps of the input's by the weights'; LiteRT runs the float form."""
    need_litert()
    made = lstm((1, 5, SIZE), time_major=False)
    stored: dict[str, Any] = {}
    floats: dict[str, Any] = {}
    for name, array in made.constants.items():
        assert isinstance(array, np.ndarray)
        step = INPUT * WEIGHT if name[0] == "b" else WEIGHT
        integers = np.clip(np.round(array / step), -(2**20), 2**20)
        kind = np.int32 if name[0] == "b" else np.int8
        integers = integers.clip(np.iinfo(kind).min, np.iinfo(kind).max).astype(kind)
        rule = None if name[0] == "b" else Quantization((step,), (0,), 0)
        stored[name] = Stored.of(integers, quantization=rule)
        floats[name] = (integers * step).astype(np.float32)
    activations = Quantization((INPUT,), (3,), 0)
    quantized = dataclasses.replace(
        made,
        inputs={"x": np.zeros((1, 5, SIZE), np.int8)},
        constants=stored,
        types={"y": TensorType.INT8, "s0": TensorType.INT8, "s1": TensorType.INT16},
        rules=dict.fromkeys(("x", "y", "s0"), activations) | {"s1": Quantization((0.1,), (0,), 0)},
    )
    (tmp_path / "model.tflite").write_bytes(quantized.data())
    runner = LiteRtRunner(tmp_path / "model.tflite")
    plain = dataclasses.replace(made, constants=floats).read()
    (expected,) = Executor(plain).run(made.inputs).values()
    for computed in (Executor(quantized.read()).run(made.inputs), runner.run(made.inputs)):
        np.testing.assert_allclose(computed["y"], expected, rtol=1e-5, atol=1e-6)


def test_a_layer_with_integers_for_biases_alone_is_refused() -> None:
    made = lstm()
    biases = {name: np.ones(STATE, np.int32) for name in ("bi", "bf", "bc", "bo")}
    with pytest.raises(UnsupportedModelError, match="of int32"):
        dataclasses.replace(made, constants={**made.constants, **biases}).read()


def test_gates_of_different_sizes_are_refused() -> None:
    made = lstm()
    with pytest.raises(UnsupportedModelError, match="for its gates"):
        dataclasses.replace(made, constants={**made.constants, "bo": normal(STATE + 1)}).read()


def growing(steps: int, clip: float) -> Made:
    """A layer whose cells grow by almost 1 in each step."""
    made = lstm((1, steps, SIZE), cell_clip=clip)
    ones = {name: np.full(STATE, 9, np.float32) for name in ("bi", "bf", "bc", "bo")}
    weights = {
        name: normal(STATE, SIZE if name[0] == "w" else STATE) * np.float32(0.1)
        for name in made.constants
        if name[0] in "wr"
    }
    return dataclasses.replace(made, constants={**made.constants, **weights, **ones})


def test_a_bounded_cell_is_written_out(tmp_path: Path) -> None:
    graph = assert_same(growing(6, 0.5), tmp_path)
    assert not any(isinstance(node.op, Rnn) for node in graph.nodes)


def test_the_bound_of_the_converter_is_left_out_with_a_note(tmp_path: Path) -> None:
    """What it would hold back is what Keras's layer has: 1 more in each step."""
    made = growing(24, CONVERTERS_BOUND)
    (tmp_path / "model.tflite").write_bytes(made.data())
    loaded = load_model(tmp_path / "model.tflite")
    assert any(isinstance(node.op, Rnn) for node in loaded.graph.nodes)
    assert len(loaded.notes) == 1
    assert loaded.notes[0].endswith("but grow as those of the layer that it converted")
    assert_same(made, tmp_path, rtol=1e-4)


def test_a_bound_that_no_cell_reaches_costs_nothing(tmp_path: Path) -> None:
    graph = assert_same(growing(6, 6.0), tmp_path)
    assert any(isinstance(node.op, Rnn) for node in graph.nodes)


@pytest.mark.parametrize("activation", [TANH, RELU])
@pytest.mark.parametrize("time_major", [True, False])
def test_rnn(tmp_path: Path, activation: int, time_major: bool) -> None:
    made = rnn(fused_activation_function=activation, time_major=time_major)
    assert_same(made, tmp_path, rtol=1e-4)


def test_the_state_starts_at_zero_in_every_run(tmp_path: Path) -> None:
    path, made = tmp_path / "model.tflite", lstm()
    path.write_bytes(made.data())
    runner = LiteRtRunner(path)
    first, second = runner.run(made.inputs), runner.run(made.inputs)
    np.testing.assert_array_equal(first["y"], second["y"])


@pytest.mark.parametrize("both", [True, False])
@pytest.mark.parametrize("options", [{}, {"proj_clip": 0.3}, {"cell_clip": 0.5}], ids=str)
def test_a_projected_layer(tmp_path: Path, both: bool, options: dict[str, Any]) -> None:
    made = lstm((1, 5, SIZE), both=both, projected=2, time_major=False, **options)
    assert_same(made, tmp_path)


@pytest.mark.parametrize("coupled", [True, False])
@pytest.mark.parametrize("peepholes", [True, False])
@pytest.mark.parametrize("projected", [0, 3])
def test_a_layer_with_normalized_gates(
    tmp_path: Path, coupled: bool, peepholes: bool, projected: int
) -> None:
    made = lstm(coupled=coupled, peepholes=peepholes, projected=projected, normed=True)
    assert_same(made, tmp_path, rtol=1e-4)


def test_a_second_input_is_refused() -> None:
    made = lstm(both=True)
    op = made.ops[0]
    inputs = ["x" if index == 39 else name for index, name in enumerate(op.inputs)]
    made = dataclasses.replace(made, ops=[dataclasses.replace(op, inputs=inputs)])
    with pytest.raises(UnsupportedModelError, match="a second input"):
        made.read()


def test_an_activation_that_is_none_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="activation NONE"):
        lstm(fused_activation_function=NONE).read()
