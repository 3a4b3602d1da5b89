"""Writes Paddle models of single convolutions, and lets Paddle Lite's own converter convert them.

The messages are those of Paddle's framework.proto, encoded here, since the package that has
them is large: a field is its number, its wire type and its contents.
"""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from opt_tool.api import official_runtime

FLOAT32, LOD_TENSOR, FEED_MINIBATCH, FETCH_LIST = 5, 7, 9, 10
INT, INTS = 0, 3
CONVERT = """
import sys
from paddlelite.lite import Opt
model, parameters, out, kind = sys.argv[1:]
opt = Opt()
opt.set_model_file(model)
opt.set_param_file(parameters)
opt.set_valid_places("x86")
opt.set_model_type("naive_buffer")
opt.set_optimize_out(out)
opt.set_quant_model(True)
opt.set_quant_type(kind)
opt.run()
"""
SIZE = 8
"""Height and width of the pictures that the convolutions take."""


def official_quantized(weights: Mapping[str, np.ndarray], kind: str, folder: Path) -> Path:
    """A convolution of each weight as Paddle Lite's own converter quantizes and writes it.

    Args:
        weights: Filters (O, I, H, W) by name; each convolution has an input of its own.
        kind: ``QUANT_INT8`` or ``QUANT_INT16``.
        folder: Where the files go.
    """
    model, parameters, out = (folder / name for name in ("m.pdmodel", "m.pdiparams", "official"))
    model.write_bytes(_program(weights))
    parameters.write_bytes(b"".join(_tensor(weights[name]) for name in sorted(weights)))
    python = str(official_runtime.interpreter())
    files = [str(path) for path in (model, parameters, out)]
    subprocess.run(
        [python, "-c", CONVERT, *files, kind], check=True, capture_output=True, timeout=60
    )
    return out.with_suffix(".nb")


# ---- messages


def _varint(number: int) -> bytes:
    number &= (1 << 64) - 1  # negative numbers take ten bytes
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _part(field: int, contents: str | bytes) -> bytes:
    encoded = contents.encode() if isinstance(contents, str) else contents
    return _varint(field << 3 | 2) + _varint(len(encoded)) + encoded


def _tensor_type(shape: tuple[int, ...]) -> bytes:
    return _number(1, FLOAT32) + b"".join(_number(2, dim) for dim in shape)


def _variable(name: str, shape: tuple[int, ...], *, persistable: bool = False) -> bytes:
    kind = _number(1, LOD_TENSOR) + _part(3, _part(1, _tensor_type(shape)))
    return _part(3, _part(1, name) + _part(2, kind) + _number(3, int(persistable)))


def _list_variable(name: str, kind: int) -> bytes:
    return _part(3, _part(1, name) + _part(2, _number(1, kind)) + _number(3, 1))


def _operator(
    kind: str,
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
    attributes: Mapping[str, int | tuple[int, ...]],
) -> bytes:
    slots = b"".join(
        _part(field, _part(1, slot) + _part(2, variable))
        for field, named in ((1, inputs), (2, outputs))
        for slot, variable in named.items()
    )
    described = b"".join(_part(4, _attribute(*item)) for item in attributes.items())
    return _part(4, slots + _part(3, kind) + described)


def _attribute(name: str, value: int | tuple[int, ...]) -> bytes:
    if isinstance(value, tuple):
        return _part(1, name) + _number(2, INTS) + b"".join(_number(6, item) for item in value)
    return _part(1, name) + _number(2, INT) + _number(3, value)


def _tensor(array: np.ndarray) -> bytes:
    """A parameter in the file of all parameters."""
    described = _tensor_type(array.shape)
    head = struct.pack("<IQIi", 0, 0, 0, len(described))
    return head + described + array.astype("<f4").tobytes()


# ---- the model


def _program(weights: Mapping[str, np.ndarray]) -> bytes:
    block = _number(1, 0) + _number(2, -1) + b"".join(_block_parts(weights))
    return _part(1, block) + _part(4, _number(1, 2_004_000))


def _block_parts(weights: Mapping[str, np.ndarray]) -> Iterator[bytes]:
    yield _list_variable("feed", FEED_MINIBATCH)
    yield _list_variable("fetch", FETCH_LIST)
    for column, (name, weight) in enumerate(weights.items()):
        x, y = f"x.{name}", f"y.{name}"
        yield _variable(name, weight.shape, persistable=True)
        yield _variable(x, (1, weight.shape[1], SIZE, SIZE))
        rows, columns = (SIZE - extent + 1 for extent in weight.shape[2:])
        yield _variable(y, (1, weight.shape[0], rows, columns))
        yield _operator("feed", {"X": "feed"}, {"Out": x}, {"col": column})
        yield _operator(
            "conv2d",
            {"Input": x, "Filter": name},
            {"Output": y},
            {"strides": (1, 1), "paddings": (0, 0), "dilations": (1, 1), "groups": 1},
        )
        yield _operator("fetch", {"X": y}, {"Out": "fetch"}, {"col": column})
