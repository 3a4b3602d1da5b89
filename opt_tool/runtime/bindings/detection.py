"""Binds object detection."""

from __future__ import annotations

import numpy as np

from opt_tool.ir.operations import detection as ops
from opt_tool.kernels import detection as kernels
from opt_tool.runtime.binding import Arrays, computes


@computes(ops.BoxCoder)
def box_coder(op: ops.BoxCoder, arrays: Arrays) -> np.ndarray:  # noqa: ARG001
    return kernels.decode_center_size(
        arrays.one("PriorBox"), arrays.one("PriorBoxVar"), arrays.one("TargetBox")
    )


@computes(ops.MulticlassNms)
def multiclass_nms(op: ops.MulticlassNms, arrays: Arrays) -> tuple[np.ndarray, np.ndarray]:
    return kernels.multiclass_nms(
        arrays.one("BBoxes"),
        arrays.one("Scores"),
        background=op.background_label,
        score_threshold=op.score_threshold,
        top_k=op.nms_top_k,
        threshold=op.nms_threshold,
        eta=op.nms_eta,
        keep_top_k=op.keep_top_k,
    )
