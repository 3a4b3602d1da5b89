"""Padding: pad2d.

Paddle-Lite: lite/operators/pad2d_op.cc.
"""

from __future__ import annotations

from typing import ClassVar

from opt_tool.ir.graph import Value
from opt_tool.ir.operation import Operands, Operation, ShapeError, slots
from opt_tool.ir.operations.convolution import Pads
from opt_tool.ir.types import TensorType, add


class Pad2D(Operation):
    """X (N, C, H, W) with ``paddings`` around its planes, none of them negative.

    ``mode`` says what stands there: "constant" ``pad_value``, "reflect" the elements behind
    the edge, "edge" the edge itself.
    """

    type: ClassVar[str] = "pad2d"
    inputs = slots("X")

    paddings: Pads = (0, 0, 0, 0)
    mode: str = "constant"
    pad_value: float = 0.0

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x = inputs.one("X").type
        if x.rank != 4 or min(self.paddings) < 0:
            raise ShapeError(f"cannot pad {x} by {list(self.paddings)}")
        top, bottom, left, right = self.paddings
        height, width = x.shape[2:]
        pads = ((height, max(top, bottom)), (width, max(left, right)))
        if self.mode == "reflect" and any(isinstance(n, int) and pad >= n for n, pad in pads):
            raise ShapeError(f"{x} is too small to be reflected by {list(self.paddings)}")
        spatial = (add(height, top + bottom), add(width, left + right))
        return (x.with_shape((*x.shape[:2], *spatial)),)
