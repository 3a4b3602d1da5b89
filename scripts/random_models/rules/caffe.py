"""Caffe's layers, and which of the references has each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from random_models.drawing import Draw, Menu, Row, Tensor
from random_models.model import Operator

BOTH = ("caffe", "opencv")

REFERENCES: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(("Convolution", "Deconvolution", "Pooling", "InnerProduct", "ReLU"), BOTH),
    **dict.fromkeys(("PReLU", "ELU", "Sigmoid", "TanH", "AbsVal", "BNLL", "Power"), BOTH),
    **dict.fromkeys(("BatchNorm", "Scale", "Concat", "Softmax", "Eltwise", "Dropout"), BOTH),
    **dict.fromkeys(("Flatten", "Permute", "Slice", "Split", "Reshape"), BOTH),
    **dict.fromkeys(("Exp", "Log", "Threshold", "Swish", "Bias", "Embed", "LRN"), ("caffe",)),
    **dict.fromkeys(("MVN", "Crop", "Tile", "ArgMax", "Reduction"), ("caffe",)),
    **dict.fromkeys(("ReLU6", "Mish", "Normalize", "ShuffleChannel", "Reorg"), ("opencv",)),
    **dict.fromkeys(("Interp", "ConvolutionDepthwise"), ("opencv",)),
}
"""Which references have a layer and compute it as Caffe's forks do; real Caffe is asked first."""


SHARING = frozenset({"Flatten", "Reshape", "Split"})
"""Layers whose tops lie in their bottoms' memory: real Caffe changes both in place."""


def layer(d: Draw, type: str, *bottoms: str, **fields: Any) -> str:
    """A layer with one top; ``blobs`` are its weights."""
    top = d.name("t")
    blobs = fields.pop("blobs", ())
    d.append(Operator(type, bottoms, (top,), fields, tuple(blobs)))
    return top


def on_each(d: Draw, type: str, x: str, **fields: Any) -> str:
    """A layer that may work in place, as networks often have it."""
    own = {top for other in d.model.operators if other.type not in SHARING for top in other.outputs}
    if x not in own or d.chance(0.6):
        return layer(d, type, x, **fields)
    blobs = fields.pop("blobs", ())
    d.append(Operator(type, (x,), (x,), fields, tuple(blobs)))
    return x


def sides(d: Draw, name: str, options: Sequence[int]) -> dict[str, Any]:
    """A size for both axes, or one for each: ``kernel_size`` or ``kernel_h`` and ``kernel_w``."""
    height, width = d.per_axis(options, 2, equal=0.7)
    if height == width:
        return {"kernel_size" if name == "kernel" else name: height}
    return {f"{name}_h": height, f"{name}_w": width}


