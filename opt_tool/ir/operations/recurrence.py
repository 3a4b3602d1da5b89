"""Recurrent layers.

Paddle-Lite: lite/operators/rnn_op.cc, kernels/arm/rnn_compute.cc, kernels/x86/rnn_compute.cc.
"""

from __future__ import annotations

from typing import ClassVar

from opt_tool.ir.graph import Value
from opt_tool.ir.operation import Operands, Operation, ShapeError, slots
from opt_tool.ir.types import TensorType, may_be, may_be_equal

GATES = {"LSTM": 4, "GRU": 3}
"""How many blocks of hidden_size rows a weight has: i, f, c, o and r, z, c."""


class Rnn(Operation):
    """Recurrent layers one upon the other, each in one direction or in both.

    Input is (T, N, input_size). PreState is h and, for an LSTM, c before the first step:
    (num_layers * directions, N, hidden_size). WeightList holds for each layer and each
    direction the weights of the input (gates * hidden_size, its size) and of the state
    (gates * hidden_size, hidden_size), and behind all weights their biases in the same
    order. The gates of an LSTM are i, f, c, o; those of a GRU r, z, c, of which r scales
    what the state contributes to c, its bias included.

    Out is (T, N, directions * hidden_size). State is h and c after the last step, shaped
    like PreState. x86's kernel leaves it empty, ARM's takes h of the backward direction
    from the wrong end: read h from Out.
    """

    type: ClassVar[str] = "rnn"
    inputs = slots("Input PreState+ WeightList+")
    outputs = slots("Out State+")

    mode: str
    input_size: int
    hidden_size: int
    num_layers: int = 1
    is_bidirec: bool = False

    @property
    def directions(self) -> int:
        return 2 if self.is_bidirec else 1

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x = inputs.one("Input").type
        if self.mode not in GATES:
            raise ShapeError(f"there is no recurrent layer {self.mode!r}")
        if x.rank != 3 or not may_be(x.shape[2], self.input_size):
            raise ShapeError(f"{x} is not (time, batch, {self.input_size})")
        layers = self.num_layers * self.directions
        if len(inputs["WeightList"]) != 4 * layers:
            raise ShapeError(f"{len(inputs['WeightList'])} weights for {layers} layers")
        states = tuple(state.type for state in inputs["PreState"])
        if len(states) != (2 if self.mode == "LSTM" else 1):
            raise ShapeError(f"{len(states)} initial states for {self.mode}")
        shape = (layers, x.shape[1], self.hidden_size)
        for state in states:
            if not may_be_equal(state.shape, shape):
                raise ShapeError(f"the initial state {state} is not {list(shape)}")
        out = x.with_shape((*x.shape[:2], self.directions * self.hidden_size))
        return (out, *(state.with_shape(shape) for state in states))
