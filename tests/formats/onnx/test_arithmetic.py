from __future__ import annotations

import numpy as np
import pytest

from onnx_models import assert_reads, node_model, read_model
from opt_tool.errors import UnsupportedModelError
from opt_tool.ir import Graph, Operation
from opt_tool.ir.operations import elementwise

RNG = np.random.default_rng(3)
SHAPES = [
    ((2, 3, 4), (2, 3, 4)),
    ((2, 3, 4), (4,)),
    ((2, 3, 4), ()),
    ((), (3, 4)),
    ((4,), (2, 3, 4)),
    ((2, 3, 4), (3, 1)),
    ((2, 1, 4), (3, 1)),
    ((1,), (2, 3)),
]


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def positive(*shape: int) -> np.ndarray:
    return RNG.uniform(0.5, 2, shape).astype(np.float32)


def whole(dtype: type, *shape: int) -> np.ndarray:
    numbers = RNG.integers(1, 20, shape) * RNG.choice([-1, 1], shape)
    return np.asarray(numbers).astype(dtype)


def kinds(graph: Graph) -> list[type[Operation]]:
    return [type(node.op) for node in graph.nodes]


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize(("a", "b"), SHAPES, ids=str)
@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mean"])
def test_broadcasts(operator: str, a: tuple[int, ...], b: tuple[int, ...], dynamic: bool) -> None:
    if dynamic and a == b:
        pytest.skip("symbols of one shape are the same test")
    assert_reads(operator, {"a": normal(*a), "b": positive(*b)}, dynamic=dynamic)


@pytest.mark.parametrize("opset", [7, 13])
@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul", "Div"])
def test_constant_operand(operator: str, opset: int) -> None:
    inputs = {"a": normal(2, 3, 4), "b": positive(3, 1)}
    assert_reads(operator, inputs, constants=["b"], opset=opset)


@pytest.mark.parametrize("dtype", [np.int32, np.int64], ids=str)
@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul", "Div", "Max", "Min", "Mod"])
def test_whole_numbers(operator: str, dtype: type) -> None:
    assert_reads(operator, {"a": whole(dtype, 2, 30), "b": whole(dtype, 30)})


@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul", "Div"])
def test_bytes_wrap(operator: str) -> None:
    """All bytes by some, of which none is 0."""
    inputs = {"a": np.arange(256, dtype=np.uint8), "b": np.array([[1], [3], [200]], np.uint8)}
    assert_reads(operator, inputs, opset=14)


def test_other_small_numbers_are_refused() -> None:
    model = node_model("Add", {"a": whole(np.int8, 3), "b": whole(np.int8, 3)}, opset=14)
    with pytest.raises(UnsupportedModelError, match="int8 operands"):
        read_model(model)


@pytest.mark.parametrize("operator", ["Max", "Min"])
def test_extremes_of_bytes(operator: str) -> None:
    assert_reads(operator, {"a": whole(np.uint8, 2, 30), "b": whole(np.uint8, 30)})


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("operator", ["Max", "Min", "Sum", "Mean"])
def test_any_number_of_operands(operator: str, count: int) -> None:
    shapes: list[tuple[int, ...]] = [(2, 3), (3,), (2, 1), (1,), (2, 3)]
    assert_reads(operator, {f"x{i}": normal(*shapes[i]) for i in range(count)})


# ---- remainders


def test_remainder_of_whole_numbers_by_c() -> None:
    assert_reads("Mod", {"a": whole(np.int64, 50), "b": whole(np.int64, 50)}, fmod=1)


def test_remainder_is_moved_to_the_sign_of_the_divisor_whatever_the_target_leaves() -> None:
    inputs = {"a": whole(np.int64, 50), "b": whole(np.int64, 50)}
    assert kinds(assert_reads("Mod", inputs)) == [
        elementwise.ElementwiseMod,
        elementwise.ElementwiseAdd,
        elementwise.ElementwiseMod,
    ]


def test_remainder_of_real_numbers() -> None:
    a = np.concatenate([10 * normal(100), [6, -6, 0.3, 1e6]]).astype(np.float32)
    b = np.concatenate([normal(100), [3, 3, 0.1, 7]]).astype(np.float32)
    assert_reads("Mod", {"a": a, "b": b}, fmod=1)


