"""ONNX operators that multiply and sum: matrices, recurrences, normalizations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from random_models.drawing import Draw, Menu, Row, Tensor

WIDTHS = (1, 2, 3, 5, 8, 16)


def gemm(d: Draw, x: Tensor) -> str | None:
    if x.rank != 2:
        return None
    turned, other_turned = d.between(0, 1), d.between(0, 1)
    rows, depth = x.shape[::-1] if turned else x.shape
    columns = d.pick(WIDTHS)
    weight = d.operand(d.normal((columns, depth) if other_turned else (depth, columns), 0.5))
    shapes = [(columns,), (1, columns), (rows, 1), (rows, columns), (1,)] + (
        [()] if d.opset >= 11 else []
    )
    bias = [d.constant(d.normal(d.pick(shapes)))] if d.chance(0.7) or d.opset < 11 else []
    return d.add(
        "Gemm",
        x.name,
        weight,
        *bias,
        transA=turned,
        transB=other_turned,
        alpha=d.pick((None, 0.5)),
        beta=d.pick((None, 2.0)),
    )


def matmul(d: Draw, x: Tensor) -> str | None:
    if not x.rank:
        return None
    columns = d.pick(WIDTHS)
    batch = [] if d.chance(0.6) else [size if d.chance(0.6) else 1 for size in x.shape[:-2]]
    if x.rank >= 2 and d.chance(0.2):
        return d.add("MatMul", d.operand(d.normal((*batch, columns, x.shape[-2]), 0.5)), x.name)
    shape = (x.shape[-1],) if d.chance(0.15) else (*batch, x.shape[-1], columns)
    product = d.add("MatMul", x.name, d.operand(d.normal(shape, 0.5)))
    if len(shape) == 1 or d.chance(0.6):
        return product
    return d.add("Add", *d.shuffled([product, d.constant(d.normal([columns]))]))


def attention(d: Draw, x: Tensor) -> str | None:
    """Scores of a tensor with itself, as exporters write them."""
    if not 3 <= x.rank <= 4:
        return None
    order = [*range(x.rank - 2), x.rank - 1, x.rank - 2]
    scores = d.add("MatMul", x.name, d.add("Transpose", x.name, perm=order))
    scaled = d.add(d.pick(("Mul", "Div")), scores, d.constant(np.float32(d.pick((0.25, 2.0)))))
    return d.add("MatMul", d.add("Softmax", scaled, axis=x.rank - 1), x.name)


EQUATIONS: Mapping[int, tuple[tuple[str, str], ...]] = {
    2: (("ij,jk->ik", "jk"), ("ij,kj->ki", "kj"), ("ij->j", ""), ("ij,ij->", "ij"), ("ij->ji", "")),
    3: (("bij,bjk->bik", "bjk"), ("bij,kj->bki", "kj"), ("bij,bkj->bik", "bkj"), ("bij->bj", "")),
    4: (("bhid,bhjd->bhij", "bhjd"), ("bchw,co->bohw", "co"), ("bhij,bhjd->bhid", "bhjd")),
}
"""For each rank of the first operand equations, and the letters of the second operand."""


def einsum(d: Draw, x: Tensor) -> str | None:
    if x.rank not in EQUATIONS or d.opset < 12:
        return None
    equation, letters = d.pick(EQUATIONS[x.rank])
    sizes = dict(zip(equation, x.shape, strict=False))
    shape = [sizes.get(letter, 3) for letter in letters]
    other = [d.operand(d.normal(shape, 0.5))] if letters else []
    return d.add("Einsum", x.name, *other, equation=equation)


GATES: Mapping[str, int] = {"LSTM": 4, "GRU": 3, "RNN": 1}
FUNCTIONS: Mapping[str, tuple[list[str], ...]] = {
    "LSTM": (["Sigmoid", "Relu", "Tanh"], ["HardSigmoid", "Tanh", "Tanh"]),
    "GRU": (["HardSigmoid", "Tanh"], ["Sigmoid", "Relu"]),
    "RNN": (["Relu"], ["Sigmoid"]),
}


def recurrent(d: Draw, x: Tensor) -> str | None:
    """A recurrence along the first axis of (T, N, C)."""
    if x.rank != 3:
        return None
    type = d.pick(tuple(GATES))
    direction = d.pick(("forward", "forward", "reverse", "bidirectional"))
    ways, size, (_, batch, depth) = 1 + (direction == "bidirectional"), d.pick((1, 2, 4)), x.shape
    rows = GATES[type] * size
    weights = [d.normal((ways, rows, depth), 0.5), d.normal((ways, rows, size), 0.5)]
    operands = [d.constant(array) for array in weights]
    begins = d.chance(0.3)
    if begins or d.chance(0.8):
        operands.append(d.constant(d.normal((ways, 2 * rows), 0.5)))
    if begins:
        states = 2 if type == "LSTM" and d.chance() else 1
        operands += ["", *(d.operand(d.normal((ways, batch, size))) for _ in range(states))]
    own: dict[str, Any] = {"direction": direction, "hidden_size": size}
    if type == "GRU":
        own["linear_before_reset"] = d.between(0, 1)
    if d.chance(0.2):
        own["activations"] = ways * d.pick(FUNCTIONS[type])
    if d.chance(0.1):
        own["clip"] = 0.7
    outputs = d.results(3 if type == "LSTM" else 2, type, x.name, *operands, **own)
    return d.pick(outputs)


def batch_norm(d: Draw, x: Tensor) -> str | None:
    if x.rank < 2:
        return None
    channels = [x.shape[1]]
    scale, variance = d.uniform(channels, 0.5, 1.5), d.uniform(channels, 0.5, 2)
    parameters = (scale, d.normal(channels), d.normal(channels), variance)
    names = [d.constant(array) for array in parameters]
    return d.add("BatchNormalization", x.name, *names, epsilon=d.pick((None, 1e-3)))


def instance_norm(d: Draw, x: Tensor) -> str | None:
    if x.rank not in (3, 4) or np.prod(x.shape[2:]) < 4:
        return None
    parameters = d.uniform([x.shape[1]], 0.5, 1.5), d.normal([x.shape[1]])
    return d.add("InstanceNormalization", x.name, *map(d.constant, parameters))


def layer_norm(d: Draw, x: Tensor) -> str | None:
    if not x.rank or d.opset < 17:
        return None
    axis = d.axis(x.rank)
    shape = x.shape[axis:]
    parameters = [d.uniform(shape, 0.5, 1.5)] + ([d.normal(shape)] if d.chance(0.7) else [])
    return d.add("LayerNormalization", x.name, *map(d.constant, parameters), axis=axis)


def group_norm(d: Draw, x: Tensor) -> str | None:
    if x.rank not in (3, 4) or x.shape[1] % 2 or d.opset < 21:
        return None
    parameters = d.uniform([x.shape[1]], 0.5, 1.5), d.normal([x.shape[1]])
    return d.add("GroupNormalization", x.name, *map(d.constant, parameters), num_groups=2)


def spread(d: Draw, x: Tensor) -> str | None:
    """A layer normalization as exporters write it before opset 17."""
    if not x.rank or x.shape[-1] < 3 or d.opset >= 18:
        return None
    centred = d.add("Sub", x.name, d.add("ReduceMean", x.name, axes=[-1] if d.opset > 10 else None))
    if d.opset <= 10:
        return centred
    squares = d.add("Pow", centred, d.constant(np.float32(2)))
    variance = d.add("ReduceMean", squares, axes=[-1])
    root = d.add("Sqrt", d.add("Add", variance, d.constant(np.float32(1e-5))))
    scaled = d.add("Mul", d.add("Div", centred, root), d.constant(d.normal(x.shape[-1:])))
    return d.add("Add", scaled, d.constant(d.normal(x.shape[-1:])))


def local_response(d: Draw, x: Tensor) -> str | None:
    if x.rank != 4:
        return None
    own = {"alpha": d.pick((None, 0.1)), "beta": d.pick((None, 0.5)), "bias": d.pick((None, 2.0))}
    return d.add("LRN", x.name, size=d.pick((1, 2, 3, 5)), **own)


def softmax(d: Draw, x: Tensor) -> str | None:
    if not x.rank:
        return None
    axis = d.between(0, x.rank - 1) - (x.rank if d.opset >= 11 and d.chance(0.4) else 0)
    return d.add(d.pick(("Softmax", "Softmax", "LogSoftmax")), x.name, axis=axis)


def norm(d: Draw, x: Tensor) -> str | None:
    if not x.rank:
        return None
    if d.chance(0.3) and x.rank == 4 and d.opset >= 9 and np.prod(x.shape[2:]) >= 4:
        return d.add("MeanVarianceNormalization", x.name)
    away = d.add("Add", x.name, d.constant(np.float32(0.1)))
    return d.add("LpNormalization", away, axis=d.axis(x.rank), p=d.pick((None, 1, 2)))


MENU: Menu = (
    Row(2, gemm),
    Row(4, matmul),
    Row(1, attention),
    Row(1, einsum),
    Row(2, recurrent),
    Row(2, batch_norm),
    Row(1, instance_norm),
    Row(1, layer_norm),
    Row(1, group_norm),
    Row(1, spread),
    Row(1, local_response),
    Row(3, softmax),
    Row(1, norm),
)
