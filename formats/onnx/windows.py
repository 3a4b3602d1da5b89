"""The geometry of sliding windows, which Conv, ConvTranspose and the pools share.

Everything is kept for any number of spatial axes; ``Window.planar`` makes the two that
Paddle Lite's kernels have.
"""

from __future__ import annotations

from collections.abc import Sequence

from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.window import Ints, Window
from opt_tool.ir import Dim


def read_window(node: OnnxNode, kernel: Ints, spatial: Sequence[Dim]) -> Window:
    """The window of a node whose attributes are checked and whose pads are resolved.

    Args:
        node: A node with ``strides``, ``dilations``, ``pads`` and ``auto_pad``.
        kernel: The kernel's size on each spatial axis.
        spatial: The input's spatial dimensions.
    """
    rank = len(spatial)
    ones = (1,) * rank
    strides, dilations = node.integers("strides", ones), node.integers("dilations", ones)
    for name, sizes in (("kernel", kernel), ("strides", strides), ("dilations", dilations)):
        if len(sizes) != rank or min(sizes) < 1:
            raise node.unsupported(
                f"{name} {list(sizes)} is not {rank} positive sizes, one for each spatial axis"
            )
    bare = Window(kernel, strides, dilations, (0,) * rank, (0,) * rank)
    before, after = _pads(node, bare, spatial)
    return Window(kernel, strides, dilations, before, after)


def _pads(node: OnnxNode, window: Window, spatial: Sequence[Dim]) -> tuple[Ints, Ints]:
    mode, rank = node.text("auto_pad", "NOTSET"), len(spatial)
    if mode == "NOTSET":
        pads = node.integers("pads", (0,) * 2 * rank)
        if len(pads) != 2 * rank:
            raise node.unsupported(f"pads {list(pads)} do not have two sizes for each axis")
        return pads[:rank], pads[rank:]
    if mode == "VALID":
        return (0,) * rank, (0,) * rank
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        raise node.unsupported(f"auto_pad {mode!r} is not one of ONNX's")
    totals = tuple(
        _same_total(node, size, extent, stride)
        for size, extent, stride in zip(spatial, window.extents, window.strides, strict=True)
    )
    smaller = tuple(total // 2 for total in totals)
    larger = tuple(total - half for total, half in zip(totals, smaller, strict=True))
    return (smaller, larger) if mode == "SAME_UPPER" else (larger, smaller)


def _same_total(node: OnnxNode, size: Dim, extent: int, stride: int) -> int:
    """What must be added for ceil(size / stride) windows."""
    if stride == 1:
        return extent - 1
    if isinstance(size, str):
        raise node.unsupported(
            f"auto_pad with stride {stride} on a dimension ({size}) that is known only at run "
            "time; give the input's shape with --input-shape"
        )
    return max((-(-size // stride) - 1) * stride + extent - size, 0)
