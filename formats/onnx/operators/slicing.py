"""Reads Slice.

What is known is brought into the form that Paddle Lite runs: a ``slice`` for the axes of
step 1, a ``strided_slice`` for larger steps, a ``gather`` or ``flip`` for negative ones.
Bounds that only the run knows stay operands of ``slice``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from opt_tool.formats.casting import carried
from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.ir import Dim, DType, Value
from opt_tool.ir.operations.data_movement import ENDLESS, Flip, Slice, StridedSlice
from opt_tool.ir.operations.indexing import Gather

FLIPPABLE = frozenset({DType.FLOAT32, DType.INT64})
FIRST = -ENDLESS


class Cut(NamedTuple):
    """What is taken of one axis: elements from ``start`` to before ``end`` by ``step``."""

    axis: int
    start: int
    end: int
    step: int


@onnx_op("Slice", since=1)
def slice_1(node: OnnxNode) -> Value:
    starts, ends = node.integers("starts"), node.integers("ends")
    axes = node.integers("axes", tuple(range(len(starts))))
    steps = (1,) * len(starts)
    return _sliced(node, axes, starts, ends, steps)


@onnx_op("Slice", since=10)
def slice_10(node: OnnxNode) -> Value:
    given = node.maybe_wholes(3, "axes")
    axes = tuple(range(_length(node))) if given is None else given
    steps = node.maybe_wholes(4, "steps") or (1,) * len(axes)
    starts, ends = _bounds(node, 1, "starts"), _bounds(node, 2, "ends")
    if starts is None or ends is None:
        return _sliced_at_run_time(node, axes, starts, ends, steps)
    return _sliced(node, axes, starts, ends, steps)


def _length(node: OnnxNode) -> int:
    starts = node.input(1)
    if starts.rank != 1:
        raise node.unsupported(f"its starts are {starts.type}, not a vector")
    size = starts.shape[0]
    if not isinstance(size, int):
        raise node.unsupported("how many axes it slices is known only at run time")
    return size


def _bounds(node: OnnxNode, index: int, what: str) -> tuple[Dim, ...] | None:
    value = node.input(index)
    return node.wholes(index, what) if value.is_constant else value.elements


def _sliced(
    node: OnnxNode,
    axes: Sequence[int],
    starts: Sequence[Dim],
    ends: Sequence[Dim],
    steps: Sequence[int],
) -> Value:
    """The slice by bounds that are numbers, or the symbol of the dimension itself."""
    x = node.input(0)
    if not len(axes) == len(starts) == len(ends) == len(steps):
        raise node.unsupported(f"{len(starts)} starts, {len(ends)} ends for {len(axes)} axes")
    cuts: list[Cut] = []
    for given, start, end, step in zip(axes, starts, ends, steps, strict=True):
        axis = node.axis(given, x.rank)
        last = ENDLESS if end == x.shape[axis] else end
        if not isinstance(start, int) or not isinstance(last, int):
            return _sliced_at_run_time(node, axes, starts, ends, steps)
        cuts.append(_normalized(node, x.shape[axis], Cut(axis, start, last, step)))
    for step_cuts in (
        [cut for cut in cuts if cut.step == 1],
        [cut for cut in cuts if cut.step > 1],
    ):
        x = _cut_forward(node, x, step_cuts)
    for cut in cuts:
        if cut.step < 0:
            x = _cut_backward(node, x, cut)
    return x


def _normalized(node: OnnxNode, size: Dim, cut: Cut) -> Cut:
    """The same cut in bounds that fit int32 and, on a known dimension, count from 0."""
    if cut.step == 0:
        raise node.unsupported("its step is 0")
    if not isinstance(size, int):
        start, end = (min(max(bound, FIRST), ENDLESS) for bound in (cut.start, cut.end))
        return Cut(cut.axis, start, end, cut.step)
    taken = range(*slice(cut.start, cut.end, cut.step).indices(size))
    if len(taken) == 1 and cut.step != 1:
        return Cut(cut.axis, taken.start, taken.start + 1, 1)
    return Cut(cut.axis, taken.start, taken.stop, taken.step)


def _takes_all(x: Value, cut: Cut) -> bool:
    size = x.shape[cut.axis]
    return cut.start == 0 and cut.step == 1 and cut.end in (size, ENDLESS)


def _cut_forward(node: OnnxNode, x: Value, cuts: Sequence[Cut]) -> Value:
    """Cuts of positive steps, all at once; the steps are all 1, or all larger."""
    wanted = [cut for cut in cuts if not _takes_all(x, cut)]
    if not wanted:
        return x
    if any(_is_empty(cut) for cut in wanted):
        return _nothing(node, x, wanted)
    axes, starts, ends, steps = (
        tuple(getattr(cut, name) for cut in wanted) for name in ("axis", "start", "end", "step")
    )
    op: Slice | StridedSlice = Slice(axes=axes, starts=starts, ends=ends)
    if steps[0] > 1:
        flags = (1,) * len(wanted)
        op = StridedSlice(axes=axes, starts=starts, ends=ends, strides=steps, infer_flags=flags)
    return carried(node, [x], lambda value: node.add(op, Input=value))


def _is_empty(cut: Cut) -> bool:
    return (cut.start < 0) == (cut.end < 0) and cut.start >= cut.end


def _nothing(node: OnnxNode, x: Value, cuts: Sequence[Cut]) -> Value:
    shape = list(x.shape)
    for cut in cuts:
        size = shape[cut.axis]
        if isinstance(size, int):
            shape[cut.axis] = len(range(*slice(cut.start, cut.end, cut.step).indices(size)))
        elif _is_empty(cut):
            shape[cut.axis] = 0
    sizes = [dim for dim in shape if isinstance(dim, int)]
    if len(sizes) < len(shape):
        raise node.unsupported(f"it takes nothing of {list(x.shape)}")
    return node.new_constant(np.zeros(sizes, x.dtype.numpy), "nothing")


def _cut_backward(node: OnnxNode, x: Value, cut: Cut) -> Value:
    """A cut of a negative step: by indices, or by turning a whole axis round."""
    size = x.shape[cut.axis]
    if isinstance(size, int):
        node.made_up(len(range(cut.start, cut.end, cut.step)))
        indices = np.arange(cut.start, cut.end, cut.step, dtype=np.int32)
        if indices.size == 0:
            return _nothing(node, x, [cut])
        index = node.new_constant(indices, "indices")
        return carried(
            node, [x], lambda value: node.add(Gather(axis=cut.axis), X=value, Index=index)
        )
    if cut.start not in (-1, ENDLESS) or cut.end != FIRST:
        raise node.unsupported(
            f"it goes backwards through part of a dimension ({size}) that is known only at run "
            "time. Fix the input shapes with --input-shape"
        )
    flipped = carried(
        node,
        [x],
        lambda value: node.add(Flip(axis=(cut.axis,)), X=value),
        native=FLIPPABLE,
    )
    return _cut_forward(node, flipped, [Cut(cut.axis, 0, ENDLESS, -cut.step)])


def _sliced_at_run_time(
    node: OnnxNode,
    axes: Sequence[int],
    starts: Sequence[Dim] | None,
    ends: Sequence[Dim] | None,
    steps: Sequence[int],
) -> Value:
    """The slice by bounds that the run computes."""
    if any(step != 1 for step in steps):
        raise node.open(
            node.input(2 if ends is None else 1),
            "bound",
            "its steps are not 1 and its bounds are known only at run time. "
            "Fix the input shapes with --input-shape",
        )
    x = node.input(0)
    known_starts, known_ends = _numbers(starts), _numbers(ends)
    placeholder = (0,) * len(axes)  # runtimes before 2.13 want both attributes at one length
    op = Slice(
        axes=tuple(node.axis(axis, x.rank) for axis in axes),
        starts=placeholder if known_starts is None else known_starts,
        ends=placeholder if known_ends is None else known_ends,
        infer_flags=(-1,) * len(axes),
    )
    starts_operand = node.input(1) if known_starts is None else None
    ends_operand = node.input(2) if known_ends is None else None
    return carried(
        node,
        [x],
        lambda value: node.add(
            op, Input=value, StartsTensor=starts_operand, EndsTensor=ends_operand
        ),
        beside=(starts_operand, ends_operand),
    )


def _numbers(bounds: Sequence[Dim] | None) -> tuple[int, ...] | None:
    """Bounds cut to int32, or None when one of them is no number."""
    if bounds is None:
        return None
    numbers = tuple(min(max(b, FIRST), ENDLESS) for b in bounds if isinstance(b, int))
    return numbers if len(numbers) == len(bounds) else None
