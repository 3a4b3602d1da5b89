"""Reads Pad and CenterCropPad.

Planes of float32 are padded by pad2d. What is not a plane becomes one by a reshape, one
axis after the other; other element types are concatenated with constants, and the modes
that repeat elements gather them.
"""

from __future__ import annotations

import numpy as np

from opt_tool.formats.casting import carried
from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.planes import from_planes, to_planes
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.formats.shapes import reshape_to
from opt_tool.ir import DType, Value
from opt_tool.ir.operations.data_movement import Concat, Slice
from opt_tool.ir.operations.indexing import Gather
from opt_tool.ir.operations.padding import Pad2D
from opt_tool.ir.types import product

ENDLESS = 2**31 - 1
MODES = {"constant": "constant", "reflect": "reflect", "edge": "edge", "wrap": "wrap"}
"""ONNX's modes, and what pad2d or NumPy call them."""

Pads = dict[int, tuple[int, int]]
"""What to put before and after each axis; negative numbers cut off."""


@onnx_op("Pad", since=2)
def pad_2(node: OnnxNode) -> Value:
    return _padded(node, node.input(0), node.integers("pads"), node.real("value", 0.0))


@onnx_op("Pad", since=11)
def pad(node: OnnxNode) -> Value:
    pads = node.wholes(1, "pads")
    given = node.maybe_constant(2, "constant_value")
    value = 0.0 if given is None or given.size == 0 else node.number(2, "constant_value")
    return _padded(node, node.input(0), pads, value)


def _padded(node: OnnxNode, x: Value, pads: tuple[int, ...], value: float) -> Value:
    axes = tuple(range(x.rank))
    if node.maybe(3) is not None:
        axes = tuple(node.axis(axis, x.rank) for axis in node.wholes(3, "axes"))
    mode = node.text("mode", "constant")
    if mode not in MODES:
        raise node.unsupported(f"mode {mode!r}; there are {', '.join(MODES)}")
    if len(pads) != 2 * len(axes) or len(set(axes)) != len(axes):
        raise node.unsupported(f"pads {list(pads)} are not two sizes for each of axes {axes}")
    by_axis = {axis: (pads[i], pads[i + len(axes)]) for i, axis in enumerate(axes)}
    y = cropped(node, x, by_axis)
    grown = {
        axis: (max(before, 0), max(after, 0))
        for axis, (before, after) in by_axis.items()
        if max(before, after) > 0
    }
    return grown_by(node, y, grown, mode=MODES[mode], value=value) if grown else y


def cropped(node: OnnxNode, x: Value, pads: Pads) -> Value:
    """X with what negative pads say cut off."""
    cuts = {axis: pair for axis, pair in pads.items() if min(pair) < 0}
    if not cuts:
        return x
    for axis, (before, after) in cuts.items():
        size = x.shape[axis]
        if isinstance(size, int) and size + min(before, 0) + min(after, 0) < 1:
            raise node.unsupported(f"pads {pads} leave nothing of dimension {axis} of {x.type}")
    op = Slice(
        axes=tuple(cuts),
        starts=tuple(max(-before, 0) for before, _ in cuts.values()),
        ends=tuple(after if after < 0 else ENDLESS for _, after in cuts.values()),
        infer_flags=(1,) * len(cuts),
    )
    return carried(node, [x], lambda y: node.add(op, Input=y))


def grown_by(node: OnnxNode, x: Value, pads: Pads, *, mode: str, value: float) -> Value:
    """X padded by pads that are not negative."""
    planar = x.rank in (3, 4) and min(pads) >= 2
    if x.dtype is DType.FLOAT32 and planar and _fits(x, pads, mode):
        sizes = [(0, 0), (0, 0)]
        for axis, pair in pads.items():
            sizes[axis - x.rank] = pair
        op = Pad2D(paddings=(*sizes[0], *sizes[1]), mode=mode, pad_value=value)
        return from_planes(node, node.add(op, X=to_planes(node, x)), x)
    y = x
    for axis, pair in pads.items():
        if mode != "constant":
            y = carried(node, [y], lambda z, a=axis, p=pair: _repeated(node, z, a, p, mode))
        elif x.dtype is DType.FLOAT32:
            y = _padded_as_planes(node, y, axis, pair, value)
        else:
            y = carried(node, [y], lambda z, a=axis, p=pair: _joined(node, z, a, p, value))
    return y


