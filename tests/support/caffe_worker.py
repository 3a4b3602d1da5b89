"""Runs a Caffe network in real Caffe or in OpenCV; started by caffe_references.py.

Runs in an environment of its own, on old Pythons and NumPys: it imports nothing of ours.
The requests are a JSON file: for each prototxt, caffemodel, inputs (npz files) and blobs, each
with the layer that makes it last; the answer is one npz file for each input file.
"""

import json
import sys
from typing import Any, Dict  # noqa: UP035

import numpy as np

Request = Dict[str, Any]  # noqa: UP006  # for Python 3.9


def run_caffe(request: Request) -> None:
    """Run the network in real Caffe."""
    import caffe

    net = caffe.Net(request["prototxt"], request["caffemodel"], caffe.TEST)
    for source, target in zip(request["inputs"], request["outputs"]):  # noqa: B905
        arrays = np.load(source)
        for name in arrays.files:
            net.blobs[name].reshape(*arrays[name].shape)
            net.blobs[name].data[...] = arrays[name]
        net.forward()
        np.savez(target, **{blob: net.blobs[blob].data for blob, _ in request["blobs"]})


def run_opencv(request: Request) -> None:
    """Run the network in OpenCV."""
    import cv2

    net = cv2.dnn.readNetFromCaffe(request["prototxt"], request["caffemodel"])
    for source, target in zip(request["inputs"], request["outputs"]):  # noqa: B905
        arrays = np.load(source)
        for name in arrays.files:
            net.setInput(arrays[name], name)
        results = net.forward([layer for _, layer in request["blobs"]])
        blobs = [blob for blob, _ in request["blobs"]]
        np.savez(target, **dict(zip(blobs, results)))  # noqa: B905


def read_photo(request: Request) -> None:
    """Decode a photograph, blue first as Caffe's models want it, in a size, as (1, 3, H, W)."""
    import cv2

    photo = cv2.resize(cv2.imread(request["photo"]), tuple(request["size"]))
    np.save(request["output"], photo.transpose(2, 0, 1)[np.newaxis].astype(np.float32))


if __name__ == "__main__":
    runner = {"caffe": run_caffe, "opencv": run_opencv, "photo": read_photo}[sys.argv[1]]
    with open(sys.argv[2]) as stream:
        for item in json.load(stream):
            runner(item)
