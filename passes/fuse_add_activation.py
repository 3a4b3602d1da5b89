"""Let a sum of two tensors apply the relu that follows it.

Before::

    y = relu(elementwise_add(a, b))

After::

    y = fusion_elementwise_add_activation(a, b, act_type="relu")

This is how a residual block ends. Only operands of one shape are fused: the kernels'
general broadcasting has a path of its own for each activation.
"""

from __future__ import annotations

from typing import NamedTuple

from opt_tool.ir import Graph, Node
from opt_tool.ir.operations.activation import Relu
from opt_tool.ir.operations.elementwise import ElementwiseAdd
from opt_tool.ir.operations.fused import FusionElementwiseAddActivation
from opt_tool.passes.rewrite import Kept, Rewrite
from opt_tool.targets import LiteVersion, Target, kernels_for


class ActivatedSum(NamedTuple):
    """A sum and the relu that alone reads it."""

    add: Node
    relu: Node


class FuseAddActivation(Rewrite[ActivatedSum]):
    """Fuses relu into the sums in front of it, where the runtime has the fused kernel."""

    roots = (Relu,)

    def __init__(self, target: Target, version: LiteVersion) -> None:
        fused = FusionElementwiseAddActivation.type
        self.has_kernel = bool(kernels_for(fused, target, version))

    def match(self, graph: Graph, node: Node) -> ActivatedSum | Kept | None:
        if not self.has_kernel:
            return None
        add = node.input("X").producer
        if add is None or not isinstance(add.op, ElementwiseAdd):
            return None
        x, y = add.input("X"), add.input("Y")
        if x.shape != y.shape:
            return Kept(f"{add.name!r} broadcasts")
        if not x.dtype.is_float:
            return Kept(f"{add.name!r} is not of floats")
        if not graph.read_once(add.output):
            return Kept(f"{add.name!r} is read by something else too")
        return ActivatedSum(add, node)

    def rewrite(self, graph: Graph, match: ActivatedSum) -> Node:
        op = FusionElementwiseAddActivation()
        return graph.fuse((match.add, match.relu), op, match.add.inputs)
