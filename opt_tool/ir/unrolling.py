"""Writes recurrent layers out, one step after the other.

A cell is one direction of one layer. Its gates stand in Paddle Lite's order: i, f, c, o
of an LSTM, r, z, c of a GRU. The product of the input with its weight is computed for all
steps at once; each step adds that of the state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from opt_tool.ir.builder import GraphBuilder
from opt_tool.ir.graph import Value
from opt_tool.ir.operations.activation import Sigmoid, Tanh
from opt_tool.ir.operations.data_movement import Concat, Slice, Split, Transpose2
from opt_tool.ir.operations.elementwise import (
    Clip,
    ElementwiseAdd,
    ElementwiseMul,
    ElementwiseSub,
    Scale,
)
from opt_tool.ir.operations.matmul import MatMulV2
from opt_tool.ir.operations.normalization import LayerNorm
from opt_tool.ir.operations.shape import Unsqueeze2

Function: TypeAlias = Callable[[GraphBuilder, Value], Value]


def sigmoid(builder: GraphBuilder, x: Value) -> Value:
    """The usual function of gates."""
    return builder.add(Sigmoid(), X=x)


def tanh(builder: GraphBuilder, x: Value) -> Value:
    """The usual function of what is new."""
    return builder.add(Tanh(), X=x)


class Norm(NamedTuple):
    """What normalizes a gate before its function: scale and bias (H,)."""

    scale: Value
    bias: Value
    epsilon: float


class Projection(NamedTuple):
    """What an LSTM's output (N, H) becomes before it is the state: its product with (P, H).

    ``bias`` (P,) is added and ``clip`` bounds it, if there are such.
    """

    weight: Value
    bias: Value | None = None
    clip: float | None = None


class Cell(NamedTuple):
    """One direction of a recurrent layer.

    Attributes:
        kind: ``LSTM``, ``GRU`` or ``RNN``, with 4, 3 or 1 gates.
        weight: The weight of the input (gates * H, I).
        state_weight: That of the state (gates * H, H), or (4 * H, P) behind a projection.
        bias: What is added to the input's product (gates * H,), if anything.
        state_bias: What is added to the state's product (gates * H,), if anything.
        functions: Of the gates, of what is new, and of an LSTM's cell at the output.
        peepholes: What an LSTM's cell contributes to i, f and o, each (H,), if anything.
        clip: The bound of what the functions take, if there is one.
        cell_clip: The bound of an LSTM's cell, if there is one.
        input_forget: Whether an LSTM's f is 1 - i.
        reset_first: Whether a GRU scales the state before the product, not after it.
        norms: What normalizes an LSTM's gates, if anything; their biases are its own.
        projection: What becomes of an LSTM's output, if anything.
    """

    kind: str
    weight: Value
    state_weight: Value
    bias: Value | None = None
    state_bias: Value | None = None
    functions: tuple[Function, ...] = (sigmoid, tanh, tanh)
    peepholes: tuple[Value, Value, Value] | None = None
    clip: float | None = None
    cell_clip: float | None = None
    input_forget: bool = False
    reset_first: bool = False
    norms: tuple[Norm, ...] = ()
    projection: Projection | None = None


def unroll(
    builder: GraphBuilder,
    cell: Cell,
    x: Value,
    states: Sequence[Value],
    *,
    masks: Sequence[Value | None] = (),
    backwards: bool = False,
) -> tuple[Value, tuple[Value, ...]]:
    """Add one direction over x (T, N, I), of which T is a number.

    Args:
        builder: What adds the steps.
        cell: The direction.
        x: The input.
        states: h and, for an LSTM, c before the first step, each (N, H), or h (N, P).
        masks: For each time 1 in the rows of (N, 1) that it belongs to, else 0; None where
            it belongs to all.
        backwards: Whether the last time comes first.

    Returns:
        The outputs (T, N, H), which are 0 where the mask is, and the states after the end.
    """
    turned = builder.add(Transpose2(axis=(1, 0)), X=cell.weight)
    gates = _plus(builder, builder.add(MatMulV2(), X=x, Y=turned), cell.bias)
    step = STEPS[cell.kind](builder, cell)
    length = x.type.shape[0]
    assert isinstance(length, int)
    outputs: list[Value] = []
    for time in range(length)[:: -1 if backwards else 1]:
        at_time = Slice(axes=(0,), starts=(time,), ends=(time + 1,), decrease_axis=(0,))
        new = step(builder.add(at_time, Input=gates), *states)
        mask = masks[time] if masks else None
        y = new[0]
        if mask is not None:
            y = builder.add(ElementwiseMul(), X=y, Y=mask)
            new = tuple(_chosen(builder, mask, *pair) for pair in zip(new, states, strict=True))
        outputs.append(builder.add(Unsqueeze2(axes=(0,)), X=y))
        states = new
    rows = outputs[::-1] if backwards else outputs
    return rows[0] if length == 1 else builder.add(Concat(axis=0), X=rows), tuple(states)


def _chosen(builder: GraphBuilder, mask: Value, new: Value, old: Value) -> Value:
    """old + mask * (new - old)"""
    change = builder.add(ElementwiseSub(), X=new, Y=old)
    kept = builder.add(ElementwiseMul(), X=change, Y=mask)
    return builder.add(ElementwiseAdd(), X=old, Y=kept)


def _plus(builder: GraphBuilder, x: Value, bias: Value | None) -> Value:
    return x if bias is None else builder.add(ElementwiseAdd(), X=x, Y=bias)


class _Step:
    """What is the same in the steps of all kinds of cell."""

    def __init__(self, builder: GraphBuilder, cell: Cell) -> None:
        self.builder = builder
        self.cell = cell
        self.turned = builder.add(Transpose2(axis=(1, 0)), X=cell.state_weight)

    def __call__(self, x: Value, *states: Value) -> tuple[Value, ...]:
        raise NotImplementedError

    def from_state(self, h: Value) -> Value:
        product = self.builder.add(MatMulV2(), X=h, Y=self.turned)
        return _plus(self.builder, product, self.cell.state_bias)

    def function(self, index: int, x: Value) -> Value:
        """One of the cell's functions of what is bounded before."""
        if self.cell.clip is not None:
            x = self.builder.add(Clip(min=-self.cell.clip, max=self.cell.clip), X=x)
        return self.cell.functions[index](self.builder, x)

    def add(self, x: Value, y: Value) -> Value:
        return self.builder.add(ElementwiseAdd(), X=x, Y=y)

    def multiply(self, x: Value, y: Value) -> Value:
        return self.builder.add(ElementwiseMul(), X=x, Y=y)

    def split(self, x: Value, count: int) -> tuple[Value, ...]:
        return self.builder.add_all(Split(axis=1, num=count), X=x)


