"""Reads normalizations of vectors along the last dimension, and across channels."""

from __future__ import annotations

import numpy as np

from opt_tool.formats.local_response import LocalResponse, response_normalized
from opt_tool.formats.tflite.node import TfliteNode
from opt_tool.formats.tflite.operators.activation import float_operand
from opt_tool.formats.tflite.orders import PLANES, Laid
from opt_tool.formats.tflite.registry import tflite_op
from opt_tool.ir.operations import elementwise
from opt_tool.ir.operations.reduction import ReduceSum

SMALLEST_NORM = 1e-6
"""L2_NORMALIZATION divides by no less."""


@tflite_op("L2_NORMALIZATION")
def l2_normalization(node: TfliteNode) -> Laid:
    """X divided by the length of each vector along the last dimension."""
    x = float_operand(node)
    squares = node.add(elementwise.Square(), X=x.value)
    total = node.add(ReduceSum(dim=(x.last,), keep_dim=True), X=squares)
    length = node.add(elementwise.Sqrt(), X=total)
    least = node.new_constant(np.full((1,) * x.rank, SMALLEST_NORM, np.float32), "least")
    divisor = node.add(elementwise.ElementwiseMax(), X=length, Y=least)
    result = node.add(elementwise.ElementwiseDiv(), X=x.value, Y=divisor)
    return Laid(node.activated(result), x.order)


@tflite_op("LOCAL_RESPONSE_NORMALIZATION")
def local_response(node: TfliteNode) -> Laid:
    float_operand(node)
    response = LocalResponse(
        radius=node.integer("radius"),
        alpha=node.real("alpha"),
        beta=node.real("beta"),
        bias=node.real("bias"),
    )
    return Laid(response_normalized(node, node.planes(0), response), PLANES)
