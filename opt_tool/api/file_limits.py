"""What a file does worse than its source, in sentences for the report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from opt_tool.api.report import PassSummary
from opt_tool.errors import first_of
from opt_tool.ir import Graph, Value
from opt_tool.ir.mapped_arrays import forget
from opt_tool.passes.lower_open_conv import LowerOpenConv
from opt_tool.passes.open_lengths import open_lengths
from opt_tool.targets import Target

OPEN_SIZES = (
    "convolutions that take the slower kernel because their sizes are known only at run time: {}; "
    "where the inputs have one size, give it with --input-shape"
)
OPEN_LENGTHS = (
    "tensors that have as many elements as numbers in the inputs say: {}; where that is none, "
    "Paddle Lite ends the process or gives garbage"
)
NOT_A_NUMBER = (
    "weights that hold NaN: {}; what is computed from them is NaN, as it is in the source"
)
CHUNK = 1 << 20
"""So many elements are looked at before their memory is given back."""


def file_limits(graph: Graph, passes: Sequence[PassSummary], target: Target) -> Iterator[str]:
    """One sentence for each thing that the graph does worse after the passes."""
    slower = sum(done.changes for done in passes if done.name == LowerOpenConv().name)
    if slower:
        yield OPEN_SIZES.format(slower)
    lengths = open_lengths(graph, target)
    if lengths:
        yield OPEN_LENGTHS.format(_named(lengths))
    broken = [value for value in graph.constants if _holds_nan(value)]
    if broken:
        yield NOT_A_NUMBER.format(_named(broken))


def _holds_nan(value: Value) -> bool:
    if value.data is None or value.data.dtype.kind != "f":
        return False
    elements = value.data.ravel(order="K")
    for start in range(0, elements.size, CHUNK):
        least = elements[start : start + CHUNK].min()  # NaN is the least, if there is one
        forget(elements)
        if np.isnan(least):
            return True
    return False


def _named(values: Sequence[Value]) -> str:
    return first_of([repr(value.name) for value in values])
