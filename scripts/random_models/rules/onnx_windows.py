"""ONNX operators that look at windows: convolutions, pools, resizing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from random_models.drawing import Draw, Menu, Row, Tensor

SIDES = (1, 2, 3, 3, 3, 4, 5, 7)
STRIDES = (1, 1, 2, 3)
DILATIONS = (1, 1, 1, 2, 3)
AUTO_PADS = ("SAME_UPPER", "SAME_LOWER", "VALID")


def pads(d: Draw, most: Sequence[int]) -> list[int]:
    """None, the same on both sides, or any."""
    kind = d.pick(("none", "equal", "any"))
    if kind == "none":
        return [0] * (2 * len(most))
    begin = [d.between(0, max(0, size)) for size in most]
    return begin + (begin if kind == "equal" else [d.between(0, max(0, size)) for size in most])


def padding(d: Draw, extents: Sequence[int]) -> dict[str, Any]:
    """Attributes: pads that are smaller than windows of these extents, or ``auto_pad``."""
    if d.chance(0.15):
        return {"auto_pad": d.pick(AUTO_PADS)}
    return {"pads": pads(d, [extent - 1 for extent in extents])}


def extents_of(sides: Sequence[int], dilations: Sequence[int]) -> list[int]:
    return [(side - 1) * step + 1 for side, step in zip(sides, dilations, strict=True)]


def conv(d: Draw, x: Tensor) -> str | None:
    if not 3 <= x.rank <= 5:
        return None
    rank, channels = x.rank - 2, x.shape[1]
    kind = d.pick(("any", "any", "any", "groups", "depthwise", "pointwise"))
    groups = {"groups": d.divisor(channels), "depthwise": channels}.get(kind, 1)
    wanted = groups * d.pick((1, 1, 2, 3) if kind == "depthwise" else (1, 2, 3, 4, 5, 8))
    sides = [1] * rank if kind == "pointwise" else d.per_axis(SIDES, rank)
    dilations = d.per_axis(DILATIONS, rank, equal=0.8)
    weight = d.constant(d.filters(wanted, channels // groups, *sides))
    bias = [d.constant(d.normal([wanted]))] if d.chance(0.6) else []
    return d.add(
        "Conv",
        x.name,
        weight,
        *bias,
        kernel_shape=sides if d.chance(0.8) else None,
        strides=d.per_axis(STRIDES, rank),
        dilations=dilations,
        group=groups,
        **padding(d, extents_of(sides, dilations)),
    )


def conv_transpose(d: Draw, x: Tensor) -> str | None:
    if not 3 <= x.rank <= 4:
        return None
    rank, channels = x.rank - 2, x.shape[1]
    groups = d.pick((1, 1, 1, channels, d.divisor(channels)))
    wanted = d.pick((1, 2, 3, 4, 6))
    sides = d.per_axis((1, 2, 3, 4, 5), rank)
    strides, dilations = d.per_axis((1, 2, 2, 3), rank, equal=0.8), [d.pick((1, 1, 1, 2))] * rank
    room = [max(step, size) - 1 for step, size in zip(strides, dilations, strict=True)]
    extra = [d.between(0, most) for most in room] if d.chance(0.4) else None
    bias = [d.constant(d.normal([wanted * groups]))] if d.chance() else []
    return d.add(
        "ConvTranspose",
        x.name,
        d.constant(d.normal((channels, wanted, *sides), 0.5)),
        *bias,
        kernel_shape=sides,
        strides=strides,
        dilations=dilations,
        group=groups,
        output_padding=extra,
        **padding(d, [min(3, side + 1) for side in sides]),
    )


def pool(d: Draw, x: Tensor) -> str | None:
    if not 3 <= x.rank <= 5:
        return None
    rank = x.rank - 2
    sides = d.per_axis((1, 2, 2, 3, 3, 5), rank, equal=0.7)
    type = d.pick(("MaxPool", "MaxPool", "AveragePool", "AveragePool", "LpPool"))
    dilated = {"MaxPool": 10, "AveragePool": 19, "LpPool": 18}[type] <= d.opset and d.chance(0.2)
    dilations = d.per_axis((1, 2, 2, 3), rank) if dilated else None
    ceil = {"MaxPool": 10, "AveragePool": 10, "LpPool": 18}[type] <= d.opset and d.chance(0.4)
    own: dict[str, Any] = {}
    if type == "AveragePool":
        own = {"count_include_pad": d.between(0, 1)}
    elif type == "LpPool":
        own = {"p": d.pick((1, 2))}
    return d.add(
        type,
        x.name,
        kernel_shape=sides,
        strides=d.per_axis((1, 2, 2, 3), rank),
        dilations=dilations,
        ceil_mode=int(ceil) if ceil else None,
        **own,
        **padding(d, extents_of(sides, dilations or [1] * rank)),
    )


def global_pool(d: Draw, x: Tensor) -> str | None:
    if x.rank < 3:
        return None
    return d.add(d.pick(("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")), x.name)


COORDINATES = ("half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel")
LATER_COORDINATES = ("half_pixel_symmetric", "tf_crop_and_resize")
ROUNDINGS = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


def resize(d: Draw, x: Tensor) -> str | None:
    if x.rank not in (3, 4):
        return None
    mode = d.pick(("nearest", "linear", "linear", "cubic"))
    factors = [1.0] * 2 + [d.pick((0.5, 1, 1.5, 2, 3)) for _ in x.shape[2:]]
    if d.opset < 11:
        return _upsample(d, x, mode, factors)
    coordinates = d.pick(COORDINATES)
    if d.opset >= 19 and d.chance(0.2):
        coordinates = LATER_COORDINATES[0]
    own: dict[str, Any] = {"coordinate_transformation_mode": coordinates, "mode": mode}
    if mode == "nearest":
        own["nearest_mode"] = d.pick(ROUNDINGS)
    if mode == "cubic" and d.chance():
        own["cubic_coeff_a"] = -0.5
    if d.opset >= 18 and d.chance(0.2):
        own["antialias"] = 1 if mode != "nearest" else None
    empty = d.constant(np.zeros(0, np.float32)) if d.opset < 13 else ""
    if d.chance():
        return d.add("Resize", x.name, empty, d.constant(np.array(factors, np.float32)), **own)
    sizes = [*x.shape[:2], *(d.between(1, 12) for _ in x.shape[2:])]
    return d.add("Resize", x.name, empty, empty, d.ints(sizes), **own)


def _upsample(d: Draw, x: Tensor, mode: str, factors: Sequence[float]) -> str | None:
    """The forms before opset 11."""
    if mode == "cubic":
        return None
    if d.opset >= 10:
        return d.add("Resize", x.name, d.constant(np.array(factors, np.float32)), mode=mode)
    larger = [max(1.0, factor) for factor in factors]
    if d.opset == 9:
        return d.add("Upsample", x.name, d.constant(np.array(larger, np.float32)), mode=mode)
    return d.add("Upsample", x.name, scales=larger, mode=mode)


def grid_sample(d: Draw, x: Tensor) -> str | None:
    if x.rank != 4 or d.opset < 16:
        return None
    grid = d.operand(d.uniform((x.shape[0], d.between(1, 6), d.between(1, 6), 2), -1.3, 1.3))
    modes = ("linear", "nearest", "cubic") if d.opset >= 20 else ("bilinear", "nearest", "bicubic")
    return d.add(
        "GridSample",
        x.name,
        grid,
        mode=d.pick(modes),
        padding_mode=d.pick(("zeros", "border", "reflection")),
        align_corners=d.between(0, 1),
    )


MENU: Menu = (
    Row(8, conv),
    Row(3, conv_transpose),
    Row(6, pool),
    Row(1, global_pool),
    Row(3, resize),
    Row(1, grid_sample),
)
