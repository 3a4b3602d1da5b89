"""Reads GridSample, AffineGrid, RoiAlign, and refuses what has no counterpart."""

from __future__ import annotations

import numpy as np

from opt_tool.formats.elementary import rounded
from opt_tool.formats.onnx.gathered_sampling import Sampling, affine, sampled, scaling
from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.formats.shapes import reshape_to, static_shape
from opt_tool.ir import Value
from opt_tool.ir.operations.data_movement import Slice, Transpose2
from opt_tool.ir.operations.matmul import MatMulV2
from opt_tool.ir.operations.sampling import GridSampler, RoiAlign
from opt_tool.ir.operations.shape import Shape

MODES = {"bilinear": "linear", "linear": "linear", "nearest": "nearest"}
"""ONNX's modes, of the first version and of later ones; the first had planes alone."""

CUBIC = frozenset({"bicubic", "cubic"})

OPERATOR_MODES = {"linear": "bilinear", "nearest": "nearest"}
"""Those of Paddle Lite's operator for planes."""


@onnx_op("GridSample", since=16)
def grid_sample(node: OnnxNode) -> Value:
    x, grid = node.input(0), node.input(1)
    sampling = _sampling(node)
    if x.rank == 4 and sampling.mode in OPERATOR_MODES:
        return _with_operator(node, x, grid, sampling)
    if x.rank not in (4, 5) or (sampling.mode == "cubic" and x.rank != 4):
        raise node.unsupported(f"mode {sampling.mode!r} of {x.type}")
    return sampled(node, x, grid, sampling)


def _sampling(node: OnnxNode) -> Sampling:
    name = node.text("mode", "linear")
    mode = "cubic" if name in CUBIC else MODES.get(name)
    padding = node.text("padding_mode", "zeros")
    if mode is None or padding not in ("zeros", "border", "reflection"):
        raise node.unsupported(f"mode {name!r}, padding_mode {padding!r}")
    return Sampling(mode, padding, bool(node.integer("align_corners", 0)))


def _with_operator(node: OnnxNode, x: Value, grid: Value, sampling: Sampling) -> Value:
    op = GridSampler(
        mode=OPERATOR_MODES[sampling.mode],
        padding_mode=sampling.padding,
        align_corners=sampling.align_corners,
    )
    if sampling.mode == "nearest":
        grid = _rounded(node, grid, x, align_corners=op.align_corners)
    return node.add(op, X=x, Grid=grid)


def _rounded(node: OnnxNode, grid: Value, x: Value, *, align_corners: bool) -> Value:
    """The positions of the elements that are nearest, halves to the even ones.

    Paddle Lite rounds halves away from 0, which no longer matters for whole elements.
    """
    sizes = node.made_up(*static_shape(node, x, "input"))[:1:-1]
    steps, first = scaling(sizes, align_corners=align_corners)
    back = np.divide(1, steps, out=np.zeros_like(steps), where=steps > 0)
    elements = rounded(node, affine(node, grid, steps, first))
    return affine(node, elements, back, -first * back)


@onnx_op("AffineGrid", since=20)
def affine_grid(node: OnnxNode) -> Value:
    """The grid of the identity is constant; theta (N, K, K + 1) multiplies it."""
    theta = node.input(0)
    size = node.made_up(*node.wholes(1, "size")[2:])
    count = len(size)
    align_corners = bool(node.integer("align_corners", 0))
    axes = [_positions(n, align_corners=align_corners) for n in size]
    places = np.stack([*np.meshgrid(*axes, indexing="ij")][::-1], axis=-1).reshape(-1, count)
    homogeneous = np.concatenate([places, np.ones((len(places), 1), np.float32)], axis=1)
    base = node.new_constant(np.ascontiguousarray(homogeneous.T), "base")
    rows = reshape_to(node, theta, (theta.shape[0], count, count + 1))
    moved = node.add(MatMulV2(), X=rows, Y=base)
    grid = node.add(Transpose2(axis=(0, 2, 1)), X=moved)
    return reshape_to(node, grid, (theta.shape[0], *size, count))


def _positions(count: int, *, align_corners: bool) -> np.ndarray:
    """Where the elements of an axis lie from -1 to 1."""
    if align_corners:
        return np.linspace(-1, 1, count, dtype=np.float32)
    return ((2 * np.arange(count, dtype=np.float32) + 1) / count - 1).astype(np.float32)


@onnx_op("RoiAlign", since=10)
def roi_align(node: OnnxNode) -> Value:
    x, rois = node.input(0), node.input(1)
    if node.text("mode", "avg") != "avg":
        raise node.unsupported("mode 'max'; Paddle Lite's roi_align takes means")
    moved = node.text("coordinate_transformation_mode", "half_pixel") == "half_pixel"
    ratio = node.integer("sampling_ratio", 0)
    op = RoiAlign(
        spatial_scale=node.real("spatial_scale", 1.0),
        pooled_height=node.integer("output_height", 1),
        pooled_width=node.integer("output_width", 1),
        sampling_ratio=ratio if ratio > 0 else -1,
        aligned=node.opset >= 16 and moved,
    )
    return node.add(op, X=x, ROIs=rois, RoisNum=_regions_of_images(node, x, rois))


def _regions_of_images(node: OnnxNode, x: Value, rois: Value) -> Value:
    """How many regions each image has; Paddle Lite takes the regions of an image together."""
    batch = x.shape[0]
    indices = node.input(2)
    if batch == 1:
        count = node.add(Shape(), Input=rois)
        return node.add(Slice(axes=(0,), starts=(0,), ends=(1,), infer_flags=(1,)), Input=count)
    if not indices.is_constant or isinstance(batch, str):
        raise node.unsupported(
            f"regions of {batch} images whose order is computed at run time; a batch of 1 or "
            "constant batch_indices are possible"
        )
    images = indices.array().reshape(-1)
    if np.any(np.diff(images) < 0):
        raise node.unsupported("batch_indices that do not ascend; sort the regions by image")
    counts = np.bincount(images, minlength=batch)
    return node.new_constant(counts.astype(np.int32), "regions")
