"""Quantized models as the float models that they stand for.

Paddle Lite computes these models in float32, where rounding every activation to 8 bits
would cost a dozen operators each and gain nothing. What stays is what rounding changes for
good: the weights' own steps. Activations need no bounds of their own, since TFLite's
converter keeps a function that is fused into an operator beside the range of its result.

TFLite's specification of 8-bit quantization says what the integers stand for; activations
of 16 bits follow the same rules.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import NamedTuple

import numpy as np

from opt_tool.errors import DamagedFileError, UnsupportedError
from opt_tool.formats.tflite.schema import (
    ABSENT,
    Model,
    Operator,
    Quantization,
    Tensor,
    TensorType,
)
from opt_tool.formats.tflite.tensors import is_quantized, refusing_damaged, restored

RESTORING = frozenset({"DENSIFY", "DEQUANTIZE"})
"""Operators between stored weights and floats."""

CONVERTING = frozenset({"DEQUANTIZE", "QUANTIZE"})
"""Operators between numbers and the integers that stand for them."""

BETWEEN_FLOATS = "CAST"
"""What becomes of those where both sides are floats."""

READING_INTEGERS = frozenset({"BITCAST", "BITWISE_XOR", "CAST", "RIGHT_SHIFT"})
"""Operators that take stored integers for themselves."""

THEMSELVES = Quantization((1.0,), (0,), 0)
"""The rule by which integers stand for themselves."""

SUMS = (TensorType.INT32, TensorType.INT64)
"""The element types of biases, which are added to sums of products."""


class Biased(NamedTuple):
    """Where an operator with a bias has its operands."""

    x: int
    weights: int
    bias: int


BIASED: Mapping[str, tuple[Biased, ...]] = {
    "CONV_2D": (Biased(0, 1, 2),),
    "DEPTHWISE_CONV_2D": (Biased(0, 1, 2),),
    "FULLY_CONNECTED": (Biased(0, 1, 2),),
    "SVDF": (Biased(4, 2, 3),),
    "TRANSPOSE_CONV": (Biased(2, 1, 3),),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": tuple(Biased(0, 1 + gate, 12 + gate) for gate in range(4)),
}

NORMS = 20
"""Where the scales of an LSTM's gates stand; biases behind these are of other steps."""


def float_form(model: Model, path: Path) -> Model:
    """The float model that a quantized one stands for; any other is handed back as it is.

    ``path`` is for messages. What converts is treated alike in all graphs of the file.

    Raises:
        DamagedFileError: when a constant's bytes are not what its type and shape ask for.
        UnsupportedError: when a constant's integers stand for two things at once.
    """
    quantized = any(_activations(graph) for graph in (model, *model.branches.values()))
    restoring = RESTORING - CONVERTING if quantized else RESTORING
    form = _form(model, restoring, path)
    branches = {index: _form(graph, restoring, path) for index, graph in model.branches.items()}
    if all(branches[index] is graph for index, graph in model.branches.items()):
        return form
    return dataclasses.replace(form, branches=branches)


def _form(model: Model, restoring: Set[str], path: Path) -> Model:
    """The form of one graph."""
    integers = _read_as_integers(model)
    activations = _activations(model)
    weights = _constants(model, restoring) - _computed(model) - integers
    biases = _biases(model, activations, path)
    themselves = [i for i in integers if model.tensors[i].quantization == THEMSELVES]
    if not (activations or weights or themselves):
        return model
    replaced = {i: dataclasses.replace(model.tensors[i], quantization=None) for i in themselves}
    replaced |= {index: _float(model.tensors[index]) for index in activations | _states(model)}
    replaced |= {index: _restored(model.tensors[index], path) for index in weights}
    replaced |= {index: _restored(tensor, path) for index, tensor in biases.items()}
    tensors = tuple(replaced.get(index, tensor) for index, tensor in enumerate(model.tensors))
    operators = tuple(_between_floats(x, tensors) for x in model.operators)
    return dataclasses.replace(model, tensors=tensors, operators=operators)


def _computed(model: Model) -> Set[int]:
    """The tensors that a run computes or is fed with."""
    made = {index for operator in model.operators for index in operator.outputs}
    return (made | set(model.inputs)) - {ABSENT}


