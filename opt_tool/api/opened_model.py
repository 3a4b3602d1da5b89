"""A model of one side of a comparison: how it was read, and what runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from opt_tool.api.file_format import FileFormat
from opt_tool.api.input_layout import FIRST
from opt_tool.api.loading import LoadedModel, caffe_files, load_model
from opt_tool.api.runners import NumpyRunner, Runner
from opt_tool.ir import Dim, Graph

Shapes = Mapping[str, Sequence[int]]


@dataclass(frozen=True, slots=True)
class OpenedModel:
    """A model and the options that it was read with, so that it can be read again."""

    loaded: LoadedModel
    input_shapes: Shapes
    outputs: tuple[str, ...]

    @classmethod
    def read(
        cls, files: Sequence[Path], input_shapes: Shapes, outputs: Sequence[str] = ()
    ) -> OpenedModel:
        loaded = load_model(*files, input_shapes=input_shapes, outputs=outputs)
        return cls(loaded, input_shapes, tuple(outputs))

    @property
    def graph(self) -> Graph:
        return self.loaded.graph

    @property
    def format(self) -> FileFormat:
        return self.loaded.format

    @property
    def tensors(self) -> set[str]:
        """The names of what the nodes of the file make."""
        return {name for node in self.loaded.nodes for name in node.outputs}

    def again(self) -> Graph:
        """The graph once more, to be changed."""
        return load_model(
            *self.loaded.files, input_shapes=self.input_shapes, outputs=self.outputs
        ).graph

    def runner(self, tensors: Sequence[str]) -> Runner:
        """What runs the model and hands back its outputs and these tensors."""
        own = {value.name for value in self.graph.outputs}
        keep = list(dict.fromkeys(name for name in tensors if name not in own))
        first = self.loaded.files[0]
        if self.format is FileFormat.ONNX:
            from opt_tool.api.onnx_runner import OnnxRunner

            return OnnxRunner(
                first,
                outputs=self.outputs,
                keep=keep,
                input_shapes=self.input_shapes,
                as_float=self.loaded.quantized,
            )
        if self.format is FileFormat.TFLITE:
            from opt_tool.api.litert_runner import tflite_runner

            return tflite_runner(
                first, outputs=self.outputs, keep=keep, input_shapes=self.input_shapes
            )
        if self.format is FileFormat.CAFFE:
            from opt_tool.api.caffe_runner import caffe_runner

            return caffe_runner(
                *caffe_files(self.loaded.files),
                outputs=self.outputs,
                keep=keep,
                input_shapes=self.input_shapes,
            )
        return NumpyRunner(self.graph, keep=keep)


def as_candidate_has_it(reference: OpenedModel, candidate: Graph) -> OpenedModel:
    """The reference with the input shapes and outputs that the candidate was made with.

    A .nb file keeps the names of its outputs; where they are tensors inside of the
    reference, the reference is cut there.
    """
    shapes = {
        ours.name: theirs.type.static_shape
        for ours, theirs in zip(reference.graph.inputs, candidate.inputs, strict=False)
        if theirs.type.is_static
        and ours.rank == theirs.rank
        and ours.shape != theirs.shape
        and not is_channels_first_of(theirs.type.static_shape, ours.shape)
    }
    names = [value.name for value in candidate.outputs]
    own = [value.name for value in reference.graph.outputs]
    cut = names != own and len(names) != len(own) and set(names) <= reference.tensors
    if reference.format is FileFormat.PADDLE_LITE or not (shapes or cut):
        return reference
    return OpenedModel.read(
        reference.loaded.files,
        {**shapes, **reference.input_shapes},
        names if cut else reference.outputs,
    )


def is_channels_first_of(shape: Sequence[Dim], other: Sequence[Dim]) -> bool:
    """Whether a shape is that of the same pictures with the channels first."""
    return len(other) == len(FIRST) and tuple(shape) == tuple(other[axis] for axis in FIRST)
