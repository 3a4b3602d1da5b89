"""Lets the caller feed pictures with the channels first to a model that wants them last."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from opt_tool.errors import UsageError
from opt_tool.ir import Graph, Value
from opt_tool.ir.operations.data_movement import Transpose2

NCHW = "nchw"
FIRST, LAST = (0, 3, 1, 2), (0, 2, 3, 1)
"""The transposes that put the channels first, and back."""

CHANNELS = range(1, 5)
"""The numbers of channels by which a picture is known: grey, with alpha, colours, with alpha."""


def parse_layout(text: str | None) -> bool:
    """Whether a layout's name asks for the channels first.

    Raises:
        UsageError: when there is no such layout.
    """
    if text not in (None, NCHW):
        raise UsageError(f"no input layout is called {text!r}; there is {NCHW}")
    return text == NCHW


def is_channels_last(value: Value) -> bool:
    """Whether an input looks like pictures (N, H, W, C)."""
    shape = value.shape
    return len(shape) == 4 and shape[3] in CHANNELS and shape[1] not in CHANNELS


def feed_channels_first(graph: Graph) -> tuple[str, ...]:
    """Let a graph take its pictures (N, H, W, C) as (N, C, H, W), and transpose them itself.

    Where the graph transposes them back, the passes leave neither transpose.

    Returns:
        The names of the inputs that changed.

    Raises:
        UsageError: when the graph has no such input.
    """
    pictures = [value for value in graph.inputs if is_channels_last(value)]
    if not pictures:
        raise UsageError(
            f"no input has its channels last, so there is no layout to change to {NCHW}: "
            + ", ".join(map(repr, graph.inputs))
        )
    for value in pictures:
        _feed_first(graph, value)
    return tuple(value.name for value in pictures)


def _feed_first(graph: Graph, value: Value) -> None:
    users = value.users
    value.type = value.type.with_shape(value.shape[axis] for axis in FIRST)
    start = next(graph.nodes, None)
    last = graph.add(Transpose2(axis=LAST), {"X": value}, before=start).output
    for node in users:
        graph.replace_inputs(node, node.inputs.map(lambda x: last if x is value else x))


def channels_first(
    sample: Mapping[str, np.ndarray], names: Collection[str]
) -> dict[str, np.ndarray]:
    """A sample with the named pictures as (N, C, H, W)."""
    return {
        name: np.ascontiguousarray(array.transpose(FIRST)) if name in names else array
        for name, array in sample.items()
    }
