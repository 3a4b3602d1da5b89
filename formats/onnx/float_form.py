"""Quantized models as the float models that they stand for.

Paddle Lite computes these models in float32, where rounding every activation to 8 bits
would cost a dozen operators each and gain nothing. What stays is what rounding changes for
good: the weights' own steps, and the range of an activation whose lower end is 0, because
exporters leave out the Relu or Relu6 that such a range implies.

Three forms are known: pairs of QuantizeLinear and DequantizeLinear around float operators;
operators on quantized tensors, which become such pairs; and weights that are quantized
alone, with activations quantized by what each run measures (DynamicQuantizeLinear).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from opt_tool.formats.onnx.definitions import STANDARD
from opt_tool.formats.onnx.messages import (
    ModelProto,
    NodeProto,
    OperatorSetIdProto,
    make_node,
    make_tensor,
)
from opt_tool.formats.onnx.quantized_operators import (
    BLOCKS,
    MICROSOFT,
    expanded,
    is_quantized_operator,
)
from opt_tool.formats.onnx.tensors import TensorReader

MOVING = frozenset(
    (
        "Expand",
        "Flatten",
        "Gather",
        "Identity",
        "MaxPool",
        "Reshape",
        "Slice",
        "Squeeze",
        "Tile",
        "Transpose",
        "Unsqueeze",
    )
)
"""Operators that choose among the elements of their first operand, quantized or not."""

RANGE_KEEPING = MOVING | {"AveragePool", "GlobalAveragePool", "GlobalMaxPool"}
"""Operators whose results lie where the elements of their first operand do."""

UNIT_RANGE = frozenset(("HardSigmoid", "Sigmoid", "Softmax"))
"""Operators whose results lie between 0 and 1, which a Clip would not change."""

DYNAMIC = {"ConvInteger": "Conv", "MatMulInteger": "MatMul"}
"""What stands behind DynamicQuantizeLinear, and its float counterpart."""

CLIP_BY_OPERANDS = 11
"""Since this opset the bounds of Clip are operands."""


def is_quantized(operators: Sequence[str]) -> bool:
    """Whether a model of these operators may have another float form than itself."""
    return any(
        "Quantize" in name or name.startswith(("QLinear", "QGemm")) or name == BLOCKS
        for name in operators
    )


def float_form(model: ModelProto, tensors: TensorReader) -> ModelProto:
    """The float model that a quantized one stands for; any other is handed back as it is."""
    if not is_quantized([node.op_type for node in model.graph.node]):
        return model
    rewritten = ModelProto()
    rewritten.CopyFrom(model)
    Rewriter(rewritten, tensors).run()
    if all(entry.domain != MICROSOFT for entry in rewritten.opset_import):
        rewritten.opset_import.append(OperatorSetIdProto(domain=MICROSOFT, version=1))
    return rewritten


class Twin(NamedTuple):
    """The float tensor that a quantized one was made from."""

    name: str
    scale: str
    zero: str


class Rewriter:
    """Rewrites the nodes of one model in place; what nothing reads any more stays."""

    def __init__(self, model: ModelProto, tensors: TensorReader) -> None:
        self.tensors = tensors
        self.graph = model.graph
        self.opset = next((x.version for x in model.opset_import if x.domain in STANDARD), 1)
        self.constants = {tensor.name: tensor for tensor in self.graph.initializer}
        self.twins: dict[str, Twin] = {}
        self.highest: dict[str, float] = {}
        self.makers: dict[str, NodeProto] = {}
        self.nodes: list[NodeProto] = []

    def run(self) -> None:
        """Rewrite all nodes."""
        for node in self.graph.node:
            for part in expanded(node) if is_quantized_operator(node) else (node,):
                self._rewrite(part)
        del self.graph.node[:]
        self.graph.node.extend(self.nodes)

    def _rewrite(self, node: NodeProto) -> None:
        self._note_constant(node)
        replaced = self._restored(node) or self._dynamic_product(node)
        if replaced is not None:
            self._add(replaced)
            return
        self._add(node)
        if node.op_type == "QuantizeLinear" and len(node.input) >= 2 and node.output:
            number, scale, zero = (*node.input, "")[:3]
            self.twins[node.output[0]] = Twin(self._bounded(number, scale, zero), scale, zero)
        elif node.op_type == "DynamicQuantizeLinear" and len(node.output) == 3 and node.input:
            self.twins[node.output[0]] = Twin(node.input[0], *node.output[1:3])
        elif node.op_type in MOVING and node.input[0] in self.twins and len(node.output) == 1:
            self._move(node, self.twins[node.input[0]])

    def _add(self, node: NodeProto) -> None:
        self.nodes.append(node)
        self.makers.update((name, node) for name in node.output)
        if node.op_type in RANGE_KEEPING and node.input[0] in self.highest:
            self.highest[node.output[0]] = self.highest[node.input[0]]

    def _note_constant(self, node: NodeProto) -> None:
        if node.op_type == "Constant":
            for attribute in node.attribute:
                if attribute.name == "value":
                    self.constants[node.output[0]] = attribute.t

    # ---- pairs of QuantizeLinear and DequantizeLinear

    def _restored(self, node: NodeProto) -> NodeProto | None:
        """What stands for DequantizeLinear of what QuantizeLinear made with the same numbers."""
        twin = self.twins.get(node.input[0]) if node.op_type == "DequantizeLinear" else None
        if twin is None:
            return None
        scale, zero = (*node.input[1:], "")[:2]
        if not (self._is_same(scale, twin.scale) and self._is_same(zero, twin.zero)):
            return None
        return make_node("Identity", [twin.name], node.output, name=node.name)

    def _move(self, node: NodeProto, twin: Twin) -> None:
        """Do to the float tensor what a node does to the quantized one."""
        name = f"{node.output[0]}.float"
        moved = NodeProto()
        moved.CopyFrom(node)
        moved.name, moved.input[0], moved.output[0] = "", twin.name, name
        self._add(moved)
        self.twins[node.output[0]] = Twin(name, twin.scale, twin.zero)

    def _is_same(self, one: str, other: str) -> bool:
        if one == other:
            return True
        if one not in self.constants or other not in self.constants:
            return False
        left, right = (self.tensors.stored(self.constants[name]) for name in (one, other))
        return left.dtype == right.dtype and np.array_equal(left, right)

    def _bounded(self, name: str, scale: str, zero: str) -> str:
        """The float tensor within the range of its quantized form, where that begins at 0."""
        highest = self._highest(scale, zero)
        maker = self.makers.get(name)
        if highest is None or (maker is not None and maker.op_type in UNIT_RANGE):
            return name
        if self.highest.get(name, np.inf) <= highest:
            return name
        bounded = f"{name}.within.{scale}"
        if bounded not in self.highest:
            for node in self._clip(name, bounded, highest):
                self._add(node)
            self.highest[bounded] = highest
        return bounded

    def _highest(self, scale: str, zero: str) -> float | None:
        """The upper end of a range that begins at 0; None for any other range."""
        step = self._number(scale)
        point = self._number(zero) if zero else np.zeros((), np.uint8)
        if step is None or point is None or point.dtype.kind not in "iu":
            return None
        limits = np.iinfo(point.dtype)
        return float(step) * (limits.max - limits.min) if int(point) == limits.min else None

    def _number(self, name: str) -> np.ndarray | None:
        """A constant of one element."""
        tensor = self.constants.get(name)
        if tensor is None or int(np.prod(tensor.dims)) != 1:
            return None
        return self.tensors.stored(tensor).reshape(())

    def _clip(self, name: str, bounded: str, highest: float) -> Iterator[NodeProto]:
        if self.opset < CLIP_BY_OPERANDS:
            yield make_node("Clip", [name], [bounded], min=0.0, max=highest)
            return
        bounds = {f"{bounded}.min": 0.0, f"{bounded}.max": highest}
        for bound, number in bounds.items():
            self.graph.initializer.append(make_tensor(np.array(number, np.float32), bound))
        yield make_node("Clip", [name, *bounds], [bounded])

    # ---- weights quantized alone

    def _dynamic_product(self, node: NodeProto) -> NodeProto | None:
        """The float product that Mul(Cast(integer product), both scales) stands for."""
        if node.op_type != "Mul":
            return None
        for cast, scales in (node.input, reversed(node.input)):
            product, bias = self._integer_product(self._behind(cast, ("Cast",)))
            both = self._maker(scales, ("Mul",))
            twin = None if product is None else self.twins.get(product.input[0])
            if product is None or both is None or twin is None or twin.scale not in both.input:
                continue
            others = [name for name in both.input if name != twin.scale]
            if len(others) == 1:
                return self._float_product(product, twin, (others[0], bias), node)
        return None

    def _integer_product(self, name: str) -> tuple[NodeProto | None, str]:
        """The product that makes ``name``, and the float bias that older exporters add to it."""
        node = self._maker(name, (*DYNAMIC, "Add"))
        if node is None or node.op_type != "Add":
            return node, ""
        for product, bias in (node.input, reversed(node.input)):
            made = self._maker(product, tuple(DYNAMIC))
            number = self._behind(bias, ("Reshape", "Cast", "Floor", "Div"))
            if made is not None and number:
                return made, number
        return None, ""

    def _float_product(
        self,
        product: NodeProto,
        twin: Twin,
        scale_and_bias: tuple[str, str],
        node: NodeProto,
    ) -> NodeProto:
        weight_scale, bias = scale_and_bias
        weight = f"{node.output[0]}.weight"
        zero = [name for name in product.input[3:4] if name]
        self._add(
            make_node(
                "DequantizeLinear",
                [product.input[1], weight_scale, *zero],
                [weight],
                domain=MICROSOFT,
                axis=0 if product.op_type == "ConvInteger" else -1,
            )
        )
        operator = DYNAMIC[product.op_type]
        operands = [twin.name, weight, *([bias] if bias else [])]
        made = make_node(operator, operands, node.output, name=node.name)
        made.attribute.extend(product.attribute)
        return made

    def _maker(self, name: str, operators: tuple[str, ...]) -> NodeProto | None:
        node = self.makers.get(name)
        return node if node is not None and node.op_type in operators else None

    def _behind(self, name: str, operators: Sequence[str]) -> str:
        """What ``name`` is made of by these operators, last first; empty if by others."""
        for operator in operators:
            node = self._maker(name, (operator,))
            if node is None:
                return ""
            name = node.input[0]
        return name
