"""The page of a conversion: the graph as it was read, and beside it as it was written."""

from __future__ import annotations

from pathlib import Path

from opt_tool.api.report import QuantizationReport
from opt_tool.api.visualization.drawing import draw
from opt_tool.api.visualization.visualize import write_drawings
from opt_tool.ir import Graph
from opt_tool.targets import LiteVersion, Target


class BeforeAndAfter:
    """Draws a graph before its passes run, and again after them."""

    def __init__(self, path: Path, graph: Graph, source: str) -> None:
        self._path = path
        self._before = draw(graph, f"before: {source}")

    def write(
        self,
        graph: Graph,
        target: Target,
        version: LiteVersion,
        quantization: QuantizationReport,
    ) -> None:
        """Draw what became of the graph, and write the page.

        Raises:
            FileAccessError: when the file cannot be written.
        """
        after = draw(
            graph,
            f"after: {target.value}, Paddle Lite {version}",
            target=target,
            version=version,
            sqnr_db={layer.node: layer.sqnr_db for layer in quantization.layers},
        )
        write_drawings(self._path, (self._before, after))
