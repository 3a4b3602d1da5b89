"""Adds the inputs of a model to the graph, with the shapes of the file or the user's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from opt_tool.errors import UnsupportedError, UsageError
from opt_tool.formats.graph_inputs import add_input
from opt_tool.formats.tflite.orders import Laid
from opt_tool.formats.tflite.refusals import QUANTIZED
from opt_tool.formats.tflite.schema import Model, Tensor
from opt_tool.formats.tflite.tensors import dtype_of, is_quantized
from opt_tool.ir import DType, Graph, TensorType


def add_inputs(
    graph: Graph, model: Model, path: Path, shapes: Mapping[str, Sequence[int]]
) -> dict[int, Laid]:
    """Add what a model is fed with, by its tensor's index; ``path`` is for messages.

    Raises:
        UnsupportedError: when the runtime cannot be fed with it.
        UsageError: when a shape is given for what is no input, or of another rank.
    """
    names = [model.tensors[index].name for index in model.inputs]
    unknown = sorted(set(shapes) - set(names))
    if unknown:
        shown = ", ".join(map(repr, names))
        raise UsageError(f"{path}: no input is called {unknown[0]!r}; there are {shown}")
    added = {}
    for index in model.inputs:
        tensor = model.tensors[index]
        type = _input_type(tensor, shapes.get(tensor.name), path)
        name = graph.unique_name(tensor.name or f"input_{index}")
        added[index] = Laid(add_input(graph, path, name, type))
    return added


def _input_type(tensor: Tensor, given: Sequence[int] | None, path: Path) -> TensorType:
    if is_quantized(tensor):
        raise UnsupportedError(f"{path}: input {tensor.name!r}: {QUANTIZED}")
    try:
        dtype = dtype_of(tensor.type)
    except UnsupportedError as error:
        raise UnsupportedError(f"{path}: input {tensor.name!r}: {error}") from error
    if dtype is DType.FLOAT16:
        raise UnsupportedError(
            f"{path}: input {tensor.name!r} is float16, in which Paddle Lite does not "
            "compute. Export the model with inputs in float32"
        )
    if given is not None and len(given) != len(tensor.shape):
        raise UsageError(
            f"{path}: input {tensor.name!r} has {len(tensor.shape)} dimensions "
            f"{list(tensor.shape)}, --input-shape gives {len(given)}"
        )
    return TensorType(dtype, tensor.shape if given is None else tuple(given))


def open_inputs(model: Model, given: Mapping[str, Sequence[int]]) -> tuple[Tensor, ...]:
    """The inputs of which the file leaves sizes open, and the user as well."""
    inputs = (model.tensors[index] for index in model.inputs)
    return tuple(x for x in inputs if -1 in x.signature and x.name not in given)


def advice(open_ones: Sequence[Tensor]) -> str:
    """What may help where shapes do not fit and inputs leave sizes open."""
    if not open_ones:
        return ""
    shown = ", ".join(f"{x.name!r} {list(x.signature)}" for x in open_ones)
    example = ",".join(map(str, open_ones[0].shape))
    return (
        f". The file leaves sizes of its inputs open ({shown}) and is read with 1 for them; "
        f"give them with --input-shape {open_ones[0].name}={example}"
    )
