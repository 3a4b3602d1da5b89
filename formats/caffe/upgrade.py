"""Brings the older generation of layers (V1, ``layers``) into the form of today.

What BVLC's upgrade_proto.cpp does for networks and weights of version 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from opt_tool.errors import DamagedFileError
from opt_tool.formats.caffe import caffe_pb2
from opt_tool.formats.caffe.text import oldest_generation

V1_TYPES: Mapping[int, str] = {
    caffe_pb2.V1LayerParameter.LayerType.Value(number): name
    for number, name in {
        "ABSVAL": "AbsVal",
        "ACCURACY": "Accuracy",
        "ARGMAX": "ArgMax",
        "BNLL": "BNLL",
        "CONCAT": "Concat",
        "CONTRASTIVE_LOSS": "ContrastiveLoss",
        "CONVOLUTION": "Convolution",
        "DATA": "Data",
        "DECONVOLUTION": "Deconvolution",
        "DROPOUT": "Dropout",
        "DUMMY_DATA": "DummyData",
        "ELTWISE": "Eltwise",
        "EUCLIDEAN_LOSS": "EuclideanLoss",
        "EXP": "Exp",
        "FLATTEN": "Flatten",
        "HDF5_DATA": "HDF5Data",
        "HDF5_OUTPUT": "HDF5Output",
        "HINGE_LOSS": "HingeLoss",
        "IM2COL": "Im2col",
        "IMAGE_DATA": "ImageData",
        "INFOGAIN_LOSS": "InfogainLoss",
        "INNER_PRODUCT": "InnerProduct",
        "LRN": "LRN",
        "MEMORY_DATA": "MemoryData",
        "MULTINOMIAL_LOGISTIC_LOSS": "MultinomialLogisticLoss",
        "MVN": "MVN",
        "NONE": "None",
        "POOLING": "Pooling",
        "POWER": "Power",
        "RELU": "ReLU",
        "SIGMOID": "Sigmoid",
        "SIGMOID_CROSS_ENTROPY_LOSS": "SigmoidCrossEntropyLoss",
        "SILENCE": "Silence",
        "SLICE": "Slice",
        "SOFTMAX": "Softmax",
        "SOFTMAX_LOSS": "SoftmaxWithLoss",
        "SPLIT": "Split",
        "TANH": "TanH",
        "THRESHOLD": "Threshold",
        "WINDOW_DATA": "WindowData",
    }.items()
}
"""The names that stand today for the numbers of V1."""

REPEATED_FIELDS = frozenset({"bottom", "top", "blobs", "include", "exclude"})


def upgrade(path: Path, network: caffe_pb2.NetParameter) -> None:
    """Replace the layers of V1 in a message by those of today.

    Raises:
        DamagedFileError: when layers of both generations stand side by side.
        UnsupportedError: when the layers are older than V1.
    """
    if network.layer and network.layers:
        raise DamagedFileError(path, "has both `layer` and `layers`; Caffe takes one of them")
    for old in network.layers:
        if old.HasField("layer"):
            raise oldest_generation(path)
        _upgrade_layer(old, network.layer.add())
    del network.layers[:]


def _upgrade_layer(old: caffe_pb2.V1LayerParameter, new: caffe_pb2.LayerParameter) -> None:
    new.type = V1_TYPES[old.type]
    for descriptor, value in old.ListFields():
        name = descriptor.name
        if name == "param":
            new.param.extend(caffe_pb2.ParamSpec(name=shared) for shared in value)
        elif name == "name":
            new.name = value
        elif name in REPEATED_FIELDS:
            getattr(new, name).extend(value)
        elif name.endswith("_param"):
            getattr(new, name).CopyFrom(value)
