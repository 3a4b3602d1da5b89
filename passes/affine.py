"""What a node does to each channel where it only scales and shifts, and how layers absorb it.

Batch norms, Mul, Add, Sub and Div by constants and ``scale`` are all
``y = scale * x + shift`` with one pair of numbers for each channel or for all.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from opt_tool.ir import Node, Operation, ShapeError, Value
from opt_tool.ir.operations.convolution import Conv2D, Conv2DTranspose
from opt_tool.ir.operations.elementwise import (
    ElementwiseAdd,
    ElementwiseBinary,
    ElementwiseDiv,
    ElementwiseMul,
    ElementwiseSub,
    Scale,
    aligned,
)
from opt_tool.ir.operations.normalization import BatchNorm

CHANNELS = 1
"""The axis of the channels of an image, NCHW."""

BINARY = (ElementwiseAdd, ElementwiseSub, ElementwiseMul, ElementwiseDiv)
ARITHMETIC = (Scale, *BINARY)
"""What ``read_arithmetic`` knows; with the batch norm, what ``read_channels`` knows."""


class Affine(NamedTuple):
    """``scale * x + shift``; both are float64 of one element or of one for each channel."""

    x: Value
    scale: np.ndarray
    shift: np.ndarray

    @property
    def keeps_scale(self) -> bool:
        return bool(np.all(self.scale == 1))

    @property
    def keeps_zero(self) -> bool:
        return not np.any(self.shift)

    @property
    def is_finite(self) -> bool:
        return bool(np.isfinite(self.scale).all() and np.isfinite(self.shift).all())


def is_parameter(value: Value | None) -> bool:
    """Whether an operand is missing or a float constant that may be computed with."""
    return value is None or (
        value.is_constant and value.quantization is None and value.dtype.is_float
    )


def read_batch_norm(node: Node) -> Affine | None:
    """A batch norm of constants as an affine map of axis 1."""
    if not isinstance(node.op, BatchNorm):
        return None
    x, *parameters = node.inputs.flat()
    if not all(is_parameter(value) for value in parameters):
        return None
    gamma, beta, mean, variance = (value.array().astype(np.float64) for value in parameters)
    scale = gamma / np.sqrt(variance + node.op.epsilon)
    return Affine(x, scale, beta - mean * scale)


def read_arithmetic(node: Node, axis: int) -> Affine | None:
    """Arithmetic with a constant, as an affine map of one axis, counted from the front."""
    if isinstance(node.op, Scale):
        return _read_scale(node.input("X"), node.op)
    if not isinstance(node.op, BINARY):
        return None
    x, y = node.input("X"), node.input("Y")
    swapped = x.is_constant
    if swapped:
        x, y = y, x
    if x.is_constant or y.data is None or not is_parameter(y):
        return None
    numbers = _along(axis, node.op, x, y)
    if numbers is None:
        return None
    factors = _factors(node.op, numbers, swapped=swapped)
    return None if factors is None else Affine(x, *factors)


def read_channels(node: Node) -> Affine | None:
    """A batch norm or arithmetic with a constant, as an affine map of the channels."""
    affine = read_batch_norm(node)
    return read_arithmetic(node, CHANNELS) if affine is None else affine


def _read_scale(x: Value, op: Scale) -> Affine | None:
    if not x.dtype.is_float or x.is_constant:
        return None
    shift = op.bias if op.bias_after_scale else op.bias * op.scale
    return Affine(x, np.array([op.scale]), np.array([shift]))


def _factors(
    op: Operation, numbers: np.ndarray, *, swapped: bool
) -> tuple[np.ndarray, np.ndarray] | None:
    """Scale and shift of ``x op numbers``, or of ``numbers op x`` when swapped."""
    one, zero = np.ones(1), np.zeros(1)
    if isinstance(op, ElementwiseAdd):
        return one, numbers
    if isinstance(op, ElementwiseSub):
        return (-one, numbers) if swapped else (one, -numbers)
    if isinstance(op, ElementwiseMul):
        return numbers, zero
    if swapped or not numbers.all():
        return None
    return 1 / numbers, zero


def _along(axis: int, op: ElementwiseBinary, x: Value, constant: Value) -> np.ndarray | None:
    """The elements of a constant that differs along one axis of x at most."""
    try:
        _, padded = aligned(op.type, op.axis, x.type, constant.type)
    except ShapeError:
        return None
    shape = (1,) * (x.rank - padded.rank) + padded.static_shape
    if len(shape) != x.rank or not 0 <= axis < x.rank:
        return None
    alone = all(dim == 1 for index, dim in enumerate(shape) if index != axis)
    if not alone or shape[axis] not in (1, x.shape[axis]):
        return None
    return constant.array().reshape(-1).astype(np.float64)


def scaled_filter(conv: Node, scale: np.ndarray) -> np.ndarray:
    """A convolution's filter with each output channel times its number (or times one)."""
    op, weight = conv.op, conv.input("Filter").array()
    if isinstance(op, Conv2DTranspose):
        channels, group_outputs, *kernel = weight.shape
        grouped = weight.reshape(op.groups, channels // op.groups, group_outputs, *kernel)
        factors = np.broadcast_to(scale, (op.groups * group_outputs,))
        scaled = multiplied(grouped, factors.reshape(op.groups, 1, group_outputs, 1, 1))
        return scaled.reshape(weight.shape)
    assert isinstance(op, Conv2D)
    return multiplied(weight, scale.reshape(-1, 1, 1, 1))


def multiplied(weight: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Weight times factors, rounded once; NumPy takes its way through float64 in small blocks."""
    return np.multiply(
        weight, factors, dtype=np.float64, out=np.empty_like(weight), casting="same_kind"
    )


def scaled_bias(bias: Value | None, channels: int, affine: Affine) -> np.ndarray:
    """The bias of a layer that an affine map follows."""
    old = np.zeros(channels) if bias is None else bias.array().astype(np.float64)
    new = old * affine.scale + np.broadcast_to(affine.shift, channels)
    return new.astype(affine.x.dtype.numpy)


def out_channels(conv: Node) -> int:
    """How many channels a convolution makes."""
    op, shape = conv.op, conv.input("Filter").type.static_shape
    return shape[1] * op.groups if isinstance(op, Conv2DTranspose) else shape[0]


def without_activation(conv: Node) -> bool:
    """Whether a convolution's output is the sum alone: no activation, no residual."""
    assert isinstance(conv.op, (Conv2D, Conv2DTranspose))
    return conv.op.activation is None and not conv.inputs["ResidualData"]
