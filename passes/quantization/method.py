"""The methods that can be chosen, each a combination of rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from opt_tool.passes.quantization.coherent_error_scale import coherent_error_scale
from opt_tool.passes.quantization.grid import round_to_nearest
from opt_tool.passes.quantization.minimum_error_scale import minimum_error_scale
from opt_tool.passes.quantization.per_channel_max import per_channel_max
from opt_tool.passes.quantization.squant import squant

ScaleRule: TypeAlias = Callable[[np.ndarray, int], np.ndarray]
"""(channels, kernels, elements) and the largest integer to one scale for each channel."""

Rounding: TypeAlias = Callable[[np.ndarray, np.ndarray, int], np.ndarray]
"""(channels, kernels, elements), scales and the largest integer to integers as float32."""


@dataclass(frozen=True, slots=True)
class Method:
    """How scales are chosen, how weights are rounded, and what is done besides.

    Where ``spare`` is not 0, depthwise filters have 16 bits in a file of 8, and so have the
    smallest of the other weights, often those of first convolutions, as far as that adds no
    more than this share of all float bytes.
    """

    scale: ScaleRule
    rounding: Rounding
    spare: float = 0.0
    correct_bias: bool = False
    equalize: bool = False

    def __post_init__(self) -> None:
        assert not (self.correct_bias and self.equalize), "means are those of channels as they were"


SPARE = 0.001
"""Less than what names take in a file of Paddle Lite's own converter, and not in ours."""

METHODS: Mapping[str, Method] = {
    "parity": Method(per_channel_max, round_to_nearest),
    "mse": Method(minimum_error_scale, round_to_nearest),
    "squant": Method(per_channel_max, squant),
    "bias": Method(per_channel_max, round_to_nearest, correct_bias=True),
    "equalize": Method(per_channel_max, round_to_nearest, equalize=True),
    "spare": Method(per_channel_max, round_to_nearest, SPARE),
    "best": Method(coherent_error_scale, squant, SPARE, correct_bias=True),
}
"""``parity`` is what Paddle Lite's own converter does; docs/quantization.md compares them."""

DEFAULT_METHOD = "best"
