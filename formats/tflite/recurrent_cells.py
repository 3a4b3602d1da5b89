"""Reads the cells of recurrent layers, of whole sequences or of a single step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from opt_tool.formats.tflite.node import TfliteNode
from opt_tool.formats.tflite.schema import Activation
from opt_tool.ir import Dim, Value
from opt_tool.ir.builder import GraphBuilder
from opt_tool.ir.operations.activation import Relu, Relu6
from opt_tool.ir.unrolling import Cell, Function, Norm, Projection, sigmoid, tanh

GATES = ("i", "f", "c", "o")
"""The gates of an LSTM, in the order of the file and of Paddle Lite."""

INPUT, STATE, PEEPHOLES, BIAS, PROJECTION = 0, 4, 8, 11, 15
"""Where the operands of one direction of an LSTM stand, from its first weight on."""

NORMED = frozenset({"LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM"})
"""Layers that may be normalized."""

NORMS, EPSILON = 20, 1e-8
"""Where the scales of the gates stand, and what is added to their variances
(tensorflow/lite/kernels/internal/reference/portable_tensor_utils.cc)."""

SECOND_INPUT = {"BIDIRECTIONAL_SEQUENCE_LSTM": range(39, 48)}
"""Operands of layers that read a second input: they are not read."""


def _relu(builder: GraphBuilder, x: Value) -> Value:
    return builder.add(Relu(), X=x)


def _relu6(builder: GraphBuilder, x: Value) -> Value:
    return builder.add(Relu6(), X=x)


FUNCTIONS: Mapping[Activation, Function] = {
    Activation.RELU: _relu,
    Activation.RELU6: _relu6,
    Activation.TANH: tanh,
}


CONVERTERS_BOUND = 10.0
"""What TensorFlow's converter bounds every cell by, which Keras's layers do not
(tensorflow/compiler/mlir/lite/utils/lstm_utils.cc). Behind tanh the bound itself shows in the
ninth digit; keeping it would take fifteen operators for each step."""

UNBOUNDED = (
    "the cells of {0!r} are not bounded by {1:g} as TensorFlow's converter has it, but grow as "
    "those of the layer that it converted"
)


def layer_weights(node: TfliteNode, index: int, rank: int) -> np.ndarray:
    """An operand that must be floats of that many dimensions, known at conversion."""
    weights = node.constant(index, "weights")
    if weights.dtype != np.float32 or weights.ndim != rank:
        raise node.unsupported(
            f"weights of {weights.dtype}, {weights.ndim} dimensions; they are {rank} of floats"
        )
    return weights


def _function(node: TfliteNode) -> Function:
    activation = node.choice("fused_activation_function", Activation)
    if activation not in FUNCTIONS:
        raise node.unsupported(f"the activation {activation.name} is not supported")
    return FUNCTIONS[activation]


def rnn_cell(node: TfliteNode, start: int) -> Cell:
    """The direction whose weights begin at ``start``."""
    weight, state_weight, bias = (
        node.new_constant(layer_weights(node, start + place, rank), name)
        for place, (name, rank) in enumerate((("weight", 2), ("state_weight", 2), ("bias", 1)))
    )
    return Cell("RNN", weight, state_weight, bias, functions=(_function(node),))


def lstm_cell(node: TfliteNode, start: int, steps: Dim | None) -> Cell:
    """The direction whose weights begin at ``start``, for so many steps, or without end."""
    if any(node.has(index) for index in SECOND_INPUT.get(node.operator, ())):
        raise node.unsupported("a second input; only layers that read one are supported")
    if node.proto.options.get("diagonal_recurrent_tensors"):
        raise node.unsupported("weights of the state that are diagonals; whole ones are supported")
    function, clip = _function(node), node.real("cell_clip")
    weight, state_weight = (
        node.new_constant(np.concatenate(_gates(node, start + place, 2)), name)
        for place, name in ((INPUT, "weight"), (STATE, "state_weight"))
    )
    biases = _gates(node, start + BIAS, 1)
    norms = _norms(node, biases)
    return Cell(
        "LSTM",
        weight,
        state_weight,
        None if norms else node.new_constant(np.concatenate(biases), "bias"),
        functions=(sigmoid, function, function),
        peepholes=_peepholes(node, start + PEEPHOLES),
        cell_clip=clip if _may_reach(node, clip, steps) else None,
        norms=norms,
        projection=_projection(node, start + PROJECTION),
    )


def _norms(node: TfliteNode, biases: Sequence[np.ndarray]) -> tuple[Norm, ...]:
    """What normalizes each gate; without an input gate it is that of the forget gate."""
    if node.operator not in NORMED or not node.has(NORMS + 1):
        return ()
    scales = [layer_weights(node, NORMS + place, 1) for place in range(1, len(GATES))]
    scales.insert(0, layer_weights(node, NORMS, 1) if node.has(NORMS) else scales[0])
    return tuple(
        Norm(node.new_constant(scale, "scale"), node.new_constant(bias, "bias"), EPSILON)
        for scale, bias in zip(scales, biases, strict=True)
    )


def _projection(node: TfliteNode, first: int) -> Projection | None:
    if not node.has(first):
        return None
    clip = node.real("proj_clip")
    return Projection(
        node.new_constant(layer_weights(node, first, 2), "projection"),
        node.new_constant(layer_weights(node, first + 1, 1), "projection_bias")
        if node.has(first + 1)
        else None,
        clip if clip > 0 else None,
    )


def _gates(node: TfliteNode, first: int, rank: int) -> list[np.ndarray]:
    """The parts of a weight or bias, one for each gate.

    Without an input gate that is 1 - f, which is the function of what is negative.
    """
    parts = [layer_weights(node, first + place, rank) for place in range(1, len(GATES))]
    parts.insert(0, layer_weights(node, first, rank) if node.has(first) else -parts[0])
    if len({part.shape for part in parts}) > 1:
        raise node.unsupported(f"weights of {[part.shape for part in parts]} for its gates")
    return parts


def _peepholes(node: TfliteNode, first: int) -> tuple[Value, Value, Value] | None:
    if not node.has(first + 1):
        return None
    f, o = (layer_weights(node, first + place, 1) for place in (1, 2))
    i = layer_weights(node, first, 1) if node.has(first) else -f
    own, forget, out = (node.new_constant(part, "peephole") for part in (i, f, o))
    return own, forget, out


def _may_reach(node: TfliteNode, clip: float, steps: Dim | None) -> bool:
    """Whether the cell may reach its bound: a step of tanh adds less than 1 to it.

    The converter's own bound is left out, with a note where a cell might reach it.
    """
    if clip <= 0 or steps is None:
        return clip > 0
    tanh = node.choice("fused_activation_function", Activation) is Activation.TANH
    if tanh and isinstance(steps, int) and steps <= clip:
        return False
    if not tanh or clip != CONVERTERS_BOUND:
        return True
    node.reader.notes.append(UNBOUNDED.format(node.name, clip))
    return False