def test_remainder_of_division_by_infinity() -> None:
    a, b = np.array([3, -3], np.float32), np.array([np.inf, -np.inf], np.float32)
    assert_reads("Mod", {"a": a, "b": b}, fmod=1)


# ---- powers


@pytest.mark.parametrize("exponent", [2, 3, 4, 5, 7, 16, 1, -1, 0.5, -0.5, 0, 1.7, 17, -2])
def test_power_of_a_number(exponent: float) -> None:
    inputs = {"x": positive(3, 4), "e": np.array(exponent, np.float32)}
    assert_reads("Pow", inputs, constants=["e"])


@pytest.mark.parametrize("exponent", [2, 3, 6, 9])
def test_whole_power_of_negative_numbers_is_a_product(exponent: float) -> None:
    inputs = {"x": normal(3, 4), "e": np.array([exponent], np.float32)}
    graph = assert_reads("Pow", inputs, constants=["e"])
    assert set(kinds(graph)) <= {elementwise.Square, elementwise.ElementwiseMul}


@pytest.mark.parametrize(("a", "b"), SHAPES, ids=str)
def test_power_of_tensors(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    graph = assert_reads("Pow", {"x": positive(*a), "e": normal(*b)})
    (node,) = (n for n in graph.nodes if isinstance(n.op, elementwise.ElementwisePow))
    assert node.input("X").shape == node.output.shape


def test_power_of_a_constant_base() -> None:
    inputs = {"x": np.array(2, np.float32), "e": normal(3, 4)}
    graph = assert_reads("Pow", inputs, constants=["x"])
    assert kinds(graph) == [elementwise.Scale, elementwise.Exp]


@pytest.mark.parametrize("exponent", [np.int32, np.int64, np.float32], ids=str)
@pytest.mark.parametrize("base", [np.int32, np.int64, np.float32], ids=str)
def test_power_of_mixed_types(base: type, exponent: type) -> None:
    inputs: dict[str, np.ndarray] = {"x": np.array([1, 2, 3], base), "e": np.array(3, exponent)}
    assert_reads("Pow", inputs, constants=["e"], opset=15)


def test_power_of_whole_numbers_at_run_time() -> None:
    x, y = np.array([5, 2, 3], np.int32), np.array([3, 4, 5], np.int32)
    assert_reads("Pow", {"x": x, "e": y})
    with pytest.raises(UnsupportedModelError, match="int64 to a power of int64"):
        read_model(node_model("Pow", {"x": x.astype(np.int64), "e": y.astype(np.int64)}))


# ---- bits


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8], ids=str)
@pytest.mark.parametrize("operator", ["BitwiseAnd", "BitwiseOr", "BitwiseXor"])
def test_bits(operator: str, dtype: type) -> None:
    assert_reads(operator, {"a": whole(dtype, 4, 1), "b": whole(dtype, 5)})


def test_opposite_bits() -> None:
    assert_reads("BitwiseNot", {"a": whole(np.int32, 9)})
    assert_reads("BitwiseNot", {"a": np.arange(0, 256, 15).astype(np.uint8)})


def test_bits_of_numbers_that_have_none_are_refused() -> None:
    for operator in ("BitwiseNot", "BitwiseAnd"):
        inputs = {"a": whole(np.int16, 9), "b": whole(np.int16, 9)}
        given = {"a": inputs["a"]} if operator == "BitwiseNot" else inputs
        with pytest.raises(UnsupportedModelError, match="bits of int32 and int64"):
            read_model(node_model(operator, given))


@pytest.mark.parametrize("direction", ["LEFT", "RIGHT"])
def test_shifts_bytes(direction: str) -> None:
    inputs = {"x": np.array([1, 77, 255], np.uint8), "e": np.array([1, 3, 7], np.uint8)}
    assert_reads("BitShift", inputs, constants=["e"], direction=direction)


def test_shift_of_wide_numbers_to_the_left_is_refused() -> None:
    inputs = {"x": np.array([1], np.uint32), "e": np.array([1], np.uint32)}
    with pytest.raises(UnsupportedModelError, match="highest bits"):
        read_model(node_model("BitShift", inputs, constants=["e"], direction="LEFT"))
