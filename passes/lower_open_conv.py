"""Add a channel where x86's kernel would be compiled for the first size that it meets.

Before::

    y = conv2d(x, w, b)                            # w (8, 4, 3, 3), height or width of x open

After, with a filter of zeros as the last one of ``w``::

    y = slice(conv2d(x, w9, b9), axes=1, ends=8)

The kernel writes machine code for the planes of its first run and runs it on those of every
size after that: other numbers, or the end of the process (lite/kernels/x86/conv_direct.h).
It takes multiples of 8 channels only (lite/kernels/x86/conv_compute.cc); the kernel for
other numbers looks at each run's sizes. It is slower, by half or more: where a size is
given, the convolution stays as it is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from opt_tool.ir import Graph, Node
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.data_movement import Slice
from opt_tool.passes.affine import CHANNELS, is_parameter
from opt_tool.passes.rewrite import Kept, Rewrite

COMPILED = ((3, 3), (5, 5), (7, 7))
"""The filters that the kernel takes."""

BLOCK = 8
"""It makes so many channels at once, and takes no other numbers of them."""


class OpenConv(NamedTuple):
    """A convolution that would be compiled for one of many sizes."""

    conv: Node
    op: Conv2D


class LowerOpenConv(Rewrite[OpenConv]):
    """Gives convolutions of open sizes on x86 a channel more."""

    roots = (Conv2D,)

    def match(self, graph: Graph, node: Node) -> OpenConv | Kept | None:  # noqa: ARG002
        assert isinstance(node.op, Conv2D)
        if not _is_compiled(node, node.op):
            return None
        if all(isinstance(size, int) for size in node.input("Input").shape[2:]):
            return None
        if not all(is_parameter(node.inputs.maybe(slot)) for slot in ("Filter", "Bias")):
            return Kept("it has a parameter that is computed or quantized")
        return OpenConv(node, node.op)

    def rewrite(self, graph: Graph, match: OpenConv) -> Node:
        conv = match.conv
        channels = conv.input("Filter").type.static_shape[0]
        inputs = {**conv.inputs}
        for slot in ("Filter", "Bias"):
            for value in conv.inputs[slot]:
                array = value.array() if slot == "Filter" else value.array().reshape(-1)
                longer = np.pad(array, ((0, 1), *((0, 0) for _ in array.shape[1:])))
                inputs[slot] = (graph.add_constant(f"{conv.name}.{slot.lower()}", longer),)
        wide = graph.add(match.op, inputs, name=conv.name, sources=conv.sources, before=conv)
        wide.passes = (*conv.passes, self.name)
        op = Slice(axes=(CHANNELS,), starts=(0,), ends=(channels,), infer_flags=(1,))
        return graph.replace(conv, op, {"Input": wide.output})


def _is_compiled(node: Node, op: Conv2D) -> bool:
    """Whether the runtime gives a node to the kernel that compiles itself."""
    weight = node.input("Filter")
    return (
        weight.shape[2:] in COMPILED
        and isinstance(weight.shape[0], int)
        and weight.shape[0] % BLOCK == 0
        and (op.groups, op.dilations) == (1, (1, 1))
        and op.strides in ((1, 1), (2, 2))
        and len(set(op.paddings)) == 1
        and op.paddings[0] <= op.strides[0]
    )
