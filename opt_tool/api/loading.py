"""Opens a model of any kind that opt reads, and says what to do with the other kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np

from opt_tool.api.file_format import FileFormat, detect
from opt_tool.errors import DamagedFileError, FileAccessError, UnsupportedError, UsageError
from opt_tool.ir import Graph, ShapeError


class SourceNode(NamedTuple):
    """A node of the source model: its operator, its name and the tensors that it makes."""

    operator: str
    name: str
    outputs: tuple[str, ...]


class ReadOptions(NamedTuple):
    """What the user fixes of a model while it is read."""

    input_shapes: Mapping[str, Sequence[int]]
    outputs: Sequence[str]
    input_values: Mapping[str, np.ndarray]
    external_data: Path | None = None


class LoadedModel(NamedTuple):
    """A graph and where it came from.

    ``half_precision`` is whether the source computes in 16 bits what the graph computes
    in 32, ``quantized`` whether it rounds activations to 8 bits, which the graph does not.
    ``notes`` say where the graph's inputs and outputs are not those of the source.
    """

    graph: Graph
    format: FileFormat
    files: tuple[Path, ...]
    nodes: tuple[SourceNode, ...]
    half_precision: bool = False
    quantized: bool = False
    notes: tuple[str, ...] = ()


def load(
    model: str | Path,
    weights: str | Path | None = None,
    *,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    outputs: Sequence[str] = (),
    input_values: Mapping[str, np.ndarray] | None = None,
) -> Graph:
    """Read a model into a graph.

    Args:
        model: A model of any format that opt reads.
        weights: The second file of formats that have two.
        input_shapes: Shapes that take the place of those in the file, by input name.
        outputs: Names of the tensors to compute instead of the model's outputs.
        input_values: Inputs of an ONNX model that become constants, by input name.

    Raises:
        FileAccessError: when the file cannot be read.
        DamagedFileError: when it is damaged or no model.
        UnsupportedError: when opt does not read its format or one of its operators.
        UsageError: when a name that is given is not in the model.
    """
    return load_model(
        model, weights, input_shapes=input_shapes, outputs=outputs, input_values=input_values
    ).graph


def load_model(
    model: str | Path,
    weights: str | Path | None = None,
    *,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    outputs: Sequence[str] = (),
    input_values: Mapping[str, np.ndarray] | None = None,
    external_data: Path | None = None,
) -> LoadedModel:
    """Read a model and keep what is known of its source; see ``load``."""
    files = tuple(Path(file) for file in (model, weights) if file is not None)
    format = formats_of(files)
    options = ReadOptions(
        {} if input_shapes is None else input_shapes,
        outputs,
        {} if input_values is None else input_values,
        external_data,
    )
    if options.input_values and format is not FileFormat.ONNX:
        raise UsageError(f"{files[0]}: only the inputs of ONNX models can be given values")
    return READERS[format](files, options)


def formats_of(files: Sequence[Path]) -> FileFormat:
    """The format that opt reads the files as.

    Raises:
        UnsupportedError: when opt does not read it; the sentence says what to do.
        UsageError: when the files do not belong together.
    """
    found = [detect(file) for file in files]
    if len(found) == len(CAFFE_FILES) and set(found) == set(CAFFE_FILES):
        return FileFormat.CAFFE
    for file, format in zip(files, found, strict=True):
        if format not in READERS:
            refusal = UsageError if format in CAFFE_FILES else UnsupportedError
            raise refusal(f"{file}: {REFUSALS[format].format(file=file)}")
    if len(files) > 1:
        raise UsageError(f"{files[0]} holds the whole model; leave {files[1]} out")
    return found[0]


def models_among(files: Sequence[Path]) -> list[tuple[Path, ...]]:
    """The files, model by model: the two files of a Caffe model stand side by side."""
    models: list[tuple[Path, ...]] = []
    for file in files:
        last = models[-1] if models else ()
        if len(last) == 1 and {_kind(last[0]), _kind(file)} == set(CAFFE_FILES):
            models[-1] = (*last, file)
        else:
            models.append((file,))
    return models


def _kind(file: Path) -> FileFormat | None:
    """The format of a file; None where that cannot be told, which reading it will say."""
    try:
        return detect(file)
    except (DamagedFileError, FileAccessError):
        return None


def two_models(files: Sequence[Path]) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """The files of two models that are to be compared.

    Raises:
        UsageError: when they are fewer or more models.
    """
    models = [(file,) for file in files] if len(files) <= 2 else models_among(files)
    if len(models) != 2:
        raise UsageError(
            f"there must be two models, found {len(models)}; the two files of a Caffe model "
            "stand side by side"
        )
    return models[0], models[1]


def source_nodes(
    model: str | Path, weights: str | Path | None = None
) -> tuple[FileFormat, tuple[SourceNode, ...]]:
    """The format and the nodes of a model, also of one that cannot be read into a graph."""
    files = tuple(Path(file) for file in (model, weights) if file is not None)
    format = formats_of(files)
    outline = OUTLINES.get(format)
    return format, () if outline is None else outline(files)


# ---- one reader for each format


def _read_onnx(files: tuple[Path, ...], options: ReadOptions) -> LoadedModel:
    from opt_tool.formats.onnx.file import load_model as parse
    from opt_tool.formats.onnx.float_form import is_quantized
    from opt_tool.formats.onnx.outline import is_half_precision, outline
    from opt_tool.formats.onnx.reader import GraphReader

    (path,) = files
    model = parse(path)
    nodes = tuple(SourceNode(*node) for node in outline(model))
    half = is_half_precision(model)
    quantized = is_quantized([node.operator for node in nodes])
    graph = GraphReader(model, path, options.external_data).read(
        options.input_shapes, options.outputs, options.input_values
    )
    return LoadedModel(graph, FileFormat.ONNX, files, nodes, half, quantized)


def _read_tflite(files: tuple[Path, ...], options: ReadOptions) -> LoadedModel:
    from opt_tool.formats.tflite.decode import read_file
    from opt_tool.formats.tflite.reader import GraphReader, outline

    (path,) = files
    model = read_file(path)
    nodes = tuple(SourceNode(*node) for node in outline(model))
    reader = GraphReader(model, path)
    graph = reader.read(options.input_shapes, options.outputs)
    return LoadedModel(graph, FileFormat.TFLITE, files, nodes, notes=tuple(reader.notes))


def _outline_tflite(files: tuple[Path, ...]) -> tuple[SourceNode, ...]:
    from opt_tool.formats.tflite.decode import read_file
    from opt_tool.formats.tflite.reader import outline

    return tuple(SourceNode(*node) for node in outline(read_file(files[0])))


def _read_paddle_lite(files: tuple[Path, ...], options: ReadOptions) -> LoadedModel:
    from opt_tool.formats import paddle_lite

    (path,) = files
    if options.outputs:
        raise UsageError(f"{path}: the outputs of a .nb file are fixed")
    graph = paddle_lite.read(path)
    if options.input_shapes:
        _fix_shapes(path, graph, options.input_shapes)
    nodes = tuple(
        SourceNode(node.op.type, node.name, tuple(value.name for value in node.outputs.flat()))
        for node in graph.nodes
    )
    return LoadedModel(graph, FileFormat.PADDLE_LITE, files, nodes)


def _fix_shapes(path: Path, graph: Graph, shapes: Mapping[str, Sequence[int]]) -> None:
    """Give inputs other shapes and work out all that follows from them."""
    inputs = {value.name: value for value in graph.inputs}
    for name, shape in shapes.items():
        if name not in inputs:
            raise UsageError(f"{path}: no input is called {name!r}; there are {sorted(inputs)}")
        if len(shape) != inputs[name].rank:
            raise UsageError(f"{path}: input {inputs[name]!r} has another number of dimensions")
        inputs[name].type = inputs[name].type.with_shape(shape)
    for node in graph.nodes:
        try:
            graph.infer(node)
        except ShapeError as error:
            raise UsageError(
                f"{path}: the shapes do not fit {node.op.type} {node.name!r}: {error}"
            ) from error


def _read_caffe(files: tuple[Path, ...], options: ReadOptions) -> LoadedModel:
    from opt_tool.formats import caffe

    graph = caffe.read(
        *caffe_files(files), input_shapes=options.input_shapes, outputs=options.outputs
    )
    return LoadedModel(graph, FileFormat.CAFFE, files, _outline_caffe(files))


def caffe_files(files: Sequence[Path]) -> tuple[Path, Path]:
    """The network and the weights of a Caffe model, whichever was given first."""
    by_format = {detect(file): file for file in files}
    network, weights = (by_format[format] for format in CAFFE_FILES)
    return network, weights


def _outline_caffe(files: tuple[Path, ...]) -> tuple[SourceNode, ...]:
    from opt_tool.formats.caffe import outline

    return tuple(SourceNode(*node) for node in outline(caffe_files(files)[0]))


def _outline_onnx(files: tuple[Path, ...]) -> tuple[SourceNode, ...]:
    from opt_tool.formats.onnx.file import load_model as parse
    from opt_tool.formats.onnx.outline import outline

    return tuple(SourceNode(*node) for node in outline(parse(files[0])))


CAFFE_FILES = (FileFormat.CAFFE_PROTOTXT, FileFormat.CAFFE_MODEL)
"""What the two files of a Caffe model are."""

Reader: TypeAlias = Callable[[tuple[Path, ...], ReadOptions], LoadedModel]

READERS: Mapping[FileFormat, Reader] = {
    FileFormat.CAFFE: _read_caffe,
    FileFormat.ONNX: _read_onnx,
    FileFormat.PADDLE_LITE: _read_paddle_lite,
    FileFormat.TFLITE: _read_tflite,
}

OUTLINES: Mapping[FileFormat, Callable[[tuple[Path, ...]], tuple[SourceNode, ...]]] = {
    FileFormat.CAFFE: _outline_caffe,
    FileFormat.ONNX: _outline_onnx,
    FileFormat.TFLITE: _outline_tflite,
}
"""How to list the nodes of models that cannot be read; the others name what is missing only."""

REFUSALS: Mapping[FileFormat, str] = {
    FileFormat.CAFFE_PROTOTXT: (
        "a Caffe network; its weights are in another file. Give both, side by side: "
        "`{file} WEIGHTS.caffemodel`"
    ),
    FileFormat.CAFFE_MODEL: (
        "Caffe weights; their network is in another file. Give both, side by side: "
        "`NETWORK.prototxt {file}`"
    ),
    FileFormat.SAVED_MODEL: (
        "a TensorFlow SavedModel; convert it to ONNX first: `pip install tf2onnx && "
        "python -m tf2onnx.convert --saved-model FOLDER --output model.onnx`"
    ),
    FileFormat.GRAPH_DEF: (
        "a TensorFlow GraphDef; convert it to ONNX first: `pip install tf2onnx && "
        "python -m tf2onnx.convert --graphdef {file} --inputs IN:0 --outputs OUT:0 "
        "--output model.onnx`"
    ),
    FileFormat.PADDLE: (
        "a Paddle program; convert it to ONNX first: `pip install paddle2onnx && "
        "paddle2onnx --model_dir FOLDER --model_filename {file} "
        "--params_filename PARAMS --save_file model.onnx`"
    ),
    FileFormat.PADDLE_JSON: (
        "a Paddle 3 program; convert it to ONNX first: `pip install paddle2onnx && "
        "paddle2onnx --model_dir FOLDER --model_filename {file} "
        "--params_filename PARAMS --save_file model.onnx`"
    ),
    FileFormat.PYTORCH: (
        "a PyTorch checkpoint or another pickle; export the model to ONNX first, in Python: "
        '`torch.onnx.export(model, example_input, "model.onnx")`'
    ),
    FileFormat.KERAS: (
        "a Keras model; export it to ONNX first, in Python: "
        '`keras.models.load_model("{file}").export("model.onnx", format="onnx")`'
    ),
    FileFormat.OPENVINO: ("an OpenVINO model; opt reads the ONNX model that it was made from"),
    FileFormat.SAFETENSORS: (
        "weights without a network; export the model that loads them to ONNX: "
        '`torch.onnx.export(model, example_input, "model.onnx")`'
    ),
}
"""What to do with the formats that opt tells apart but does not read."""
