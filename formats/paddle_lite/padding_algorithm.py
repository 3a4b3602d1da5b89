"""Paddings that a file leaves to the runtime: ``padding_algorithm`` is SAME or VALID.

The runtime then makes them from the sizes of each run and takes no account of the attribute
``paddings`` (lite/operators/conv_op.cc, conv_transpose_op.cc, pool_op.h). Operations have
paddings of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opt_tool.errors import UnsupportedOperatorError
from opt_tool.ir import Dim, Operation, ShapeError, Value
from opt_tool.ir.attributes import check_attributes
from opt_tool.ir.operations.convolution import Conv2D, Conv2DTranspose
from opt_tool.ir.operations.pooling import Pool2D

ATTRIBUTE = "padding_algorithm"


def with_paddings(
    op: Operation, plain: Mapping[str, object], inputs: Mapping[str, Sequence[Value]], name: str
) -> Operation:
    """The operation with the paddings that the runtime would give it.

    Raises:
        UnsupportedOperatorError: when they depend on a size that only the run knows.
        ShapeError: when the operator has no operands or attributes to make them from.
    """
    algorithm = plain.get(ATTRIBUTE)
    if algorithm not in ("SAME", "VALID") or not isinstance(op, (Conv2D, Conv2DTranspose, Pool2D)):
        return op
    if isinstance(op, Pool2D) and (op.global_pooling or op.adaptive):
        return op  # the runtime pads nothing then
    if algorithm == "VALID":
        return op.replaced(paddings=(0, 0, 0, 0))
    check_attributes(op)
    slots = ("X",) if isinstance(op, Pool2D) else ("Input", "Filter")
    planes, *kernels = [_plane(inputs, slot) for slot in slots]
    kernel = op.ksize if isinstance(op, Pool2D) else kernels[0]
    sides = [
        _same(size, extent, stride, op, name)
        for size, extent, stride in zip(planes, kernel, op.strides, strict=True)
    ]
    paddings = (*sides[0], *sides[1])
    if isinstance(op, Pool2D):
        return op.replaced(paddings=paddings)
    return op.replaced(paddings=paddings, dilations=(1, 1))


def _plane(inputs: Mapping[str, Sequence[Value]], slot: str) -> tuple[Dim, Dim]:
    """The height and width of an operand."""
    operands = inputs.get(slot, ())
    if len(operands) != 1 or operands[0].rank != 4:
        raise ShapeError(f"{ATTRIBUTE} SAME needs one tensor of 4 dimensions as {slot}")
    height, width = operands[0].shape[2:]
    return height, width


def _same(size: Dim, extent: Dim, stride: int, op: Operation, name: str) -> tuple[int, int]:
    """The pads in front of an axis and behind it for ceil(size / stride) windows."""
    if not isinstance(extent, int):
        raise ShapeError(f"the size of the windows ({extent}) is known only at run time")
    if stride == 1:
        total = extent - 1
    elif isinstance(size, int):
        total = max((-(-size // stride) - 1) * stride + extent - size, 0)
    else:
        raise UnsupportedOperatorError(
            op.type,
            name,
            f"{ATTRIBUTE} SAME with stride {stride} on a dimension ({size}) that is known only at "
            "run time; give the input's shape where the file is made",
        )
    return total // 2, total - total // 2
