from __future__ import annotations

import dataclasses
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from opt_tool.errors import UnsupportedError, UnsupportedModelError
from opt_tool.formats.tflite.layout import OPERATORS
from opt_tool.formats.tflite.refusals import REASONS
from opt_tool.formats.tflite.registry import IMPORTERS
from opt_tool.formats.tflite.schema import TensorType
from opt_tool.ir import Graph
from opt_tool.ir.operations.convolution import Conv2D, Conv2DTranspose, DepthwiseConv2D
from opt_tool.ir.operations.data_movement import Transpose2
from opt_tool.ir.operations.interpolation import BilinearInterp, NearestInterp
from opt_tool.runtime.executor import Executor
from tflite_models import RNG, Made, Op, assert_same, ints, normal, one_op

SAME, VALID = 0, 1
RELU, RELU_N1_TO_1, RELU6, TANH = 1, 2, 3, 4


def positive(*shape: int) -> np.ndarray:
    return RNG.uniform(0.5, 2, shape).astype(np.float32)


def types(graph: Graph) -> list[type]:
    return [type(node.op) for node in graph.nodes]


# ---- convolutions


@pytest.mark.parametrize("padding", [SAME, VALID])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("activation", [0, RELU, RELU_N1_TO_1, RELU6])
def test_conv(tmp_path: Path, padding: int, stride: int, activation: int) -> None:
    inputs = {"x": normal(2, 7, 10, 3), "w": normal(5, 3, 4, 3), "b": normal(5)}
    made = one_op(
        "CONV_2D", inputs, constants=("w", "b"), padding=padding, stride_h=stride,
        stride_w=max(stride - 1, 1), fused_activation_function=activation,
        dilation_h_factor=1, dilation_w_factor=1,
    )  # fmt: skip
    graph = assert_same(made, tmp_path)
    assert types(graph).count(Transpose2) == 2


@pytest.mark.parametrize("padding", [SAME, VALID])
def test_conv_with_dilations(tmp_path: Path, padding: int) -> None:
    inputs = {"x": normal(1, 11, 12, 2), "w": normal(3, 3, 2, 2), "b": normal(3)}
    made = one_op(
        "CONV_2D", inputs, constants=("w", "b"), padding=padding, stride_h=1, stride_w=1,
        dilation_h_factor=2, dilation_w_factor=3,
    )  # fmt: skip
    assert_same(made, tmp_path)


def test_conv_with_groups(tmp_path: Path) -> None:
    inputs = {"x": normal(1, 6, 6, 4), "w": normal(6, 3, 3, 2), "b": normal(6)}
    made = one_op("CONV_2D", inputs, constants=("w", "b"), stride_h=1, stride_w=1)
    graph = assert_same(made, tmp_path)
    assert next(node.op.groups for node in graph.nodes if isinstance(node.op, Conv2D)) == 2


@pytest.mark.parametrize("padding", [SAME, VALID])
@pytest.mark.parametrize("strides", [(1, 1, 1), (2, 1, 3), (1, 2, 2)], ids=str)
@pytest.mark.parametrize("bias", [True, False])
def test_conv_of_volumes(
    tmp_path: Path, padding: int, strides: tuple[int, int, int], bias: bool
) -> None:
    inputs = {"x": normal(2, 5, 6, 7, 3), "w": normal(3, 2, 3, 3, 4)}
    if bias:
        inputs["b"] = normal(4)
    depth, height, width = strides
    made = one_op(
        "CONV_3D", inputs, constants=("w", "b"), padding=padding, stride_d=depth,
        stride_h=height, stride_w=width, fused_activation_function=RELU,
    )  # fmt: skip
    assert_same(made, tmp_path, atol=3e-5)


def test_conv_of_volumes_with_gaps(tmp_path: Path) -> None:
    inputs = {"x": normal(1, 7, 7, 8, 2), "w": normal(3, 2, 3, 2, 4)}
    made = one_op(
        "CONV_3D", inputs, constants=("w",), stride_d=1, stride_h=1, stride_w=1,
        dilation_d_factor=2, dilation_h_factor=3, dilation_w_factor=2,
    )  # fmt: skip
    assert_same(made, tmp_path, atol=3e-5)


def test_conv_of_volumes_with_groups_is_refused() -> None:
    inputs = {"x": normal(1, 4, 4, 4, 4), "w": normal(1, 1, 1, 2, 4)}
    with pytest.raises(UnsupportedModelError, match="on an input"):
        one_op("CONV_3D", inputs, constants=("w",), stride_d=1, stride_h=1, stride_w=1).read()