def _activations(model: Model) -> Set[int]:
    """The computed tensors whose integers stand for numbers."""
    read = _computed(model) - _read_as_integers(model)
    return {index for index in read if is_quantized(model.tensors[index])}


def _states(model: Model) -> Set[int]:
    """The variables that a layer keeps in integers."""
    return {
        index
        for index, tensor in enumerate(model.tensors)
        if tensor.is_variable and is_quantized(tensor)
    }


def interface_notes(model: Model, form: Model) -> Iterator[str]:
    """What to know of the inputs and outputs that are integers in a model, not in its form."""
    for what, indices in (("input", model.inputs), ("output", model.outputs)):
        for index in indices:
            tensor = model.tensors[index]
            if form.tensors[index].type is tensor.type or tensor.quantization is None:
                continue
            scale, zero = tensor.quantization.scale[0], tensor.quantization.zero_point[0]
            stands_for = f"{scale:.6g} * " + (f"(q {-zero:+d})" if zero else "q")
            yield (
                f"{what} {tensor.name!r} holds numbers in float32; "
                f"{tensor.type.name.lower()} q of the source stands for {stands_for}"
            )


def _read_as_integers(model: Model) -> Set[int]:
    return {
        index
        for operator in model.operators
        if operator.code in READING_INTEGERS
        for index in (*operator.inputs, *operator.outputs)
        if index != ABSENT
    }


def _constants(model: Model, restoring: Set[str]) -> Set[int]:
    """The quantized constants of all operators but those."""
    return {
        index
        for operator in model.operators
        if operator.code not in restoring
        for index in operator.inputs
        if index != ABSENT and model.tensors[index].data and is_quantized(model.tensors[index])
    }


def _biases(model: Model, activations: Set[int], path: Path) -> Mapping[int, Tensor]:
    """The biases that are added to products of integers, with what they stand for.

    Their steps are those of the products, whatever the file says of them.
    """
    found: dict[int, Tensor] = {}
    for operator, places in _biased(model):
        x, weights, bias = (operator.inputs[place] for place in places)
        if x not in activations or ABSENT in (weights, bias):
            continue
        tensor, rule = model.tensors[bias], model.tensors[weights].quantization
        steps = model.tensors[x].quantization
        if tensor.type not in SUMS or not tensor.data or rule is None or steps is None:
            continue
        scale = tuple(steps.scale[0] * each for each in rule.scale)
        if len(scale) > 1 and tensor.shape != (len(scale),):
            raise DamagedFileError(
                path, f"bias {tensor.name!r} of shape {list(tensor.shape)} has {len(scale)} scales"
            )
        meant = dataclasses.replace(tensor, quantization=Quantization(scale, (0,), 0))
        if found.setdefault(bias, meant) != meant:
            raise UnsupportedError(
                f"{path}: bias {tensor.name!r} stands for different numbers in two operators. "
                "Export the model with a bias for each"
            )
    return found


def _biased(model: Model) -> Iterator[tuple[Operator, Biased]]:
    """The operators with biases, once for each of these."""
    for operator in model.operators:
        normed = any(index != ABSENT for index in operator.inputs[NORMS:])
        for places in () if normed else BIASED.get(operator.code, ()):
            if len(operator.inputs) > places.bias:
                yield operator, places


def _restored(tensor: Tensor, path: Path) -> Tensor:
    """A quantized constant as the numbers that its integers stand for."""
    with refusing_damaged(tensor, path):
        content = np.ascontiguousarray(restored(tensor), "<f4")
    data = content.reshape(-1).view(np.uint8).data
    return dataclasses.replace(_float(tensor), data=data, sparsity=None)


def _float(tensor: Tensor) -> Tensor:
    return dataclasses.replace(tensor, type=TensorType.FLOAT32, quantization=None)


def _between_floats(operator: Operator, tensors: tuple[Tensor, ...]) -> Operator:
    """An operator that converted one of its sides; both are floats now."""
    if operator.code not in CONVERTING:
        return operator
    sides = [tensors[index] for index in (*operator.inputs, *operator.outputs) if index != ABSENT]
    if any(tensor.type is not TensorType.FLOAT32 for tensor in sides):
        return operator
    return dataclasses.replace(operator, code=BETWEEN_FLOATS, options={})
