"""Chooses, layer by layer, how a convolution is computed.

Costs are counted in multiply-adds of a large matrix product, which is what the others were
measured against, on one core of a server (AVX-512, OpenBLAS: about 50 in a nanosecond); the
numbers are the least squares over 26 layers from 3 to 512 channels and 7 to 224 columns.
What is moved rather than multiplied costs so many multiply-adds for each element. A product
with few columns has to read its weights for little work: FEW_COLUMNS are added to each.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from opt_tool.ir import Node
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.kernels import winograd
from opt_tool.kernels.convolution import goes_by_rows
from opt_tool.kernels.cook_toom import Transform
from opt_tool.kernels.planes import window_counts
from opt_tool.runtime.binding import Settings

TRANSFORMS: Mapping[str, Transform] = MappingProxyType(
    {"winograd23": winograd.F23, "winograd43": winograd.F43, "winograd63": winograd.F63}
)

FEW_COLUMNS = 32
"""A product with this many columns runs at half its speed."""

LAID_OUT, LAID_OUT_BY_ROWS = 37, 18
"""One element of the windows that im2col lays out, and how many of them fewer by rows."""

FINISHED = 36
"""One element of the output, which gets its bias and its activation."""

TRANSFORMED = 60
"""One of the n * n elements of a tile and channel, on the way in as on the way out."""

STARTED = 2_000_000
"""What Winograd's steps cost more to start."""

WORTH_IT = 0.9
"""An algorithm must cost less than this part of a more exact one that needs less memory."""


class Layer(NamedTuple):
    """What a choice depends on: ``size`` is the output's, in space."""

    batch: int
    channels: int
    out_channels: int
    groups: int
    size: tuple[int, int]
    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]

    @classmethod
    def of(cls, op: Conv2D, shape: tuple[int, ...], weight_shape: tuple[int, ...]) -> Layer:
        """What an operation does for an input (N, C, H, W)."""
        top, bottom, left, right = op.paddings
        kernel = (weight_shape[2], weight_shape[3])
        padded = (shape[2] + top + bottom, shape[3] + left + right)
        size = window_counts(padded, kernel=kernel, strides=op.strides, dilations=op.dilations)
        return cls(
            batch=shape[0],
            channels=shape[1],
            out_channels=weight_shape[0],
            groups=op.groups,
            size=size,
            kernel=kernel,
            strides=op.strides,
            dilations=op.dilations,
        )

    @property
    def only_way(self) -> str | None:
        """How it is computed where there is nothing to choose."""
        if 1 < self.groups == self.channels == self.out_channels:
            return "depthwise"
        return "pointwise" if self.kernel == (1, 1) else None

    @property
    def takes_winograd(self) -> bool:
        return (self.kernel, self.strides, self.dilations) == ((3, 3), (1, 1), (1, 1))


def algorithm_of(node: Node, settings: Settings) -> str | None:
    """How a node is computed; None where it is no convolution or its size is open."""
    if not isinstance(node.op, Conv2D) or not node.input("Input").type.is_static:
        return None
    if not node.input("Filter").is_constant:
        return "im2col"
    shapes = (node.input(slot).type.static_shape for slot in ("Input", "Filter"))
    return choose(Layer.of(node.op, *shapes), settings)


def choose(layer: Layer, settings: Settings) -> str:
    """The algorithm for a layer: the forced one where it can compute it, else the policy's."""
    if layer.only_way is not None:
        return layer.only_way
    forced = settings.conv_algorithm
    if forced is not None and (forced not in TRANSFORMS or layer.takes_winograd):
        return forced
    if not layer.takes_winograd:
        return "im2col"
    return CHOOSERS[settings.conv_policy](layer, settings)


def cost(layer: Layer, algorithm: str) -> float:
    """What an algorithm costs for a layer, in multiply-adds of a large product."""
    depth = layer.channels * layer.out_channels // layer.groups
    if algorithm not in TRANSFORMS:
        taps, columns = math.prod(layer.kernel), math.prod(layer.size)
        by_rows = goes_by_rows(layer.channels, layer.size[1], layer.dilations, layer.groups)
        laid_out = LAID_OUT_BY_ROWS if by_rows else LAID_OUT
        moved = laid_out * taps * layer.channels + FINISHED * layer.out_channels
        return layer.batch * (taps * depth * (columns + FEW_COLUMNS) + moved * columns)
    transform = TRANSFORMS[algorithm]
    rows, tile_columns = (-(-length // transform.m) for length in layer.size)
    tiles, positions = rows * tile_columns, transform.n**2
    moved = TRANSFORMED * (layer.channels + layer.out_channels)
    return STARTED + layer.batch * positions * (depth * (tiles + FEW_COLUMNS) + moved * tiles)


def _by_cost(layer: Layer, settings: Settings) -> str:  # noqa: ARG001
    best = "im2col"
    for algorithm in TRANSFORMS:  # the more exact ones first
        if cost(layer, algorithm) < WORTH_IT * cost(layer, best):
            best = algorithm
    return best


def _as_paddle_lite(layer: Layer, settings: Settings) -> str:
    """Paddle Lite's rule for float32 on ARM: lite/kernels/arm/conv_winograd.cc."""
    if layer.groups != 1:
        return "im2col"
    units = math.prod(layer.size) / (8 * settings.threads)
    if units < 16:
        return "winograd23"
    return "winograd43" if units < 36 else "winograd63"


CHOOSERS: Mapping[str, Callable[[Layer, Settings], str]] = {
    "cost": _by_cost,
    "paddle-lite": _as_paddle_lite,
}
