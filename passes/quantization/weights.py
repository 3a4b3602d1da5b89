"""Which weights a runtime restores, and why each of the others stays float.

``DequantizeWeight`` in lite/api/light_api.cc turns the integers of these operators alone
back into floats; on any other operator they would stay integers and the model would compute
constants or NaN. It restores a weight once for each operator that names it, so no two
operators may share a quantized one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from opt_tool.ir import DType, Graph, Node, Operation, Value
from opt_tool.ir.operations.convolution import Conv2D, DepthwiseConv2D
from opt_tool.ir.operations.detection import MulticlassNms
from opt_tool.ir.operations.indexing import LookupTable
from opt_tool.ir.operations.matmul import Fc, Mul
from opt_tool.targets import LiteVersion


class WeightSlot(NamedTuple):
    """Where an operation has its weight, and the axis that the scales count along."""

    slot: str
    axis: int
    since: LiteVersion = LiteVersion.V2_8


RESTORED: Mapping[type[Operation], WeightSlot] = {
    Conv2D: WeightSlot("Filter", 0),
    DepthwiseConv2D: WeightSlot("Filter", 0),
    Fc: WeightSlot("W", 1),
    Mul: WeightSlot("Y", 1),
    LookupTable: WeightSlot("W", 1, LiteVersion.V2_9),
}

REPORTED_ELEMENTS = 256
"""Constants of fewer elements are not worth a line about why they stay float."""


class Weight(NamedTuple):
    """A weight of an operation that can be quantized."""

    node: Node
    value: Value
    slot: WeightSlot

    @property
    def channels(self) -> int:
        return self.value.type.static_shape[self.slot.axis]

    def bytes_at(self, stored_bits: int) -> int:
        """What the weight and its scales take; at 32 bits it has none."""
        assert self.value.data is not None
        scales = 0 if stored_bits == 32 else 4 * self.channels
        return self.value.data.size * stored_bits // 8 + scales


class FloatWeight(NamedTuple):
    """A constant that stays float, and why."""

    op: str
    weight: str
    bytes: int
    reason: str


def restored_weights(graph: Graph, version: LiteVersion) -> Iterator[Weight]:
    """The weights that the runtime restores, in execution order."""
    for node in graph.nodes:
        slot = RESTORED.get(type(node.op))
        if slot is None or version < slot.since:
            continue
        value = node.input(slot.slot)
        if refusal(node, value) is None:
            yield Weight(node, value, slot)


def finite_weights(graph: Graph, version: LiteVersion) -> Iterator[Weight]:
    """Those of the restored weights that can be rounded; each is read whole."""
    for weight in restored_weights(graph, version):
        if np.isfinite(weight.value.array()).all():
            yield weight


def refusal(node: Node, value: Value) -> str | None:
    """Why the weight of an operation that the runtime restores cannot be quantized, if so."""
    if not value.is_constant:
        return "it is computed at run time"
    if value.quantization is not None:
        return "it is quantized already"
    if _moves_chosen_rows(node):
        return "it moves rows that were chosen"
    if value.dtype is not DType.FLOAT32:
        return f"its elements are {value.dtype.value}, not float32"
    if isinstance(node.op, Mul) and value.rank != 2:
        return "it is no matrix"
    if value.data is None or value.data.size == 0:
        return "it is empty"
    return None


def _moves_chosen_rows(node: Node) -> bool:
    """Whether an operation reads a list of boxes, in which nothing is left to be learned."""
    producers = [value.producer for value in node.inputs.flat()]
    return any(
        producer is not None and isinstance(producer.op, MulticlassNms) for producer in producers
    )


def float_weights(graph: Graph, version: LiteVersion) -> Iterator[FloatWeight]:
    """The larger float constants of operations whose weights the runtime does not restore."""
    for node in graph.nodes:
        slot = RESTORED.get(type(node.op))
        if slot is not None and version >= slot.since:
            continue
        for value in node.inputs.flat():
            if value.data is not None and value.data.size >= REPORTED_ELEMENTS:
                yield FloatWeight(
                    node.op.type, value.name, value.data.nbytes, _reason(node, slot, version)
                )


def _reason(node: Node, slot: WeightSlot | None, version: LiteVersion) -> str:
    if slot is None:
        return f"the runtime does not restore weights of {node.op.type}"
    return f"Paddle Lite {version} does not restore weights of {node.op.type}; {slot.since} does"
