"""Draws graphs: one self-contained HTML page, an SVG picture or Graphviz's DOT."""

from __future__ import annotations

from opt_tool.api.visualization.drawing import Drawing, draw
from opt_tool.api.visualization.visualize import VisualizationReport, visualize, write_drawings

__all__ = ["Drawing", "VisualizationReport", "draw", "visualize", "write_drawings"]