@pytest.mark.parametrize(
    ("padding", "strides", "size"),
    [
        (SAME, (2, 2, 2), (6, 8, 10)),
        (VALID, (2, 2, 2), (7, 8, 11)),
        (VALID, (1, 1, 1), (5, 5, 7)),
        (SAME, (3, 2, 1), (9, 8, 5)),
        (VALID, (4, 2, 2), (11, 8, 11)),
    ],
    ids=str,
)
@pytest.mark.parametrize("bias", [True, False])
def test_transpose_conv_of_volumes(
    tmp_path: Path, padding: int, strides: tuple[int, ...], size: tuple[int, ...], bias: bool
) -> None:
    inputs = {"s": ints(1, *size, 3), "w": normal(3, 2, 3, 3, 2), "x": normal(1, 3, 4, 5, 2)}
    if bias:
        inputs["b"] = normal(3)
    depth, height, width = strides
    made = one_op(
        "CONV_3D_TRANSPOSE", inputs, constants=("s", "w", "b"), padding=padding, stride_d=depth,
        stride_h=height, stride_w=width,
    )  # fmt: skip
    assert_same(made, tmp_path, atol=3e-5)


def test_transpose_conv_of_volumes_is_refused_where_it_does_not_fit() -> None:
    inputs = {"s": ints(1, 9, 9, 9, 3), "w": normal(3, 2, 3, 3, 4), "x": normal(1, 3, 4, 5, 2)}
    options = {"stride_d": 2, "stride_h": 2, "stride_w": 2}
    for other, more, match in (
        ({}, {}, "a filter"),
        ({"x": normal(1, 3, 4, 2)}, {}, "a filter"),
        ({"w": normal(3, 2, 3, 3, 2)}, {"stride_d": 0}, "strides"),
        ({"w": normal(3, 2, 3, 3, 2)}, {"dilation_h_factor": 2}, "dilations"),
        ({"w": normal(3, 2, 3, 3, 2), "s": ints(1, 99, 9, 9, 3)}, {}, "larger than strides"),
    ):
        op = Op("CONV_3D_TRANSPOSE", ["s", "w", "x"], ["y"], {**options, **more})
        given = {**inputs, **other}
        made = Made([op], {"x": given["x"]}, {name: given[name] for name in ("s", "w")})
        with pytest.raises(UnsupportedModelError, match=match):
            made.read()


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("multiplier", [1, 2])
@pytest.mark.parametrize("padding", [SAME, VALID])
def test_depthwise_conv(tmp_path: Path, channels: int, multiplier: int, padding: int) -> None:
    count = channels * multiplier
    inputs = {"x": normal(1, 8, 9, channels), "w": normal(1, 3, 3, count), "b": normal(count)}
    made = one_op(
        "DEPTHWISE_CONV_2D", inputs, constants=("w", "b"), padding=padding, stride_h=2, stride_w=2,
        depth_multiplier=multiplier, fused_activation_function=RELU6,
        dilation_h_factor=1, dilation_w_factor=1,
    )  # fmt: skip
    graph = assert_same(made, tmp_path)
    assert (DepthwiseConv2D in types(graph)) == (channels > 1 and multiplier == 1)


@pytest.mark.parametrize(
    ("padding", "size"), [(SAME, (10, 14)), (VALID, (11, 15)), (SAME, (9, 13))], ids=str
)
@pytest.mark.parametrize("bias", [True, False])
def test_transpose_conv(tmp_path: Path, padding: int, size: tuple[int, int], bias: bool) -> None:
    inputs = {"shape": ints(1, *size, 4), "w": normal(4, 3, 3, 2), "x": normal(1, 5, 7, 2)}
    if bias:
        inputs["b"] = normal(4)
    made = one_op(
        "TRANSPOSE_CONV", inputs, constants=("shape", "w", "b"), padding=padding, stride_h=2,
        stride_w=2,
    )  # fmt: skip
    graph = assert_same(made, tmp_path)
    assert Conv2DTranspose in types(graph)


def with_bias(options: bytes, size: tuple[int, int]) -> Made:
    """MediaPipe's transposed convolution, which LiteRT does not have."""
    op = Op(
        "CUSTOM", ["x", "w", "b"], custom_code="Convolution2DTransposeBias", custom_options=options
    )
    constants = {"w": normal(4, 3, 2, 2), "b": normal(4)}
    return Made([op], {"x": normal(1, 5, 7, 2)}, constants, shapes={"y": (1, *size, 4)})