def convolution(d: Draw, x: Tensor) -> str | None:
    if x.rank != 4:
        return None
    channels = x.shape[1]
    type = d.pick(("Convolution", "Convolution", "Convolution", "Deconvolution"))
    groups = d.pick((1, 1, 1, channels, d.divisor(channels)))
    wanted = groups * d.pick((1, 2, 3, 4, 8))
    if type == "Convolution" and groups == channels and d.chance(0.3):
        type = "ConvolutionDepthwise"
    param: dict[str, Any] = {
        "num_output": wanted,
        **sides(d, "kernel", (1, 1, 2, 3, 3, 4, 5)),
        **sides(d, "stride", (1, 1, 2, 3)),
        **sides(d, "pad", (0, 0, 1, 2)),
    }
    if groups > 1 or d.chance(0.1):
        param["group"] = groups
    if d.chance(0.25) and type != "ConvolutionDepthwise":
        param["dilation"] = d.pick((2, 3))
    window = [param[name] for name in ("kernel_h", "kernel_w") if name in param]
    shape = (wanted, channels // groups)
    if type == "Deconvolution":
        shape = (channels, wanted // groups)
    blobs = [d.filters(*shape, *(window or [param["kernel_size"]] * 2))]
    if d.chance(0.7):
        blobs.append(d.normal([wanted]))
    else:
        param["bias_term"] = False
    return layer(d, type, x.name, convolution_param=param, blobs=blobs)


def pooling(d: Draw, x: Tensor) -> str | None:
    if x.rank != 4:
        return None
    param: dict[str, Any] = {"pool": d.pick(("MAX", "AVE"))}
    if d.chance(0.15):
        return layer(d, "Pooling", x.name, pooling_param={**param, "global_pooling": True})
    param |= sides(d, "kernel", (1, 2, 2, 3, 3, 4, 5))
    param |= sides(d, "stride", (1, 2, 2, 3))
    param |= sides(d, "pad", (0, 0, 1, 1, 2))
    return layer(d, "Pooling", x.name, pooling_param=param)


def inner_product(d: Draw, x: Tensor) -> str | None:
    if x.rank < 2:
        return None
    axis = d.between(1, x.rank - 1)
    wanted, depth = d.pick((1, 2, 3, 5, 8)), int(np.prod(x.shape[axis:]))
    if depth > 4000:
        return None
    param: dict[str, Any] = {"num_output": wanted}
    if axis != 1 or d.chance(0.3):
        param["axis"] = axis - (x.rank if d.chance(0.3) else 0)
    turned = d.chance(0.2)
    if turned:
        param["transpose"] = True
    blobs = [d.normal((depth, wanted) if turned else (wanted, depth), 1 / np.sqrt(depth))]
    if d.chance(0.7):
        blobs.append(d.normal([wanted]))
    else:
        param["bias_term"] = False
    return layer(d, "InnerProduct", x.name, inner_product_param=param, blobs=blobs)


ACTIVATIONS: Mapping[str, Mapping[str, Sequence[Any]]] = {
    "ReLU": {"relu_param": (None, None, {"negative_slope": 0.3}, {"negative_slope": 1.5})},
    "ELU": {"elu_param": (None, {"alpha": 0.6})},
    **{type: {} for type in ("Sigmoid", "TanH", "AbsVal", "BNLL", "ReLU6", "Mish")},
    "Swish": {"swish_param": (None, {"beta": 1.3})},
    "Threshold": {"threshold_param": (None, {"threshold": 0.4})},
    "Dropout": {"dropout_param": (None, {"dropout_ratio": 0.3})},
    "Power": {
        "power_param": (
            {"scale": 0.5, "shift": 1},
            {"power": 2, "shift": 0.3},
            {"power": 3},
            {"power": 1, "scale": -2},
            {"power": 0},
        )
    },
    "Exp": {"exp_param": (None, {"base": 2, "scale": 0.5, "shift": 0.3})},
}
"""Layers on each element, and what their parameters may be."""


def activation(d: Draw, x: Tensor) -> str:
    type = d.pick(("ReLU", "ReLU", *ACTIVATIONS))
    fields = {name: d.pick(values) for name, values in ACTIVATIONS[type].items()}
    given = {name: value for name, value in fields.items() if value is not None}
    return on_each(d, type, x.name, **given)


def root(d: Draw, x: Tensor) -> str:
    """What only takes positive numbers, behind their magnitudes."""
    positive = layer(d, "AbsVal", x.name)
    if d.chance():
        param = {"power": d.pick((0.5, -0.5, -1, 1.5)), "shift": 0.3}
        return layer(d, "Power", positive, power_param=param)
    param = {"shift": 0.5, **d.pick(({}, {"base": 10}, {"base": 2, "scale": 0.5}))}
    return layer(d, "Log", positive, log_param=param)


def channel_slopes(d: Draw, x: Tensor) -> str | None:
    if x.rank < 2:
        return None
    shared = d.chance(0.3)
    slopes = d.uniform([] if shared else [x.shape[1]], -0.5, 0.5)
    fields = {"prelu_param": {"channel_shared": True}} if shared else {}
    return on_each(d, "PReLU", x.name, blobs=[slopes], **fields)


def batch_norm(d: Draw, x: Tensor) -> str | None:
    """Most often with the scale that stands behind it in networks."""
    if x.rank < 2:
        return None
    channels = [x.shape[1]]
    factor = np.array([d.pick((1.0, 4.0, 0.9))], np.float32)
    blobs = [d.normal(channels), d.uniform(channels, 0.5, 2.5), factor]
    fields = {"batch_norm_param": {"eps": 0.001}} if d.chance(0.3) else {}
    y = on_each(d, "BatchNorm", x.name, blobs=blobs, **fields)
    if d.chance(0.3):
        return y
    scale = [d.uniform(channels, 0.5, 1.5), d.normal(channels)]
    return on_each(d, "Scale", y, scale_param={"bias_term": True}, blobs=scale)


def scale(d: Draw, x: Tensor) -> str:
    """Numbers for some axes in a row, from blobs or another bottom."""
    first = d.between(0, x.rank - 1)
    end = d.between(first, x.rank)
    shape = x.shape[first:end]
    type, name = d.pick((("Scale", "scale_param"), ("Bias", "bias_param")))
    param: dict[str, Any] = {"axis": first - (x.rank if d.chance(0.2) else 0)}
    if shape and d.chance(0.3):
        return layer(d, type, x.name, d.input(d.normal(shape)), **{name: param})
    param["num_axes"] = -1 if end == x.rank and shape and d.chance(0.3) else len(shape)
    blobs = [d.normal(shape)]
    if type == "Scale" and d.chance(0.3):
        param["bias_term"] = True
        blobs.append(d.normal(shape))
    return on_each(d, type, x.name, blobs=blobs, **{name: param})


def eltwise(d: Draw, x: Tensor) -> str:
    others = [d.partner(x, x.shape) for _ in range(d.pick((1, 1, 2)))]
    fed = [other if other not in d.model.constants else _as_input(d, other) for other in others]
    bottoms = d.shuffled([x.name, *fed])
    operation = d.pick((None, "SUM", "PROD", "MAX"))
    param: dict[str, Any] = {} if operation is None else {"operation": operation}
    if operation in (None, "SUM") and d.chance(0.4):
        param["coeff"] = [d.pick((1.0, -0.5, 2.0)) for _ in bottoms]
    return layer(d, "Eltwise", *bottoms, **({"eltwise_param": param} if param else {}))


def _as_input(d: Draw, name: str) -> str:
    """Networks have no constants: the array is fed."""
    return d.input(d.model.constants[name])


def concat(d: Draw, x: Tensor) -> str:
    axis = d.between(0, x.rank - 1)
    shape = [d.between(1, 4) if place == axis else size for place, size in enumerate(x.shape)]
    bottoms = [x.name, d.input(d.normal(shape))] + ([x.name] if d.chance(0.15) else [])
    param = {"axis": axis - (x.rank if d.chance(0.3) else 0)}
    fields = {} if axis == 1 and d.chance(0.4) else {"concat_param": param}
    return layer(d, "Concat", *d.shuffled(bottoms), **fields)


def slice_(d: Draw, x: Tensor) -> str | None:
    axis = d.between(0, x.rank - 1)
    size = x.shape[axis]
    if size < 2:
        return None
    points = sorted(d.rng.sample(range(1, size), d.between(1, min(3, size - 1))))
    count = len(points) + 1
    param: dict[str, Any] = {"axis": axis - (x.rank if d.chance(0.2) else 0)}
    if size % count or d.chance(0.7):
        param["slice_point"] = points
    return d.pick(d.results(count, "Slice", x.name, slice_param=param))


def split(d: Draw, x: Tensor) -> str:
    return d.pick(d.results(2, "Split", x.name))


def flatten(d: Draw, x: Tensor) -> str:
    first = d.between(0, x.rank - 1)
    last = d.between(first, x.rank - 1)
    param = {"axis": first, "end_axis": last - (x.rank if d.chance() else 0)}
    fields = {} if d.chance(0.4) else {"flatten_param": param}
    return layer(d, "Flatten", x.name, **fields)


def reshape(d: Draw, x: Tensor) -> str:
    first = d.between(0, x.rank - 1) if d.chance(0.4) else 0
    end = d.between(first, x.rank) if d.chance(0.4) else x.rank
    dims = d.factors(int(np.prod(x.shape[first:end])), most=3)
    place = d.between(0, len(dims) - 1)
    if d.chance(0.4):
        dims[place] = -1
    elif first + place < end and dims[place] == x.shape[first + place]:
        dims[place] = 0
    param: dict[str, Any] = {"shape": {"dim": dims}}
    if first:
        param["axis"] = first
    if end != x.rank:
        param["num_axes"] = end - first
    return layer(d, "Reshape", x.name, reshape_param=param)


def permute(d: Draw, x: Tensor) -> str | None:
    if x.rank != 4:
        return None
    order = d.shuffled(range(4))
    given = order if d.chance(0.7) else order[: d.between(1, 3)]
    return layer(d, "Permute", x.name, permute_param={"order": given})


def crop(d: Draw, x: Tensor) -> str:
    axis = d.between(0, x.rank - 1)
    like = [d.between(1, size) if place >= axis else size for place, size in enumerate(x.shape)]
    room = [size - kept for size, kept in zip(x.shape[axis:], like[axis:], strict=True)]
    offsets = [d.between(0, space) for space in room]
    if d.chance(0.3):
        offsets = [min(offsets)]
    param = {"axis": axis, "offset": offsets}
    return layer(d, "Crop", x.name, d.input(d.normal(like)), crop_param=param)


def tile(d: Draw, x: Tensor) -> str:
    param = {"axis": d.axis(x.rank), "tiles": d.between(1, 3)}
    return layer(d, "Tile", x.name, tile_param=param)


def softmax(d: Draw, x: Tensor) -> str:
    fields = {} if x.rank > 1 and d.chance() else {"softmax_param": {"axis": d.axis(x.rank)}}
    return on_each(d, "Softmax", x.name, **fields)


def local_response(d: Draw, x: Tensor) -> str | None:
    if x.rank != 4:
        return None
    param: dict[str, Any] = {"local_size": d.pick((1, 3, 5)), "alpha": d.pick((0.1, 0.5))}
    param |= d.pick(({}, {"beta": 0.6, "k": 2}))
    if d.chance(0.3):
        param = {"norm_region": "WITHIN_CHANNEL", "local_size": d.pick((3, 5)), "alpha": 0.5}
    return layer(d, "LRN", x.name, lrn_param=param)


def normalization(d: Draw, x: Tensor) -> str | None:
    if x.rank != 4 or np.prod(x.shape[2:]) < 4:
        return None
    if d.chance():
        param = d.pick(({}, {"across_channels": True}, {"normalize_variance": False}))
        return layer(d, "MVN", x.name, mvn_param={"eps": 0.01, **param})
    shared, across = d.chance(), d.chance()
    param = {"across_spatial": across, "channel_shared": shared}
    blobs = [d.uniform([1 if shared else x.shape[1]], 0.5, 20)]
    return layer(d, "Normalize", x.name, norm_param=param, blobs=blobs)


def reduction(d: Draw, x: Tensor) -> str:
    param: dict[str, Any] = {"axis": d.axis(x.rank)}
    param |= d.pick(({}, {"coeff": 0.5}))
    param["operation"] = d.pick(("SUM", "MEAN", "ASUM", "SUMSQ"))
    return layer(d, "Reduction", x.name, reduction_param=param)


def extremum(d: Draw, x: Tensor) -> str | None:
    if x.rank < 2:
        return None
    axis = d.between(0, x.rank - 1)
    param: dict[str, Any] = {"axis": axis, "top_k": d.between(1, min(3, x.shape[axis]))}
    param |= {"out_max_val": True} if d.chance(0.4) else {}
    return layer(d, "ArgMax", x.name, argmax_param=param)


def rearranged(d: Draw, x: Tensor) -> str | None:
    if x.rank != 4:
        return None
    _, channels, height, width = x.shape
    if d.chance() and channels % 4 == height % 2 == width % 2 == 0:
        return layer(d, "Reorg", x.name, reorg_param={"stride": 2})
    group = d.divisor(channels)
    return layer(d, "ShuffleChannel", x.name, shuffle_channel_param={"group": group})


def interp(d: Draw, x: Tensor) -> str | None:
    if x.rank != 4:
        return None
    size = {"height": d.between(1, 14), "width": d.between(1, 14)}
    return layer(d, "Interp", x.name, interp_param=d.pick((size, size, {"zoom_factor": 2})))


MENU: Menu = (
    Row(10, convolution),
    Row(6, pooling),
    Row(4, inner_product),
    Row(8, activation),
    Row(1, root),
    Row(2, channel_slopes),
    Row(4, batch_norm),
    Row(3, scale),
    Row(5, eltwise),
    Row(4, concat),
    Row(3, slice_),
    Row(1, split),
    Row(2, flatten),
    Row(3, reshape),
    Row(3, permute),
    Row(2, crop),
    Row(1, tile),
    Row(3, softmax),
    Row(2, local_response),
    Row(2, normalization),
    Row(2, reduction),
    Row(1, extremum),
    Row(3, rearranged),
    Row(2, interp),
)
