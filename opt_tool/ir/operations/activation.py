"""Activations, alone and fused into another operation.

Paddle-Lite: lite/operators/activation_ops.cc.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from opt_tool.ir.graph import Value
from opt_tool.ir.operation import Operands, Operation, slots
from opt_tool.ir.types import TensorType


class ElementwiseUnary(Operation):
    """An operation that maps each element of X to one of Out."""

    __slots__ = ()
    inputs = slots("X")

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        return (inputs.one("X").type,)


@dataclass(frozen=True, slots=True)
class Relu(ElementwiseUnary):
    """max(x, 0)"""

    type: ClassVar[str] = "relu"


@dataclass(frozen=True, slots=True)
class Relu6(ElementwiseUnary):
    """min(max(x, 0), threshold)"""

    type: ClassVar[str] = "relu6"

    threshold: float = 6.0


@dataclass(frozen=True, slots=True)
class LeakyRelu(ElementwiseUnary):
    """x where x >= 0, else alpha * x"""

    type: ClassVar[str] = "leaky_relu"

    alpha: float = 0.01


@dataclass(frozen=True, slots=True)
class Sigmoid(ElementwiseUnary):
    """1 / (1 + exp(-x))"""

    type: ClassVar[str] = "sigmoid"


@dataclass(frozen=True, slots=True)
class Tanh(ElementwiseUnary):
    """tanh(x)"""

    type: ClassVar[str] = "tanh"


@dataclass(frozen=True, slots=True)
class HardSigmoid(ElementwiseUnary):
    """min(max(slope * x + offset, 0), 1)"""

    type: ClassVar[str] = "hard_sigmoid"

    slope: float = 0.2
    offset: float = 0.5


@dataclass(frozen=True, slots=True)
class HardSwish(ElementwiseUnary):
    """x * min(max(x + offset, 0), threshold) / scale"""

    type: ClassVar[str] = "hard_swish"

    threshold: float = 6.0
    scale: float = 6.0
    offset: float = 3.0


Activation: TypeAlias = Relu | Relu6 | LeakyRelu | Sigmoid | Tanh | HardSigmoid | HardSwish
"""What convolutions can apply to their output; which of them depends on the target."""
