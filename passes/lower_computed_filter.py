"""Write a convolution by a filter that is computed as a product of matrices.

Before::

    y = conv2d(x, w, b)                                  # w (O, I, R, S) is no constant

After, where ``places`` are those of the elements that each window covers::

    windows = gather(reshape2(pad2d(x), (N, C, H * W)), places, axis=2)
    y = matmul_v2(reshape2(w, (1, G, O / G, I * R * S)),
                  reshape2(windows, (N, G, I * R * S, P * Q)))
    y = elementwise_add(reshape2(y, (N, O, P, Q)), reshape2(b, (1, O, 1, 1)))

The kernels put the filter in order when they run first, and keep it: with the next one they
would compute what the first filter makes (lite/kernels/arm/conv_gemmlike.cc,
lite/kernels/x86/conv_compute.cc). Networks that look for one picture in another, as trackers
do, make the filter of the one from features of the other.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from opt_tool.ir import Graph, Node, Value
from opt_tool.ir.operations.convolution import Conv2D, Pair
from opt_tool.ir.operations.elementwise import ElementwiseAdd
from opt_tool.ir.operations.indexing import Gather
from opt_tool.ir.operations.matmul import MatMulV2
from opt_tool.ir.operations.padding import Pad2D
from opt_tool.ir.operations.shape import Reshape2
from opt_tool.passes.in_front import InFront
from opt_tool.passes.kernel_limits import keeps_filter
from opt_tool.passes.rewrite import Kept, Rewrite
from opt_tool.targets import Target

MOST_PLACES = 1 << 24
"""So many places are written into a file; a model holds weights of the same number."""


class ComputedFilter(NamedTuple):
    """A convolution of known sizes by a filter that is not known."""

    conv: Node
    op: Conv2D


class LowerComputedFilter(Rewrite[ComputedFilter]):
    """Multiplies the windows by filters that are computed."""

    roots = (Conv2D,)

    def __init__(self, target: Target) -> None:
        self.target = target

    def match(self, graph: Graph, node: Node) -> ComputedFilter | Kept | None:  # noqa: ARG002
        if not isinstance(node.op, Conv2D) or not keeps_filter(node, self.target):
            return None
        if not node.input("Input").type.is_static:
            return Kept("sizes of its input are known only at run time")
        if node.inputs.maybe("ResidualData") is not None or node.op.activation is not None:
            return Kept("something is fused into it")
        kernel, out = (v.type.static_shape[2:] for v in (node.input("Filter"), node.output))
        if math.prod((*kernel, *out)) > MOST_PLACES:
            return Kept("its windows have too many elements")
        return ComputedFilter(node, node.op)

    def rewrite(self, graph: Graph, match: ComputedFilter) -> Node:
        conv, op, front = match.conv, match.op, InFront(graph, match.conv)
        out_channels, depth, *extents = conv.input("Filter").type.static_shape
        batch, _, *counts = conv.output.type.static_shape
        kernel, out = (extents[0], extents[1]), (counts[0], counts[1])
        groups, length = op.groups, depth * kernel[0] * kernel[1]
        filters = front.reshaped(conv.input("Filter"), 1, groups, out_channels // groups, length)
        windows = front.reshaped(
            _windows(front, op, kernel, out), batch, groups, length, out[0] * out[1]
        )
        product = front.add(MatMulV2(), X=filters, Y=windows)
        whole = Reshape2(shape=(batch, out_channels, *out))
        bias = conv.inputs.maybe("Bias")
        if bias is None:
            return graph.replace(conv, whole, {"X": product})
        shift = front.reshaped(bias, 1, out_channels, 1, 1)
        return graph.replace(conv, ElementwiseAdd(), {"X": front.add(whole, X=product), "Y": shift})


def _windows(front: InFront, op: Conv2D, kernel: Pair, out: Pair) -> Value:
    """What the windows cover (N, C, R * S * P * Q)."""
    x = front.node.input("Input")
    if any(op.paddings):
        x = front.add(Pad2D(paddings=op.paddings), X=x)
    batch, channels, height, width = x.type.static_shape
    index = places(op, kernel, out, width)
    flat = front.reshaped(x, batch, channels, height * width)
    if np.array_equal(index, np.arange(height * width)):
        return flat
    return front.add(Gather(axis=2), X=flat, Index=front.constant("places", index))


def places(op: Conv2D, kernel: Pair, out: Pair, width: int) -> np.ndarray:
    """Where the elements of all windows lie in a plane of that width, int32 (R * S * P * Q,)."""
    rows, columns = (
        np.arange(extent)[:, np.newaxis] * dilation + np.arange(count) * stride
        for extent, count, dilation, stride in zip(
            kernel, out, op.dilations, op.strides, strict=True
        )
    )
    index = rows[:, np.newaxis, :, np.newaxis] * width + columns[np.newaxis, :, np.newaxis]
    return index.reshape(-1).astype(np.int32)
