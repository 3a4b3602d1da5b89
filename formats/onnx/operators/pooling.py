"""Reads MaxPool, AveragePool and the global pools.

Paddle Lite and ONNX count windows differently where ``ceil_mode`` lets one start in the
pad; then the pads here are those that make Paddle Lite count like ONNX.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.planes import from_planes, to_planes
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.formats.onnx.windows import Window, read_window
from opt_tool.ir import Dim, Value
from opt_tool.ir.operations.padding import Pad2D
from opt_tool.ir.operations.pooling import Pool2D, pooled_size
from opt_tool.ir.operations.shape import Reshape2


@dataclass(frozen=True, slots=True)
class LastWindow:
    """Where ONNX's last window on an axis ends in ``ceil_mode``.

    ``overhang`` is how far it reaches beyond the pads, ``same_count`` whether Paddle
    Lite's ``ceil_mode`` has as many windows.
    """

    overhang: int
    same_count: bool


def _last_window(node: OnnxNode, window: Window, axis: int, size: Dim) -> LastWindow:
    extent, stride = window.kernel[axis], window.strides[axis]
    before, after = window.before[axis], window.after[axis]
    if isinstance(size, str):
        if stride + after > extent:
            raise node.unsupported(
                f"ceil_mode on a dimension ({size}) that is known only at run time, where a "
                "window may start in the pad; give the input's shape with --input-shape"
            )
        return LastWindow(overhang=stride - 1, same_count=True)
    count = pooled_size(size, extent, before, after, stride, ceil_mode=True)
    assert isinstance(count, int)
    same = (count - 1) * stride < size + before
    end = (count - (1 if same else 2)) * stride + extent
    return LastWindow(max(end - size - before - after, 0), same)


def _pool(node: OnnxNode, planes: Value, window: Window, *, kind: str, count_pads: bool) -> Value:
    """pool2d of planes, the pads explicit where the runtime would count them otherwise."""
    x, spatial = planes, planes.shape[2:]
    lasts = [LastWindow(0, same_count=True)] * 2
    if node.integer("ceil_mode", 0):
        lasts = [_last_window(node, window, axis, spatial[axis]) for axis in (0, 1)]
    overhangs = tuple(last.overhang for last in lasts)
    if count_pads and window.is_padded and (any(overhangs) or window.before != window.after):
        x = node.add(Pad2D(paddings=window.paddings), X=x)
        window = replace(window, before=(0, 0), after=(0, 0))
    exclusive = not (count_pads and window.is_padded)
    ceil_mode = any(overhangs) and all(last.same_count for last in lasts)
    if not ceil_mode:
        ends = tuple(a + b for a, b in zip(window.after, overhangs, strict=True))
        window = replace(window, after=ends)
    op = Pool2D(
        pooling_type=kind,
        ksize=(window.kernel[0], window.kernel[1]),
        strides=(window.strides[0], window.strides[1]),
        paddings=window.paddings,
        exclusive=exclusive,
        ceil_mode=ceil_mode,
    )
    return node.add(op, X=x)


def _read(node: OnnxNode, *, kind: str, count_pads: bool) -> Value:
    x = node.input(0)
    if x.rank not in (3, 4):
        raise node.unsupported(
            f"pooling along {x.rank - 2} axes; Paddle Lite has kernels for 1 and 2"
        )
    window = read_window(node, node.integers("kernel_shape"), x.shape[2:])
    if max(window.dilations) > 1:
        raise node.unsupported("dilations; Paddle Lite pools windows without gaps only")
    gaps = (s - k for s, k in zip(window.strides, window.kernel, strict=True))
    if node.text("auto_pad", "NOTSET").startswith("SAME") and max(gaps) > 1:
        raise node.unsupported(
            f"auto_pad SAME of windows {window.kernel} with strides {window.strides}, where "
            "runtimes disagree about what to crop; write the pads out"
        )
    pads = (*window.before, *window.after)
    if min(pads) < 0 or any(p >= k for p, k in zip(pads, window.kernel * 2, strict=True)):
        raise node.unsupported(f"pads {list(pads)} do not lie within a window {window.kernel}")
    y = _pool(node, to_planes(node, x), window.planar(), kind=kind, count_pads=count_pads)
    return from_planes(node, y, x)


@onnx_op("MaxPool", since=1)
def max_pool(node: OnnxNode) -> Value:
    if node.has_output(1):
        raise node.unsupported("the output Indices; Paddle Lite's max pooling returns none")
    return _read(node, kind="max", count_pads=False)


@onnx_op("AveragePool", since=1)
def average_pool(node: OnnxNode) -> Value:
    return _read(node, kind="avg", count_pads=bool(node.integer("count_include_pad", 0)))


def _global(node: OnnxNode, kind: str) -> Value:
    x = node.input(0)
    if x.rank < 3:
        raise node.unsupported(f"the input {x.type} has no spatial dimensions")
    op = Pool2D(pooling_type=kind, global_pooling=True)
    if x.rank <= 4:
        return from_planes(node, node.add(op, X=to_planes(node, x)), x)
    planes = node.add(Reshape2(shape=(0, 0, 1, -1)), X=x)
    return node.add(Reshape2(shape=(0, 0) + (1,) * (x.rank - 2)), X=node.add(op, X=planes))


@onnx_op("GlobalMaxPool", since=1)
def global_max_pool(node: OnnxNode) -> Value:
    return _global(node, "max")


@onnx_op("GlobalAveragePool", since=1)
def global_average_pool(node: OnnxNode) -> Value:
    return _global(node, "avg")
