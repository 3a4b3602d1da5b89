"""Several of Caffe's layers at once, as networks have them."""

from __future__ import annotations

from typing import Any

from random_models.drawing import Draw, Menu, Row, Tensor
from random_models.rules.caffe import layer, on_each


def filtered(d: Draw, x: str, channels: int, wanted: int, side: int, groups: int = 1) -> str:
    param: dict[str, Any] = {"num_output": wanted, "kernel_size": side, "pad": side // 2}
    if groups > 1:
        param["group"] = groups
    blobs = [d.filters(wanted, channels // groups, side, side)]
    if d.chance():
        blobs.append(d.normal([wanted]))
    else:
        param["bias_term"] = False
    return layer(d, "Convolution", x, convolution_param=param, blobs=blobs)


def normalized(d: Draw, x: str, channels: int) -> str:
    """As Caffe has it: a layer that normalizes, another one that scales."""
    one = d.uniform([1], 0.9, 4)
    blobs = [d.normal([channels]), d.uniform([channels], 0.5, 2.5), one]
    y = on_each(d, "BatchNorm", x, blobs=blobs)
    scale = [d.uniform([channels], 0.5, 1.5), d.normal([channels])]
    return on_each(d, "Scale", y, scale_param={"bias_term": True}, blobs=scale)


def activated(d: Draw, x: str, channels: int) -> str:
    type = d.pick(("ReLU", "ReLU", "ReLU", "PReLU", "ELU", "none"))
    if type == "none":
        return x
    fields = {"blobs": [d.uniform([channels], -0.5, 0.5)]} if type == "PReLU" else {}
    return on_each(d, type, x, **fields)


def residual(d: Draw, x: Tensor) -> str | None:
    """A convolution with what stands behind it, and often a shortcut."""
    if x.rank != 4:
        return None
    channels = x.shape[1]
    groups = d.pick((1, 1, channels))
    name = filtered(d, x.name, channels, channels, d.pick((1, 3, 3)), groups)
    name = normalized(d, name, channels) if d.chance(0.7) else name
    if d.chance():
        return activated(d, name, channels)
    total = layer(d, "Eltwise", *d.shuffled([name, x.name]))
    return activated(d, total, channels)


def squeezed(d: Draw, x: Tensor) -> str | None:
    """Channels that are weighted by what their means say."""
    if x.rank != 4:
        return None
    channels = x.shape[1]
    pooled = layer(d, "Pooling", x.name, pooling_param={"pool": "AVE", "global_pooling": True})
    weights = on_each(d, "Sigmoid", filtered(d, pooled, channels, channels, 1))
    shape = {"shape": {"dim": [0, 0]}}
    flat = layer(d, "Reshape", weights, reshape_param=shape)
    return layer(d, "Scale", x.name, flat, scale_param={"axis": 0})


def joined(d: Draw, x: Tensor) -> str | None:
    """Branches of different windows next to each other."""
    if x.rank != 4:
        return None
    channels = x.shape[1]
    branches = [filtered(d, x.name, channels, d.pick((1, 2, 4)), side) for side in (1, 3)]
    if d.chance():
        pool = {"pool": d.pick(("MAX", "AVE")), "kernel_size": 3, "stride": 1, "pad": 1}
        branches.append(layer(d, "Pooling", x.name, pooling_param=pool))
    return layer(d, "Concat", *d.shuffled(branches))


def scores(d: Draw, x: Tensor) -> str | None:
    """What detectors make of each place of a plane."""
    if x.rank != 4:
        return None
    name = filtered(d, x.name, x.shape[1], 4, d.pick((1, 3)))
    rows = layer(d, "Permute", name, permute_param={"order": [0, 2, 3, 1]})
    if d.chance():
        rows = layer(d, "Flatten", rows)
    if d.chance():
        rows = layer(d, "Reshape", rows, reshape_param={"shape": {"dim": [0, -1, 2]}})
        return layer(d, "Softmax", rows, softmax_param={"axis": 2})
    return rows


MENU: Menu = (
    Row(6, residual),
    Row(2, squeezed),
    Row(3, joined),
    Row(3, scores),
)
