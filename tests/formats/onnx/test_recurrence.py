"""LSTM, GRU and RNN, as one operator and step by step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from onnx_models import assert_reads, node_model, read_model
from opt_tool.errors import UnsupportedModelError
from opt_tool.ir import Graph
from opt_tool.ir.operations.recurrence import Rnn
from opt_tool.runtime.executor import Executor

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
STATES = {"LSTM": ("h0", "c0"), "GRU": ("h0",), "RNN": ("h0",)}
CONSTANTS = ("w", "r", "b", "p", "lengths")
WAYS = {"forward": 1, "reverse": 1, "bidirectional": 2}


def _operands(
    operator: str,
    *,
    direction: str = "forward",
    time: int = 5,
    given: tuple[str, ...] = ("b", "states"),
    lengths: tuple[int, ...] | None = None,
) -> dict[str, np.ndarray | None]:
    """Operands for a batch of 3, inputs of 4 and states of 6 numbers."""
    rng, ways, gates = np.random.default_rng(1), WAYS[direction], GATES[operator]

    def random(*shape: int) -> np.ndarray:
        return rng.uniform(-1, 1, shape).astype(np.float32)

    operands: dict[str, np.ndarray | None] = {
        "x": random(time, 3, 4),
        "w": random(ways, gates * 6, 4),
        "r": random(ways, gates * 6, 6),
        "b": random(ways, 2 * gates * 6) if "b" in given else None,
        "lengths": None if lengths is None else np.array(lengths, np.int32),
    }
    for name in STATES[operator]:
        operands[name] = random(ways, 3, 6) if "states" in given else None
    if "p" in given:
        operands["p"] = random(ways, 3 * 6)
    return operands


def _reads(operator: str, operands: Mapping[str, np.ndarray | None], **options: Any) -> Graph:
    outputs = ("y", "y_h", "y_c") if operator == "LSTM" else ("y", "y_h")
    constants = tuple(name for name in CONSTANTS if operands.get(name) is not None)
    return assert_reads(
        operator,
        operands,
        **{"outputs": outputs, "constants": constants, "hidden_size": 6, "opset": 14, **options},
    )


def _is_one_operator(graph: Graph) -> bool:
    return any(isinstance(node.op, Rnn) for node in graph.nodes)


@pytest.mark.parametrize("direction", WAYS)
@pytest.mark.parametrize("given", [(), ("b",), ("b", "states")], ids=str)
@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("operator", ["LSTM", "GRU"])
def test_the_usual_forms_are_one_operator(
    operator: str, direction: str, given: tuple[str, ...], dynamic: bool
) -> None:
    operands = _operands(operator, direction=direction, given=given)
    after = {"linear_before_reset": 1} if operator == "GRU" else {}
    graph = _reads(operator, operands, direction=direction, dynamic=dynamic, **after)
    assert _is_one_operator(graph)


@pytest.mark.parametrize("direction", WAYS)
@pytest.mark.parametrize("operator", GATES)
def test_weights_computed_at_run_time(operator: str, direction: str) -> None:
    operands = _operands(operator, direction=direction)
    assert not _is_one_operator(_reads(operator, operands, direction=direction, constants=()))


@pytest.mark.parametrize("direction", WAYS)
@pytest.mark.parametrize("given", [(), ("b", "states")], ids=str)
@pytest.mark.parametrize("operator", ["GRU", "RNN"])
def test_forms_that_are_written_out(operator: str, direction: str, given: tuple[str, ...]) -> None:
    operands = _operands(operator, direction=direction, given=given)
    assert not _is_one_operator(_reads(operator, operands, direction=direction))


@pytest.mark.parametrize("direction", WAYS)
def test_peepholes(direction: str) -> None:
    operands = _operands("LSTM", direction=direction, given=("b", "states", "p"))
    _reads("LSTM", operands, direction=direction)


@pytest.mark.parametrize("operator", GATES)
def test_clip(operator: str) -> None:
    _reads(operator, _operands(operator), clip=0.3)


def test_input_and_forget_gate_are_coupled() -> None:
    _reads("LSTM", _operands("LSTM"), input_forget=1)


@pytest.mark.parametrize("operator", GATES)
@pytest.mark.parametrize("direction", WAYS)
@pytest.mark.parametrize("known", [True, False])
def test_sequences_of_lengths_of_their_own(operator: str, direction: str, known: bool) -> None:
    operands = _operands(operator, direction=direction, lengths=(5, 2, 3))
    constants = CONSTANTS[:3] + (("lengths",) if known else ())
    _reads(operator, operands, direction=direction, constants=constants)


def test_lengths_that_are_all_of_the_time_change_nothing() -> None:
    assert _is_one_operator(_reads("LSTM", _operands("LSTM", lengths=(5, 5, 5))))


@pytest.mark.parametrize(
    ("names", "alphas", "betas"),
    [
        (("Relu",), (), ()),
        (("Affine",), (0.5,), (0.1,)),
        (("LeakyRelu",), (0.3,), ()),
        (("ThresholdedRelu",), (0.2,), ()),
        (("ScaledTanh",), (0.5,), (1.5,)),
        (("HardSigmoid",), (0.3,), (0.4,)),
        (("Elu",), (0.5,), ()),
        (("Softsign",), (), ()),
        (("Softplus",), (), ()),
        (("Sigmoid",), (), ()),
    ],
    ids=str,
)
def test_functions(
    names: tuple[str, ...], alphas: tuple[float, ...], betas: tuple[float, ...]
) -> None:
    _reads(
        "RNN",
        _operands("RNN"),
        activations=names,
        activation_alpha=alphas or None,
        activation_beta=betas or None,
    )


def test_each_direction_has_its_functions_and_parameters() -> None:
    _reads(
        "GRU",
        _operands("GRU", direction="bidirectional"),
        direction="bidirectional",
        activations=("HardSigmoid", "Tanh", "Sigmoid", "ScaledTanh"),
        activation_alpha=(0.3, 0.5),
        activation_beta=(0.4, 1.5),
    )


def test_the_usual_functions_may_be_named() -> None:
    usual = ("Sigmoid", "Tanh", "Tanh") * 2
    operands = _operands("LSTM", direction="bidirectional")
    graph = _reads("LSTM", operands, direction="bidirectional", activations=usual)
    assert _is_one_operator(graph)


def test_outputs_that_nobody_wants_are_left_out() -> None:
    operands = _operands("LSTM")
    _reads("LSTM", operands, outputs=("", "y_h"))
    _reads("LSTM", operands, outputs=("", "", "y_c"))


def test_few_elements_along_each_axis() -> None:
    _reads("LSTM", _operands("LSTM", time=1))


@pytest.mark.parametrize("direction", WAYS)
@pytest.mark.parametrize("operator", GATES)
def test_the_batch_may_come_first(operator: str, direction: str) -> None:
    """Against the other layout: onnxruntime has no kernel for this one."""
    operands = _operands(operator, direction=direction)
    outputs = ("y", "y_h", "y_c") if operator == "LSTM" else ("y", "y_h")
    options: dict[str, Any] = {
        "outputs": outputs,
        "constants": ("w", "r", "b"),
        "hidden_size": 6,
        "direction": direction,
        "opset": 14,
    }
    names = ("x", *STATES[operator])
    feeds = {name: array for name in names if (array := operands[name]) is not None}
    turned = {name: np.ascontiguousarray(array.swapaxes(0, 1)) for name, array in feeds.items()}
    expected = Executor(read_model(node_model(operator, operands, **options))).run(feeds)
    by_batch = node_model(operator, {**operands, **turned}, layout=1, **options)
    actual = Executor(read_model(by_batch)).run(turned)
    np.testing.assert_allclose(actual["y"], expected["y"].transpose(2, 0, 1, 3), atol=1e-6)
    for name in outputs[1:]:
        np.testing.assert_allclose(actual[name], expected[name].swapaxes(0, 1), atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"clip": 0.5, "dynamic": True}, "steps, known only at run time, cannot be written out"),
        ({"activations": ("Sigmoid", "Tanh", "Cosine")}, "activation 'cosine'"),
        ({"activations": ("Sigmoid",)}, "1 activations for 1 directions"),
        ({"direction": "sideways"}, "direction 'sideways'"),
    ],
    ids=["dynamic", "activation", "count", "direction"],
)
def test_refusals(changes: Mapping[str, Any], reason: str) -> None:
    model = node_model(
        "LSTM",
        _operands("LSTM"),
        **{"outputs": ("y",), "constants": ("w", "r", "b"), "hidden_size": 6, **changes},
    )
    with pytest.raises(UnsupportedModelError, match=reason):
        read_model(model)


def test_lengths_of_their_own_in_an_unknown_time_are_refused() -> None:
    model = node_model(
        "GRU",
        _operands("GRU", lengths=(1, 2, 3)),
        constants=("w", "r", "b"),
        hidden_size=6,
        dynamic=True,
    )
    with pytest.raises(UnsupportedModelError, match="lengths of their own"):
        read_model(model)
