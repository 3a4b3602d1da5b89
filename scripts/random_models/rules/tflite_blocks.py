"""Several TFLite operators at once, as converted networks have them, and near misses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from random_models.drawing import Draw, Menu, Row, Tensor
from random_models.rules.tflite import NONE, RELU, RELU6, fused, ints

SAME, VALID = 0, 1


def scalar(d: Draw, number: float) -> str:
    return d.constant(np.full(d.pick(((), (1,))), number, np.float32))


def filtered(d: Draw, x: str, channels: int, wanted: int, side: int, **own: Any) -> str:
    weight = d.constant(d.filters(wanted, side, side, channels))
    options = {"padding": SAME, "stride_h": 1, "stride_w": 1, "fused_activation_function": NONE}
    return d.add("CONV_2D", x, weight, d.constant(d.normal([wanted])), **{**options, **own})


def per_channel(d: Draw, x: str, channels: int) -> str:
    numbers = d.constant(d.uniform([channels], -1.5, 1.5))
    own = {"fused_activation_function": d.pick((NONE, NONE, RELU))}
    return d.add(d.pick(("MUL", "ADD", "SUB")), *d.shuffled([x, numbers]), **own)


def layer(d: Draw, x: Tensor) -> str | None:
    """A convolution with its affine parts and a shortcut."""
    if x.rank != 4:
        return None
    channels = x.shape[3]
    name = per_channel(d, x.name, channels) if d.chance(0.2) else x.name
    wanted = d.pick((channels, channels, 8))
    name = filtered(d, name, channels, wanted, d.pick((1, 3)), fused_activation_function=fused(d))
    for _ in range(d.between(0, 2)):
        name = per_channel(d, name, wanted)
    if wanted == channels and d.chance():
        own = {"fused_activation_function": fused(d)}
        name = d.add("ADD", *d.shuffled([name, x.name]), **own)
    return name


def padded(d: Draw, x: Tensor) -> str | None:
    """A pad in front of a window that is laid inside only."""
    if x.rank != 4:
        return None
    widths = [[0, 0], *([d.between(0, 2), d.between(0, 2)] for _ in range(2)), [0, 0]]
    name = d.add("PAD", x.name, ints(d, widths))
    stride = d.pick((1, 2))
    own = {"padding": VALID, "stride_h": stride, "stride_w": stride}
    if d.chance(0.6):
        return filtered(d, name, x.shape[3], d.pick((2, 8)), d.pick((2, 3)), **own)
    window = {"filter_height": 2, "filter_width": d.pick((2, 3))}
    return d.add(d.pick(("MAX_POOL_2D", "AVERAGE_POOL_2D")), name, **window, **own)


def squeezed(d: Draw, x: Tensor) -> str | None:
    """Channels that are weighted by what their means say."""
    if x.rank != 4:
        return None
    channels = x.shape[3]
    mean = d.add("MEAN", x.name, ints(d, [1, 2]), keep_dims=True)
    small = filtered(d, mean, channels, max(1, channels // 2), 1, fused_activation_function=RELU)
    weights = d.add("LOGISTIC", filtered(d, small, max(1, channels // 2), channels, 1))
    return d.add("MUL", *d.shuffled([x.name, weights]))


def hard_swish(d: Draw, x: Tensor) -> str:
    """As converters write it where there is no operator for it."""
    held = d.add("ADD", x.name, scalar(d, 3), fused_activation_function=RELU6)
    sixth = scalar(d, d.pick((1 / 6, 0.2)))
    if d.chance():
        return d.add("MUL", x.name, d.add("MUL", held, sixth))
    return d.add("MUL", d.add("MUL", x.name, held), sixth)


def gelu(d: Draw, x: Tensor) -> str:
    cube = d.add("MUL", d.add("MUL", x.name, d.add("SQUARE", x.name)), scalar(d, 0.044715))
    inner = d.add("MUL", d.add("ADD", x.name, cube), scalar(d, math.sqrt(2 / math.pi)))
    half = d.add("ADD", d.add("TANH", inner), scalar(d, 1))
    return d.add("MUL", d.add("MUL", x.name, half), scalar(d, 0.5))


def leak(d: Draw, x: Tensor) -> str | None:
    """A slope for negative numbers in two branches, as Keras writes PReLU."""
    if x.rank != 4:
        return None
    slopes = d.constant(d.uniform(d.pick((x.shape[-1:], (1, 1, x.shape[-1]))), -0.5, 0.9))
    below = d.add("RELU", d.add("NEG", x.name))
    part = d.add("MUL", *d.shuffled([below, slopes]))
    return d.add(d.pick(("SUB", "ADD")), d.add("RELU", x.name), part)


def normalized(d: Draw, x: Tensor) -> str | None:
    """A layer normalization in single steps."""
    if not x.rank or x.shape[-1] < 3:
        return None
    axis = ints(d, d.pick(([x.rank - 1], [-1])))
    mean = d.add("MEAN", x.name, axis, keep_dims=True)
    squares = d.add("SQUARED_DIFFERENCE", x.name, mean)
    variance = d.add("MEAN", squares, axis, keep_dims=True)
    root = d.add("RSQRT", d.add("ADD", variance, scalar(d, 1e-3)))
    if d.chance():
        centred = d.add("SUB", x.name, mean)
        scaled = d.add("MUL", d.add("MUL", centred, root), d.constant(d.normal(x.shape[-1:])))
        return d.add("ADD", scaled, d.constant(d.normal(x.shape[-1:])))
    factor = d.add("MUL", root, d.constant(d.normal(x.shape[-1:])))
    offset = d.add("SUB", d.constant(d.normal(x.shape[-1:])), d.add("MUL", mean, factor))
    return d.add("ADD", d.add("MUL", x.name, factor), offset)


def dense(d: Draw, x: Tensor) -> str | None:
    if x.rank < 2:
        return None
    depth = math.prod(x.shape[1:])
    rows = d.add("RESHAPE", x.name, ints(d, [-1, depth]))
    weight = d.constant(d.filters(d.pick((2, 8)), depth))
    name = d.add("FULLY_CONNECTED", rows, weight, "", fused_activation_function=fused(d))
    return d.add("SOFTMAX", name, beta=1.0) if d.chance(0.3) else name


def attention(d: Draw, x: Tensor) -> str | None:
    if x.rank != 3:
        return None
    turned = d.chance()
    key = d.add("TRANSPOSE", x.name, ints(d, [0, 2, 1])) if turned else x.name
    scores = d.add("BATCH_MATMUL", x.name, key, adj_x=False, adj_y=not turned)
    weights = d.add("SOFTMAX", d.add("MUL", scores, scalar(d, 0.5)), beta=1.0)
    return d.add("BATCH_MATMUL", weights, x.name, adj_x=False, adj_y=False)


def shuffled(d: Draw, x: Tensor) -> str | None:
    """Channels in another order."""
    if x.rank != 4 or x.shape[3] % 2:
        return None
    n, h, w, c = x.shape
    apart = d.add("RESHAPE", x.name, ints(d, [n, h, w, 2, c // 2]))
    turned = d.add("TRANSPOSE", apart, ints(d, [0, 1, 2, 4, 3]))
    return d.add("RESHAPE", turned, ints(d, [n, h, w, c]))


def enlarged(d: Draw, x: Tensor) -> str | None:
    """A larger plane added to what it was made of, as in pyramids."""
    if x.rank != 4:
        return None
    _, h, w, _ = x.shape
    window = dict.fromkeys(("stride_h", "stride_w", "filter_height", "filter_width"), 2)
    small = d.add("MAX_POOL_2D", x.name, padding=SAME, **window)
    type = d.pick(("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"))
    aligned, half = d.pick(((False, False), (True, False), (False, True)))
    own = {"align_corners": aligned, "half_pixel_centers": half}
    large = d.add(type, small, ints(d, [h, w]), **own)
    if d.chance():
        return d.add("CONCATENATION", *d.shuffled([large, x.name]), axis=d.pick((3, -1)))
    return d.add("ADD", *d.shuffled([large, x.name]), fused_activation_function=fused(d))


MENU: Menu = (
    Row(5, layer),
    Row(3, padded),
    Row(2, squeezed),
    Row(1, hard_swish),
    Row(1, gelu),
    Row(1, leak),
    Row(1, normalized),
    Row(2, dense),
    Row(2, attention),
    Row(1, shuffled),
    Row(2, enlarged),
)
