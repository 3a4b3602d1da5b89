"""What the passes of a conversion did: how much smaller each made the graph, and the graphs."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from opt_tool.api import cost
from opt_tool.api.output_file import make_folder, write_text
from opt_tool.api.report import PassSummary
from opt_tool.ir import Graph
from opt_tool.ir.printer import format_graph
from opt_tool.passes.rewrite import PassReport


class GraphSize(NamedTuple):
    """How much a graph computes; None where a dimension is open."""

    ops: int
    macs: int | None
    activation_bytes: int | None

    @classmethod
    def of(cls, graph: Graph) -> GraphSize:
        nodes = list(graph.nodes)
        made = (cost.value_bytes(value) for node in nodes for value in node.outputs.flat())
        return cls(len(nodes), cost.known_sum(map(cost.macs, nodes)), cost.known_sum(made))


class PassLog:
    """Measures a graph after each pass, and writes it to a folder where one is given."""

    def __init__(self, graph: Graph, folder: Path | None = None) -> None:
        self.summaries: list[PassSummary] = []
        self._size = GraphSize.of(graph)
        self._folder = folder
        self._dump(graph, "source")

    def __call__(self, graph: Graph, report: PassReport) -> None:
        before = self._size
        if report.changes:
            self._size = GraphSize.of(graph)
        after = self._size
        self.summaries.append(
            PassSummary(
                name=report.name,
                changes=report.changes,
                ops_before=before.ops,
                ops_after=after.ops,
                macs_saved=_difference(before.macs, after.macs),
                activation_bytes_saved=_difference(before.activation_bytes, after.activation_bytes),
            )
        )
        self._dump(graph, report.name)

    def _dump(self, graph: Graph, name: str) -> None:
        """Write the graph as text to a file numbered by the passes so far."""
        if self._folder is None:
            return
        make_folder(self._folder)
        write_text(self._folder / f"{len(self.summaries):02}-{name}.txt", format_graph(graph))


def _difference(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else before - after
