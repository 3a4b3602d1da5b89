"""Draws graphs: one self-contained HTML page, an SVG picture or Graphviz's DOT."""

from __future__ import annotations

from opt_tool.api.visualization.before_after import BeforeAndAfter
from opt_tool.api.visualization.visualize import VisualizationReport, check_drawing, visualize

__all__ = ["BeforeAndAfter", "VisualizationReport", "check_drawing", "visualize"]
