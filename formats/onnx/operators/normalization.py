"""Reads BatchNormalization."""

from __future__ import annotations

from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.ir import Value
from opt_tool.ir.operations.normalization import BatchNorm


@onnx_op("BatchNormalization", since=7)
def batch_normalization(node: OnnxNode) -> Value:
    if node.integer("training_mode", 0) or node.integer("spatial", 1) != 1:
        raise node.unsupported(
            "statistics of the batch (training_mode) or of each element (spatial=0); export "
            "the model in evaluation mode"
        )
    if any(node.has_output(index) for index in range(1, node.output_count)):
        raise node.unsupported("the running statistics as outputs; export in evaluation mode")
    op = BatchNorm(epsilon=node.real("epsilon", 1e-5))
    scale, bias, mean, variance = (node.input(index) for index in range(1, 5))
    return node.add(op, X=node.input(0), Scale=scale, Bias=bias, Mean=mean, Variance=variance)