@pytest.mark.parametrize(("padding", "size"), [(SAME, (10, 21)), (VALID, (11, 21))], ids=str)
def test_mediapipes_transpose_conv_is_the_usual_one(padding: int, size: tuple[int, int]) -> None:
    made = with_bias(struct.pack("<iii", padding + 1, 3, 2), size)
    twin = one_op(
        "TRANSPOSE_CONV", {"shape": ints(1, *size, 4), "w": made.constants["w"], **made.inputs,
        "b": made.constants["b"]}, constants=("shape", "w", "b"), padding=padding, stride_h=2,
        stride_w=3,
    )  # fmt: skip
    found, expected = (Executor(model.read()).run(made.inputs)["y"] for model in (made, twin))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("options", "problem"), [(b"", "not those"), (struct.pack("<iii", 1, 0, 2), "positive")]
)
def test_mediapipes_transpose_conv_without_strides_is_refused(options: bytes, problem: str) -> None:
    with pytest.raises(UnsupportedModelError, match=problem):
        with_bias(options, (10, 21)).read()


@pytest.mark.parametrize(
    ("shape", "keep"), [((4, 6), False), ((2, 3, 6), True), ((2, 3, 6), False), ((2, 3, 2), False)]
)
@pytest.mark.parametrize("weights", ["constant", "computed"])
def test_fully_connected(tmp_path: Path, shape: tuple[int, ...], keep: bool, weights: str) -> None:
    inputs = {"x": normal(*shape), "w": normal(5, 6), "b": normal(5)}
    made = one_op(
        "FULLY_CONNECTED", inputs, constants=("w", "b") if weights == "constant" else ("b",),
        keep_num_dims=keep, fused_activation_function=RELU,
    )  # fmt: skip
    assert_same(made, tmp_path)


@pytest.mark.parametrize("adj_x", [False, True])
@pytest.mark.parametrize("adj_y", [False, True])
def test_batch_matmul(tmp_path: Path, adj_x: bool, adj_y: bool) -> None:
    x, y = normal(2, 3, 4), normal(2, 4, 5)
    inputs = {
        "x": np.ascontiguousarray(np.swapaxes(x, 1, 2)) if adj_x else x,
        "z": np.ascontiguousarray(np.swapaxes(y, 1, 2)) if adj_y else y,
    }
    assert_same(one_op("BATCH_MATMUL", inputs, adj_x=adj_x, adj_y=adj_y), tmp_path)


# ---- pools


@pytest.mark.parametrize("code", ["MAX_POOL_2D", "AVERAGE_POOL_2D", "L2_POOL_2D"])
@pytest.mark.parametrize("padding", [SAME, VALID])
def test_pools(tmp_path: Path, code: str, padding: int) -> None:
    made = one_op(
        code, {"x": normal(1, 7, 8, 3) - 2}, padding=padding, stride_h=2, stride_w=3,
        filter_height=3, filter_width=2, fused_activation_function=0,
    )  # fmt: skip
    assert_same(made, tmp_path)


# ---- activations


@pytest.mark.parametrize(
    "code",
    ["ELU", "HARD_SWISH", "LOGISTIC", "LOG_SOFTMAX", "RELU", "RELU6", "RELU_N1_TO_1", "TANH",
     "RELU_0_TO_1"],
)  # fmt: skip
def test_activations(tmp_path: Path, code: str) -> None:
    assert_same(one_op(code, {"x": 3 * normal(2, 5, 4)}), tmp_path)


def test_leaky_relu(tmp_path: Path) -> None:
    assert_same(one_op("LEAKY_RELU", {"x": normal(2, 5)}, alpha=0.3), tmp_path)


@pytest.mark.parametrize("beta", [1.0, 0.5])
@pytest.mark.parametrize("shape", [(2, 5), (1, 3, 4, 5)], ids=str)
def test_softmax(tmp_path: Path, beta: float, shape: tuple[int, ...]) -> None:
    assert_same(one_op("SOFTMAX", {"x": 3 * normal(*shape)}, beta=beta), tmp_path)


@pytest.mark.parametrize("slopes", [(3,), (1, 1, 3), (4, 5, 3), (1, 1, 1), (1, 5, 3)], ids=str)
def test_prelu(tmp_path: Path, slopes: tuple[int, ...]) -> None:
    inputs = {"x": normal(1, 4, 5, 3), "a": normal(*slopes)}
    assert_same(one_op("PRELU", inputs, constants=("a",)), tmp_path)


def test_l2_normalization(tmp_path: Path) -> None:
    x = normal(2, 3, 4)
    x[0, 0] = 0
    assert_same(one_op("L2_NORMALIZATION", {"x": x}, fused_activation_function=0), tmp_path)


