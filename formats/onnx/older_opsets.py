"""Brings models of the first opsets to the oldest one that is read here and by onnxruntime.

Until opset 7 shapes and paddings were attributes, and the second operand of arithmetic
stood where its ``axis`` attribute said; since then operands are aligned at the right.
onnx.version_converter rewrites all but the alignment, which it gets wrong for batches
(helper.cc compares the first dimensions, whatever the axis is) and leaves alone for PRelu.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from opt_tool.errors import UnsupportedError
from opt_tool.formats.onnx.definitions import STANDARD
from opt_tool.formats.onnx.detached_weights import attach
from opt_tool.formats.onnx.messages import GraphProto, ModelProto, NodeProto, make_node

OLDEST = 7
"""The first opset whose operators are read; the first that onnxruntime runs, too."""

ALIGNED_BY_AXIS = frozenset(
    ("Add", "And", "Div", "Equal", "Greater", "Less", "Mul", "Or", "Pow", "Sub", "Xor")
)
"""What had the attributes ``broadcast`` and ``axis``."""


def upgraded(model: ModelProto, path: Path) -> ModelProto:
    """The model, or the same of opset ``OLDEST`` where its own is older.

    Raises:
        UnsupportedError: when an operator of it cannot be brought there.
    """
    opset = next((x.version for x in model.opset_import if x.domain in STANDARD), OLDEST)
    return model if opset >= OLDEST else _converted(model, opset, path)


def _converted(model: ModelProto, opset: int, path: Path) -> ModelProto:
    from onnx import shape_inference, version_converter

    try:
        attach(model, path)  # the converter of onnx 1.16 drops external data
        _align_operands(model.graph, _ranks(model))
        return version_converter.convert_version(model, OLDEST)
    except (
        RuntimeError,
        version_converter.ConvertError,
        shape_inference.InferenceError,
    ) as error:
        raise UnsupportedError(
            f"{path}: opset {opset} is older than {OLDEST}, and onnx.version_converter cannot "
            f"raise it ({str(error).strip().splitlines()[0]}); export the model again"
        ) from error


def _ranks(model: ModelProto) -> dict[str, int]:
    """How many dimensions each tensor has, as far as that can be inferred."""
    from onnx import shape_inference

    graph = shape_inference.infer_shapes(model).graph
    ranks = {
        info.name: len(info.type.tensor_type.shape.dim)
        for info in (*graph.input, *graph.value_info, *graph.output)
        if info.type.tensor_type.HasField("shape")
    }
    return ranks | {tensor.name: len(tensor.dims) for tensor in graph.initializer}


def _align_operands(graph: GraphProto, ranks: Mapping[str, int]) -> None:
    """Give second operands the dimensions of size 1 that align them at the right."""
    nodes = []
    for index, node in enumerate(graph.node):
        behind = _dimensions_behind(node, ranks)
        if behind:
            operand = node.input[1]
            aligned = f"{operand}.aligned.{index}"
            axes = range(ranks[operand], ranks[operand] + behind)
            nodes.append(make_node("Unsqueeze", [operand], [aligned], axes=axes))
            node.input[1] = aligned
        if node.op_type in ALIGNED_BY_AXIS:
            others = [x for x in node.attribute if x.name != "axis"]
            del node.attribute[:]
            node.attribute.extend(others)
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)


def _dimensions_behind(node: NodeProto, ranks: Mapping[str, int]) -> int:
    """How many dimensions of the first operand lie behind those that the second matches."""
    if node.op_type not in (*ALIGNED_BY_AXIS, "PRelu"):
        return 0
    axis = next((x.i for x in node.attribute if x.name == "axis"), None)
    if node.op_type == "PRelu":
        axis = 1  # a slope for each channel
    if axis is None:
        return 0
    unknown = [name for name in node.input[:2] if name not in ranks]
    if unknown:
        raise RuntimeError(f"the rank of {unknown[0]!r}, operand of {node.op_type}, is unknown")
    first, second = (ranks[name] for name in node.input[:2])
    if node.op_type == "PRelu" and second != 1:
        return 0  # a slope for each element
    return max(first - axis % max(first, 1) - second, 0)
