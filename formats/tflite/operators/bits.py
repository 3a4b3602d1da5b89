"""Reads operators on the bits of numbers."""

from __future__ import annotations

import numpy as np

from opt_tool.formats.bits import bits_of_one, shifted_right
from opt_tool.formats.tflite.node import TfliteNode
from opt_tool.formats.tflite.orders import Laid
from opt_tool.formats.tflite.registry import tflite_op
from opt_tool.formats.tflite.tensors import dtype_of


@tflite_op("BITWISE_XOR")
def exclusive_or(node: TfliteNode) -> Laid:
    (x, y), order = node.together([node.laid(0), node.laid(1)])
    return Laid(bits_of_one(node, x, y), order)


@tflite_op("RIGHT_SHIFT")
def right_shift(node: TfliteNode) -> Laid:
    """Shifts by more bits than there are leave the sign alone, those by less than 0 everything."""
    x, counts = node.laid(0), node.constant(1, "number of bits")
    if counts.ndim > x.rank:
        raise node.unsupported(f"{counts.ndim} dimensions of shifts for {x.rank} of numbers")
    most = 8 * x.value.dtype.numpy.itemsize - 1
    order = x.order
    counts = counts.reshape((1,) * (x.rank - counts.ndim) + counts.shape).transpose(order)
    return Laid(shifted_right(node, x.value, np.clip(counts, 0, most)), order)


@tflite_op("BITCAST")
def bitcast(node: TfliteNode) -> Laid:
    """The same bytes as another type: of smaller parts in a dimension behind the others."""
    x, dtype = node.laid(0), dtype_of(node.output().type)
    if x.value.dtype is dtype:
        return x
    array = node.constant(0, "operand")
    before, after = array.dtype.itemsize, dtype.numpy.itemsize
    parts = (before // after,) if before > after else ()
    shape = array.shape if before >= after else array.shape[:-1]
    if before < after and array.shape[-1:] != (after // before,):
        raise node.unsupported(f"{list(array.shape)} numbers of {before} bytes as {after}")
    viewed = np.ascontiguousarray(array).reshape(-1).view(dtype.numpy)
    return Laid(node.new_constant(viewed.reshape(*shape, *parts), "cast"))
