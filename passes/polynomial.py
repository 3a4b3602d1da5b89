"""Reads what is computed of a value by sums and products alone, as a polynomial."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from opt_tool.ir import Graph, Node, Value
from opt_tool.ir.operations.elementwise import (
    ElementwiseAdd,
    ElementwiseMul,
    ElementwiseSub,
    Pow,
    Square,
)
from opt_tool.passes.clamp import Linear, read_linear

DEGREE = 3
"""No pattern takes more."""


class Polynomial(NamedTuple):
    """The factors of x's powers, from the constant on, and the nodes that compute it, in order."""

    factors: np.ndarray
    nodes: tuple[Node, ...] = ()


def read_polynomial(graph: Graph, value: Value, x: Value) -> Polynomial | None:
    """A value as a polynomial of x, if nothing else reads what is between them."""
    if value is x:
        return Polynomial(np.array([0.0, 1.0]))
    node = value.producer
    if node is None or value.shape != x.shape or not graph.read_once(value):
        return None
    linear = read_linear(node)
    if linear is not None:
        inner = read_polynomial(graph, linear.x, x)
        shift = np.array([linear.shift])
        return (
            None
            if inner is None
            else _joined(
                node, np.polynomial.polynomial.polyadd(inner.factors * linear.scale, shift), inner
            )
        )
    if isinstance(node.op, (Square, Pow)):
        return _power(graph, node, 2.0 if isinstance(node.op, Square) else node.op.factor, x)
    if isinstance(node.op, (ElementwiseAdd, ElementwiseSub, ElementwiseMul)):
        return _binary(graph, node, x)
    return None


def _line_of(inner: Polynomial, line: Linear) -> np.ndarray:
    scaled, shift = inner.factors * line.scale, np.array([line.shift])
    factors: np.ndarray = np.polynomial.polynomial.polyadd(scaled, shift)
    return factors


def _power(graph: Graph, node: Node, exponent: float, x: Value) -> Polynomial | None:
    base = read_polynomial(graph, node.input("X"), x)
    if base is None or exponent not in range(1, DEGREE + 1):
        return None
    return _joined(node, np.polynomial.polynomial.polypow(base.factors, int(exponent)), base)


def _binary(graph: Graph, node: Node, x: Value) -> Polynomial | None:
    first = read_polynomial(graph, node.input("X"), x)
    second = None if first is None else read_polynomial(graph, node.input("Y"), x)
    if first is None or second is None:
        return None
    if isinstance(node.op, ElementwiseMul):
        factors = np.polynomial.polynomial.polymul(first.factors, second.factors)
    elif isinstance(node.op, ElementwiseAdd):
        factors = np.polynomial.polynomial.polyadd(first.factors, second.factors)
    else:
        factors = np.polynomial.polynomial.polysub(first.factors, second.factors)
    return _joined(node, factors, first, second)


def _joined(node: Node, factors: np.ndarray, *parts: Polynomial) -> Polynomial | None:
    """What a node makes of polynomials, if that is not too much of one."""
    nodes = dict.fromkeys(part for each in parts for part in each.nodes)
    return Polynomial(factors, (*nodes, node)) if factors.size <= DEGREE + 1 else None
