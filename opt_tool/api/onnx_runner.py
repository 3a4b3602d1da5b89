"""Runs ONNX files in onnxruntime, the reference for ONNX models.

Tensors inside of the model become outputs by appending to a copy of the file: two
protobuf messages one after the other are their union, so that the weights never need to
be parsed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as native

from opt_tool.api.file_format import FileFormat, detect
from opt_tool.errors import UnsupportedError, UsageError
from opt_tool.formats.onnx.external_data import DataFolders
from opt_tool.formats.onnx.file import load_model
from opt_tool.formats.onnx.float_form import float_form
from opt_tool.formats.onnx.messages import ModelProto, TensorShapeProto, ValueInfoProto
from opt_tool.formats.onnx.older_opsets import upgraded
from opt_tool.formats.onnx.tensors import TensorReader
from opt_tool.ir import DType, TensorType

if TYPE_CHECKING:
    from opt_tool.api.parted_session import PartedSession

LARGE = 64 * 1024 * 1024
"""Files of more bytes than this are copied on the disk, not read into memory."""

QUIET = 4
"""Log fatal messages only: what goes wrong is raised as well."""

FAILURES = (
    native.EPFail,
    native.Fail,
    native.InvalidArgument,
    native.InvalidGraph,
    native.InvalidProtobuf,
    native.NoModel,
    native.NoSuchFile,
    native.NotImplemented,
    native.RuntimeException,
)

ELEMENT_TYPES: Mapping[str, str] = {"float": "float32", "double": "float64"}
"""onnxruntime's names of element types where they are not NumPy's."""


class OnnxRunner:
    """An ONNX file in onnxruntime.

    Args:
        path: The model.
        outputs: Tensors to compute instead of the model's outputs.
        keep: Tensors to compute as well.
        input_shapes: Shapes that take the place of fixed ones in the model.
        input_values: What to feed the inputs with that are not fed otherwise.
        external_data: A folder besides the model's that its external data may lie in.
        threads: How many threads to use; 0 leaves it to onnxruntime.
        fast: Whether to optimise all it can and keep memory for the next run.
        as_float: Whether to run the float model that a quantized one stands for.
        in_parts: Whether to hold the weights of a part of the model at a time only.
    """

    name = "onnxruntime"
    float_name = "onnxruntime (quantized activations in float32)"

    def __init__(
        self,
        path: Path,
        *,
        outputs: Sequence[str] = (),
        keep: Sequence[str] = (),
        input_shapes: Mapping[str, Sequence[int]] | None = None,
        input_values: Mapping[str, np.ndarray] | None = None,
        external_data: Path | None = None,
        threads: int = 0,
        fast: bool = False,
        as_float: bool = False,
        in_parts: bool = False,
    ) -> None:
        if detect(path) is not FileFormat.ONNX:
            raise UsageError(f"{path}: onnxruntime runs ONNX models only")
        self.path = path
        self.name = self.float_name if as_float else self.name
        self._values = {} if input_values is None else dict(input_values)
        shapes = {} if input_shapes is None else input_shapes
        added = {*outputs, *keep}
        folders = DataFolders.of(path, external_data)
        options = _options(folders, threads, fast=fast)
        source = _Source(path, folders, (*outputs, *keep), as_float=as_float)
        self._session: onnxruntime.InferenceSession | PartedSession
        if in_parts:
            from opt_tool.api.parted_session import PartedSession

            self._session = PartedSession(_rewritten(replace(source, shapes=shapes)), options)
        else:
            self._session = _session(source, options)
            if _is_in_the_way(self._session, shapes):
                self._session = _session(replace(source, shapes=shapes), options)
            _check_types(path, self._session)
        own = tuple(output.name for output in self._session.get_outputs())
        wanted = outputs if outputs else [name for name in own if name not in added]
        self._wanted = list(dict.fromkeys((*wanted, *keep)))

    @property
    def inputs(self) -> Mapping[str, TensorType]:
        return {
            info.name: TensorType(
                DType(_element_type(info.type)),
                tuple(
                    dim if isinstance(dim, int) else f"{info.name}.{axis}"
                    for axis, dim in enumerate(info.shape)
                ),
            )
            for info in self._session.get_inputs()
        }

    def run(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        types = {info.name: _element_type(info.type) for info in self._session.get_inputs()}
        unknown = sorted(set(feeds) - set(types))
        if unknown:
            raise UsageError(f"no input is called {unknown[0]!r}; there are {sorted(types)}")
        typed = {
            name: array.astype(types[name], copy=False)
            for name, array in {**self._values, **feeds}.items()
        }
        try:
            results = self._session.run(self._wanted, typed)
        except (*FAILURES, ValueError) as error:
            raise UsageError(
                f"{self.path}: onnxruntime cannot run the model on these inputs; --input-shape "
                f"gives others, --no-verify goes without it ({_first_line(error)})"
            ) from error
        return dict(zip(self._wanted, results, strict=True))


def _options(folders: DataFolders, threads: int, *, fast: bool) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = QUIET
    options.intra_op_num_threads = threads
    if not fast:
        level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.graph_optimization_level = level
        options.enable_cpu_mem_arena = False  # what is freed goes back at once
        options.add_session_config_entry("session.disable_prepacking", "1")  # copies of weights
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # between nodes
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", str(folders.common)
    )
    return options


@dataclass(frozen=True, slots=True)
class _Source:
    """A model file and what is changed of it: further outputs, shapes, its quantization."""

    path: Path
    folders: DataFolders
    extra: Sequence[str]
    shapes: Mapping[str, Sequence[int]] = field(default_factory=dict)
    as_float: bool = False


def _session(source: _Source, options: onnxruntime.SessionOptions) -> onnxruntime.InferenceSession:
    try:
        try:
            return _loaded(_prepared(source), options)
        except native.NotImplemented:  # as for operators of the first opsets
            return _loaded(_rewritten(source).SerializeToString(), options)
    except FAILURES as error:
        raise UnsupportedError(
            f"{source.path}: onnxruntime cannot load the model; --no-verify goes without it "
            f"({_first_line(error)})"
        ) from error


def _loaded(
    model: str | bytes, options: onnxruntime.SessionOptions
) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _check_types(path: Path, session: onnxruntime.InferenceSession) -> None:
    """Refuse what cannot be handed over: NumPy has no such numbers."""
    for info in (*session.get_inputs(), *session.get_outputs()):
        if "bfloat16" in info.type:
            raise UnsupportedError(
                f"{path}: {info.name!r} is bfloat16, which onnxruntime cannot hand over to NumPy; "
                "--no-verify goes without it"
            )


def _is_in_the_way(
    session: onnxruntime.InferenceSession, shapes: Mapping[str, Sequence[int]]
) -> bool:
    """Whether a dimension that the model fixes is another one in ``shapes``."""
    return any(
        isinstance(fixed, int) and fixed != given
        for info in session.get_inputs()
        for fixed, given in zip(info.shape, shapes.get(info.name, info.shape), strict=True)
    )


def _prepared(source: _Source) -> str | bytes:
    """The model as onnxruntime is to load it: a path, or bytes.

    Outputs are added to the bytes of a small model; those of a large one stay in its file.
    """
    path, extra = source.path, source.extra
    changed = source.shapes or source.as_float or source.folders.allowed is not None
    if changed or (extra and path.stat().st_size > LARGE):
        return _rewritten(source).SerializeToString()
    return path.read_bytes() + _outputs_message(extra) if extra else str(path)


def _outputs_message(names: Sequence[str]) -> bytes:
    model = ModelProto()
    model.graph.output.extend(ValueInfoProto(name=name) for name in dict.fromkeys(names))
    data: bytes = model.SerializeToString()
    return data


def _rewritten(source: _Source) -> ModelProto:
    """The model, of an opset that is read, without the shapes that followed from its own.

    Its large weights are external data of its file, which onnxruntime finds by the folder.
    """
    model = upgraded(load_model(source.path), source.path)
    if source.as_float:
        model = float_form(model, TensorReader(source.folders))
    if source.folders.allowed is not None:
        source.folders.relocate(model)
    shapes, extra = source.shapes, source.extra
    graph = model.graph
    for info in graph.input:
        if info.name in shapes:
            dims = [TensorShapeProto.Dimension(dim_value=dim) for dim in shapes[info.name]]
            info.type.tensor_type.shape.CopyFrom(TensorShapeProto(dim=dims))
    del graph.value_info[:]
    for output in graph.output:
        output.ClearField("type")
    graph.output.extend(ValueInfoProto(name=name) for name in dict.fromkeys(extra))
    return model


def _element_type(text: str) -> str:
    """NumPy's name for ``tensor(float)`` and its like."""
    name = text.removeprefix("tensor(").removesuffix(")")
    return ELEMENT_TYPES.get(name, name)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
