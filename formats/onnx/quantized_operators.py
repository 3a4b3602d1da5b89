"""Operators on quantized tensors, as float operators between their conversions.

Each takes a scale and a zero point with every operand and those of its result:
QLinearConv and QLinearMatMul are ONNX's, the others onnxruntime's (ContribOperators.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from opt_tool.formats.onnx.messages import NodeProto, make_node

MICROSOFT = "com.microsoft"
"""onnxruntime's domain; its DequantizeLinear takes scales along an axis in every opset."""


class Operand(NamedTuple):
    """Where a quantized operand stands; its scale and its zero point follow it.

    ``axis`` is that of the scales where there are several.
    """

    position: int
    axis: int = 0


class QuantizedOperator(NamedTuple):
    """The float counterpart of an operator, and what the operator's inputs are.

    Attributes:
        name: The float operator.
        operands: The quantized operands in the float operator's order.
        scale: Where the scale of the result stands; its zero point follows it.
        bias: Where an int32 operand stands whose scale is the product of the others'.
        plain: An operand in front that is not quantized.
    """

    name: str
    operands: tuple[Operand, ...]
    scale: int
    bias: int | None = None
    plain: int | None = None


PAIR, SINGLE = (Operand(0), Operand(3)), (Operand(0),)

QUANTIZED_OPERATORS: Mapping[str, QuantizedOperator] = {
    "QGemm": QuantizedOperator("Gemm", (Operand(0), Operand(3, axis=1)), 7, bias=6),
    "QLinearAdd": QuantizedOperator("Add", PAIR, 6),
    "QLinearAveragePool": QuantizedOperator("AveragePool", SINGLE, 3),
    "QLinearConv": QuantizedOperator("Conv", PAIR, 6, bias=8),
    "QLinearGlobalAveragePool": QuantizedOperator("GlobalAveragePool", SINGLE, 3),
    "QLinearLeakyRelu": QuantizedOperator("LeakyRelu", SINGLE, 3),
    "QLinearMatMul": QuantizedOperator("MatMul", (Operand(0, axis=-2), Operand(3, axis=-1)), 6),
    "QLinearMul": QuantizedOperator("Mul", PAIR, 6),
    "QLinearSigmoid": QuantizedOperator("Sigmoid", SINGLE, 3),
    "QLinearSoftmax": QuantizedOperator("Softmax", SINGLE, 3),
    "QLinearWhere": QuantizedOperator("Where", (Operand(1), Operand(4)), 7, plain=0),
}

CONCAT = "QLinearConcat"
"""The one that takes its result's scale first and any number of operands."""

STANDARD = frozenset(("QLinearConv", "QLinearMatMul"))
"""Those of ONNX's own domain; the others are onnxruntime's."""

LSTM = "DynamicQuantizeLSTM"
"""The one whose weights alone are quantized: its operands 1 and 2, (D, inputs, 4 * hidden)."""

BLOCKS, ACCURACY = "MatMulNBits", "accuracy_level"
"""The one whose weights alone are quantized, in blocks, and how it may round its operand."""

LAYOUT = "channels_last"
"""An attribute of the pools, which float operators do not have."""


def is_quantized_operator(node: NodeProto) -> bool:
    """Whether ``expanded`` knows a node."""
    known = node.op_type in (*QUANTIZED_OPERATORS, CONCAT, LSTM, BLOCKS)
    return known and _integer(node, LAYOUT) == 0


def expanded(node: NodeProto) -> Iterator[NodeProto]:
    """A quantized operator as DequantizeLinear, the float operator and QuantizeLinear.

    Args:
        node: One that ``is_quantized_operator``.
    """
    if node.op_type == LSTM:
        yield from _lstm(node)
        return
    if node.op_type == BLOCKS:
        yield _unrounded(node)
        return
    known = QUANTIZED_OPERATORS.get(node.op_type) or _concat(node)
    inputs = [*node.input, *[""] * known.scale]  # those left out at the end are as empty
    output = node.output[0]
    operands = [] if known.plain is None else [inputs[known.plain]]
    for operand in known.operands:
        restored = f"{output}.operand.{operand.position}"
        triple = inputs[operand.position : operand.position + 3]
        yield _dequantize(triple, restored, _axis(node, operand))
        operands.append(restored)
    if known.bias is not None and inputs[known.bias]:
        scales = [inputs[operand.position + 1] for operand in known.operands]
        scale, restored = f"{output}.bias.scale", f"{output}.bias"
        yield make_node("Mul", scales, [scale])
        yield _dequantize([inputs[known.bias], scale], restored, 0)
        operands.append(restored)
    scale, zero = inputs[known.scale], inputs[known.scale + 1]
    result = f"{output}.float" if scale else output
    computed = make_node(known.name, operands, [result], name=node.name)
    computed.attribute.extend(x for x in node.attribute if x.name not in (LAYOUT, "opset"))
    yield computed
    if scale:  # QGemm may leave it out
        yield make_node("QuantizeLinear", [result, scale, zero], [output])


def _concat(node: NodeProto) -> QuantizedOperator:
    operands = tuple(Operand(position) for position in range(2, len(node.input), 3))
    return QuantizedOperator("Concat", operands, 0)


def _lstm(node: NodeProto) -> Iterator[NodeProto]:
    """An LSTM on restored weights, which ONNX's has the other way round."""
    inputs = [*node.input, *[""] * 12][:12]
    operands = inputs[:8]
    for index, scale in ((1, 8), (2, 10)):
        restored, turned = (f"{inputs[index]}.{word}" for word in ("restored", "turned"))
        yield _dequantize([inputs[index], *inputs[scale : scale + 2]], restored, 0)
        yield make_node("Transpose", [restored], [turned], perm=[0, 2, 1])
        operands[index] = turned
    computed = make_node("LSTM", operands, node.output, name=node.name)
    computed.attribute.extend(node.attribute)
    yield computed


def _unrounded(node: NodeProto) -> NodeProto:
    """A product that takes its operand as it is."""
    made = make_node(node.op_type, node.input, node.output, name=node.name, domain=MICROSOFT)
    made.attribute.extend(x for x in node.attribute if x.name != ACCURACY)
    return made


def _dequantize(inputs: list[str], output: str, axis: int) -> NodeProto:
    return make_node("DequantizeLinear", inputs, [output], domain=MICROSOFT, axis=axis)


def _axis(node: NodeProto, operand: Operand) -> int:
    """The axis of an operand's scales; that of a matrix which is transposed is the other."""
    return 0 if operand.axis == 1 and _integer(node, "transB") else operand.axis


def _integer(node: NodeProto, name: str) -> int:
    return next((int(x.i) for x in node.attribute if x.name == name), 0)
