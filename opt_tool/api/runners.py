"""What can run a model: the NumPy runtime, what its format comes from, the official runtime.

Each takes arrays by input name and hands back arrays by output name. All but the NumPy
runtime are only imported where they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np

from opt_tool.api.file_format import FileFormat, detect
from opt_tool.api.loading import load_model
from opt_tool.api.lowering import fuse_for_numpy, optimise
from opt_tool.errors import UsageError
from opt_tool.ir import Graph, TensorType
from opt_tool.runtime.binding import Settings
from opt_tool.runtime.executor import Executor
from opt_tool.runtime.fold import UNFIT

Feeds: TypeAlias = Mapping[str, np.ndarray]


EXACT = Settings(conv_algorithm="im2col")
"""Settings for comparisons: without the error of Winograd's transforms."""


class Runner(Protocol):
    """Runs one model."""

    @property
    def name(self) -> str:
        """The backend's name."""

    @property
    def inputs(self) -> Mapping[str, TensorType]:
        """The type of each input, in the model's order."""

    def run(self, feeds: Feeds) -> dict[str, np.ndarray]:
        """The outputs by name, in the model's order."""


class NumpyRunner:
    """The runtime of this package, for every format that opt reads.

    Args:
        graph: What to run.
        keep: Intermediate values to hand back as well.
        settings: How to run it.
        release: Whether the graph is run and nothing else, as for ``Executor``.
    """

    name = "numpy"

    def __init__(
        self,
        graph: Graph,
        *,
        keep: Sequence[str] = (),
        settings: Settings = EXACT,
        release: bool = False,
    ) -> None:
        self.graph = graph
        self.executor = Executor(graph, settings, release=release)
        self._keep = tuple(keep)

    @property
    def inputs(self) -> Mapping[str, TensorType]:
        return {value.name: value.type for value in self.graph.inputs}

    def run(self, feeds: Feeds) -> dict[str, np.ndarray]:
        with unfit_inputs(self.graph):
            results = self.executor.run(feeds, keep=self._keep)
        names = (*(value.name for value in self.graph.outputs), *self._keep)
        return {name: results[name] for name in names}


@contextmanager
def unfit_inputs(graph: Graph) -> Iterator[None]:
    """Say of inputs that a model cannot be run on that they are that."""
    try:
        yield
    except UNFIT as error:
        raise UsageError(
            f"{graph.name}: the model cannot be run on these inputs ({error}); "
            "--input-shape gives others"
        ) from error


class SourceRunner(NumpyRunner):
    """The graph as it was read, without passes."""

    name = "numpy (the model as read, without passes)"


class OfficialRunner:
    """The official Paddle Lite runtime, for .nb files made for x86."""

    name = "paddlelite"

    def __init__(self, path: Path) -> None:
        if detect(path) is not FileFormat.PADDLE_LITE:
            raise UsageError(f"{path}: the official runtime runs .nb files only")
        self.path = path
        graph = load_model(path).graph
        self.inputs: Mapping[str, TensorType] = {value.name: value.type for value in graph.inputs}
        self._outputs = [value.name for value in graph.outputs]

    def run(self, feeds: Feeds) -> dict[str, np.ndarray]:
        from opt_tool.api import official_runtime

        missing = sorted(set(self.inputs) - set(feeds))
        if missing:
            raise UsageError(f"input {missing[0]!r} is missing; it is {self.inputs[missing[0]]}")
        ordered = {name: feeds[name] for name in self.inputs}
        (outputs,) = official_runtime.run(self.path, [ordered])
        return dict(zip(self._outputs, outputs, strict=True))


Shapes: TypeAlias = Mapping[str, Sequence[int]]


Files: TypeAlias = tuple[Path, ...]
"""The file of a model, or the two files of a Caffe model."""


def numpy_runner(files: Files, settings: Settings, shapes: Shapes) -> NumpyRunner:
    """A model in the NumPy runtime; a source model is optimised first, and sums are fused."""
    loaded = load_model(*files, input_shapes=shapes)
    if loaded.format is not FileFormat.PADDLE_LITE:
        optimise(loaded.graph)
    fuse_for_numpy(loaded.graph)
    return NumpyRunner(loaded.graph, settings=settings, release=True)


def _onnxruntime(files: Files, settings: Settings, shapes: Shapes) -> Runner:
    from opt_tool.api.onnx_runner import OnnxRunner

    return OnnxRunner(files[0], threads=settings.threads, input_shapes=shapes, fast=True)


def _opencv(files: Files, settings: Settings, shapes: Shapes) -> Runner:
    from opt_tool.api.caffe_runner import opencv_runner

    return opencv_runner(files, threads=settings.threads, input_shapes=shapes)


def _litert(files: Files, settings: Settings, shapes: Shapes) -> Runner:
    from opt_tool.api.litert_runner import LiteRtRunner

    if detect(files[0]) is not FileFormat.TFLITE:
        raise UsageError(f"{files[0]}: LiteRT runs TFLite models only")
    return LiteRtRunner(files[0], threads=settings.threads, input_shapes=shapes)


def _paddlelite(files: Files, settings: Settings, shapes: Shapes) -> Runner:  # noqa: ARG001
    return OfficialRunner(files[0])  # takes no number of threads; its shapes are fixed


BACKENDS: Mapping[str, Callable[[Files, Settings, Shapes], Runner]] = {
    "litert": _litert,
    "numpy": numpy_runner,
    "onnxruntime": _onnxruntime,
    "opencv": _opencv,
    "paddlelite": _paddlelite,
}
