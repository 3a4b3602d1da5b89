"""Reads Einsum as transposes, reshapes, sums, products and matrix products.

The operands are taken from left to right. What only one of them has is summed at once;
two are joined by a matrix product over the labels that nothing needs afterwards, or by a
plain product when there are none.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.formats.picking import gathered
from opt_tool.formats.shapes import reshape_to, transposed, unsqueezed
from opt_tool.ir import Dim, DType, Shape, Value
from opt_tool.ir.operations.elementwise import ElementwiseMul
from opt_tool.ir.operations.matmul import MatMulV2
from opt_tool.ir.operations.reduction import ReduceSum
from opt_tool.ir.operations.shape import Squeeze2
from opt_tool.ir.types import product

Labels = tuple[str, ...]


class Term(NamedTuple):
    """A tensor and a label for each of its dimensions, no two of them equal."""

    value: Value
    labels: Labels

    def size(self, label: str) -> Dim:
        return self.value.shape[self.labels.index(label)]


@onnx_op("Einsum", since=12)
def einsum(node: OnnxNode) -> Value:
    values = [node.input(index) for index in range(len(node.inputs))]
    if any(v.dtype is not DType.FLOAT32 for v in values) and not all(v.is_constant for v in values):
        raise node.unsupported("it multiplies tensors that are not float32; cast in the model")
    operands, output = parse(node, values)
    terms = [_distinct(node, value, labels) for value, labels in zip(values, operands, strict=True)]
    terms = [_without_ones(node, term, terms) for term in terms]
    result = _summed(node, terms[0], _needed(output, terms[1:]))
    for index, term in enumerate(terms[1:], start=2):
        needed = _needed(output, terms[index:])
        right = _summed(node, term, {*needed, *result.labels})
        left = _summed(node, result, {*needed, *term.labels})
        result = _joined(node, left, right, needed)
    result = _summed(node, result, set(output))
    return _arranged(node, result, output)


def parse(node: OnnxNode, values: Sequence[Value]) -> tuple[list[Labels], Labels]:
    """The labels of the operands and of the output; each dimension of ``...`` has its own."""
    equation = node.text("equation", "").replace(" ", "")
    left, arrow, right = equation.partition("->")
    operands = left.split(",")
    letters = re.fullmatch(r"[A-Za-z,.]*(->[A-Za-z.]*)?", equation)
    if letters is None or len(operands) != len(values):
        raise node.unsupported(f"equation {equation!r} does not fit {len(values)} operands")
    labels = [_labels(node, text, value.rank) for text, value in zip(operands, values, strict=True)]
    if arrow:
        widest = max((_dots(term) for term in labels), key=len)
        return labels, _spelled(right, widest)
    counts = Counter(label for term in labels for label in term)
    widest = max((_dots(term) for term in labels), key=len)
    once = sorted(label for label, count in counts.items() if count == 1 and label not in widest)
    return labels, (*widest, *once)


def _labels(node: OnnxNode, text: str, rank: int) -> Labels:
    """The labels of one operand; those of ``...`` are counted from the right."""
    spare = rank - len(text.replace("...", ""))
    if spare < 0 or ("..." not in text and spare):
        raise node.unsupported(f"the labels {text!r} do not fit a tensor of rank {rank}")
    return _spelled(text, tuple(f".{place}" for place in reversed(range(spare))))


def _spelled(text: str, dots: Labels) -> Labels:
    before, found, behind = text.partition("...")
    return (*before, *dots, *behind) if found else tuple(before)


def _dots(labels: Labels) -> Labels:
    return tuple(label for label in labels if label.startswith("."))


def _needed(output: Labels, later: Iterable[Term]) -> set[str]:
    """The labels that the output or a later operand has."""
    return {*output, *(label for term in later for label in term.labels)}


# ---- one operand


def _distinct(node: OnnxNode, value: Value, labels: Labels) -> Term:
    """A term in which equal labels became the diagonal of their dimensions."""
    for label, count in Counter(labels).items():
        for _ in range(count - 1):
            value, labels = _diagonal(node, value, labels, label)
    return Term(value, labels)


def _diagonal(node: OnnxNode, value: Value, labels: Labels, label: str) -> tuple[Value, Labels]:
    """The elements whose two indices of one label are equal, along a new last dimension."""
    first = labels.index(label)
    second = labels.index(label, first + 1)
    others = [axis for axis in range(len(labels)) if axis not in (first, second)]
    size = value.shape[first]
    if not isinstance(size, int) or value.shape[second] != size:
        raise node.unsupported(f"the dimensions of label {label!r} are not known to be equal")
    moved = transposed(node, value, (*others, first, second))
    flat = reshape_to(node, moved, (*moved.shape[:-2], size * size))
    numbers = np.arange(*node.made_up(size), dtype=np.int32)
    index = node.new_constant(numbers * (size + 1), "diagonal")
    taken = gathered(node, flat, index, len(others))
    return taken, (*(labels[axis] for axis in others), label)


def _without_ones(node: OnnxNode, term: Term, terms: Sequence[Term]) -> Term:
    """The term without dimensions of 1 that another term has more of: they broadcast."""
    ones = tuple(
        axis
        for axis, label in enumerate(term.labels)
        if term.value.shape[axis] == 1
        and any(label in other.labels and other.size(label) != 1 for other in terms)
    )
    if not ones:
        return term
    labels = tuple(label for axis, label in enumerate(term.labels) if axis not in ones)
    return Term(node.add(Squeeze2(axes=ones), X=term.value), labels)


def _summed(node: OnnxNode, term: Term, needed: set[str]) -> Term:
    """The term summed over the labels that are not needed."""
    axes = tuple(axis for axis, label in enumerate(term.labels) if label not in needed)
    if not axes:
        return term
    op = ReduceSum(dim=axes, keep_dim=False, reduce_all=len(axes) == len(term.labels))
    labels = tuple(label for label in term.labels if label in needed)
    total = node.add(op, X=term.value)
    return Term(total if labels else reshape_to(node, total, ()), labels)


def _arranged(node: OnnxNode, term: Term, order: Labels) -> Value:
    """The tensor with its dimensions in the order of the labels."""
    if set(order) != set(term.labels) or len(order) != len(term.labels):
        raise node.unsupported(f"the output {order} is not made of the labels {term.labels}")
    return transposed(node, term.value, tuple(term.labels.index(label) for label in order))


# ---- two operands


def _joined(node: OnnxNode, left: Term, right: Term, needed: set[str]) -> Term:
    """The product of two terms, summed over what they share and nothing else needs."""
    shared = [label for label in left.labels if label in right.labels]
    batch = tuple(label for label in shared if label in needed)
    inner = tuple(label for label in shared if label not in needed)
    rows = tuple(label for label in left.labels if label not in shared)
    columns = tuple(label for label in right.labels if label not in shared)
    if not inner:
        return _multiplied(node, left, right)
    labels = (*batch, *rows, *columns)
    x, trans_x = _matrix(node, left, batch, rows, inner)
    y, trans_y = _matrix(node, right, batch, inner, columns)
    made = node.add(MatMulV2(trans_x=trans_x, trans_y=trans_y), X=x, Y=y)
    if len(rows) == len(columns) == 1:
        return Term(made, labels)
    sizes = [left.size(label) for label in (*batch, *rows)]
    sizes += [right.size(label) for label in columns]
    return Term(reshape_to(node, made, tuple(sizes)), labels)


def _multiplied(node: OnnxNode, left: Term, right: Term) -> Term:
    """The product of two terms without a sum, in the order of the one of more labels."""
    if len(right.labels) > len(left.labels):
        left, right = right, left
    new = tuple(label for label in right.labels if label not in left.labels)
    labels = (*left.labels, *new)
    x = left.value
    if new and x.rank:
        x = unsqueezed(node, x, tuple(range(x.rank, x.rank + len(new))))
    order = tuple(label for label in labels if label in right.labels)
    y = _arranged(node, right, order)
    first = min((labels.index(label) for label in order), default=len(labels))
    missing = [axis for axis in range(first, len(labels)) if labels[axis] not in order]
    if missing:
        y = unsqueezed(node, y, tuple(axis - first for axis in missing))
    return Term(node.add(ElementwiseMul(), X=x, Y=y), labels)


def _matrix(
    node: OnnxNode, term: Term, batch: Labels, first: Labels, second: Labels
) -> tuple[Value, bool]:
    """A term as matrices (batch, first, second), and whether they lie there transposed."""
    swapped = len(first) == len(second) == 1 and term.labels == (*batch, *second, *first)
    groups = (second, first) if swapped else (first, second)
    value = _arranged(node, term, (*batch, *groups[0], *groups[1]))
    new: Shape = (
        *(term.size(label) for label in batch),
        *(product(term.size(label) for label in group) for group in groups),
    )
    return reshape_to(node, value, new), swapped
