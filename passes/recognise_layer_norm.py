"""Write a normalization in its parts as layer_norm, and let it scale and shift.

Before, over the last dimensions of x::

    d = x - reduce_mean(x)
    v = reduce_mean(square(d))          # or d * d, or pow(d, 2)
    y = d / sqrt(v + epsilon)           # or d * rsqrt(v + epsilon)
    z = y * gamma + beta

After::

    z = layer_norm(x, gamma, beta, epsilon)

The kernel for x86 demands scale and bias, so that ones and zeros stand for them first; a
product and a sum with constants that follow take their places.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from opt_tool.ir import Graph, Node, Operation, ShapeError, Value
from opt_tool.ir.operations.elementwise import (
    ElementwiseAdd,
    ElementwiseBinary,
    ElementwiseDiv,
    ElementwiseMul,
    ElementwisePow,
    ElementwiseSub,
    Pow,
    Reciprocal,
    Rsqrt,
    Sqrt,
    Square,
    aligned,
)
from opt_tool.ir.operations.normalization import LayerNorm
from opt_tool.ir.operations.reduction import ReduceMean
from opt_tool.passes.affine import is_parameter
from opt_tool.passes.clamp import read_linear
from opt_tool.passes.rewrite import Kept, Rewrite


class Normalized(NamedTuple):
    """The nodes that normalize x, in order, and what scales and shifts the result."""

    nodes: tuple[Node, ...]
    x: Value
    op: LayerNorm
    scale: np.ndarray
    bias: np.ndarray


class RecogniseLayerNorm(Rewrite[Normalized]):
    """Writes normalizations over the last dimensions as layer_norm."""

    roots = (ElementwiseAdd, ElementwiseMul, ElementwiseDiv)

    def match(self, graph: Graph, node: Node) -> Normalized | Kept | None:
        if isinstance(node.op, (ElementwiseDiv, ElementwiseMul)):
            x, y = node.input("X"), node.input("Y")
            found = _quotient(graph, node, x, y)
            if found is None and isinstance(node.op, ElementwiseMul):
                found = _quotient(graph, node, y, x)
            if found is not None:
                return found
        return _parameters(graph, node)

    def rewrite(self, graph: Graph, match: Normalized) -> Node:
        name = match.nodes[-1].name
        parameters = {
            "Scale": graph.add_constant(f"{name}.scale", match.scale),
            "Bias": graph.add_constant(f"{name}.bias", match.bias),
        }
        return graph.fuse(match.nodes, match.op, {"X": match.x, **parameters})


# ---- the normalization


def _quotient(graph: Graph, node: Node, centred: Value, divisor: Value) -> Normalized | Kept | None:
    """``node`` as the difference from the mean over the deviation, or times its inverse."""
    roots = _roots(divisor, inverted=isinstance(node.op, ElementwiseMul))
    shift = read_linear(roots[0].input("X").producer) if roots else None
    if shift is None or shift.scale != 1 or shift.shift <= 0:
        return None
    shifted, average = roots[0].input("X").producer, shift.x.producer
    squares = average.input("X").producer if average is not None and _is_mean(average) else None
    base = None if squares is None else _squared(squares)
    difference, other = centred.producer, None if base is None else base.producer
    if shifted is None or average is None or squares is None or other is None:
        return None
    mean = _subtracted_mean(difference)
    if mean is None or difference is None or _subtracted_mean(other) is None:
        return None
    subtractions = dict.fromkeys((difference, other))
    means = dict.fromkeys(n.input("Y").producer for n in subtractions)
    nodes = (*(n for n in means if n), *subtractions, squares, average, shifted, *roots, node)
    return _normalized(graph, nodes, difference.input("X"), shift.shift)


def _normalized(
    graph: Graph, nodes: tuple[Node, ...], x: Value, epsilon: float
) -> Normalized | Kept | None:
    """The nodes as a layer norm of x, if they all take the means that it takes."""
    means = [node for node in nodes if isinstance(node.op, ReduceMean)]
    axes = {op.axes(x.type) for op in (node.op for node in means) if isinstance(op, ReduceMean)}
    subtracted = {node.input("X") for node in nodes if isinstance(node.op, ElementwiseSub)}
    if subtracted != {x} or {node.input("X") for node in means[:-1]} != {x} or len(axes) != 1:
        return None
    begin = x.rank - len(*axes)
    inner = x.shape[begin:]
    sizes = tuple(dim for dim in inner if isinstance(dim, int))
    if axes != {tuple(range(begin, x.rank))} or begin == 0:
        return Kept("it does not normalize the last dimensions")
    if not x.dtype.is_float or len(sizes) != len(inner):
        return Kept(f"layer_norm does not take {x.type}")
    if not _are_private(graph, nodes):
        return Kept("one of its parts is read by something else too")
    size = int(np.prod(sizes))
    op = LayerNorm(begin_norm_axis=begin, epsilon=epsilon)
    dtype = x.dtype.numpy
    return Normalized(nodes, x, op, np.ones(size, dtype), np.zeros(size, dtype))


def _roots(divisor: Value, *, inverted: bool) -> tuple[Node, ...]:
    """The nodes that take the root of the variance, or the inverse of the root; or none."""
    node = divisor.producer
    if node is None:
        return ()
    if not inverted:
        return (node,) if isinstance(node.op, Sqrt) else ()
    if isinstance(node.op, Rsqrt):
        return (node,)
    root = node.input("X").producer if isinstance(node.op, Reciprocal) else None
    return (root, node) if root is not None and isinstance(root.op, Sqrt) else ()


def _is_mean(node: Node | None) -> bool:
    return node is not None and isinstance(node.op, ReduceMean) and node.op.keep_dim


def _subtracted_mean(node: Node | None) -> Node | None:
    """The mean that a node subtracts."""
    if node is None or not isinstance(node.op, ElementwiseSub):
        return None
    mean = node.input("Y").producer
    return mean if _is_mean(mean) else None


def _squared(node: Node) -> Value | None:
    """What a node squares."""
    op: Operation = node.op
    if isinstance(op, Square) or (isinstance(op, Pow) and op.factor == 2):
        return node.input("X")
    if isinstance(op, ElementwiseMul):
        return node.input("X") if node.input("X") is node.input("Y") else None
    if not isinstance(op, ElementwisePow) or not is_parameter(node.input("Y")):
        return None
    exponent = node.input("Y")
    fits = exponent.type.size == 1 and exponent.rank <= node.input("X").rank
    return node.input("X") if fits and np.all(exponent.array() == 2) else None


def _are_private(graph: Graph, nodes: tuple[Node, ...]) -> bool:
    """Whether nothing outside reads what all but the last of the nodes make."""
    made = [value for node in nodes[:-1] for value in node.outputs.flat()]
    return all(set(value.users) <= set(nodes) and not graph.is_output(value) for value in made)


# ---- what scales and shifts it


def _parameters(graph: Graph, node: Node) -> Normalized | None:
    """``node`` as a product or sum of a layer norm and constants for its elements."""
    if not isinstance(node.op, (ElementwiseMul, ElementwiseAdd)):
        return None
    y, numbers = node.input("X"), node.input("Y")
    if y.is_constant:
        y, numbers = numbers, y
    norm = y.producer
    if norm is None or not isinstance(norm.op, LayerNorm) or not graph.read_once(y):
        return None
    scale, bias = norm.input("Scale"), norm.input("Bias")
    if numbers.data is None or not all(map(is_parameter, (numbers, scale, bias))):
        return None
    full = _for_each_element(node.op, y, norm.op.begin_norm_axis, numbers)
    if full is None:
        return None
    gamma, beta = scale.array().astype(np.float64), bias.array().astype(np.float64)
    if isinstance(node.op, ElementwiseMul):
        gamma, beta = gamma * full, beta * full
    else:
        beta = beta + full
    dtype = y.dtype.numpy
    arrays = (gamma.astype(dtype), beta.astype(dtype))
    return Normalized((norm, node), norm.input("X"), norm.op, *arrays)


def _for_each_element(
    op: ElementwiseBinary, y: Value, begin: int, numbers: Value
) -> np.ndarray | None:
    """The constant as a vector of as many elements as the last dimensions of y have."""
    try:
        _, padded = aligned(op.type, op.axis, y.type, numbers.type)
    except ShapeError:
        return None
    shape = (1,) * (y.rank - padded.rank) + padded.static_shape
    inner = tuple(dim for dim in y.shape[begin:] if isinstance(dim, int))
    fits = len(shape) == y.rank and all(dim == 1 for dim in shape[:begin])
    if not fits or any(
        dim not in (1, size) for dim, size in zip(shape[begin:], inner, strict=True)
    ):
        return None
    return np.broadcast_to(numbers.array().reshape(shape[begin:]), inner).reshape(-1)
