"""Where in a model nodes stand that are being read."""

from __future__ import annotations

from typing import NamedTuple

from opt_tool.ir import Source


class Place(NamedTuple):
    """Where nodes stand: in the model itself, or in a function or sub-graph of a node.

    Names get ``prefix`` in front. Values that the node around them names are ``results``.
    What the nodes become is said to come from ``source``, or from themselves.
    """

    prefix: str = ""
    results: frozenset[str] = frozenset()
    source: Source | None = None


TOP = Place()
"""The nodes of the model itself."""