def _fits(x: Value, pads: Pads, mode: str) -> bool:
    """Whether pad2d takes the pads: ARM's repeats less than a whole axis, on any mode."""
    if mode == "constant":
        return True
    sizes = ((x.shape[axis], max(pair)) for axis, pair in pads.items())
    return mode != "wrap" and all(isinstance(size, str) or pad < size for size, pad in sizes)


def _padded_as_planes(
    node: OnnxNode, x: Value, axis: int, pair: tuple[int, int], value: float
) -> Value:
    """Pad one axis of X, seen as the height of a plane."""
    planes = (1, product(x.shape[:axis]), x.shape[axis], product(x.shape[axis + 1 :]))
    op = Pad2D(paddings=(*pair, 0, 0), pad_value=value)
    y = node.add(op, X=reshape_to(node, x, planes))
    return reshape_to(node, y, (*x.shape[:axis], y.shape[2], *x.shape[axis + 1 :]))


def _joined(node: OnnxNode, x: Value, axis: int, pair: tuple[int, int], value: float) -> Value:
    """X between constants along an axis."""
    if not all(isinstance(d, int) for a, d in enumerate(x.shape) if a != axis):
        raise node.unsupported(
            f"padding {x.type}, whose other dimensions are known only at run time; give the "
            "input's shape with --input-shape"
        )
    parts = []
    for size in pair:
        shape = [size if a == axis else int(d) for a, d in enumerate(x.shape)]
        parts.append(node.new_constant(np.full(node.made_up(*shape), value, x.dtype.numpy), "pad"))
    before, after = (part if part.type.size else None for part in parts)
    return node.add(Concat(axis=axis), X=[part for part in (before, x, after) if part is not None])


def _repeated(node: OnnxNode, x: Value, axis: int, pair: tuple[int, int], mode: str) -> Value:
    """X with elements of its own before and after it along an axis."""
    size = x.shape[axis]
    if isinstance(size, str):
        raise node.unsupported(
            f"mode {mode} on a dimension ({size}) that is known only at run time; give the "
            "input's shape with --input-shape"
        )
    if mode == "reflect" and max(pair) >= size:
        raise node.unsupported(f"a reflection of {max(pair)} of {size} elements")
    node.made_up(size + sum(pair))
    indices = np.pad(np.arange(size, dtype=np.int32), pair, mode=mode)  # type: ignore[call-overload]  # one of three modes
    return node.add(Gather(axis=axis), X=x, Index=node.new_constant(indices, "indices"))


@onnx_op("CenterCropPad", since=18)
def center_crop_pad(node: OnnxNode) -> Value:
    x = node.input(0)
    axes = tuple(node.axis(axis, x.rank) for axis in node.integers("axes", tuple(range(x.rank))))
    wanted = node.dims(1, "shape")
    pads: Pads = {}
    for axis, count in zip(axes, wanted, strict=True):
        size = x.shape[axis]
        if size == count:
            continue
        if isinstance(size, str) or isinstance(count, str):
            raise node.unsupported(
                f"dimension {axis} of {x.type} to {count}, known only at run time; give the "
                "input's shape with --input-shape"
            )
        change = abs(count - size)
        sign = 1 if count > size else -1
        pads[axis] = (sign * (change // 2), sign * (change - change // 2))
    y = cropped(node, x, pads)
    grown = {axis: pair for axis, pair in pads.items() if max(pair) > 0}
    return grown_by(node, y, grown, mode="constant", value=0.0) if grown else y
