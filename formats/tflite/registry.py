"""Which function reads which TFLite operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from opt_tool.formats.registry import Registry
from opt_tool.ir import Value

if TYPE_CHECKING:
    from opt_tool.formats.tflite.node import TfliteNode
    from opt_tool.formats.tflite.orders import Laid, Pair

Made: TypeAlias = "Value | Laid | Pair"

Importer: TypeAlias = "Callable[[TfliteNode], Made | Sequence[Made]]"
"""Adds what an operator means to the graph and returns its outputs."""

I = TypeVar("I", bound=Importer)  # noqa: E741

MOVING = frozenset({"EXPAND_DIMS", "RESHAPE", "SLICE", "SQUEEZE", "STRIDED_SLICE", "TRANSPOSE"})
"""Operators that move the parts of complex numbers as they move any."""

STATES: Mapping[str, frozenset[int]] = {
    "BIDIRECTIONAL_SEQUENCE_LSTM": frozenset({35, 36, 37, 38}),
    "BIDIRECTIONAL_SEQUENCE_RNN": frozenset({4, 8}),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": frozenset({18, 19}),
    "UNIDIRECTIONAL_SEQUENCE_RNN": frozenset({4}),
}
"""The operands that are variables which start at zero in every run."""

IMPORTERS: Registry[str, Importer] = Registry(
    "opt_tool.formats.tflite.operators",
    (
        "convolution",
        "arithmetic",
        "shape",
        "pooling",
        "activation",
        "padding",
        "rearrangement",
        "normalization",
        "resizing",
        "reduction",
        "elementary",
        "indexing",
        "bits",
        "recurrence",
        "steps",
        "control_flow",
        "detection",
        "picking",
        "segments",
        "signal",
        "writing",
    ),
)
"""The importer of each operator."""


def tflite_op(*names: str) -> Callable[[I], I]:
    """Register the importer of operators."""

    def register(importer: I) -> I:
        for name in names:
            if IMPORTERS.add(name, importer) is not importer:
                raise TypeError(f"{name} has two importers")
        return importer

    return register


def supported_operators() -> tuple[str, ...]:
    """Every operator that has an importer, sorted."""
    return tuple(sorted(IMPORTERS))
