"""A random model: operators in the words of a format, and the arrays that it is fed with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Operator:
    """One operator; "" is an operand or a result that is left out.

    A layer of Caffe that works in place has a result with the name of its operand, and its
    ``blobs`` are no operands.
    """

    type: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    blobs: tuple[np.ndarray, ...] = ()

    def __str__(self) -> str:
        words = [f"{name}={value}" for name, value in self.attributes.items()]
        operands = ", ".join((*self.inputs, *words))
        return f"{', '.join(self.outputs)} = {self.type}({operands})"


@dataclass(frozen=True)
class RandomModel:
    """Operators in order, with the arrays of inputs and constants.

    Attributes:
        operators: Each after those whose results it reads.
        inputs: What each input is fed with.
        constants: What does not change.
        outputs: Which results are handed out.
        opset: The version of the operators, where a format has one.
        open: For each input the axes whose sizes are left open.
        others: What the inputs are fed with once more, in other sizes where they are open.
    """

    operators: tuple[Operator, ...] = ()
    inputs: Arrays = field(default_factory=dict)
    constants: Arrays = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    opset: int = 0
    open: Mapping[str, frozenset[int]] = field(default_factory=dict)
    others: tuple[Arrays, ...] = ()

    @property
    def feeds(self) -> tuple[Arrays, ...]:
        """All that the model is fed with, one after the other."""
        return (self.inputs, *self.others)

    def used(self) -> RandomModel:
        """The model without what its outputs do not need."""
        needed, kept = set(self.outputs), []
        for operator in reversed(self.operators):
            if needed & set(operator.outputs):
                needed -= set(operator.outputs)
                needed |= set(operator.inputs)
                kept.append(operator)
        return replace(
            self,
            operators=tuple(reversed(kept)),
            inputs={name: array for name, array in self.inputs.items() if name in needed},
            constants={name: array for name, array in self.constants.items() if name in needed},
            open={name: axes for name, axes in self.open.items() if name in needed},
            others=tuple(
                {name: array for name, array in feed.items() if name in needed}
                for feed in self.others
            ),
        )

    def fed(self, feeds: Sequence[Arrays]) -> RandomModel:
        """The same model with other arrays."""
        return replace(self, inputs=feeds[0], others=tuple(feeds[1:]))

    @property
    def types(self) -> list[str]:
        """The operators' types, for a line of text."""
        return [operator.type for operator in self.operators]

    def __str__(self) -> str:
        arrays = {**self.constants, **self.inputs}
        heads = [f"{name}: {array.dtype}{list(array.shape)}" for name, array in arrays.items()]
        opset = [f"opset {self.opset}"] if self.opset else []
        lines = [*opset, *heads, *map(str, self.operators), f"outputs {', '.join(self.outputs)}"]
        return "\n".join(lines) + "\n"