# ---- arithmetic


@pytest.mark.parametrize("code", ["ADD", "SUB", "MUL", "DIV"])
@pytest.mark.parametrize("other", [(2, 3, 4, 5), (5,), (3, 1, 5), ()], ids=str)
def test_arithmetic(tmp_path: Path, code: str, other: tuple[int, ...]) -> None:
    inputs = {"x": normal(2, 3, 4, 5), "z": positive(*other)}
    made = one_op(code, inputs, constants=("z",), fused_activation_function=RELU)
    assert_same(made, tmp_path)


@pytest.mark.parametrize("code", ["MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE", "POW"])
@pytest.mark.parametrize("other", [(2, 3, 5), (5,)], ids=str)
def test_more_arithmetic(tmp_path: Path, code: str, other: tuple[int, ...]) -> None:
    assert_same(one_op(code, {"x": positive(2, 3, 5), "z": positive(*other)}), tmp_path)


@pytest.mark.parametrize("exponent", [-1.0, -0.5, 0.5, 2.0, 3.0])
def test_powers(tmp_path: Path, exponent: float) -> None:
    inputs = {"x": positive(2, 3), "z": np.array(exponent, np.float32)}
    assert_same(one_op("POW", inputs, constants=("z",)), tmp_path)


@pytest.mark.parametrize(
    "code", ["ABS", "CEIL", "COS", "EXP", "FLOOR", "LOG", "NEG", "RSQRT", "SIN", "SQRT", "SQUARE"]
)
def test_functions(tmp_path: Path, code: str) -> None:
    x = positive(2, 7) if code in ("LOG", "RSQRT", "SQRT") else 3 * normal(2, 7)
    assert_same(one_op(code, {"x": x}), tmp_path)


@pytest.mark.parametrize(
    "code", ["EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL"]
)
def test_comparisons(tmp_path: Path, code: str) -> None:
    x = normal(2, 3, 4)
    inputs = {"x": x, "z": np.where(normal(2, 3, 4) > 0, x, x + 1e-6).astype(np.float32)}
    assert_same(one_op(code, inputs, types={"y": TensorType.BOOL}), tmp_path)


def test_select(tmp_path: Path) -> None:
    inputs = {"c": normal(2, 3) > 0, "x": normal(2, 3), "z": normal(3)}
    assert_same(one_op("SELECT_V2", inputs), tmp_path)


# ---- what moves elements


@pytest.mark.parametrize("axis", [0, 1, 2, 3, -1])
def test_concatenation(tmp_path: Path, axis: int) -> None:
    inputs = {"x": normal(1, 2, 3, 4), "z": normal(1, 2, 3, 4)}
    assert_same(one_op("CONCATENATION", inputs, axis=axis), tmp_path)


@pytest.mark.parametrize("axis", [0, 2, -1])
def test_pack_and_unpack(tmp_path: Path, axis: int) -> None:
    inputs = {"x": normal(2, 3), "z": normal(2, 3)}
    assert_same(one_op("PACK", inputs, axis=axis, values_count=2), tmp_path)
    outputs = ("y0", "y1", "y2")
    made = one_op("UNPACK", {"x": normal(3, 2, 3)}, outputs=outputs, axis=axis, num=3)
    assert_same(made, tmp_path)


def test_split(tmp_path: Path) -> None:
    outputs = ("y0", "y1")
    inputs = {"axis": ints(-1).reshape(()), "x": normal(2, 3, 4)}
    made = one_op("SPLIT", inputs, constants=("axis",), outputs=outputs, num_splits=2)
    assert_same(made, tmp_path)
    inputs = {"x": normal(2, 3, 4), "sizes": ints(1, -1), "axis": ints(1).reshape(())}
    constants = ("sizes", "axis")
    made = one_op("SPLIT_V", inputs, constants=constants, outputs=outputs, num_splits=2)
    assert_same(made, tmp_path)


@pytest.mark.parametrize("sizes", [(1, 0, 2), (0, 3)])
def test_split_leaves_parts_without_elements_to_nobody(
    tmp_path: Path, sizes: tuple[int, ...]
) -> None:
    parts = [f"y{index}" for index in range(len(sizes))]
    outputs = [part for part, size in zip(parts, sizes, strict=True) if size]
    inputs = {"x": normal(2, 3, 4), "sizes": ints(*sizes), "axis": ints(1).reshape(())}
    made = one_op(
        "SPLIT_V", inputs, constants=("sizes", "axis"), outputs=parts, num_splits=len(sizes)
    )
    made = dataclasses.replace(made, outputs=outputs)
    graph = assert_same(made, tmp_path)
    assert all(0 not in value.shape for value in graph.values.values())


