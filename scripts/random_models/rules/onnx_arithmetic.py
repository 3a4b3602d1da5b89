"""ONNX operators that take elements one by one, and reductions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from onnx import TensorProto

from random_models.drawing import Draw, Menu, Row, Tensor


class Unary(NamedTuple):
    """How an operator of one operand is drawn: since when, on what, with what."""

    type: str
    since: int = 7
    operand: str = "any"
    attributes: Mapping[str, Sequence[Any]] = {}


UNARY = (
    *map(Unary, ("Abs", "Ceil", "Exp", "Floor", "Neg", "Relu", "Sigmoid", "Softplus", "Softsign")),
    *map(Unary, ("Tanh", "Sin", "Cos", "Identity", "Dropout", "Tan", "Atan", "Hardmax")),
    *(Unary(type, 9) for type in ("Erf", "Sign", "Sinh", "Cosh", "Asinh")),
    *(Unary(type, operand="inner") for type in ("Asin", "Acos")),
    Unary("Atanh", 9, "inner"),
    Unary("Acosh", 9, "above one"),
    Unary("Reciprocal", operand="above one"),
    *(Unary(type, operand="positive") for type in ("Sqrt", "Log")),
    Unary("Round", 11, "scaled"),
    Unary("Elu", attributes={"alpha": (None, 0.3, 1.5)}),
    Unary("Selu", attributes={"alpha": (None, 1.2)}),
    Unary("Celu", 12, attributes={"alpha": (None, 0.5)}),
    Unary("LeakyRelu", attributes={"alpha": (None, 0.2, 1.5, -0.3)}),
    Unary("ThresholdedRelu", 10, attributes={"alpha": (0.0, 0.4, 1.0)}),
    Unary("HardSigmoid", attributes={"alpha": (None, 0.3, 1 / 6), "beta": (None, 0.4)}),
    Unary("HardSwish", 14),
    Unary("Mish", 18),
    Unary("Gelu", 20, attributes={"approximate": (None, "tanh")}),
    Unary("Shrink", 9, attributes={"lambd": (0.5, 1.0), "bias": (None, 0.3)}),
)


def on(d: Draw, x: Tensor, operand: str) -> str:
    """The operand as an operator can take it."""
    if operand == "positive":
        return d.add("Add", d.add("Abs", x.name), d.constant(np.float32(0.1)))
    if operand == "above one":
        return d.add("Add", d.add("Abs", x.name), d.constant(np.float32(1.1)))
    if operand == "inner":
        return d.add("Mul", d.add("Tanh", x.name), d.constant(np.float32(0.9)))
    if operand == "scaled":
        return d.add("Mul", x.name, d.constant(np.float32(2.3)))
    return x.name


def unary(d: Draw, x: Tensor) -> str | None:
    row = d.pick(UNARY)
    if d.opset < row.since:
        return None
    attributes = {name: d.pick(values) for name, values in row.attributes.items()}
    return d.add(row.type, on(d, x, row.operand), **attributes)


def clip(d: Draw, x: Tensor) -> str | None:
    low, high = d.pick((None, -1.0, 0.0, 0.0, 0.2)), d.pick((None, 0.5, 1.0, 6.0))
    if d.opset < 11:
        return d.add("Clip", x.name, min=low, max=high)
    limits = ["" if limit is None else d.constant(np.float32(limit)) for limit in (low, high)]
    while limits and not limits[-1]:
        limits.pop()
    return d.add("Clip", x.name, *limits)


def swish(d: Draw, x: Tensor) -> str:
    """Activations as exporters write them."""
    gate = d.pick(("Sigmoid", "HardSigmoid", "six"))
    if gate != "six":
        return d.add("Mul", *d.shuffled([x.name, d.add(gate, x.name)]))
    above = d.add("Add", x.name, d.constant(np.float32(3)))
    zero, six = np.float32(0), np.float32(6)
    held = (
        d.add("Clip", above, min=0.0, max=6.0)
        if d.opset < 11
        else d.add("Clip", above, d.constant(zero), d.constant(six))
    )
    if d.chance():
        return d.add("Div", d.add("Mul", x.name, held), d.constant(six))
    return d.add("Mul", x.name, d.add("Div", held, d.constant(six)))


def binary(d: Draw, x: Tensor) -> str | None:
    type = d.pick(("Add", "Sub", "Mul", "Div", "Max", "Min", "Add", "Mul"))
    if x.array.dtype.kind == "i" and type in ("Max", "Min") and d.opset < 12:
        return None
    y = d.partner(x, d.partner_shape(x.shape))
    if type == "Div":  # zeros and their signs are another matter
        y = d.constant(d.like(x, d.partner_shape(x.shape)))
    elif d.chance(0.3):
        return d.add(type, y, x.name)
    return d.add(type, x.name, y)


def divided_into(d: Draw, x: Tensor) -> str:
    return d.add("Div", d.operand(d.normal(d.partner_shape(x.shape))), on(d, x, "above one"))


def power(d: Draw, x: Tensor) -> str:
    kind = d.pick(("whole", "half", "any", "exponent"))
    if kind == "whole":
        return d.add("Pow", x.name, d.constant(np.float32(d.pick((0, 1, 2, 3)))))
    base = on(d, x, "positive")
    if kind == "half":
        return d.add("Pow", base, d.constant(np.float32(d.pick((0.5, -0.5, -1, 1.5)))))
    if kind == "any":
        return d.add("Pow", base, d.operand(d.uniform(d.partner_shape(x.shape), 0.5, 2)))
    return d.add("Pow", d.operand(d.uniform(d.partner_shape(x.shape), 0.5, 2)), x.name)


def several(d: Draw, x: Tensor) -> str | None:
    others = [d.partner(x, d.partner_shape(x.shape)) for _ in range(d.between(0, 2))]
    return d.add(d.pick(("Sum", "Mean", "Max", "Min")), *d.shuffled([x.name, *others]))


def slope(d: Draw, x: Tensor) -> str | None:
    shape = d.partner_shape(x.shape)
    if d.chance() and x.rank > 2:
        shape = (x.shape[1], *[1] * (x.rank - 2))
    if len(shape) > x.rank:
        return None
    return d.add("PRelu", x.name, d.constant(d.uniform(shape, -0.5, 0.5)))


def remainder(d: Draw, x: Tensor) -> str | None:
    if d.opset < 10:
        return None
    fmod = 1 if x.array.dtype.kind == "f" else d.between(0, 1)
    return d.add("Mod", x.name, d.constant(d.like(x, d.partner_shape(x.shape))), fmod=fmod)


def compare(d: Draw, x: Tensor) -> str | None:
    types = ("Greater", "Less", "Equal", "GreaterOrEqual", "LessOrEqual")
    type = d.pick(types)
    if (d.opset < 12 and type in types[3:]) or d.opset < 11:
        return None
    operands = [x.name, d.partner(x, d.partner_shape(x.shape))]
    return d.add(type, *d.shuffled(operands))


def logic(d: Draw, x: Tensor) -> str:
    if d.chance(0.3):
        return d.add("Not", x.name)
    y = d.partner(x, d.partner_shape(x.shape))
    return d.add(d.pick(("And", "Or", "Xor")), *d.shuffled([x.name, y]))


def choose(d: Draw, x: Tensor) -> str | None:
    if d.opset < 9:
        return None
    if x.array.dtype.kind == "b":
        shapes = [d.partner_shape(x.shape) for _ in range(2)]
        return d.add("Where", x.name, *(d.operand(d.normal(shape)) for shape in shapes))
    condition = d.add("Greater", x.name, d.constant(np.array(0.5).astype(x.array.dtype)))
    y = d.operand(d.like(x, d.partner_shape(x.shape)))
    return d.add("Where", condition, *d.shuffled([x.name, y]))


CASTS: Mapping[str, Sequence[int]] = {
    "f": (TensorProto.INT32, TensorProto.INT64, TensorProto.BOOL, TensorProto.FLOAT),
    "i": (TensorProto.FLOAT, TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64),
    "b": (TensorProto.FLOAT, TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64),
}
"""What numbers of a kind are cast to."""


def cast(d: Draw, x: Tensor) -> str | None:
    kind = x.array.dtype.kind
    scaled = d.add("Mul", x.name, d.constant(np.float32(2.3))) if kind == "f" else x.name
    return d.add("Cast", scaled, to=d.pick(CASTS[kind]))


def finite(d: Draw, x: Tensor) -> str | None:
    if d.opset < 10:
        return None
    type = d.pick(("IsNaN", "IsInf"))
    return d.add(type, d.add("Div", x.name, d.add("Floor", x.name)) if d.chance() else x.name)


def scan(d: Draw, x: Tensor) -> str | None:
    if d.opset < 11 or not x.rank:
        return None
    axis = d.ints(d.axis(x.rank))
    return d.add("CumSum", x.name, axis, exclusive=d.between(0, 1), reverse=d.between(0, 1))


REDUCTIONS = (
    "ReduceMean", "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1",
    "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp",
)  # fmt: skip
WHOLE_REDUCTIONS = ("ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd")


def reduce(d: Draw, x: Tensor) -> str | None:
    if not x.rank:
        return None
    type = d.pick(REDUCTIONS if x.array.dtype.kind == "f" else WHOLE_REDUCTIONS)
    own = {"keepdims": d.pick((None, 0, 1))}
    if d.chance(0.1):
        return d.add(type, x.name, **own)
    axes = d.axes(x.rank)
    if x.rank == 4 and d.chance(0.3):
        axes = [2, 3]
    if d.opset >= (13 if type == "ReduceSum" else 18):
        return d.add(type, x.name, d.ints(axes), **own)
    return d.add(type, x.name, axes=axes, **own)


def extremum(d: Draw, x: Tensor) -> str | None:
    if not x.rank:
        return None
    own: dict[str, Any] = {"axis": d.axis(x.rank), "keepdims": d.pick((None, 0, 1))}
    if d.opset >= 12 and d.chance(0.2):
        own["select_last_index"] = 1
    return d.add(d.pick(("ArgMax", "ArgMin")), x.name, **own)


MENU: Menu = (
    Row(5, unary),
    Row(1, clip),
    Row(1, swish),
    Row(6, binary, "fi"),
    Row(1, divided_into),
    Row(1, power),
    Row(1, several),
    Row(1, slope),
    Row(1, remainder, "fi"),
    Row(1, compare, "fi"),
    Row(6, logic, "b"),
    Row(2, choose, "fib"),
    Row(1, cast, "f"),
    Row(8, cast, "ib"),
    Row(1, finite),
    Row(1, scan, "fi"),
    Row(4, reduce, "fi"),
    Row(1, extremum),
)
