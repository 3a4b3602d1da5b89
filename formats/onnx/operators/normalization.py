"""Reads the normalizations.

What Paddle Lite has an operator for becomes that; the others are written out in
elementary operations.
"""

from __future__ import annotations

import numpy as np

from opt_tool.formats.local_response import LocalResponse, response_normalized
from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.formats.shapes import flat, reshape_to, transposed
from opt_tool.ir import Dim, Shape, Value
from opt_tool.ir.operations.elementwise import (
    Abs,
    Clip,
    ElementwiseAdd,
    ElementwiseDiv,
    ElementwiseMul,
    ElementwiseSub,
    Rsqrt,
    Scale,
    Sqrt,
    Square,
)
from opt_tool.ir.operations.normalization import BatchNorm, GroupNorm, InstanceNorm, LayerNorm
from opt_tool.ir.operations.reduction import ReduceMean, ReduceSum
from opt_tool.ir.types import product

TINY = float(np.finfo(np.float32).tiny)


@onnx_op("BatchNormalization", since=7)
def batch_normalization(node: OnnxNode) -> Value | tuple[Value | None, ...]:
    of_batch = bool(node.integer("training_mode", 0))
    if of_batch and node.input(0).is_constant:
        return _of_a_constant(node)
    if of_batch:
        return _of_the_batch(node)
    if node.integer("spatial", 1) != 1:
        raise node.unsupported(
            "statistics of each element (spatial=0); export the model in evaluation mode"
        )
    if any(node.has_output(index) for index in range(1, node.output_count)):
        raise node.unsupported("the running statistics as outputs; export in evaluation mode")
    op = BatchNorm(epsilon=node.real("epsilon", 1e-5))
    scale, bias, mean, variance = (node.input(index) for index in range(1, 5))
    return node.add(op, X=node.input(0), Scale=scale, Bias=bias, Mean=mean, Variance=variance)


def _of_a_constant(node: OnnxNode) -> tuple[Value, ...]:
    """A constant by its own statistics, which is how exporters standardize weights."""
    x, scale, bias = (node.input(index) for index in range(3))
    array = x.array().astype(np.float64)
    around = tuple(axis for axis in range(x.rank) if axis != 1)
    momentum = node.real("momentum", 0.9)
    found = {"mean": array.mean(axis=around), "variance": array.var(axis=around)}
    own = [node.new_constant(of.astype(x.dtype.numpy), name) for name, of in found.items()]
    op = BatchNorm(epsilon=node.real("epsilon", 1e-5))
    y = node.add(op, X=x, Scale=scale, Bias=bias, Mean=own[0], Variance=own[1])
    running = (
        node.constant(3 + index, name) * momentum + of * (1 - momentum)
        for index, (name, of) in enumerate(found.items())
    )
    names = zip(found, running, strict=True)
    return y, *(node.new_constant(of.astype(x.dtype.numpy), name) for name, of in names)


def _of_the_batch(node: OnnxNode) -> tuple[Value | None, ...]:
    """A batch by its own statistics, as its channels are by theirs that lie in one image."""
    x, scale, bias, *given = (node.input(index) for index in range(5))
    swap = (1, 0, *range(2, x.rank))
    turned = transposed(node, x, swap)
    planes = reshape_to(node, turned, (1, *turned.shape[:2], product(turned.shape[2:])))
    op = InstanceNorm(epsilon=node.real("epsilon", 1e-5))
    y = node.add(op, X=planes, Scale=scale, Bias=bias)
    running: list[Value | None] = [None, None]
    if node.has_output(1) or node.has_output(2):
        momentum = node.real("momentum", 0.9)
        for index, (old, new) in enumerate(zip(given, _statistics(node, planes), strict=True)):
            kept = node.add(Scale(scale=momentum), X=old)
            added = node.add(Scale(scale=1 - momentum), X=new)
            running[index] = node.add(ElementwiseAdd(), X=kept, Y=added)
    return transposed(node, reshape_to(node, y, turned.shape), swap), *running


def _statistics(node: OnnxNode, planes: Value) -> tuple[Value, Value]:
    """Mean and variance of each channel (C,) of one image (1, C, H, W)."""
    op = ReduceMean(dim=(2, 3), keep_dim=True)
    mean = node.add(op, X=planes)
    centred = node.add(ElementwiseSub(), X=planes, Y=mean)
    variance = node.add(op, X=node.add(Square(), X=centred))
    return flat(node, mean), flat(node, variance)


def _as_planes(shape: Shape) -> tuple[Dim, Dim, Dim, Dim]:
    """(N, C, ...) as (N, C, H, W)."""
    if len(shape) == 4:
        return shape[0], shape[1], shape[2], shape[3]
    return shape[0], shape[1], 1, product(shape[2:])


@onnx_op("InstanceNormalization", since=6)
def instance_normalization(node: OnnxNode) -> Value:
    x = node.input(0)
    if x.rank < 3:
        raise node.unsupported(f"the input {x.type} has no spatial dimensions")
    planes = reshape_to(node, x, _as_planes(x.shape))
    op = InstanceNorm(epsilon=node.real("epsilon", 1e-5))
    y = node.add(op, X=planes, Scale=node.input(1), Bias=node.input(2))
    return reshape_to(node, y, x.shape)


