"""Normalizes each channel by the size of those around it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from opt_tool.formats.imported_node import ImportedNode
from opt_tool.ir import Value
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.elementwise import ElementwiseMul, Pow, Square


class LocalResponse(NamedTuple):
    """X / (bias + alpha * sum of squares over the channels up to ``radius`` away) ** beta."""

    radius: int
    alpha: float
    beta: float
    bias: float


def response_normalized(node: ImportedNode, planes: Value, response: LocalResponse) -> Value:
    """The planes (N, C, H, W) normalized.

    The sum over neighbouring channels is a 1x1 convolution by a band of ones: Paddle Lite's
    own lrn has no kernel on x86, and none in the small ARM library.
    """
    channels = planes.shape[1]
    if not isinstance(channels, int):
        raise node.unsupported(f"the input {planes.type}; the number of channels must be known")
    node.made_up(channels, channels)
    distance = np.arange(channels) - np.arange(channels)[:, np.newaxis]
    band = (np.abs(distance) <= response.radius) * np.float32(response.alpha)
    weight = node.new_constant(band.astype(np.float32)[:, :, np.newaxis, np.newaxis], "band")
    bias = node.new_constant(np.full(channels, response.bias, np.float32), "bias")
    sums = node.add(Conv2D(), Input=node.add(Square(), X=planes), Filter=weight, Bias=bias)
    factor = node.add(Pow(factor=-response.beta), X=sums)
    return node.add(ElementwiseMul(), X=planes, Y=factor)