@pytest.mark.parametrize(("start", "limit", "step"), [(2, 9, 3), (5, -2, -2), (0.5, 2, 0.25)])
def test_range(tmp_path: Path, start: float, limit: float, step: float) -> None:
    kind = np.int32 if isinstance(start, int) else np.float32
    ends = {"start": start, "limit": limit, "step": step}
    numbers = {name: np.array(number, kind) for name, number in ends.items()}
    row = len(np.arange(start, limit, step))
    inputs = {"x": np.zeros(row, kind)}
    steps = [Op("RANGE", list(numbers), ["row"]), Op("ADD", ["x", "row"], ["y"])]
    types = {"row": TensorType.INT32 if kind is np.int32 else TensorType.FLOAT32}
    assert_same(Made(steps, inputs, numbers, types=types), tmp_path)


def test_floor_div(tmp_path: Path) -> None:
    inputs = {"x": normal(2, 3), "z": positive(2, 3)}
    assert_same(one_op("FLOOR_DIV", inputs), tmp_path)
    whole = {"a": ints(-7, 7, 9), "b": ints(2, -2, 3)}
    steps = [Op("FLOOR_DIV", ["a", "b"], ["q"]), Op("ADD", ["x", "q"], ["y"])]
    assert_same(Made(steps, {"x": ints(0, 0, 0)}, whole, ("y",), {}), tmp_path)


@pytest.mark.parametrize("code", ["SOFTMAX", "LOG_SOFTMAX", "L2_NORMALIZATION"])
def test_a_scalar_has_no_last_dimension(code: str) -> None:
    with pytest.raises(UnsupportedModelError, match="is a scalar"):
        one_op(code, {"x": np.array(2, np.float32)}).read()


def test_slice(tmp_path: Path) -> None:
    inputs = {"x": normal(2, 5, 6), "begin": ints(0, 1, 2), "size": ints(2, 3, -1)}
    assert_same(one_op("SLICE", inputs, constants=("begin", "size")), tmp_path)


@pytest.mark.parametrize(
    ("begin", "end", "strides", "masks"),
    [
        ((0, 1, 2), (2, 4, 6), (1, 1, 1), {}),
        ((0, 1, 0), (2, 5, 6), (1, 2, 3), {}),
        ((1, 4, -1), (0, 0, 0), (1, -1, -2), {"end_mask": 7}),
        ((1, 2, 0), (2, 3, 6), (1, 1, 1), {"shrink_axis_mask": 3}),
        ((0, -1), (0, 0), (1, 1), {"ellipsis_mask": 1, "shrink_axis_mask": 2}),
        ((0, 0, 1), (0, 2, 4), (1, 1, 1), {"new_axis_mask": 1}),
        ((0, 3, 4), (2, 5, 6), (2, 3, 5), {}),
        ((1, 0, 5), (0, 0, 0), (-2, -1, -9), {"end_mask": 7}),
        ((1, 2, 0), (2, 3, 6), (1, 1, 1), {"shrink_axis_mask": 3, "begin_mask": 1}),
    ],
    ids=[
        "bounds",
        "steps",
        "backwards",
        "shrink",
        "ellipsis",
        "new",
        "long steps",
        "long steps backwards",
        "shrink the first",
    ],
)
def test_strided_slice(
    tmp_path: Path,
    begin: tuple[int, ...],
    end: tuple[int, ...],
    strides: tuple[int, ...],
    masks: dict[str, Any],
) -> None:
    inputs = {
        "x": normal(2, 5, 6), "begin": ints(*begin), "end": ints(*end), "strides": ints(*strides)
    }  # fmt: skip
    constants = ("begin", "end", "strides")
    assert_same(one_op("STRIDED_SLICE", inputs, constants=constants, **masks), tmp_path)


def test_gather_tile_and_reverse(tmp_path: Path) -> None:
    x = normal(3, 4, 2)
    inputs = {"x": x, "i": ints(2, 0, 3, 1).reshape(2, 2)}
    assert_same(one_op("GATHER", inputs, constants=("i",), axis=1), tmp_path)
    assert_same(one_op("TILE", {"x": x, "n": ints(1, 2, 3)}, constants=("n",)), tmp_path)
    assert_same(one_op("REVERSE_V2", {"x": x, "a": ints(1)}, constants=("a",)), tmp_path)


