"""Take out what no output needs.

Before::

    y = relu(x)
    z = tanh(x)        # nobody reads z
    return y

After::

    y = relu(x)
    return y
"""

from __future__ import annotations

from opt_tool.ir import Graph
from opt_tool.passes.rewrite import PassReport


class RemoveUnusedNodes:
    """Removes nodes and constants that no output needs; graph inputs stay."""

    name = "remove-unused-nodes"

    def run(self, graph: Graph) -> PassReport:
        return PassReport(self.name, graph.remove_unused())
