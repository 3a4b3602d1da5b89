"""Several ONNX operators at once, as networks have them: what passes look for, and near misses."""

from __future__ import annotations

import math

import numpy as np

from random_models.drawing import Draw, Menu, Row, Tensor
from random_models.rules.onnx_arithmetic import swish
from random_models.rules.onnx_movement import listed


def scalar(d: Draw, number: float) -> str:
    """A constant of one element, in one of the shapes that exporters give it."""
    return d.constant(np.full(d.pick(((), (), (1,), (1, 1, 1, 1))), number, np.float32))


def activated(d: Draw, x: str) -> str:
    type = d.pick(("Relu", "Relu", "Relu6", "LeakyRelu", "Sigmoid", "HardSigmoid", "none", "Tanh"))
    if type == "none":
        return x
    if type == "Relu6":
        return clipped(d, x, 0.0, d.pick((6.0, 6.0, 3.0)))
    own = {"alpha": d.pick((0.1, 0.3))} if type == "LeakyRelu" else {}
    return d.add(type, x, **own)


def clipped(d: Draw, x: str, low: float, high: float) -> str:
    if d.opset < 11:
        return d.add("Clip", x, min=low, max=high)
    return d.add("Clip", x, d.constant(np.float32(low)), d.constant(np.float32(high)))


def normalized(d: Draw, x: str, channels: int) -> str:
    scale, variance = d.uniform([channels], 0.5, 1.5), d.uniform([channels], 0.5, 2)
    parameters = (scale, d.normal([channels]), d.normal([channels]), variance)
    return d.add("BatchNormalization", x, *map(d.constant, parameters))


def per_channel(d: Draw, x: str, channels: int) -> str:
    """A product or a sum with a number for each channel."""
    numbers = d.constant(d.uniform((channels, 1, 1), -1.5, 1.5))
    return d.add(d.pick(("Mul", "Add", "Add", "Sub")), *d.shuffled([x, numbers]))


