"""TFLite's operators that compute: windows, products, elements, reductions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from opt_tool.formats.tflite.schema import TensorType
from random_models.drawing import Draw, Menu, Row, Tensor

NONE, RELU, RELU_N1_TO_1, RELU6 = 0, 1, 2, 3


def ints(d: Draw, values: Any) -> str:  # a number, or rows of them
    return d.constant(np.array(values, np.int32))


def fused(d: Draw) -> int:
    """The activation behind an operator."""
    return d.pick((NONE, NONE, RELU, RELU6, RELU_N1_TO_1))


def conv(d: Draw, x: Tensor) -> str | None:
    if x.rank != 4:
        return None
    channels = x.shape[3]
    sides, stride = d.per_axis((1, 1, 2, 3, 3, 4, 5), 2, equal=0.7), d.pick((1, 1, 2, 3))
    step = d.pick((1, 1, 1, 2)) if stride == 1 else 1
    own: dict[str, Any] = {
        "padding": d.between(0, 1), "stride_h": stride, "stride_w": stride,
        "dilation_h_factor": step, "dilation_w_factor": step,
        "fused_activation_function": fused(d),
    }  # fmt: skip
    if d.chance(0.6):
        groups = d.pick((1, 1, 1, 2)) if channels % 2 == 0 else 1
        wanted = groups * d.pick((1, 2, 3, 4, 8, 16))
        weight = d.constant(d.filters(wanted, *sides, channels // groups))
        return d.add("CONV_2D", x.name, weight, d.constant(d.normal([wanted])), **own)
    times = d.pick((1, 1, 1, 2))
    weight = d.constant(d.normal((1, *sides, channels * times), 0.4))
    bias = d.constant(d.normal([channels * times]))
    return d.add("DEPTHWISE_CONV_2D", x.name, weight, bias, depth_multiplier=times, **own)


def transposed_conv(d: Draw, x: Tensor) -> str | None:
    if x.rank != 4:
        return None
    side, stride, same = d.pick((1, 2, 3, 4)), d.pick((1, 2, 2, 3)), d.chance()
    wanted = d.pick((1, 2, 4))
    size = [
        dim * stride if same else (dim - 1) * stride + max(side, stride) for dim in x.shape[1:3]
    ]
    operands = [
        ints(d, [x.shape[0], *size, wanted]),
        d.constant(d.normal((wanted, side, side, x.shape[3]), 0.4)),
        x.name,
        *([d.constant(d.normal([wanted]))] if d.chance() else []),
    ]
    own = {"padding": int(not same), "stride_h": stride, "stride_w": stride}
    return d.add("TRANSPOSE_CONV", *operands, **own)


def pool(d: Draw, x: Tensor) -> str | None:
    if x.rank != 4:
        return None
    (height, width), stride = d.per_axis((1, 2, 2, 3, 5), 2, equal=0.7), d.pick((1, 2, 2, 3))
    return d.add(
        d.pick(("MAX_POOL_2D", "AVERAGE_POOL_2D", "AVERAGE_POOL_2D", "L2_POOL_2D")),
        x.name,
        padding=d.between(0, 1),
        stride_h=stride,
        stride_w=stride,
        filter_height=height,
        filter_width=width,
        fused_activation_function=fused(d),
    )


def fully_connected(d: Draw, x: Tensor) -> str | None:
    if not x.rank:
        return None
    wanted = d.pick((1, 2, 3, 8))
    bias = d.constant(d.normal([wanted])) if d.chance(0.7) else ""
    weight = d.constant(d.normal((wanted, x.shape[-1]), 0.4))
    own = {"fused_activation_function": fused(d), "keep_num_dims": x.rank > 2 and d.chance()}
    return d.add("FULLY_CONNECTED", x.name, weight, bias, **own)


def batch_matmul(d: Draw, x: Tensor) -> str | None:
    if x.rank < 2:
        return None
    columns, turned, other_turned = d.pick((1, 2, 4)), d.chance(), d.chance()
    depth = x.shape[-2] if turned else x.shape[-1]
    batch = [size if d.chance(0.8) else 1 for size in x.shape[:-2]]
    shape = (*batch, columns, depth) if other_turned else (*batch, depth, columns)
    other = d.operand(d.normal(shape, 0.5))
    return d.add("BATCH_MATMUL", x.name, other, adj_x=turned, adj_y=other_turned)


PLAIN = (
    "RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1", "LOGISTIC", "TANH", "HARD_SWISH", "ELU", "ABS",
    "NEG", "FLOOR", "CEIL", "EXP", "SQUARE", "SIN", "COS", "LOG_SOFTMAX", "L2_NORMALIZATION",
    "SIGN", "ROUND", "SQRT", "RSQRT", "LOG",
)  # fmt: skip
UNARY: Mapping[str, Mapping[str, Sequence[Any]]] = {
    **{type: {} for type in PLAIN},
    "LEAKY_RELU": {"alpha": (0.1, 0.5)},
    "GELU": {"approximate": (True, False)},
    "SOFTMAX": {"beta": (1.0, 0.5)},
}
POSITIVE = frozenset({"SQRT", "RSQRT", "LOG"})


def unary(d: Draw, x: Tensor) -> str | None:
    type = d.pick(tuple(UNARY))
    if not x.rank and type in ("SOFTMAX", "LOG_SOFTMAX", "L2_NORMALIZATION"):
        return None
    name = x.name
    if type in POSITIVE:
        name = d.add("ADD", d.add("ABS", name), d.constant(np.float32(0.3)))
    elif type == "ROUND":
        name = d.add("MUL", name, d.constant(np.float32(2.3)))
    return d.add(type, name, **{key: d.pick(values) for key, values in UNARY[type].items()})


def slope(d: Draw, x: Tensor) -> str | None:
    if x.rank < 2:
        return None
    shape = d.pick((x.shape[-1:], (1,) * (x.rank - 2) + x.shape[-1:], x.shape[1:], (1,)))
    return d.add("PRELU", x.name, d.constant(d.uniform(shape, -0.5, 0.5)))


def local_response(d: Draw, x: Tensor) -> str | None:
    if x.rank != 4:
        return None
    own = {"radius": d.pick((1, 2)), "bias": 1.0, "alpha": 0.1, "beta": d.pick((0.5, 0.75))}
    return d.add("LOCAL_RESPONSE_NORMALIZATION", x.name, **own)


ACTIVATED = ("ADD", "SUB", "MUL", "DIV")
WHOLE = ("ADD", "SUB", "MUL", "FLOOR_DIV", "FLOOR_MOD", "MAXIMUM", "MINIMUM")
BINARY = (*ACTIVATED, "ADD", "MUL", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE", "FLOOR_DIV")


def binary(d: Draw, x: Tensor) -> str | None:
    whole = x.array.dtype.kind == "i"
    type = d.pick(WHOLE if whole else (*BINARY, "FLOOR_MOD"))
    shape = d.partner_shape(x.shape)
    if len(shape) > 4 or x.rank > 4:
        return None
    if type in ("DIV", "FLOOR_DIV", "FLOOR_MOD"):
        return d.add(type, x.name, d.constant(d.like(x, shape)))
    own = {} if type not in ACTIVATED or whole else {"fused_activation_function": fused(d)}
    return d.add(type, *d.shuffled([x.name, d.partner(x, shape)]), **own)


def power(d: Draw, x: Tensor) -> str:
    base = d.add("ADD", d.add("ABS", x.name), d.constant(np.float32(0.2)))
    return d.add("POW", base, d.operand(d.uniform(d.pick(((), x.shape)), 0.5, 2)))


def several(d: Draw, x: Tensor) -> str:
    return d.add("ADD_N", *(x.name, *(d.partner(x, x.shape) for _ in range(d.between(1, 2)))))


COMPARISONS = ("GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "EQUAL", "NOT_EQUAL")


def compare(d: Draw, x: Tensor) -> str | None:
    shape = d.partner_shape(x.shape)
    if max(len(shape), x.rank) > 4:
        return None
    return d.add(d.pick(COMPARISONS), *d.shuffled([x.name, d.partner(x, shape)]))


def logic(d: Draw, x: Tensor) -> str:
    if d.chance(0.3):
        return d.add("LOGICAL_NOT", x.name)
    y = d.constant(d.like(x, x.shape))
    return d.add(d.pick(("LOGICAL_AND", "LOGICAL_OR")), x.name, y)


def choose(d: Draw, x: Tensor) -> str:
    if x.array.dtype.kind == "b":
        parts = [d.operand(d.normal(x.shape)) for _ in range(2)]
        return d.add(d.pick(("SELECT", "SELECT_V2")), x.name, *parts)
    limit = d.constant(np.array(0.5).astype(x.array.dtype))
    condition = d.add("GREATER", x.name, limit)
    y = d.partner(x, x.shape)
    return d.add("SELECT_V2", condition, *d.shuffled([x.name, y]))


def cast(d: Draw, x: Tensor) -> str:
    to = {"f": ("int32", "bool"), "i": ("float32",), "b": ("float32", "int32")}
    kind = x.array.dtype.kind
    name = d.add("MUL", x.name, d.constant(np.float32(2.3))) if kind == "f" else x.name
    return d.add("CAST", name, to=d.pick(to[kind]))


REDUCTIONS = ("MEAN", "MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD")


def reduce(d: Draw, x: Tensor) -> str | None:
    if not x.rank:
        return None
    axes = [1, 2] if x.rank == 4 and d.chance(0.4) else d.axes(x.rank)
    types = REDUCTIONS if x.array.dtype.kind == "f" else REDUCTIONS[2:5]
    return d.add(d.pick(types), x.name, ints(d, axes), keep_dims=d.chance())


def extremum(d: Draw, x: Tensor) -> str | None:
    if not x.rank:
        return None
    axis, type = ints(d, d.axis(x.rank)), d.pick((TensorType.INT32, TensorType.INT64))
    return d.add(d.pick(("ARG_MAX", "ARG_MIN")), x.name, axis, output_type=type.value)


def scan(d: Draw, x: Tensor) -> str | None:
    if not x.rank:
        return None
    own = {"exclusive": d.chance(), "reverse": d.chance()}
    return d.add("CUMSUM", x.name, ints(d, d.between(0, x.rank - 1)), **own)


MENU: Menu = (
    Row(7, conv),
    Row(2, transposed_conv),
    Row(5, pool),
    Row(3, fully_connected),
    Row(2, batch_matmul),
    Row(5, unary),
    Row(1, slope),
    Row(1, local_response),
    Row(5, binary, "fi"),
    Row(1, power),
    Row(1, several),
    Row(1, compare, "fi"),
    Row(5, logic, "b"),
    Row(2, choose, "fib"),
    Row(1, cast, "f"),
    Row(8, cast, "ib"),
    Row(4, reduce, "fi"),
    Row(1, extremum),
    Row(1, scan),
)
