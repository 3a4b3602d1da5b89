"""Reads reductions along axes, and sums up to each element."""

from __future__ import annotations

from collections.abc import Mapping

from opt_tool.formats.tflite.node import TfliteNode
from opt_tool.formats.tflite.operators.activation import float_operand
from opt_tool.formats.tflite.orders import Laid
from opt_tool.formats.tflite.registry import tflite_op
from opt_tool.formats.tflite.tensors import dtype_of
from opt_tool.ir import Value
from opt_tool.ir.operations.elementwise import Scale
from opt_tool.ir.operations.reduction import (
    ArgMax,
    CumSum,
    ReduceMax,
    ReduceMean,
    ReduceMin,
    ReduceProd,
    ReduceSum,
    Reduction,
)
from opt_tool.ir.operations.shape import Squeeze2

REDUCTIONS: Mapping[str, type[Reduction]] = {
    "MEAN": ReduceMean,
    "REDUCE_MAX": ReduceMax,
    "REDUCE_MIN": ReduceMin,
    "REDUCE_PROD": ReduceProd,
    "SUM": ReduceSum,
}


@tflite_op(*REDUCTIONS)
def reduced(node: TfliteNode) -> Laid:
    x = node.laid(0)
    axes = {node.axis(axis, x.rank) for axis in node.integers(1, "axes")}
    if not axes:
        return x
    keep = node.flag("keep_dims")
    dim = tuple(sorted(x.order.index(axis) for axis in axes))
    op = REDUCTIONS[node.operator](dim=dim, keep_dim=keep)
    y = node.add(op, X=x.value)
    if keep:
        return Laid(y, x.order)
    if len(axes) == x.rank:  # the target leaves one dimension
        return Laid(node.add(Squeeze2(axes=(0,)), X=y))
    return Laid(y, _without(x.order, axes))


def _without(order: tuple[int, ...], axes: set[int]) -> tuple[int, ...]:
    """The order of the dimensions that stay, counted anew."""
    left = [axis for axis in order if axis not in axes]
    return tuple(sorted(left).index(axis) for axis in left)


@tflite_op("ARG_MAX", "ARG_MIN")
def arg_max(node: TfliteNode) -> Laid:
    x = float_operand(node)
    axis = node.axis(node.integers(1, "axis")[0], x.rank)
    value: Value = x.value
    if node.operator == "ARG_MIN":
        value = node.add(Scale(scale=-1.0), X=value)
    op = ArgMax(axis=x.order.index(axis), dtype=dtype_of(node.output().type))
    return Laid(node.add(op, X=value), _without(x.order, {axis}))


@tflite_op("CUMSUM")
def cumulated(node: TfliteNode) -> Laid:
    x = node.laid(0)
    axis = node.axis(node.integers(1, "axis")[0], x.rank)
    op = CumSum(
        axis=x.order.index(axis), exclusive=node.flag("exclusive"), reverse=node.flag("reverse")
    )
    return Laid(node.add(op, X=x.value), x.order)
