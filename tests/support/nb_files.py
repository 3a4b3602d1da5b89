"""Small .nb files in the file's own words, for the tests of the byte layer."""

from __future__ import annotations

import numpy as np

from opt_tool.formats.paddle_lite.schema import (
    Attribute,
    Block,
    File,
    OpDesc,
    Parameter,
    Program,
    Var,
    VarType,
)
from opt_tool.targets import AttributeType

KERNEL = "__@kernel_type_attr@__"
TRANSFERS = (
    Var("feed", VarType.FEED_MINIBATCH, persistable=True),
    Var("fetch", VarType.FETCH_LIST, persistable=True),
)


def integer(value: int) -> Attribute:
    return Attribute(AttributeType.INT, value)


def integers(*values: int) -> Attribute:
    return Attribute(AttributeType.INTS, values)


def text(value: str) -> Attribute:
    return Attribute(AttributeType.STRING, value)


def tensor(name: str, *shape: int, dtype: str = "float32", persistable: bool = False) -> Var:
    return Var(name, VarType.LOD_TENSOR, persistable, dtype, shape)


def feed(name: str, column: int) -> OpDesc:
    attributes = {"col": integer(column), KERNEL: text("feed/def/1/4/2")}
    return OpDesc("feed", {"X": ("feed",)}, {"Out": (name,)}, attributes)


def fetch(name: str, column: int) -> OpDesc:
    attributes = {"col": integer(column), KERNEL: text("fetch/def/1/4/2")}
    return OpDesc("fetch", {"X": (name,)}, {"Out": ("fetch",)}, attributes)


def operator(op_type: str, kernel: str = "", **attributes: Attribute) -> OpDesc:
    """An operator from ``x`` to ``y``."""
    named = {**attributes, KERNEL: text(kernel)} if kernel else attributes
    return OpDesc(op_type, {"X": ("x",)}, {"Out": ("y",)}, named)


def one_operator(op: OpDesc, *parameters: Parameter) -> File:
    """A file with nothing but an operator and weights."""
    return File("v2.13-rc", Program((Block((), (op,)),)), parameters)


def convolution_file() -> tuple[File, dict[str, np.ndarray]]:
    """relu, then two convolutions (one with weights of 8 bits) and what they join to.

    Made for x86. Fetches ``relu``, ``y``, ``z`` and ``joined``.
    """
    rng = np.random.default_rng(0)
    weights = {
        "weight": rng.standard_normal((5, 3, 3, 3), np.float32),
        "quantized": rng.integers(-127, 128, (5, 3, 3, 3), np.int8),
        "bias": rng.standard_normal(5, np.float32),
        "a constant with a long name": rng.standard_normal((1, 2, 8, 8), np.float32),
    }
    convolution = {
        "strides": integers(1, 1),
        "paddings": integers(1, 1),
        "dilations": integers(1, 1),
        "groups": integer(1),
        KERNEL: text("conv2d/def/2/1/1"),
    }
    quantization = {
        "quantization_type": text("post_weight_channel_wise_abs_max"),
        "quantize_weight_bits": integer(8),
        "quantized_quant_scale": Attribute(AttributeType.FLOATS, (0.5, 0.25, 0.125, 1.0, 2.0)),
    }
    slots = {"Input": ("relu",), "Filter": ("weight",), "Bias": ("bias",)}
    joined = ("y", "z", "a constant with a long name")
    operators = (
        feed("x", 0),
        OpDesc("relu", {"X": ("x",)}, {"Out": ("relu",)}, {KERNEL: text("relu/def/2/1/1")}),
        OpDesc("conv2d", slots, {"Output": ("y",)}, convolution),
        OpDesc(
            "conv2d",
            {**slots, "Filter": ("quantized",)},
            {"Output": ("z",)},
            convolution | quantization,
        ),
        OpDesc(
            "concat",
            {"X": joined},
            {"Out": ("joined",)},
            {"axis": integer(1), KERNEL: text("concat/def/2/1/1")},
        ),
        *(fetch(name, column) for column, name in enumerate(("relu", "y", "z", "joined"))),
    )
    variables = (
        *TRANSFERS,
        *(tensor(name, 1, 3, 8, 8) for name in ("x", "relu")),
        *(tensor(name, 1, 5, 8, 8) for name in ("y", "z")),
        tensor("joined", 1, 12, 8, 8),
        *(
            tensor(name, *array.shape, dtype=array.dtype.name, persistable=True)
            for name, array in weights.items()
        ),
    )
    parameters = tuple(Parameter(name, weights[name]) for name in sorted(weights))
    return File("v2.13-rc", Program((Block(variables, operators),)), parameters), weights
