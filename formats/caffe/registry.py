"""Which function reads which Caffe layer, and why some are not read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from opt_tool.formats.registry import Registry
from opt_tool.ir import Value

if TYPE_CHECKING:
    from opt_tool.formats.caffe.layer import CaffeLayer

Importer: TypeAlias = "Callable[[CaffeLayer], Value | Sequence[Value]]"
"""Adds what a layer means to the graph and returns the layer's tops."""

I = TypeVar("I", bound=Importer)  # noqa: E741

IMPORTERS: Registry[str, Importer] = Registry(
    "opt_tool.formats.caffe.layers",
    (
        "convolution",
        "activation",
        "pooling",
        "structure",
        "inner_product",
        "normalization",
        "arithmetic",
        "rearrangement",
        "reduction",
        "resizing",
        "detection",
    ),
)
"""The importer of each type of layer."""

INPUT = "Input"

DATA_TYPES = frozenset(
    {
        "AnnotatedData",
        "Data",
        "DummyData",
        "HDF5Data",
        "ImageData",
        "ImageSegData",
        "MemoryData",
        "VideoData",
        "WindowData",
    }
)
"""Layers that read a data set; a deployed network has inputs in their place."""

INPUT_TYPES = DATA_TYPES | {INPUT}

TRAINING_TYPES = frozenset(
    {
        "Accuracy",
        "ContrastiveLoss",
        "DetectionEvaluate",
        "EuclideanLoss",
        "HDF5Output",
        "HingeLoss",
        "InfogainLoss",
        "MultiBoxLoss",
        "MultinomialLogisticLoss",
        "SigmoidCrossEntropyLoss",
        "Silence",
        "SmoothL1Loss",
        "SoftmaxWithLoss",
    }
)
"""Layers that a deployed network does without; they are left out."""

_RECURRENT = "recurrent layers are not supported; export the model to ONNX instead"
_FASTER_RCNN = (
    "no runtime of Paddle Lite has a kernel that takes maxima of regions (its roi_align "
    "interpolates); cut the network in front of it with --output and do the rest in the "
    "application"
)
_PROPOSAL = (
    "its regions are of use to ROIPooling only, which no runtime of Paddle Lite has a kernel "
    "for; cut the network in front of it with --output and do the rest in the application"
)
_YOLO = (
    "it decodes boxes in a way that differs from fork to fork; cut the network in front of it "
    "with --output and decode them in the application"
)

REFUSALS: Mapping[str, str] = {
    "BatchReindex": "Paddle Lite has no kernel that picks images of a batch by another blob",
    "DetectionOutputYOLO": _YOLO,
    "Im2col": "it only serves to inspect convolutions",
    "LSTM": _RECURRENT,
    "LSTMUnit": _RECURRENT,
    "None": "a layer without a type",
    "PSROIPooling": _FASTER_RCNN,
    "Proposal": _PROPOSAL,
    "Python": (
        "its code is Python and not in the model; cut the network in front of it with --output"
    ),
    "RNN": _RECURRENT,
    "ROIPooling": _FASTER_RCNN,
    "Region": _YOLO,
    "SPP": "spatial pyramid pooling is not supported; write it as Pooling, Flatten and Concat",
    "Yolo": _YOLO,
    "YoloDetectionOutput": _YOLO,
    "Yolov3DetectionOutput": _YOLO,
}
"""Layers that are known and not read, and what to do."""


def caffe_layer(*types: str) -> Callable[[I], I]:
    """Register the importer of layer types."""

    def register(importer: I) -> I:
        for name in types:
            if IMPORTERS.add(name, importer) is not importer:
                raise TypeError(f"{name} has two importers")
        return importer

    return register


def is_read(kind: str) -> bool:
    """Whether layers of a type are read."""
    return kind == INPUT or kind in IMPORTERS


def supported_layers() -> tuple[str, ...]:
    """Every layer type that is read, sorted."""
    return tuple(sorted({*IMPORTERS, INPUT}))