def test_reshapes(tmp_path: Path) -> None:
    x = normal(2, 1, 6)
    assert_same(one_op("RESHAPE", {"x": x, "s": ints(3, -1)}, constants=("s",)), tmp_path)
    assert_same(one_op("SQUEEZE", {"x": x}, squeeze_dims=(1,)), tmp_path)
    axis = ints(-1).reshape(())
    assert_same(one_op("EXPAND_DIMS", {"x": x, "a": axis}, constants=("a",)), tmp_path)


@pytest.mark.parametrize("pads", [[0, 0, 1, 2, 3, 0, 0, 0], [0, 0, 0, 0, 0, 0, 1, 4]], ids=str)
@pytest.mark.parametrize("value", [None, 3.0])
def test_pad(tmp_path: Path, pads: list[int], value: float | None) -> None:
    inputs = {"x": normal(1, 4, 5, 3), "p": ints(*pads).reshape(4, 2)}
    if value is not None:
        inputs["v"] = np.array(value, np.float32)
    code = "PAD" if value is None else "PADV2"
    assert_same(one_op(code, inputs, constants=("p", "v")), tmp_path)


@pytest.mark.parametrize("mode", [0, 1], ids=["reflect", "symmetric"])
@pytest.mark.parametrize("shape", [(1, 4, 5, 3), (2, 6, 4)], ids=str)
def test_mirror_pad(tmp_path: Path, mode: int, shape: tuple[int, ...]) -> None:
    pads = np.zeros((len(shape), 2), np.int32)
    pads[1], pads[2] = (2, 1), (0, 3)
    made = one_op("MIRROR_PAD", {"x": normal(*shape), "p": pads}, constants=("p",), mode=mode)
    assert_same(made, tmp_path)


@pytest.mark.parametrize("code", ["DEPTH_TO_SPACE", "SPACE_TO_DEPTH"])
def test_depth_and_space(tmp_path: Path, code: str) -> None:
    assert_same(one_op(code, {"x": normal(2, 4, 6, 8)}, block_size=2), tmp_path)


def test_batch_and_space(tmp_path: Path) -> None:
    inputs = {"x": normal(2, 5, 6, 3), "b": ints(2, 3), "p": ints(1, 0, 2, 1).reshape(2, 2)}
    assert_same(one_op("SPACE_TO_BATCH_ND", inputs, constants=("b", "p")), tmp_path)
    inputs = {"x": normal(12, 3, 3, 3), "b": ints(2, 3), "p": ints(1, 0, 2, 1).reshape(2, 2)}
    assert_same(one_op("BATCH_TO_SPACE_ND", inputs, constants=("b", "p")), tmp_path)


# ---- reductions and resizing


@pytest.mark.parametrize("code", ["MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD"])
@pytest.mark.parametrize("axes", [(1, 2), (3,), (0, 1, 2, 3)], ids=str)
@pytest.mark.parametrize("keep", [False, True])
def test_reductions(tmp_path: Path, code: str, axes: tuple[int, ...], keep: bool) -> None:
    inputs = {"x": normal(2, 3, 4, 5), "a": ints(*axes)}
    made = one_op(code, inputs, constants=("a",), keep_dims=keep)
    assert_same(made, tmp_path, rtol=1e-4)


@pytest.mark.parametrize("code", ["ARG_MAX", "ARG_MIN"])
def test_arg_max(tmp_path: Path, code: str) -> None:
    inputs = {"x": normal(2, 7), "a": ints(-1).reshape(())}
    integer = TensorType.INT32
    made = one_op(code, inputs, constants=("a",), output_type=integer.value, types={"y": integer})
    assert_same(made, tmp_path)


@pytest.mark.parametrize("half_pixel", [False, True])
@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("size", [(8, 10), (3, 7), (2, 15), (1, 7)], ids=str)
@pytest.mark.parametrize("code", ["RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"])
def test_resizing(
    tmp_path: Path, code: str, size: tuple[int, int], align_corners: bool, half_pixel: bool
) -> None:
    if align_corners and half_pixel:
        pytest.skip("TensorFlow has no such resizing")
    made = one_op(
        code, {"x": normal(1, 4, 5, 3), "s": ints(*size)}, constants=("s",),
        align_corners=align_corners, half_pixel_centers=half_pixel,
    )  # fmt: skip
    graph = assert_same(made, tmp_path, atol=1e-4)
    if size == (8, 10) and not (half_pixel and code == "RESIZE_NEAREST_NEIGHBOR"):
        assert {BilinearInterp, NearestInterp} & set(types(graph))
    if size == (1, 7) and align_corners:  # ARM's kernel writes behind its memory
        assert not {BilinearInterp, NearestInterp} & set(types(graph))


