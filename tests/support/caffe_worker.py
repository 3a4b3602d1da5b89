"""Runs a Caffe network in real Caffe or in OpenCV; started by caffe_references.py.

Runs in an environment of its own, on old Pythons and NumPys: it imports nothing of ours.
The requests are a JSON file: for each prototxt, caffemodel, inputs (npz files) and blobs, each
with the layer that makes it last; the answer is one npz file for each input file. With ``each``
as a last word every request has a child of its own, since what a reference does not run may end
the process; what the child says is in the request's file ``said``.
"""

import json
import os
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


RUNNERS = {"caffe": run_caffe, "opencv": run_opencv, "photo": read_photo}
MODULES = {"caffe": "caffe", "opencv": "cv2"}


def in_child(job: str, request: Request) -> None:
    """Do one request; nothing of it is left but its files."""
    child = os.fork()
    if child == 0:
        os.dup2(os.open(request["said"], os.O_WRONLY | os.O_CREAT), 2)
        RUNNERS[job](request)
        os._exit(0)
    os.waitpid(child, 0)


if __name__ == "__main__":
    job, order, *each = sys.argv[1:]
    if each:
        __import__(MODULES[job])  # once for all children
    with open(order) as stream:
        for item in json.load(stream):
            if each:
                in_child(job, item)
            else:
                RUNNERS[job](item)