class _LstmStep(_Step):
    """h, c = o * tanh(c'), c' with c' = f * c + i * tanh(new)"""

    def __call__(self, x: Value, *states: Value) -> tuple[Value, ...]:
        h, c = states
        i, f, new, o = self.split(self.add(x, self.from_state(h)), 4)
        in_gate = self.function(0, self._normed(self._peeped(i, c, 0), 0))
        if self.cell.input_forget:
            keep = self.builder.add(Scale(scale=-1.0, bias=1.0), X=in_gate)
        else:
            keep = self.function(0, self._normed(self._peeped(f, c, 1), 1))
        added = self.multiply(in_gate, self.function(1, self._normed(new, 2)))
        cell = self._bounded(self.add(self.multiply(keep, c), added), self.cell.cell_clip)
        out_gate = self.function(0, self._normed(self._peeped(o, cell, 2), 3))
        out = self.multiply(out_gate, self.cell.functions[2](self.builder, cell))
        return self._projected(out), cell

    def _normed(self, gate: Value, index: int) -> Value:
        if not self.cell.norms:
            return gate
        scale, bias, epsilon = self.cell.norms[index]
        op = LayerNorm(begin_norm_axis=1, epsilon=epsilon)
        return self.builder.add(op, X=gate, Scale=scale, Bias=bias)

    def _projected(self, out: Value) -> Value:
        if self.cell.projection is None:
            return out
        weight, bias, clip = self.cell.projection
        product = self.builder.add(MatMulV2(trans_y=True), X=out, Y=weight)
        return self._bounded(_plus(self.builder, product, bias), clip)

    def _bounded(self, x: Value, bound: float | None) -> Value:
        return x if bound is None else self.builder.add(Clip(min=-bound, max=bound), X=x)

    def _peeped(self, gate: Value, c: Value, index: int) -> Value:
        if self.cell.peepholes is None:
            return gate
        return self.add(gate, self.multiply(c, self.cell.peepholes[index]))


class _GruStep(_Step):
    """h = new + z * (h - new)"""

    def __init__(self, builder: GraphBuilder, cell: Cell) -> None:
        super().__init__(builder, cell)
        size = cell.state_weight.type.static_shape[1]
        gates, new = builder.add_all(Split(axis=1, sections=(2 * size, size)), X=self.turned)
        bias = cell.state_bias
        self.weights = (gates, new)
        self.biases: Sequence[Value | None] = (
            (None, None)
            if bias is None
            else builder.add_all(Split(axis=0, sections=(2 * size, size)), X=bias)
        )

    def __call__(self, x: Value, *states: Value) -> tuple[Value, ...]:
        (h,) = states
        x_r, x_z, x_new = self.split(x, 3)
        if self.cell.reset_first:
            h_r, h_z = self.split(self._product(h, 0), 2)
        else:
            h_r, h_z, h_new = self.split(self.from_state(h), 3)
        reset = self.function(0, self.add(x_r, h_r))
        z = self.function(0, self.add(x_z, h_z))
        if self.cell.reset_first:
            gated = self._product(self.multiply(reset, h), 1)
        else:
            gated = self.multiply(reset, h_new)
        new = self.function(1, self.add(x_new, gated))
        change = self.builder.add(ElementwiseSub(), X=h, Y=new)
        return (self.add(new, self.multiply(z, change)),)

    def _product(self, h: Value, index: int) -> Value:
        product = self.builder.add(MatMulV2(), X=h, Y=self.weights[index])
        return _plus(self.builder, product, self.biases[index])


class _RnnStep(_Step):
    """h = tanh(x + h @ w)"""

    def __call__(self, x: Value, *states: Value) -> tuple[Value, ...]:
        (h,) = states
        return (self.function(0, self.add(x, self.from_state(h))),)


STEPS: dict[str, type[_Step]] = {"LSTM": _LstmStep, "GRU": _GruStep, "RNN": _RnnStep}


def time_masks(builder: GraphBuilder, lengths: np.ndarray, time: int) -> list[Value | None]:
    """For each time 1 in the rows (N, 1) whose sequences last beyond it, else 0."""
    masks: list[Value | None] = []
    for index in range(time):
        mask = (lengths > index).astype(np.float32)[:, np.newaxis]
        masks.append(None if mask.all() else builder.constant(mask, "mask"))
    return masks
