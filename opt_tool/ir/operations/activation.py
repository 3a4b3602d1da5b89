"""Activations, alone and fused into another operation.

Paddle-Lite: lite/operators/activation_ops.cc.
"""

from __future__ import annotations

from typing import ClassVar, TypeAlias

from opt_tool.ir.graph import Value
from opt_tool.ir.operation import Operands, Operation, ShapeError, slots
from opt_tool.ir.types import TensorType, product


class ElementwiseUnary(Operation):
    """An operation that maps each element of X to one of Out."""

    inputs = slots("X")

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        return (inputs.one("X").type,)


class Relu(ElementwiseUnary):
    """max(x, 0)"""

    type: ClassVar[str] = "relu"


class Relu6(ElementwiseUnary):
    """min(max(x, 0), threshold)

    The kernels for ARM and the host take 6 for the threshold, whatever it is; ``clip``
    is the operation for another one.
    """

    type: ClassVar[str] = "relu6"

    threshold: float = 6.0


class LeakyRelu(ElementwiseUnary):
    """x where x >= 0, else alpha * x"""

    type: ClassVar[str] = "leaky_relu"

    alpha: float = 0.01


class Sigmoid(ElementwiseUnary):
    """1 / (1 + exp(-x))"""

    type: ClassVar[str] = "sigmoid"


class Tanh(ElementwiseUnary):
    """tanh(x)"""

    type: ClassVar[str] = "tanh"


class HardSigmoid(ElementwiseUnary):
    """min(max(slope * x + offset, 0), 1)"""

    type: ClassVar[str] = "hard_sigmoid"

    slope: float = 0.2
    offset: float = 0.5


class HardSwish(ElementwiseUnary):
    """x * min(max(x + offset, 0), threshold) / scale"""

    type: ClassVar[str] = "hard_swish"

    threshold: float = 6.0
    scale: float = 6.0
    offset: float = 3.0


class Swish(ElementwiseUnary):
    """x / (1 + exp(-beta * x))"""

    type: ClassVar[str] = "swish"

    beta: float = 1.0


class Elu(ElementwiseUnary):
    """x where x >= 0, else alpha * (exp(x) - 1)"""

    type: ClassVar[str] = "elu"

    alpha: float = 1.0


class Gelu(ElementwiseUnary):
    """x * (1 + erf(x / sqrt(2))) / 2

    With ``approximate`` it is x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x ** 3))) / 2, which
    the x86 kernel does not have.
    """

    type: ClassVar[str] = "gelu"

    approximate: bool = False


class Softplus(ElementwiseUnary):
    """log(1 + exp(beta * x)) / beta, and x where beta * x > threshold

    The kernel for ARM has no threshold: its exp overflows beyond 88.
    """

    type: ClassVar[str] = "softplus"

    beta: float = 1.0
    threshold: float = 20.0


class Mish(ElementwiseUnary):
    """x * tanh(s), where s = log(1 + exp(x)), or x > threshold: x, x < -threshold: exp(x)"""

    type: ClassVar[str] = "mish"

    threshold: float = 20.0


class ThresholdedRelu(ElementwiseUnary):
    """x where x > threshold, else 0"""

    type: ClassVar[str] = "thresholded_relu"

    threshold: float = 1.0


class PRelu(Operation):
    """x where x > 0, else slope * x.

    Inputs: X (N, C, ...), Alpha with one slope (mode ``all``), C slopes (mode
    ``channel``) or as many as X has elements (mode ``element``).
    """

    type: ClassVar[str] = "prelu"
    inputs = slots("X Alpha")

    mode: str = "channel"

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x, alpha = inputs.one("X").type, inputs.one("Alpha").type
        if x.rank < 2:
            raise ShapeError(f"prelu needs an input of at least 2 dimensions, found {x}")
        expected = {"all": 1, "channel": x.shape[1], "element": product(x.shape)}
        if self.mode not in expected:
            raise ShapeError(f"prelu has no mode {self.mode!r}; there are {sorted(expected)}")
        wanted = expected[self.mode]
        if alpha.is_static and isinstance(wanted, int) and alpha.size != wanted:
            raise ShapeError(f"prelu by {self.mode} of {x} does not take slopes {alpha}")
        return (x,)


Activation: TypeAlias = Relu | Relu6 | LeakyRelu | Sigmoid | Tanh | HardSigmoid | HardSwish
"""What convolutions can apply to their output; which of them depends on the target."""
