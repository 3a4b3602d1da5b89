"""Reads reductions along axes, and sums up to each element."""

from __future__ import annotations

from collections.abc import Mapping

from opt_tool.formats.element_types import converted
from opt_tool.formats.tflite.node import TfliteNode
from opt_tool.formats.tflite.operators.activation import float_operand
from opt_tool.formats.tflite.orders import Laid
from opt_tool.formats.tflite.registry import tflite_op
from opt_tool.formats.tflite.tensors import dtype_of
from opt_tool.ir import DType, Value
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
    TopKV2,
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
    return _reduced(node, REDUCTIONS[node.operator], node.laid(0))


def _reduced(node: TfliteNode, kind: type[Reduction], x: Laid) -> Laid:
    """X reduced along the axes in operand 1."""
    axes = {node.axis(axis, x.rank) for axis in node.integers(1, "axes")}
    if not axes:
        return x
    keep = node.flag("keep_dims")
    dim = tuple(sorted(x.order.index(axis) for axis in axes))
    op = kind(dim=dim, keep_dim=keep)
    y = node.add(op, X=x.value)
    if keep:
        return Laid(y, x.order)
    if len(axes) == x.rank:  # the target leaves one dimension
        return Laid(node.add(Squeeze2(axes=(0,)), X=y))
    return Laid(y, _without(x.order, axes))


@tflite_op("REDUCE_ALL", "REDUCE_ANY")
def any_or_all(node: TfliteNode) -> Laid:
    """Whether any is true their sum says, whether all are their product."""
    kind = ReduceSum if node.operator == "REDUCE_ANY" else ReduceProd
    x = node.laid(0)
    truth = x.value.dtype
    numbers = Laid(converted(node.builder, x.value, DType.FLOAT32), x.order)
    y = _reduced(node, kind, numbers)
    return Laid(converted(node.builder, y.value, truth), y.order)


def _without(order: tuple[int, ...], axes: set[int]) -> tuple[int, ...]:
    """The order of the dimensions that stay, counted anew."""
    left = [axis for axis in order if axis not in axes]
    return tuple(sorted(left).index(axis) for axis in left)


@tflite_op("ARG_MAX", "ARG_MIN")
def arg_max(node: TfliteNode) -> Laid:
    x = float_operand(node)
    axis = node.axis(node.whole(1, "axis"), x.rank)
    value: Value = x.value
    if node.operator == "ARG_MIN":
        value = node.add(Scale(scale=-1.0), X=value)
    op = ArgMax(axis=x.order.index(axis), dtype=dtype_of(node.output().type))
    return Laid(node.add(op, X=value), _without(x.order, {axis}))


@tflite_op("CUMSUM")
def cumulated(node: TfliteNode) -> Laid:
    x = node.laid(0)
    axis = node.axis(node.whole(1, "axis"), x.rank)
    op = CumSum(
        axis=x.order.index(axis), exclusive=node.flag("exclusive"), reverse=node.flag("reverse")
    )
    return Laid(node.add(op, X=x.value), x.order)


@tflite_op("TOPK_V2")
def top_k(node: TfliteNode) -> list[Laid]:
    x, count = float_operand(node), node.whole(1, "k")
    op = TopKV2(k=count, axis=x.last)
    largest, places = node.add_all(op, X=x.value)
    dtype = dtype_of(node.output(1).type)
    return [Laid(largest, x.order), Laid(converted(node.builder, places, dtype), x.order)]
