"""Give parameters with long names short ones in the file: ``12w``, ``12b``.

A parameter's name stands in a file up to four times, and exporters write paths of sixty
characters and more: in a small model that is a percent of the file, which no quantization
takes away. The short name is the position of the operator that reads the parameter, counted
from 0 without feeds, and the first letter of its slot. Names in the graph stay what they are.
"""

from __future__ import annotations

from collections.abc import Iterator

from opt_tool.ir import Graph, Value

LONGEST = 12
"""A name of up to so many characters is short enough; it stays."""

LETTERS = {"filter": "w"}
"""Slots that do not begin with the letter by which everybody knows what is in them."""


def short_parameter_names(graph: Graph) -> dict[Value, str]:
    """A short name for each constant that has a long one; nothing else in the file has it."""
    names: dict[Value, str] = {}
    taken = set(graph.values)
    for value, name in _by_reader(graph):
        if value not in names and name not in taken:
            names[value] = name
            taken.add(name)
    return names


def _by_reader(graph: Graph) -> Iterator[tuple[Value, str]]:
    """Each long-named constant at each place where it is read, with the place as a name."""
    for position, node in enumerate(graph.nodes):
        for slot, values in node.inputs.items():
            for index, value in enumerate(values):
                if value.is_constant and len(value.name) > LONGEST:
                    letter = LETTERS.get(slot.lower(), slot[0].lower())
                    number = f".{index}" if len(values) > 1 else ""
                    yield value, f"{position}{letter}{number}"
