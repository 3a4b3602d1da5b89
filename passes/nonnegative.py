"""Says of values that they are never negative, as far as the nodes that make them show it."""

from __future__ import annotations

from opt_tool.ir import Node, Operation, Value
from opt_tool.ir.operations.activation import HardSigmoid, Relu, Relu6, Sigmoid
from opt_tool.ir.operations.convolution import Conv2D, Conv2DTranspose
from opt_tool.ir.operations.data_movement import Assign, Concat, Slice, Split, Transpose2
from opt_tool.ir.operations.elementwise import ElementwiseAdd, ElementwiseMul
from opt_tool.ir.operations.fused import FusionElementwiseAddActivation
from opt_tool.ir.operations.matmul import Fc
from opt_tool.ir.operations.padding import Pad2D
from opt_tool.ir.operations.pooling import Pool2D
from opt_tool.passes.clamp import read_bounds
from opt_tool.passes.shape_change import SHAPE_CHANGES

STEPS = 8
"""How many nodes back the question is followed; each step is one more operand to look at."""

NEVER_NEGATIVE = (Relu, Relu6, Sigmoid, HardSigmoid, FusionElementwiseAddActivation)

HANDS_ON = (*SHAPE_CHANGES, Assign, Concat, Pool2D, Slice, Split, Transpose2)
"""What makes no negative number of others."""

OF_BOTH = (ElementwiseAdd, ElementwiseMul)


def is_nonnegative(value: Value, steps: int = STEPS) -> bool:
    """Whether no element of a value can be negative, whatever the input is."""
    if value.data is not None:
        return bool((value.array() >= 0).all())
    node = value.producer
    if node is None or steps == 0:
        return False
    if isinstance(node.op, NEVER_NEGATIVE) or _is_bounded(node):
        return True
    if isinstance(node.op, (Conv2D, Conv2DTranspose, Fc)):
        return isinstance(node.op.activation, NEVER_NEGATIVE)
    if isinstance(node.op, HANDS_ON + OF_BOTH) or _pads_with_nonnegative(node.op):
        return all(is_nonnegative(x, steps - 1) for x in dict.fromkeys(node.inputs.flat()))
    return False


def _is_bounded(node: Node) -> bool:
    bounds = read_bounds(node)
    return bounds is not None and bounds.lower >= 0


def _pads_with_nonnegative(op: Operation) -> bool:
    return isinstance(op, Pad2D) and (op.mode != "constant" or op.pad_value >= 0)
