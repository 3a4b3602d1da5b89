"""Write a scaled, shifted and clamped x as hard_sigmoid.

Before::

    y = clip(x * a + b, 0, 1)
    y = relu6(x + 3) / 6

After::

    y = hard_sigmoid(x, slope=a, offset=b)
    y = hard_sigmoid(x, slope=1 / 6, offset=3 / 6)

For ARM: x86 runs hard_sigmoid on the host and is faster in two steps.
"""

from __future__ import annotations

import math

from opt_tool.ir import Graph, Node
from opt_tool.ir.operations.activation import HardSigmoid
from opt_tool.passes.affine import ARITHMETIC
from opt_tool.passes.clamp import BOUNDING, Clamp, read_clamp
from opt_tool.passes.rewrite import Rewrite
from opt_tool.targets import LiteVersion, Target, kernels_for


class RecogniseHardSigmoid(Rewrite[Clamp]):
    """Writes chains that end between 0 and 1 as hard_sigmoid."""

    roots = (HardSigmoid, *BOUNDING, *ARITHMETIC)

    def __init__(self, target: Target, version: LiteVersion) -> None:
        self.has_kernel = bool(kernels_for(HardSigmoid.type, target, version))

    def match(self, graph: Graph, node: Node) -> Clamp | None:
        if not self.has_kernel:
            return None
        clamp = read_clamp(graph, node)
        if clamp is None or len(clamp.nodes) == 1:
            return None
        reaches_one = math.isclose(clamp.gain * clamp.top, 1, rel_tol=1e-6)
        return clamp if reaches_one and clamp.slope != 0 else None

    def rewrite(self, graph: Graph, match: Clamp) -> Node:
        op = HardSigmoid(slope=match.gain * match.slope, offset=match.gain * match.offset)
        return graph.fuse(match.nodes, op, {"X": match.x})
