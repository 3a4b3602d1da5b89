"""Resizing of planes: nearest_interp_v2 and bilinear_interp_v2.

Paddle-Lite: lite/operators/interpolate_v2_op.cc.
"""

from __future__ import annotations

import math
from typing import ClassVar, TypeVar

from opt_tool.ir.graph import Value
from opt_tool.ir.operation import UNKNOWN, Operands, Operation, ShapeError, slots
from opt_tool.ir.types import Dim, TensorType, multiply

T = TypeVar("T")


class Interpolation(Operation):
    """Resizes the planes of X (N, C, H, W).

    The new size is OutSize (two int32: height, width) if it is there, else H and W times
    ``scale`` rounded down unless that is empty, else ``out_h`` and ``out_w``. With
    ``align_corners`` output i of n reads i * (size - 1) / (n - 1).
    """

    inputs = slots("X OutSize?")

    out_h: int
    out_w: int
    scale: tuple[float, ...]
    align_corners: bool

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x = inputs.one("X").type
        if x.rank != 4:
            raise ShapeError(f"resizes a tensor of 4 dimensions, found {x}")
        return (x.with_shape((*x.shape[:2], *self._spatial(x, inputs.maybe("OutSize")))),)

    def _spatial(self, x: TensorType, size: Value | None) -> tuple[Dim, ...]:
        if size is not None:
            return _two((UNKNOWN, UNKNOWN) if size.elements is None else size.elements)
        if not self.scale:
            return self.out_h, self.out_w
        if not all(0 < factor < math.inf for factor in self.scale):
            raise ShapeError(f"resizes by {list(self.scale)}; factors are positive")
        return tuple(map(_scaled, x.shape[2:], _two(self.scale)))


def _two(items: tuple[T, ...]) -> tuple[T, ...]:
    """What belongs to height and width."""
    if len(items) != 2:
        raise ShapeError(f"{list(items)} are not a height and a width")
    return items


def _scaled(dim: Dim, factor: float) -> Dim:
    if factor == int(factor):
        return multiply(dim, int(factor))
    return UNKNOWN if isinstance(dim, str) else int(dim * factor)


class NearestInterp(Interpolation):
    """Output i of n on an axis of size s is element floor(i * s / n), or floor(i / scale).

    With ``align_corners`` it is element floor(i * (s - 1) / (n - 1) + 0.5).
    """

    type: ClassVar[str] = "nearest_interp_v2"

    out_h: int = 0
    out_w: int = 0
    scale: tuple[float, ...] = ()
    align_corners: bool = False


class BilinearInterp(Interpolation):
    """Output i of n on an axis of size s lies between the two elements around a position.

    The position is i * s / n with ``align_mode`` 1, (i + 0.5) * s / n - 0.5 with 0.
    """

    type: ClassVar[str] = "bilinear_interp_v2"

    out_h: int = 0
    out_w: int = 0
    scale: tuple[float, ...] = ()
    align_corners: bool = False
    align_mode: int = 1
