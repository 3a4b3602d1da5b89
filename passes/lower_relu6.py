"""Write relu6 as clip where the target's relu6 has its threshold fixed.

Before::

    y = relu6(x, threshold=1)

After::

    y = clip(x, min=0, max=1)
    y = elementwise_min(relu(x), 1)            # the runtime's basic build has no clip

The kernels for ARM and the host compute with 6, whatever the attribute says
(lite/kernels/{arm,host}/activation_compute.cc). Fused into a layer it is honoured, so this
comes after fusion.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from opt_tool.ir import Graph, Node
from opt_tool.ir.operations.activation import Relu, Relu6
from opt_tool.ir.operations.elementwise import Clip, ElementwiseMin
from opt_tool.passes.rewrite import Rewrite
from opt_tool.targets import Library

FIXED_THRESHOLD = 6.0


class OtherThreshold(NamedTuple):
    """A relu6 with a threshold that is not 6."""

    node: Node
    threshold: float


class LowerRelu6(Rewrite[OtherThreshold]):
    """Writes relu6 of other thresholds than 6 as clip, or as relu and a minimum."""

    roots = (Relu6,)

    def __init__(self, library: Library = Library.WITH_EXTRA) -> None:
        self.library = library

    def match(self, graph: Graph, node: Node) -> OtherThreshold | None:  # noqa: ARG002
        assert isinstance(node.op, Relu6)
        if node.op.threshold == FIXED_THRESHOLD:
            return None
        return OtherThreshold(node, node.op.threshold)

    def rewrite(self, graph: Graph, match: OtherThreshold) -> Node:
        node, x = match.node, match.node.input("X")
        if self.library is Library.WITH_EXTRA:
            return graph.replace(node, Clip(min=0.0, max=match.threshold), {"X": x})
        positive = graph.add(Relu(), {"X": x}, sources=node.sources, before=node)
        number = np.array([match.threshold], x.dtype.numpy)
        bound = graph.add_constant(f"{node.name}.threshold", number)
        return graph.replace(node, ElementwiseMin(), {"X": positive.output, "Y": bound})
