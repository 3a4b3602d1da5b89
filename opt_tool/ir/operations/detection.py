"""Object detection: box_coder and multiclass_nms2.

Paddle-Lite: lite/operators/box_coder_op.cc, multiclass_nms_op.cc.
"""

from __future__ import annotations

from typing import ClassVar

from opt_tool.ir.graph import Value
from opt_tool.ir.operation import UNKNOWN, Operands, Operation, ShapeError, slots
from opt_tool.ir.types import DType, TensorType, may_be_equal


class BoxCoder(Operation):
    """Boxes as corners, from TargetBox (N, M, 4), their distances to PriorBox (M, 4).

    A distance, times PriorBoxVar (M, 4), is that of the centres in widths and heights of the
    prior box, and the logarithm of the ratio of the sizes. The runtime also encodes
    (``code_type`` "encode_center_size"), which is not modelled.
    """

    type: ClassVar[str] = "box_coder"
    inputs = slots("PriorBox PriorBoxVar TargetBox")
    outputs = slots("OutputBox")

    code_type: str = "decode_center_size"
    box_normalized: bool = True
    axis: int = 0

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        prior, variance, target = (
            inputs.one(slot).type for slot in ("PriorBox", "PriorBoxVar", "TargetBox")
        )
        if self.code_type != "decode_center_size" or self.axis != 0 or not self.box_normalized:
            raise ShapeError("box_coder is modelled for decoding to normalized boxes only")
        fits = target.rank == 3 and prior.rank == 2 and target.shape[1:] == prior.shape
        if not fits or prior.shape[1] != 4 or variance.shape != prior.shape:
            raise ShapeError(f"distances {target} do not fit boxes {prior} and factors {variance}")
        return (target,)


class MulticlassNms(Operation):
    """The boxes BBoxes (N, M, 4) that Scores (N, C, M) keep, class by class.

    Of each class but ``background_label`` the ``nms_top_k`` boxes with the highest scores
    above ``score_threshold`` are taken, and dropped where they overlap a better one by more
    than ``nms_threshold`` (which ``nms_eta`` shrinks after each box that is kept, while it is
    above 0.5); of what is left an image keeps the best ``keep_top_k``. -1 is no limit.

    Out: (K, 6), label, score and corners, by image, class and falling score. Index: (K, 1)
    int32, each box's place among the N * M.
    """

    type: ClassVar[str] = "multiclass_nms2"
    inputs = slots("BBoxes Scores")
    outputs = slots("Out Index")

    background_label: int = 0
    score_threshold: float = 0.0
    nms_top_k: int = -1
    nms_threshold: float = 0.3
    nms_eta: float = 1.0
    keep_top_k: int = -1
    normalized: bool = True

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        boxes, scores = inputs.one("BBoxes").type, inputs.one("Scores").type
        if not self.normalized:
            raise ShapeError("multiclass_nms2 is modelled for normalized boxes only")
        if boxes.rank != 3 or scores.rank != 3 or boxes.shape[2] != 4:
            raise ShapeError(f"takes boxes (N, M, 4) and scores (N, C, M), found {boxes}, {scores}")
        if not may_be_equal(boxes.shape[:2], (scores.shape[0], scores.shape[2])):
            raise ShapeError(f"boxes {boxes} do not fit scores {scores}")
        return boxes.with_shape((UNKNOWN, 6)), TensorType(DType.INT32, (UNKNOWN, 1))