@pytest.mark.parametrize(
    ("code", "size"),
    [
        ("RESIZE_BILINEAR", (3, 1610612748)),
        ("RESIZE_BILINEAR", (3, 16777996)),
        ("RESIZE_NEAREST_NEIGHBOR", (3, 1610612748)),
    ],
)
def test_refuses_a_size_whose_weights_would_fill_the_memory(
    code: str, size: tuple[int, int]
) -> None:
    made = one_op(code, {"x": normal(1, 4, 1, 3), "s": ints(*size)}, constants=("s",))
    with pytest.raises(UnsupportedModelError, match="at most"):
        made.read()


def test_refuses_two_long_axes_whose_weights_would_fill_the_memory() -> None:
    inputs = {"x": normal(1, 4, 100, 3), "s": ints(4, 1 << 20)}
    made = one_op("RESIZE_BILINEAR", inputs, constants=("s",))
    with pytest.raises(UnsupportedModelError, match="weights"):
        made.read()


def test_sums_and_largest(tmp_path: Path) -> None:
    axis = ints(1).reshape(())
    inputs = {"x": normal(2, 4, 3), "a": axis}
    made = one_op("CUMSUM", inputs, constants=("a",), exclusive=True, reverse=True)
    assert_same(made, tmp_path)
    made = one_op(
        "TOPK_V2", {"x": normal(2, 7), "k": ints(3).reshape(())}, constants=("k",),
        outputs=("y", "i"), types={"i": TensorType.INT32},
    )  # fmt: skip
    assert_same(made, tmp_path)
    assert_same(
        one_op("ADD_N", {"x": normal(2, 3), "z": normal(2, 3), "v": normal(2, 3)}), tmp_path
    )


def test_what_is_made_of_shapes(tmp_path: Path) -> None:
    x = normal(2, 1, 3, 1)
    assert_same(one_op("SQUEEZE", {"x": x}), tmp_path)
    ops = [Op("FILL", ["s", "v"], ["f"]), Op("ADD", ["x", "f"], ["y"])]
    constants = {"s": ints(2, 3), "v": np.array(1.5, np.float32)}
    assert_same(Made(ops, {"x": normal(2, 3)}, constants), tmp_path)
    made = one_op("BROADCAST_TO", {"x": normal(1, 3), "s": ints(2, 4, 3)}, constants=("s",))
    assert_same(made, tmp_path)
    ops = [Op("SHAPE", ["x"], ["s"], {"out_type": 2}), Op("CAST", ["s"], ["y"])]
    assert_same(Made(ops, {"x": x}, types={"s": TensorType.INT32}), tmp_path)


@pytest.mark.parametrize("code", ["LOGICAL_AND", "LOGICAL_OR"])
def test_logic(tmp_path: Path, code: str) -> None:
    inputs = {"x": normal(2, 9) > 0, "z": normal(2, 9) > 0}
    assert_same(one_op(code, inputs, types={"y": TensorType.BOOL}), tmp_path)


# ---- orders of dimensions


def test_what_comes_from_a_convolution_stays_as_it_is(tmp_path: Path) -> None:
    conv = {"stride_h": 1, "stride_w": 1, "dilation_h_factor": 1, "dilation_w_factor": 1}
    ops = [
        Op("CONV_2D", ["x", "w", "b"], ["c"], conv),
        Op("LOGISTIC", ["c"], ["s"]),
        Op("MUL", ["c", "s"], ["m"]),
        Op("ADD", ["m", "offset"], ["a"]),
        Op("CONCATENATION", ["a", "c"], ["k"], {"axis": 3}),
        Op("MEAN", ["k", "axes"], ["y"], {"keep_dims": False}),
    ]
    constants = {"w": normal(4, 3, 3, 3), "b": normal(4), "offset": normal(4), "axes": ints(1, 2)}
    made = Made(ops, {"x": normal(1, 6, 6, 3)}, constants)
    graph = assert_same(made, tmp_path)
    assert types(graph).count(Transpose2) == 1


def test_a_transpose_of_the_model_moves_nothing_until_it_must(tmp_path: Path) -> None:
    conv = {"stride_h": 1, "stride_w": 1, "dilation_h_factor": 1, "dilation_w_factor": 1}
    ops = [
        Op("TRANSPOSE", ["x", "to_last"], ["t"]),
        Op("CONV_2D", ["t", "w", "b"], ["c"], conv),
        Op("TRANSPOSE", ["c", "to_first"], ["y"]),
    ]
    constants = {
        "w": normal(4, 3, 3, 3), "b": normal(4), "to_last": ints(0, 2, 3, 1),
        "to_first": ints(0, 3, 1, 2),
    }  # fmt: skip
    graph = assert_same(Made(ops, {"x": normal(1, 3, 6, 6)}, constants), tmp_path)
    assert types(graph) == [Conv2D]


