"""Runs Caffe models: in OpenCV's dnn where it is installed, else as opt has read them.

OpenCV 4 reads Caffe's two files itself, so that it shows a fault of the reader too; OpenCV 5
does not. It knows blobs by the layer that makes them, pads lists of detections with zeros
and takes some boxes of equal scores in another order: networks with detections, and layers
that it does not have or computes in another way, are run from the graph before any pass.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from opt_tool.api.file_format import FileFormat
from opt_tool.api.loading import caffe_files, formats_of
from opt_tool.api.runners import Feeds, Files, Runner, SourceRunner
from opt_tool.errors import UnsupportedError, UsageError
from opt_tool.formats import caffe
from opt_tool.formats.caffe.file import load_network
from opt_tool.formats.caffe.registry import is_read
from opt_tool.ir import Graph, TensorType

if TYPE_CHECKING:
    import cv2

NOT_IN_OPENCV = frozenset({"DetectionOutput", "LRN", "MVN", "Swish"})
"""Layers that OpenCV computes in another way than Caffe, or with whose parameters it is careless.

It also takes no notice of InnerProduct's ``transpose``.
"""

ADVICE = "`pip install 'opt-tool[caffe]'` installs it"

OPENCV_LIMIT = 5
"""From this major version on OpenCV does not read Caffe's files."""


class OpenCvRunner:
    """A Caffe model in OpenCV's dnn.

    Args:
        network: The model as OpenCV has read it.
        inputs: The type of each input, by name.
        layers: For each blob to compute the layer that makes it.
    """

    name = "opencv"

    def __init__(
        self,
        network: cv2.dnn.Net,
        inputs: Mapping[str, TensorType],
        layers: Mapping[str, str],
    ) -> None:
        self.inputs = inputs
        self._network = network
        self._layers = dict(layers)

    def run(self, feeds: Feeds) -> dict[str, np.ndarray]:
        for name in self.inputs:
            self._network.setInput(np.ascontiguousarray(feeds[name]), name)
        results = self._network.forward(list(self._layers.values()))
        return {blob: np.array(result) for blob, result in zip(self._layers, results, strict=True)}


def caffe_runner(
    prototxt: Path,
    caffemodel: Path,
    *,
    outputs: Sequence[str] = (),
    keep: Sequence[str] = (),
    input_shapes: Mapping[str, Sequence[int]] | None = None,
) -> Runner:
    """What a converted Caffe model is compared with."""
    graph = caffe.read(prototxt, caffemodel, input_shapes=input_shapes, outputs=outputs)
    own = SourceRunner(graph, keep=keep)
    layers = load_network(prototxt, is_read).layers
    if not has_opencv() or any(
        layer.type in NOT_IN_OPENCV or layer.inner_product_param.transpose for layer in layers
    ):
        return own
    blobs = (*(value.name for value in graph.outputs), *keep)
    makers = _makers(prototxt)
    if any(blob not in makers for blob in blobs):
        return own
    runner = _in_opencv(prototxt, caffemodel, own, {blob: makers[blob] for blob in blobs})
    return own if runner is None else runner


def opencv_runner(
    files: Files, *, threads: int, input_shapes: Mapping[str, Sequence[int]] | None = None
) -> OpenCvRunner:
    """A Caffe model in OpenCV because the user asks for it, whatever OpenCV makes of it.

    Raises:
        UsageError: when it is no Caffe model.
        UnsupportedError: when OpenCV is not installed or does not load the model.
    """
    if formats_of(files) is not FileFormat.CAFFE:
        raise UsageError(f"{files[0]}: OpenCV runs Caffe models only")
    if not has_opencv():
        raise UnsupportedError(f"{files[0]}: OpenCV 4 is not installed; {ADVICE}")
    import cv2

    prototxt, caffemodel = caffe_files(files)
    graph = caffe.read(prototxt, caffemodel, input_shapes=input_shapes)
    makers = _makers(prototxt)
    for value in graph.outputs:
        if value.name not in makers:
            raise UnsupportedError(
                f"{prototxt}: OpenCV does not hand out {value.name!r}, a second top of its layer"
            )
    try:
        network = cv2.dnn.readNetFromCaffe(str(prototxt), str(caffemodel))
    except cv2.error as error:
        raise UnsupportedError(f"{prototxt}: OpenCV cannot load the model ({error.err})") from error
    cv2.setNumThreads(threads)
    outputs = {value.name: makers[value.name] for value in graph.outputs}
    return OpenCvRunner(network, _input_types(graph), outputs)


def _makers(prototxt: Path) -> dict[str, str]:
    """The layer that makes each blob that OpenCV can be asked for."""
    layers = load_network(prototxt, is_read).layers
    return {top: layer.name for layer in layers for top in layer.top[:1]}


def _input_types(graph: Graph) -> dict[str, TensorType]:
    return {value.name: value.type for value in graph.inputs}


def has_opencv() -> bool:
    """Whether an OpenCV that reads Caffe models can be imported."""
    if importlib.util.find_spec("cv2") is None:
        return False
    import cv2

    return int(cv2.__version__.split(".")[0]) < OPENCV_LIMIT


def _in_opencv(
    prototxt: Path, caffemodel: Path, own: SourceRunner, layers: Mapping[str, str]
) -> OpenCvRunner | None:
    """The model in OpenCV, if it loads it and computes blobs of the right shapes."""
    import cv2

    zeros = {name: np.zeros(type.static_shape, np.float32) for name, type in own.inputs.items()}
    try:
        network = cv2.dnn.readNetFromCaffe(str(prototxt), str(caffemodel))
        runner = OpenCvRunner(network, own.inputs, layers)
        results = runner.run(zeros)
    except cv2.error:  # it has no such layer, or wants other sizes
        return None
    shapes = {blob: own.graph.values[blob].shape for blob in layers}
    return runner if all(results[blob].shape == shapes[blob] for blob in layers) else None
