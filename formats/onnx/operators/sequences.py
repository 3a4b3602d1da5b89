"""Reads operators on sequences and optional tensors, of which conversion knows what they hold.

A sequence stands in the scope as the constant that says how many tensors it has; the
reader's table ``sequences`` has the tensors. So loops hand it from turn to turn like any
other value.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.operators.data_movement import joined, parted
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.formats.shapes import stacked
from opt_tool.ir import Value
from opt_tool.ir.operations.data_movement import Split
from opt_tool.ir.operations.shape import Squeeze2


def _sequence(node: OnnxNode, tensors: Sequence[Value]) -> Value:
    length = node.new_constant(np.array(len(tensors), np.int64), "length")
    node.reader.sequences[length] = tuple(tensors)
    return length


def _tensors(node: OnnxNode) -> list[Value]:
    """The tensors of the first operand."""
    found = node.reader.sequences.get(node.input(0))
    if found is None:
        raise node.unsupported(f"its operand {node.input(0).name!r} is no sequence")
    return list(found)


def _position(node: OnnxNode, index: int, count: int) -> int:
    """A place among that many, counted from the front."""
    position = node.whole(index, "position")
    if not -count <= position < count:
        raise node.unsupported(f"position {position} of {count}")
    return position % count


@onnx_op("SequenceEmpty", since=11)
def sequence_empty(node: OnnxNode) -> Value:
    return _sequence(node, ())


@onnx_op("SequenceConstruct", since=11)
def sequence_construct(node: OnnxNode) -> Value:
    return _sequence(node, [node.input(index) for index in range(len(node.inputs))])


@onnx_op("SequenceInsert", since=11)
def sequence_insert(node: OnnxNode) -> Value:
    tensors = _tensors(node)
    count = len(tensors)
    given = node.maybe_whole(2, "position")
    position = count if given is None else given
    if not -count <= position <= count:
        raise node.unsupported(f"position {position} of {count}")
    tensors.insert(position, node.input(1))
    return _sequence(node, tensors)


@onnx_op("SequenceErase", since=11)
def sequence_erase(node: OnnxNode) -> Value:
    tensors = _tensors(node)
    count = len(tensors)
    del tensors[count - 1 if node.maybe(1) is None else _position(node, 1, count)]
    return _sequence(node, tensors)


@onnx_op("SequenceAt", since=11)
def sequence_at(node: OnnxNode) -> Value:
    tensors = _tensors(node)
    return tensors[_position(node, 1, len(tensors))]


@onnx_op("SequenceLength", since=11)
def sequence_length(node: OnnxNode) -> Value:
    return node.new_constant(np.array(len(_tensors(node)), np.int64), "length")


@onnx_op("OptionalHasElement", since=15)
def optional_has_element(node: OnnxNode) -> Value:
    """Whether there is an operand; inputs that may be missing are refused as inputs."""
    return node.new_constant(np.array(node.maybe(0) is not None), "has")


@onnx_op("Optional", since=15)
@onnx_op("OptionalGetElement", since=15)
def optional_element(node: OnnxNode) -> Value:
    return node.input(0)


@onnx_op("ConcatFromSequence", since=11)
def concat_from_sequence(node: OnnxNode) -> Value:
    tensors = _tensors(node)
    if not tensors:
        raise node.unsupported("the sequence is empty")
    axis = node.integer("axis", 0)
    if node.integer("new_axis", 0):
        return stacked(node, tensors, node.axis(axis, tensors[0].rank + 1))
    return joined(node, tensors, node.axis(axis, tensors[0].rank))


@onnx_op("SplitToSequence", since=11)
def split_to_sequence(node: OnnxNode) -> Value:
    x = node.input(0)
    axis = node.axis(node.integer("axis", 0), x.rank)
    size = x.shape[axis]
    if not isinstance(size, int):
        raise node.unsupported(
            f"it splits a dimension ({size}) that is known only at run time; give the input's "
            "shape with --input-shape"
        )
    sections = _sections(node, size)
    parts = parted(node, x, Split(axis=axis, sections=sections)) if sections else ()
    if node.maybe(1) is None and not node.integer("keepdims", 1):
        parts = tuple(node.add(Squeeze2(axes=(axis,)), X=part) for part in parts)
    return _sequence(node, parts)


def _sections(node: OnnxNode, size: int) -> tuple[int, ...]:
    """How long each part is: one without sizes, as long as one number where it is one."""
    sizes = node.maybe(1)
    if sizes is not None and sizes.rank > 0:
        return node.wholes(1, "sizes")
    step = 1 if sizes is None else node.whole(1, "sizes")
    if step < 1:
        raise node.unsupported(f"parts of {step} elements")
    return tuple(min(step, size - start) for start in range(0, size, step))