# ---- refusals


def test_a_custom_operator_is_refused_by_name() -> None:
    op = Op("CUSTOM", ["x"], custom_code="TransformLandmarks")
    with pytest.raises(UnsupportedModelError, match="TransformLandmarks"):
        Made([op], {"x": normal(1, 2)}).read()


def test_all_that_cannot_be_read_is_named_at_once() -> None:
    ops = [Op("UNIQUE", ["x"], ["y"]), Op("RANDOM_UNIFORM", ["x"], ["z"]), Op("RELU", ["y"], ["v"])]
    with pytest.raises(UnsupportedModelError) as caught:
        Made(ops, {"x": normal(1, 2)}, outputs=("v", "z")).read()
    assert [problem.operator for problem in caught.value.problems] == ["UNIQUE", "RANDOM_UNIFORM"]


def test_a_shape_that_is_no_whole_numbers_is_refused() -> None:
    constants = {"s": np.full(2, np.nan, np.float32)}
    made = Made([Op("RESHAPE", ["x", "s"])], {"x": normal(2, 3)}, constants)
    with pytest.raises(UnsupportedModelError, match="float32; whole numbers are needed"):
        made.read()


def test_a_reshape_to_no_elements_is_refused_wherever_its_shape_stands() -> None:
    operand = one_op("RESHAPE", {"x": normal(0, 3), "s": ints(0, 5)}, constants=("s",))
    option = one_op("RESHAPE", {"x": normal(0, 3)}, new_shape=(0, 5))
    for made in (operand, option):
        with pytest.raises(UnsupportedModelError, match=r"without elements: \[0, 5\]"):
            made.read()


def test_a_state_is_refused() -> None:
    made = Made([Op("ADD", ["x", "state"])], {"x": normal(2)}, variables=frozenset({"state"}))
    with pytest.raises(UnsupportedModelError, match="from one run to the next"):
        made.read()


def test_only_what_the_wanted_outputs_need_is_read() -> None:
    ops = [Op("RELU", ["x"], ["y"]), Op("UNIQUE", ["y"], ["z"])]
    graph = Made(ops, {"x": normal(1, 2)}, outputs=("z",)).read(outputs=["y"])
    assert [value.name for value in graph.outputs] == ["y"]


def test_every_importer_is_of_an_operator_of_the_schema() -> None:
    custom = {"Convolution2DTransposeBias", "TFLite_Detection_PostProcess"}
    assert set(IMPORTERS) - set(OPERATORS) == custom


def test_operators_with_a_reason_are_those_without_an_importer() -> None:
    assert set(OPERATORS) >= set(REASONS)
    assert not set(REASONS) & set(IMPORTERS)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("UNIQUE", "only the run knows"),
        ("EMBEDDING_LOOKUP_SPARSE", "Export the model with EMBEDDING_LOOKUP"),
        ("STABLEHLO_SORT", "with TFLite's own operators"),
        ("DILATE", "opt list-ops --supported"),
    ],
)
def test_refusals_say_what_to_do(code: str, reason: str) -> None:
    with pytest.raises(UnsupportedModelError, match=reason):
        Made([Op(code, ["x"])], {"x": normal(2)}).read()


def test_sizes_that_the_file_leaves_open_are_asked_for() -> None:
    made = Made(
        [Op("CONV_2D", ["x", "w", "b"], ["y"], {"padding": 1, "stride_w": 1, "stride_h": 1})],
        {"x": np.zeros((1, 1, 1, 2), np.float32)},
        {"w": np.zeros((4, 3, 3, 2), np.float32), "b": np.zeros(4, np.float32)},
        signatures={"x": (1, -1, -1, 2)},
    )
    with pytest.raises(
        UnsupportedModelError, match="The file leaves sizes of its inputs open"
    ) as got:
        made.read()
    assert str(got.value).endswith("give them with --input-shape x=1,1,1,2")
    made.read(input_shapes={"x": (1, 5, 5, 2)})


def test_inputs_in_half_precision_are_refused() -> None:
    made = Made(
        [Op("CAST", ["x"], ["y"])], {"x": np.zeros((1, 4), np.float16)}, shapes={"y": (1, 4)}
    )
    with pytest.raises(UnsupportedError, match="float16, in which Paddle Lite does not compute"):
        made.read()