@onnx_op("GroupNormalization", since=18)
def group_normalization_18(node: OnnxNode) -> Value:
    """Scale and bias are those of the groups."""
    x, groups = node.input(0), node.integer("num_groups", 1)
    channels = x.shape[1]
    if not isinstance(channels, int) or channels % groups:
        raise node.unsupported(f"{channels} channels in {groups} groups")
    node.made_up(channels)
    scale, bias = (
        node.new_constant(np.repeat(node.constant(index, what), channels // groups), what)
        for index, what in ((1, "scale"), (2, "bias"))
    )
    return _group_norm(node, scale, bias)


@onnx_op("GroupNormalization", since=21)
def group_normalization(node: OnnxNode) -> Value:
    return _group_norm(node, node.input(1), node.input(2))


def _group_norm(node: OnnxNode, scale: Value, bias: Value) -> Value:
    x = node.input(0)
    op = GroupNorm(groups=node.integer("num_groups", 1), epsilon=node.real("epsilon", 1e-5))
    planes = reshape_to(node, x, _as_planes(x.shape))
    return reshape_to(node, node.add(op, X=planes, Scale=scale, Bias=bias), x.shape)


@onnx_op("LayerNormalization", since=17)
def layer_normalization(node: OnnxNode) -> tuple[Value, ...]:
    y = _layer_norm(node)
    if not (node.has_output(1) or node.has_output(2)):
        return (y,)
    x = node.input(0)
    mean = ReduceMean(dim=_from(node, x), keep_dim=True)
    average = node.add(mean, X=x)
    centred = node.add(ElementwiseSub(), X=x, Y=average)
    variance = node.add(mean, X=node.add(Square(), X=centred))
    shifted = node.add(Scale(bias=node.real("epsilon", 1e-5)), X=variance)
    return y, average, node.add(Rsqrt(), X=shifted)


def _from(node: OnnxNode, x: Value) -> tuple[int, ...]:
    """The axes from ``axis`` on."""
    return tuple(range(node.axis(node.integer("axis", -1), x.rank), x.rank))


def _layer_norm(node: OnnxNode) -> Value:
    x = node.input(0)
    axis = node.axis(node.integer("axis", -1), x.rank)
    inner = x.shape[axis:]
    if not all(isinstance(dim, int) for dim in inner):
        raise node.unsupported(
            f"it normalizes {list(inner)}, known only at run time; give the input's shape with "
            "--input-shape"
        )
    sizes = node.made_up(*(int(dim) for dim in inner))
    scale = _parameter(node, node.input(1), sizes)
    given = node.maybe(2)
    if given is None:
        bias = node.new_constant(np.zeros(int(np.prod(sizes)), np.float32), "bias")
    else:
        bias = _parameter(node, given, sizes)
    op = LayerNorm(begin_norm_axis=max(axis, 1), epsilon=node.real("epsilon", 1e-5))
    rows = reshape_to(node, x, (1, *x.shape)) if axis == 0 else x
    return reshape_to(node, node.add(op, X=rows, Scale=scale, Bias=bias), x.shape)


def _parameter(node: OnnxNode, value: Value, sizes: tuple[int, ...]) -> Value:
    """A scale or bias as the vector that layer_norm takes."""
    if value.shape != sizes and value.is_constant:
        full = np.broadcast_to(value.array(), sizes).reshape(-1)
        return node.new_constant(np.ascontiguousarray(full), value.name)
    return reshape_to(node, value, (product(sizes),))


@onnx_op("RMSNormalization", since=23)
def rms_normalization(node: OnnxNode) -> Value:
    x = node.input(0)
    mean = node.add(ReduceMean(dim=_from(node, x), keep_dim=True), X=node.add(Square(), X=x))
    shifted = node.add(Scale(bias=node.real("epsilon", 1e-5)), X=mean)
    y = node.add(ElementwiseDiv(), X=x, Y=node.add(Sqrt(), X=shifted))
    return node.add(ElementwiseMul(), X=y, Y=node.input(1))


@onnx_op("LpNormalization", since=1)
def lp_normalization(node: OnnxNode) -> Value:
    x, p = node.input(0), node.integer("p", 2)
    axis = node.axis(node.integer("axis", -1), x.rank)
    if p not in (1, 2):
        raise node.unsupported(f"p {p}; there are 1 and 2")
    total = ReduceSum(dim=(axis,), keep_dim=True)
    if p == 1:
        norm = node.add(total, X=node.add(Abs(), X=x))
    else:
        norm = node.add(Sqrt(), X=node.add(total, X=node.add(Square(), X=x)))
    # 0 / 0 is to be 0
    return node.add(ElementwiseDiv(), X=x, Y=node.add(Clip(min=TINY), X=norm))


@onnx_op("MeanVarianceNormalization", since=9)
def mean_variance_normalization(node: OnnxNode) -> Value:
    x = node.input(0)
    axes = tuple(sorted(node.axis(axis, x.rank) for axis in node.integers("axes", (0, 2, 3))))
    mean = ReduceMean(dim=axes, keep_dim=True)
    centred = node.add(ElementwiseSub(), X=x, Y=node.add(mean, X=x))
    variance = node.add(mean, X=node.add(Square(), X=centred))
    deviation = node.add(Scale(bias=1e-9), X=node.add(Sqrt(), X=variance))
    return node.add(ElementwiseDiv(), X=centred, Y=deviation)


@onnx_op("LRN", since=1)
def lrn(node: OnnxNode) -> Value:
    x, size = node.input(0), node.integer("size", 1)
    if x.rank < 3:
        raise node.unsupported(f"the input {x.type}; it has no planes")
    if size % 2 == 0:
        raise node.unsupported(f"size {size}; only odd ones lie around a channel")
    response = LocalResponse(
        radius=size // 2,
        alpha=node.real("alpha", 1e-4) / size,
        beta=node.real("beta", 0.75),
        bias=node.real("bias", 1.0),
    )
    planes = reshape_to(node, x, _as_planes(x.shape))
    return reshape_to(node, response_normalized(node, planes, response), x.shape)
