"""Normalization: batch_norm, instance_norm, layer_norm and group_norm.

Paddle-Lite: lite/operators/batch_norm_op.cc, instance_norm_op.cc, layer_norm_op.cc,
group_norm_op.cc.
"""

from __future__ import annotations

from typing import ClassVar

from opt_tool.ir.graph import Value
from opt_tool.ir.operation import Operands, Operation, ShapeError, slots
from opt_tool.ir.types import Dim, TensorType, product


def _check_parameters(inputs: Operands[Value], parameters: tuple[str, ...], size: Dim) -> None:
    """Raise ShapeError unless each parameter that is there is a vector of ``size``."""
    for slot in parameters:
        parameter = inputs.maybe(slot)
        if parameter is None:
            continue
        symbolic = isinstance(size, str) or not parameter.type.is_static
        if parameter.rank != 1 or (not symbolic and parameter.shape != (size,)):
            raise ShapeError(f"{slot} must be a vector of {size}, found {parameter.type}")


def _check_rank(x: TensorType, ranks: range) -> None:
    if x.rank not in ranks:
        raise ShapeError(f"takes {ranks.start} to {ranks.stop - 1} dimensions, found {x}")


class BatchNorm(Operation):
    """(x - mean) / sqrt(variance + epsilon) * scale + bias for each channel of X (N, C, ...).

    Inputs: X of 2 to 5 dimensions, and Scale, Bias, Mean, Variance (C,).
    """

    type: ClassVar[str] = "batch_norm"
    inputs = slots("X Scale Bias Mean Variance")
    outputs = slots("Y")

    epsilon: float = 1e-5

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x = inputs.one("X").type
        _check_rank(x, range(2, 6))
        _check_parameters(inputs, ("Scale", "Bias", "Mean", "Variance"), x.shape[1])
        return (x,)


class InstanceNorm(Operation):
    """(x - mean) / sqrt(variance + epsilon) * scale + bias, each plane by its own statistics.

    Inputs: X (N, C, H, W), and Scale?, Bias? (C,).
    """

    type: ClassVar[str] = "instance_norm"
    inputs = slots("X Scale? Bias?")
    outputs = slots("Y")

    epsilon: float = 1e-5

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x = inputs.one("X").type
        _check_rank(x, range(4, 5))
        _check_parameters(inputs, ("Scale", "Bias"), x.shape[1])
        return (x,)


class LayerNorm(Operation):
    """(x - mean) / sqrt(variance + epsilon) * scale + bias over the last dimensions.

    The statistics are over the dimensions from ``begin_norm_axis`` on. Inputs: X, and
    Scale, Bias of as many elements as these dimensions have, as vectors (the x86 kernel
    demands both).
    """

    type: ClassVar[str] = "layer_norm"
    inputs = slots("X Scale Bias")
    outputs = slots("Y")

    begin_norm_axis: int = 1
    epsilon: float = 1e-5

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x = inputs.one("X").type
        if not 0 < self.begin_norm_axis < x.rank:
            raise ShapeError(f"cannot normalize {x} from axis {self.begin_norm_axis} on")
        _check_parameters(inputs, ("Scale", "Bias"), product(x.shape[self.begin_norm_axis :]))
        return (x,)


class GroupNorm(Operation):
    """Layer norm over each of ``groups`` groups of channels of X (N, C, H, W).

    Inputs: X, and Scale (C,), Bias (C,).
    """

    type: ClassVar[str] = "group_norm"
    inputs = slots("X Scale Bias")
    outputs = slots("Y")

    groups: int = 1
    epsilon: float = 1e-5

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x = inputs.one("X").type
        _check_rank(x, range(4, 5))
        channels = x.shape[1]
        if isinstance(channels, int) and channels % self.groups:
            raise ShapeError(f"{channels} channels do not divide into {self.groups} groups")
        _check_parameters(inputs, ("Scale", "Bias"), channels)
        return (x,)
