"""Sampling at positions that are operands: grid_sampler and roi_align.

Paddle-Lite: lite/operators/grid_sampler_op.cc, roi_align_op.cc.
"""

from __future__ import annotations

from typing import ClassVar

from opt_tool.ir.graph import Value
from opt_tool.ir.operation import Operands, Operation, ShapeError, slots
from opt_tool.ir.types import TensorType


class GridSampler(Operation):
    """X (N, C, H, W) at the positions Grid (N, P, Q, 2), as (N, C, P, Q).

    A position is (x, y), each from -1 to 1: with ``align_corners`` from the middle of the
    first element to that of the last one, else from edge to edge. ``mode`` is "bilinear"
    or "nearest" (halves away from 0); ``padding_mode`` says what lies outside: "zeros",
    "border" or "reflection". The ARM kernel needs P = H and Q = W.
    """

    type: ClassVar[str] = "grid_sampler"
    inputs = slots("X Grid")
    outputs = slots("Output")

    mode: str = "bilinear"
    padding_mode: str = "zeros"
    align_corners: bool = True

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x, grid = inputs.one("X").type, inputs.one("Grid").type
        if x.rank != 4 or grid.rank != 4 or grid.shape[3] != 2:
            raise ShapeError(f"takes planes and a grid (N, P, Q, 2), found {x} and {grid}")
        return (x.with_shape((*x.shape[:2], *grid.shape[1:3])),)


class RoiAlign(Operation):
    """The means of bilinear samples in each cell of regions of X (N, C, H, W).

    Inputs: X, ROIs (R, 4) as x and y of two corners, times ``spatial_scale`` in elements of
    X, and RoisNum (N,) int32: how many regions each image has, in order.
    Output: (R, C, pooled_height, pooled_width). A cell has ``sampling_ratio`` samples along
    each axis, or with -1 one for each element that it spans. ``aligned`` moves regions by
    half an element and allows them to be smaller than one.
    """

    type: ClassVar[str] = "roi_align"
    inputs = slots("X ROIs RoisNum")

    spatial_scale: float = 1.0
    pooled_height: int = 1
    pooled_width: int = 1
    sampling_ratio: int = -1
    aligned: bool = False

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x, rois = inputs.one("X").type, inputs.one("ROIs").type
        if x.rank != 4 or rois.rank != 2:
            raise ShapeError(f"takes planes and regions (R, 4), found {x} and {rois}")
        size = (self.pooled_height, self.pooled_width)
        return (x.with_shape((rois.shape[0], x.shape[1], *size)),)
