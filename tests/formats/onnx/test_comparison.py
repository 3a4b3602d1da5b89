from __future__ import annotations

import numpy as np
import onnx
import pytest

from onnx_models import assert_reads, node_model, read_model
from opt_tool.errors import UnsupportedModelError
from opt_tool.runtime.executor import Executor

RNG = np.random.default_rng(4)
SHAPES = [
    ((2, 3, 4), (2, 3, 4)),
    ((2, 3, 4), (4,)),
    ((2, 3, 4), ()),
    ((), (3, 4)),
    ((4,), (2, 3, 4)),
    ((2, 1, 4), (3, 1)),
    ((4, 1), (1, 4)),
    ((1, 4), (3, 4)),
]
COMPARISONS = ["Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual"]


def whole(dtype: type, *shape: int) -> np.ndarray:
    return np.asarray(RNG.integers(0, 4, shape)).astype(dtype)


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize(("a", "b"), SHAPES, ids=str)
@pytest.mark.parametrize("operator", COMPARISONS)
def test_compares(operator: str, a: tuple[int, ...], b: tuple[int, ...], dynamic: bool) -> None:
    graph = assert_reads(
        operator, {"a": whole(np.float32, *a), "b": whole(np.float32, *b)}, dynamic=dynamic
    )
    for node in graph.nodes:
        if node.op.type in ("less_than", "less_equal", "greater_than", "greater_equal"):
            x, y = node.input("X"), node.input("Y")
            assert x.rank == y.rank
            assert node.output.shape in (x.shape, y.shape)


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8, np.int8], ids=str)
@pytest.mark.parametrize("operator", COMPARISONS)
def test_compares_whole_numbers(operator: str, dtype: type) -> None:
    assert_reads(operator, {"a": whole(dtype, 3, 4), "b": whole(dtype, 4)})


def test_equal_of_truth_values() -> None:
    assert_reads("Equal", {"a": whole(np.bool_, 3, 4), "b": whole(np.bool_, 4)})


def test_equal_is_exact() -> None:
    a = np.array([1e-9, 2e-9, np.inf, -np.inf, np.inf, 0, np.nan], np.float32)
    b = np.array([2e-9, 2e-9, np.inf, -np.inf, -np.inf, -0.0, np.nan], np.float32)
    assert_reads("Equal", {"a": a, "b": b})


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize(("a", "b"), SHAPES, ids=str)
@pytest.mark.parametrize("operator", ["And", "Or", "Xor"])
def test_logic(operator: str, a: tuple[int, ...], b: tuple[int, ...], dynamic: bool) -> None:
    assert_reads(operator, {"a": whole(np.bool_, *a), "b": whole(np.bool_, *b)}, dynamic=dynamic)


def test_not() -> None:
    assert_reads("Not", {"a": whole(np.bool_, 3, 4)})


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize(
    ("condition", "a", "b"),
    [
        ((3, 4), (3, 4), (3, 4)),
        ((3, 4), (), (1,)),
        ((1, 1, 4), (3, 1), (2, 1, 1)),
        ((), (3, 4), (4,)),
    ],
    ids=str,
)
def test_where(
    condition: tuple[int, ...], a: tuple[int, ...], b: tuple[int, ...], dynamic: bool
) -> None:
    inputs = {
        "c": whole(np.bool_, *condition),
        "a": whole(np.float32, *a),
        "b": -whole(np.float32, *b),
    }
    assert_reads("Where", inputs, dynamic=dynamic)


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8], ids=str)
def test_where_of_other_types(dtype: type) -> None:
    inputs = {"c": whole(np.bool_, 3, 1), "a": whole(dtype, 3, 4), "b": whole(dtype, 4)}
    assert_reads("Where", inputs)


# ---- Cast

NUMBERS: dict[type, np.ndarray] = {
    np.float32: np.array([-2.7, -0.5, 0, 0.5, 3.9, 250], np.float32),
    np.int32: np.array([-300, -1, 0, 1, 77, 2**20], np.int32),
    np.int64: np.array([-300, -1, 0, 1, 2**32, 2**40], np.int64),
    np.uint8: np.array([0, 1, 127, 128, 200, 255], np.uint8),
    np.int8: np.array([-128, -1, 0, 1, 77, 127], np.int8),
    np.bool_: np.array([True, False]),
}
CASTS = [
    (source, target)
    for source in NUMBERS
    for target in (np.float32, np.int32, np.int64, np.uint8, np.bool_)
]


@pytest.mark.parametrize(("source", "target"), CASTS, ids=str)
def test_cast(source: type, target: type) -> None:
    x = NUMBERS[source]
    if target is np.uint8 and source in (np.float32, np.int8):
        x = np.abs(x)  # negative numbers have no defined result
    if source is np.int8 and target is np.uint8:
        x = x[x >= 0]
    if (source, target) == (np.int64, np.int32):
        x = x[:4]
    if (source, target) == (np.int8, np.uint8):
        with pytest.raises(UnsupportedModelError, match="no cast from int8 to uint8"):
            read_model(node_model("Cast", {"x": x}, to=onnx.TensorProto.UINT8))
        return
    to = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(target))
    for opset in (9, 13, 21):
        assert_reads("Cast", {"x": x}, to=to, opset=opset)
    assert_reads("Cast", {"x": x}, constants=["x"], to=to)


def test_cast_of_wide_whole_numbers_to_float_keeps_what_fits() -> None:
    x = np.array([-(2**40), 2**24, 12345], np.int64)
    assert_reads("Cast", {"x": x}, to=onnx.TensorProto.FLOAT)


def test_cast_of_negative_numbers_to_unsigned_ones_wraps() -> None:
    x = np.array([-1, -70000, 5, 65536], np.int32)
    graph = read_model(node_model("Cast", {"x": x}, to=onnx.TensorProto.UINT16))
    (y,) = Executor(graph).run({"x": x}).values()
    np.testing.assert_array_equal(y, x.astype(np.uint16).astype(np.int32))


def test_cast_to_half_stays_in_float32() -> None:
    model = node_model("Cast", {"x": NUMBERS[np.float32]}, to=onnx.TensorProto.FLOAT16)
    assert read_model(model).outputs[0].dtype.value == "float32"


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        (onnx.TensorProto.INT8, "no cast from float32 to int8"),
        (onnx.TensorProto.INT16, "no cast from float32 to int16"),
        (onnx.TensorProto.STRING, "string has no counterpart"),
        (onnx.TensorProto.FLOAT8E4M3FN, "float8e4m3fn has no counterpart"),
    ],
)
def test_cast_that_the_runtime_lacks_is_refused(to: int, reason: str) -> None:
    with pytest.raises(UnsupportedModelError, match=reason):
        read_model(node_model("Cast", {"x": NUMBERS[np.float32]}, to=to))


def test_cast_like() -> None:
    inputs = {"x": NUMBERS[np.float32], "like": np.array([1], np.int64)}
    assert_reads("CastLike", inputs)
