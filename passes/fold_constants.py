"""Compute now what the run would compute from constants alone.

Before::

    y = op(constant, ...)        or  y = shape(x), with x of a known shape

After::

    y = constant

The runtime's own kernels do the computing, so that a folded value is the value that the
run would have made.
"""

from __future__ import annotations

from opt_tool.ir import Graph, Node, ShapeError
from opt_tool.passes.rewrite import PassReport
from opt_tool.runtime.fold import fold


class FoldConstants:
    """Replaces nodes of constant operands by their results."""

    name = "fold-constants"

    def run(self, graph: Graph) -> PassReport:
        """Fold in execution order: what a fold makes can be folded on in the same walk."""
        changes = sum(_folds(graph, node) for node in graph.nodes)
        graph.remove_unused()
        return PassReport(self.name, changes)


def _folds(graph: Graph, node: Node) -> bool:
    """Whether a node was folded; one whose operands do not fit is left to the run."""
    try:
        return fold(graph, node)
    except ShapeError:
        return False
