"""Write relu6 as clip where the target's relu6 has its threshold fixed.

Before::

    y = relu6(x, threshold=1)

After::

    y = clip(x, min=0, max=1)

The kernels for ARM and the host compute with 6, whatever the attribute says
(lite/kernels/{arm,host}/activation_compute.cc). Fused into a layer it is honoured, so this
comes after fusion.
"""

from __future__ import annotations

from dataclasses import dataclass

from opt_tool.ir import Graph, Node
from opt_tool.ir.operations.activation import Relu6
from opt_tool.ir.operations.elementwise import Clip
from opt_tool.passes.rewrite import Rewrite

FIXED_THRESHOLD = 6.0


@dataclass(frozen=True, slots=True)
class OtherThreshold:
    """A relu6 with a threshold that is not 6."""

    node: Node
    clip: Clip


class LowerRelu6(Rewrite[OtherThreshold]):
    """Writes relu6 of other thresholds than 6 as clip."""

    def match(self, graph: Graph, node: Node) -> OtherThreshold | None:  # noqa: ARG002
        if not isinstance(node.op, Relu6) or node.op.threshold == FIXED_THRESHOLD:
            return None
        return OtherThreshold(node, Clip(min=0.0, max=node.op.threshold))

    def rewrite(self, graph: Graph, match: OtherThreshold) -> Node:
        return graph.replace(match.node, match.clip, match.node.inputs)