def filtered(d: Draw, x: str, channels: int, wanted: int, side: int, groups: int = 1) -> str:
    weight = d.constant(d.filters(wanted, channels // groups, side, side))
    bias = [d.constant(d.normal([wanted]))] if d.chance() else []
    pad = [side // 2] * 4
    return d.add("Conv", x, weight, *bias, kernel_shape=[side] * 2, pads=pad, group=groups)


def layer(d: Draw, x: Tensor) -> str | None:
    """A convolution with what stands around it."""
    if x.rank != 4:
        return None
    channels, name = x.shape[1], x.name
    wanted = d.pick((channels, channels, 4, 8))
    if d.chance(0.3):
        name = normalized(d, name, channels) if d.chance() else per_channel(d, name, channels)
        name = activated(d, name) if d.chance(0.3) else name
    depthwise = wanted == channels and d.chance(0.4)
    name = filtered(d, name, channels, wanted, d.pick((1, 3, 3, 5)), channels if depthwise else 1)
    for _ in range(d.between(0, 2)):
        name = normalized(d, name, wanted) if d.chance() else per_channel(d, name, wanted)
    if wanted == channels and d.chance(0.4):
        name = d.add("Add", *d.shuffled([name, x.name]))
    return activated(d, name)


def parallel(d: Draw, x: Tensor) -> str | None:
    """Convolutions of one tensor that are added or joined."""
    if x.rank != 4:
        return None
    channels = x.shape[1]
    branches = [filtered(d, x.name, channels, channels, side) for side in d.shuffled((1, 3))]
    if d.chance():
        branches = [normalized(d, branch, channels) for branch in branches]
    if d.chance():
        branches.append(x.name if d.chance() else normalized(d, x.name, channels))
    if d.chance(0.3):
        joined = d.add("Concat", *branches, axis=1)
        return activated(d, normalized(d, joined, channels * len(branches)))
    name = branches[0]
    for branch in branches[1:]:
        name = d.add("Add", *d.shuffled([name, branch]))
    return activated(d, name)


def squeezed(d: Draw, x: Tensor) -> str | None:
    """Channels that are weighted by what their means say."""
    if x.rank != 4:
        return None
    channels = x.shape[1]
    mean = d.add("GlobalAveragePool", x.name)
    if d.chance(0.4):
        mean = listed(d, "ReduceMean", x, 18, "axes", [2, 3], keepdims=1)
    small = d.add("Relu", filtered(d, mean, channels, max(1, channels // 2), 1))
    weights = filtered(d, small, max(1, channels // 2), channels, 1)
    return d.add("Mul", *d.shuffled([x.name, d.add(d.pick(("Sigmoid", "HardSigmoid")), weights)]))


def padded(d: Draw, x: Tensor) -> str | None:
    """A pad in front of a window."""
    if x.rank != 4 or d.opset < 11:
        return None
    widths = [d.between(0, 2) for _ in range(4)]
    if d.chance():
        widths = widths[:2] * 2
    fill = d.constant(np.float32(d.pick((0, 0, 0, -1, -3.4028235e38))))
    name = activated(d, x.name) if d.chance() else x.name
    name = d.add("Pad", name, d.ints([0, 0, *widths[:2], 0, 0, *widths[2:]]), fill)
    side, stride = d.pick((2, 3)), d.pick((1, 2))
    own = {"kernel_shape": [side] * 2, "strides": [stride] * 2, "pads": [d.between(0, 1)] * 4}
    if d.chance():
        return d.add("MaxPool", name, **own)
    if d.chance():
        return d.add("AveragePool", name, count_include_pad=d.between(0, 1), **own)
    channels = x.shape[1]
    groups = d.pick((1, channels))
    weight = d.constant(d.filters(4 * groups, channels // groups, side, side))
    return d.add("Conv", name, weight, group=groups, **own)


def gelu(d: Draw, x: Tensor) -> str | None:
    if d.opset < 9:
        return None
    if d.chance():
        inner = d.add("Div", x.name, scalar(d, math.sqrt(2)))
        half = d.add("Add", d.add("Erf", inner), scalar(d, 1))
    else:
        cube = d.add("Mul", d.add("Pow", x.name, scalar(d, 3)), scalar(d, 0.044715))
        inner = d.add("Mul", d.add("Add", x.name, cube), scalar(d, math.sqrt(2 / math.pi)))
        half = d.add("Add", d.add("Tanh", inner), scalar(d, 1))
    if d.chance():
        return d.add("Mul", d.add("Mul", x.name, half), scalar(d, 0.5))
    return d.add("Mul", x.name, d.add("Mul", half, scalar(d, 0.5)))


def hard(d: Draw, x: Tensor) -> str:
    """A piecewise linear activation, or one like it."""
    scaled = d.add("Mul", x.name, scalar(d, d.pick((1 / 6, 0.2, 1.0))))
    name = clipped(d, d.add("Add", scaled, scalar(d, d.pick((0.5, 3.0)))), 0.0, d.pick((1.0, 6.0)))
    return d.add("Mul", *d.shuffled([x.name, name])) if d.chance() else name


def leak(d: Draw, x: Tensor) -> str | None:
    """A slope for negative numbers in two branches."""
    if x.rank != 4:
        return None
    slopes = d.constant(d.uniform((x.shape[1], 1, 1), -0.5, 0.9))
    below = d.add("Relu", d.add("Neg", x.name))
    if d.chance(0.3):
        below = d.add("Mul", d.add("Sub", x.name, d.add("Abs", x.name)), scalar(d, 0.5))
    part = d.add("Mul", *d.shuffled([below, slopes]))
    return d.add(d.pick(("Sub", "Add")), d.add("Relu", x.name), part)


def bounds(d: Draw, x: Tensor) -> str:
    """Extrema and clips in a row."""
    name = x.name
    for _ in range(d.between(1, 3)):
        type = d.pick(("Max", "Min", "Clip", "Relu"))
        low = d.pick((0.0, -0.5, 0.3))
        if type == "Clip":
            name = clipped(d, name, low, low + d.pick((0.5, 1.0)))
        elif type == "Relu":
            name = d.add("Relu", name)
        else:
            name = d.add(type, *d.shuffled([name, scalar(d, low)]))
    return name


def affine(d: Draw, x: Tensor) -> str:
    """Numbers that multiply, divide and are added in a row."""
    name = x.name
    for _ in range(d.between(2, 4)):
        type = d.pick(("Mul", "Add", "Sub", "Div"))
        number = scalar(d, d.pick((0.5, 2.0, -1.5, 0.25)))
        operands = [name, number] if type == "Div" else d.shuffled([name, number])
        name = d.add(type, *operands)
    return name


def dense(d: Draw, x: Tensor) -> str | None:
    """A matrix product with its bias, behind a change of shape and in front of another."""
    if x.rank < 2:
        return None
    name, depth = x.name, x.shape[-1]
    if x.rank > 2 and d.chance(0.4):
        depth = math.prod(x.shape[1:])
        name = d.add("Flatten", name) if d.chance() else d.add("Reshape", name, d.ints([0, -1]))
    if d.chance(0.2):
        name = d.add("Mul", name, d.constant(d.normal([depth])))
    width = d.pick((2, 4, 8))
    product = d.add("MatMul", name, d.constant(d.normal((depth, width), 1 / math.sqrt(depth))))
    name = d.add("Add", *d.shuffled([product, d.constant(d.normal([width]))]))
    if d.chance(0.3):
        name = d.add("Mul", name, d.constant(d.normal([width])))
    return activated(d, name)


def heads(d: Draw, x: Tensor) -> str | None:
    """Attention of several heads, from one product or three."""
    if x.rank != 3 or x.shape[2] % 2:
        return None
    batch, length, width = x.shape
    parts = []
    if d.chance():
        weight = d.constant(d.normal((width, 3 * width), 0.5))
        rows = d.add("Reshape", d.add("MatMul", x.name, weight), d.ints([0, length, 3, 2, -1]))
        turned = d.add("Transpose", rows, perm=[2, 0, 3, 1, 4])
        parts = [d.add("Gather", turned, d.ints(place), axis=0) for place in range(3)]
    else:
        for _ in range(3):
            product = d.add("MatMul", x.name, d.constant(d.normal((width, width), 0.5)))
            rows = d.add("Reshape", product, d.ints([batch, length, 2, width // 2]))
            parts.append(d.add("Transpose", rows, perm=[0, 2, 1, 3]))
    query, key, value = parts
    scores = d.add("MatMul", query, d.add("Transpose", key, perm=[0, 1, 3, 2]))
    weights = d.add("Softmax", d.add("Mul", scores, scalar(d, 0.7)), axis=3)
    mixed = d.add("Transpose", d.add("MatMul", weights, value), perm=[0, 2, 1, 3])
    return d.add("Reshape", mixed, d.ints([0, 0, -1] if d.chance() else [batch, length, width]))


def channels_last(d: Draw, x: Tensor) -> str | None:
    """What TensorFlow writes: transposes around what each element, row or channel goes through."""
    if x.rank != 4:
        return None
    name = d.add("Transpose", x.name, perm=[0, 2, 3, 1])
    kind = d.pick(("each", "rows", "softmax", "mean", "concat", "conv", "slice"))
    channels = x.shape[1]
    if kind == "rows":
        name = d.add("Add", name, d.constant(d.normal([channels])))
    elif kind == "softmax":
        name = d.add("Softmax", name, axis=3)
    elif kind == "mean":
        mean = listed(d, "ReduceMean", Tensor(name, x.array), 18, "axes", [1, 2], keepdims=1)
        name = d.add("Mul", name, mean)
    elif kind == "concat":
        name = d.add("Concat", name, d.add("Tanh", name), axis=d.pick((1, 3)))
    elif kind == "slice" and d.opset >= 10 and channels > 1:
        name = d.add("Slice", name, d.ints([0]), d.ints([channels - 1]), d.ints([3]))
    elif kind == "conv":
        inner = d.add("Transpose", name, perm=[0, 3, 1, 2])
        name = d.add("Transpose", filtered(d, inner, channels, channels, 3), perm=[0, 2, 3, 1])
    name = activated(d, name)
    return d.add("Transpose", name, perm=[0, 3, 1, 2]) if d.chance(0.7) else name


def pixels(d: Draw, x: Tensor) -> str | None:
    """Channels that become blocks of elements, and the other way round."""
    if x.rank != 4:
        return None
    n, c, h, w = x.shape
    if c % 4 == 0:
        shape = [n, c // 4, 2, 2, h, w]
        order = d.pick(([0, 1, 4, 2, 5, 3], [0, 1, 4, 3, 5, 2], [0, 1, 2, 4, 3, 5]))
        after = [n, c // 4, h * 2, w * 2]
    elif h % 2 == w % 2 == 0:
        shape, order = [n, c, h // 2, 2, w // 2, 2], [0, 1, 3, 5, 2, 4]
        after = [n, c * 4, h // 2, w // 2]
    else:
        return None
    split = d.add("Reshape", x.name, d.ints(shape))
    return d.add("Reshape", d.add("Transpose", split, perm=order), d.ints(after))


def halves(d: Draw, x: Tensor) -> str | None:
    """Parts of the channels that go their own ways and come together again."""
    if x.rank != 4 or x.shape[1] % 2 or d.opset < 13:
        return None
    half = x.shape[1] // 2
    first, second = d.results(2, "Split", x.name, d.ints([half, half]), axis=1)
    if d.chance():
        second = filtered(d, second, half, half, 3)
    elif d.chance():
        first = swish(d, Tensor(first, x.array))
    joined = d.add("Concat", *d.shuffled([first, second]), axis=1)
    return filtered(d, joined, 2 * half, 4, 1) if d.chance() else joined


MENU: Menu = (
    Row(6, layer),
    Row(3, parallel),
    Row(2, squeezed),
    Row(3, padded),
    Row(1, gelu),
    Row(1, hard),
    Row(1, leak),
    Row(1, bounds),
    Row(2, affine),
    Row(3, dense),
    Row(3, heads),
    Row(3, channels_last),
    Row(1, pixels),
    Row(2, halves),
)
