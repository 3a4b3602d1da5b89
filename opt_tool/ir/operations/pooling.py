"""Pooling: pool2d.

Paddle-Lite: lite/operators/pool_op.cc.
"""

from __future__ import annotations

from typing import ClassVar

from opt_tool.ir.graph import Value
from opt_tool.ir.operation import Operands, Operation, ShapeError, slots
from opt_tool.ir.operations.convolution import Pads, Pair
from opt_tool.ir.types import Dim, TensorType, add, ceil_divide, floor_divide


def pooled_size(
    size: Dim, extent: int, before: int, after: int, stride: int, *, ceil_mode: bool
) -> Dim:
    """How many windows pool2d lays on an axis; with ``ceil_mode`` one may start in the pad."""
    divide = ceil_divide if ceil_mode else floor_divide
    return add(divide(add(size, before + after - extent), stride), 1)


class Pool2D(Operation):
    """The maximum ("max") or the mean ("avg") of each window of X (N, C, H, W).

    The windows are of ``ksize``, or the whole plane with ``global_pooling``, or with
    ``adaptive`` ``ksize`` counts the windows, which share the plane out. ``exclusive``
    means count only the plane's own elements, else the pads too.
    """

    type: ClassVar[str] = "pool2d"
    inputs = slots("X")

    pooling_type: str = "max"
    ksize: Pair = (1, 1)
    strides: Pair = (1, 1)
    paddings: Pads = (0, 0, 0, 0)
    global_pooling: bool = False
    exclusive: bool = True
    adaptive: bool = False
    ceil_mode: bool = False

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x = inputs.one("X").type
        if x.rank != 4:
            raise ShapeError(f"pools a tensor of 4 dimensions, found {x}")
        return (x.with_shape((*x.shape[:2], *self._spatial(x))),)

    def _spatial(self, x: TensorType) -> tuple[Dim, ...]:
        if self.global_pooling:
            return (1, 1)
        if self.adaptive:
            return self.ksize
        pads = (self.paddings[:2], self.paddings[2:])
        spatial = tuple(
            pooled_size(size, extent, *pad, stride, ceil_mode=self.ceil_mode)
            for size, extent, pad, stride in zip(
                x.shape[2:], self.ksize, pads, self.strides, strict=True
            )
        )
        if any(isinstance(dim, int) and dim < 1 for dim in spatial):
            raise ShapeError(f"a window of {list(self.ksize)} does not fit into {x}")
        return spatial
