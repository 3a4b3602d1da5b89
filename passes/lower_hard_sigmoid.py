"""Write hard_sigmoid as a line and a relu6 where these cost less.

Before::

    y = hard_sigmoid(x, slope=a, offset=b)

After::

    y = relu6(scale(x, scale=a, bias=b), threshold=1)

Behind a convolution both fold into it. x86 has no hard_sigmoid of its own: the host's
takes about six times as long as the two vectorised steps.
"""

from __future__ import annotations

from typing import NamedTuple

from opt_tool.ir import Graph, Node
from opt_tool.ir.operations.activation import HardSigmoid, Relu6
from opt_tool.ir.operations.convolution import Conv2D, Conv2DTranspose
from opt_tool.ir.operations.elementwise import Scale
from opt_tool.passes.affine import is_parameter, without_activation
from opt_tool.passes.rewrite import Rewrite
from opt_tool.targets import Library, Target


class SteppedGate(NamedTuple):
    """A hard_sigmoid and the line that it clamps."""

    node: Node
    line: Scale


class LowerHardSigmoid(Rewrite[SteppedGate]):
    """Writes hard_sigmoid as scale and relu6: behind convolutions, elsewhere not for ARM.

    A runtime of the basic build has no hard_sigmoid, and takes the two steps on ARM too.
    """

    roots = (HardSigmoid,)

    def __init__(self, target: Target, library: Library = Library.WITH_EXTRA) -> None:
        self.everywhere = target is Target.X86 or library is Library.BASIC

    def match(self, graph: Graph, node: Node) -> SteppedGate | None:
        assert isinstance(node.op, HardSigmoid)
        if not self.everywhere and not _folds(graph, node):
            return None
        return SteppedGate(node, Scale(scale=node.op.slope, bias=node.op.offset))

    def rewrite(self, graph: Graph, match: SteppedGate) -> Node:
        node = match.node
        line = graph.add(match.line, node.inputs, sources=node.sources, before=node)
        return graph.replace(node, Relu6(threshold=1.0), {"X": line.output})


def _folds(graph: Graph, node: Node) -> bool:
    """Whether a convolution in front can take the line and the clamp."""
    conv = node.input("X").producer
    return (
        conv is not None
        and isinstance(conv.op, (Conv2D, Conv2DTranspose))
        and graph.read_once(conv.output)
        and without_activation(conv)
        and all(is_parameter(conv.inputs.maybe(slot)) for slot in ("Filter", "Bias"))
        and graph.read_once(conv.input("Filter"))
    )
