"""Make what a 1x1 convolution puts out with the channels last by a product of matrices.

Before, with one picture::

    y = transpose2(conv2d(x, w, b), axis=(0, 2, 3, 1))

After, with pixels as the columns of x and a row of ones for the bias::

    y = reshape2(matmul(concat(reshape2(x), ones), [w; b], transpose_X=True))

Detectors end so. The product reads its operand by columns, and so puts the channels last by
itself. Concat copies whole planes; an addition behind the product would cost more than the
transpose did, since the kernels are slow where they broadcast. The ones are stored, so planes
must be small. Weights of ``matmul`` cannot be stored in fewer bits: files with quantized
weights keep the convolution, and so do filters that are integers times a scale anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from opt_tool.ir import Graph, Node, Value
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.data_movement import Concat, Transpose2
from opt_tool.ir.operations.matmul import MatMul
from opt_tool.ir.operations.shape import Reshape2
from opt_tool.passes.affine import is_parameter
from opt_tool.passes.quantization.keep_integers import grid_scales
from opt_tool.passes.rewrite import Kept, Rewrite

CHANNELS_LAST = (0, 2, 3, 1)

MOST_PIXELS = 1024
"""Of planes for which a row of ones is stored."""


class Head(NamedTuple):
    """A convolution and the transpose that alone reads it, and the plane's height and width."""

    conv: Node
    turn: Node
    plane: tuple[int, int]


class MultiplyHeads(Rewrite[Head]):
    """Writes 1x1 convolutions that are transposed as products."""

    roots = (Transpose2,)

    def match(self, graph: Graph, node: Node) -> Head | Kept | None:
        assert isinstance(node.op, Transpose2)
        if node.op.axis != CHANNELS_LAST:
            return None
        conv = node.input("X").producer
        if conv is None or type(conv.op) is not Conv2D:
            return Kept("its input is not a convolution")
        if not graph.read_once(conv.output):
            return Kept(f"{conv.name!r} is read by something else too")
        weight = conv.input("Filter")
        if conv.op != Conv2D() or prod(weight.type.static_shape[2:]) != 1:
            return Kept(f"{conv.name!r} is more than a product of each pixel")
        if not all(is_parameter(conv.inputs.maybe(slot)) for slot in ("Filter", "Bias")):
            return Kept(f"{conv.name!r} has a parameter that is computed or quantized")
        if conv.inputs["ResidualData"]:
            return Kept(f"{conv.name!r} adds something")
        batch, *plane = (conv.output.shape[axis] for axis in (0, 2, 3))
        sizes = [size for size in plane if isinstance(size, int)]
        if batch != 1 or len(sizes) < len(plane):
            return Kept("there are several pictures, or the size is known only at run time")
        if prod(sizes) > MOST_PIXELS:
            return Kept(f"a row of ones for {prod(sizes)} pixels would be stored")
        if grid_scales(weight.array().reshape(weight.type.static_shape[0], 1, -1)) is not None:
            return Kept(f"the filter of {conv.name!r} is stored in 8 bits as it is")
        return Head(conv, node, (sizes[0], sizes[1]))

    def rewrite(self, graph: Graph, match: Head) -> Node:
        conv, turn = match.conv, match.turn
        weight, bias = conv.input("Filter").array(), conv.inputs.maybe("Bias")
        matrix = weight[:, :, 0, 0].T
        pixels = prod(match.plane)
        rows = _add(graph, match, Reshape2(shape=(len(matrix), pixels)), [conv.input("Input")])
        if bias is not None:
            ones = graph.add_constant(f"{conv.name}.ones", np.ones((1, pixels), weight.dtype))
            rows = _add(graph, match, Concat(axis=0), [rows, ones])
            matrix = np.concatenate([matrix, bias.array().reshape(1, -1)])
        product = graph.add(
            MatMul(transpose_X=True),
            {
                "X": rows,
                "Y": graph.add_constant(f"{conv.name}.matrix", np.ascontiguousarray(matrix)),
            },
            name=conv.name,
            sources=conv.sources,
            before=turn,
        )
        product.passes = (*conv.passes, self.name)
        shape = (1, *match.plane, matrix.shape[1])
        return graph.fuse((conv, turn), Reshape2(shape=shape), {"X": product.output})


def _add(graph: Graph, head: Head, op: Reshape2 | Concat, operands: Sequence[Value]) -> Value:
    sources = head.conv.sources
    return graph.add(op, {"X": operands}, sources=sources, before=head.turn).output
