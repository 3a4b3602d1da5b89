"""Shape rules on operands and attributes that no honest file has: they refuse or answer."""

from __future__ import annotations

import random
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import pytest

import opt_tool.ir.operations.activation  # noqa: F401  # the classes register themselves
from opt_tool.ir import OPERATIONS, DType, Graph, Operation, ShapeError, TensorType, Value
from opt_tool.ir.operations import activation

NUMBERS = (0, 1, -1, 2, 3, 4, -2, 5, 7, 100, 2**31 - 1, -(2**31), 2**62)
TRIES = 300


def attribute(rng: random.Random, name: str, hint: Any) -> Any:  # whatever fields are of
    """A value of a field's type, or now and then of another."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is tuple:
        fixed = () if arguments[-1] is Ellipsis else arguments
        count = len(fixed) if fixed and rng.random() < 0.9 else rng.randrange(5)
        return tuple(attribute(rng, name, arguments[0]) for _ in range(count))
    if origin is not None:
        return rng.choice((None, activation.Relu(), activation.Relu6()))
    if hint is int:
        return rng.choice(NUMBERS[:6] if rng.random() < 0.7 else NUMBERS)
    if hint is float:
        return rng.choice((0.0, 1.0, -1.0, float("nan"), float("inf"), 0.5, 1e30))
    if hint is bool:
        return rng.random() < 0.5
    if hint is DType:
        return rng.choice(list(DType))
    texts = ("max", "avg", "constant", "reflect", "edge", "all", "channel", "LSTM", "GRU", "x")
    return rng.choice((*texts, "bilinear", "nearest", "zeros", "decode_center_size", ""))


def operand(rng: random.Random, graph: Graph) -> Value:
    """An input or a small constant of any type and shape."""
    rank = rng.choice((0, 1, 2, 3, 4, 4, 4, 5, 6))
    shape = tuple(rng.choice((0, 1, 2, 3, 4, 8)) for _ in range(rank))
    dtype = rng.choice((DType.FLOAT32, DType.FLOAT32, *DType))
    name = graph.unique_name("x")
    if rng.random() < 0.3:
        numbers = [rng.choice((-1, 0, 1, 2, 3, 100)) for _ in range(int(np.prod(shape)))]
        array = np.array(numbers, np.float64).reshape(shape)
        with np.errstate(invalid="ignore"):
            return graph.add_constant(name, array.astype(dtype.numpy))
    open_shape = tuple("n" if rng.random() < 0.1 else dim for dim in shape)
    return graph.add_input(name, TensorType(dtype, open_shape))


def random_node(kind: type[Operation], rng: random.Random) -> tuple[Graph, Operation, Any]:
    graph = Graph()
    hints = get_type_hints(kind)
    op = kind(**{name: attribute(rng, name, hints[name]) for name in kind.defaults})
    inputs: dict[str, list[Value]] = {}
    for slot in kind.inputs:
        count = rng.choice((0, 1, 2, 3)) if slot.variadic else int(rng.random() < 0.9)
        if slot.optional and rng.random() < 0.5:
            count = 0
        inputs[slot.name] = [operand(rng, graph) for _ in range(count)]
    return graph, op, inputs


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_a_shape_rule_answers_or_refuses(name: str) -> None:
    rng = random.Random(name)
    for _ in range(TRIES):
        graph, op, inputs = random_node(OPERATIONS[name], rng)
        try:
            graph.add(op, inputs)
        except ShapeError:
            continue
