"""Binds sampling."""

from __future__ import annotations

import numpy as np

from opt_tool.ir.operations import sampling as ops
from opt_tool.kernels import sampling as kernels
from opt_tool.runtime.binding import Arrays, computes


@computes(ops.GridSampler)
def grid_sampler(op: ops.GridSampler, arrays: Arrays) -> np.ndarray:
    return kernels.grid_sample(
        arrays.one("X"),
        arrays.one("Grid"),
        mode=op.mode,
        padding_mode=op.padding_mode,
        align_corners=op.align_corners,
    )


@computes(ops.RoiAlign)
def roi_align(op: ops.RoiAlign, arrays: Arrays) -> np.ndarray:
    counts = arrays.one("RoisNum")
    return kernels.roi_align(
        arrays.one("X"),
        arrays.one("ROIs"),
        np.repeat(np.arange(counts.size), counts.reshape(-1)),
        pooled_height=op.pooled_height,
        pooled_width=op.pooled_width,
        spatial_scale=op.spatial_scale,
        sampling_ratio=op.sampling_ratio,
        aligned=op.aligned,
    )
