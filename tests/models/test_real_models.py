from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import images
import opt_tool
import tiers
from conversions import Conversions
from opt_tool.errors import OptError
from real_models import FASHION, FMNIST, REAL_MODELS, RealModel

pytestmark = pytest.mark.models

TEST_SET_ACCURACY = 90.87
BATCH = 500


@pytest.mark.parametrize("target", ["arm", "x86"])
@pytest.mark.parametrize("model", REAL_MODELS, ids=lambda model: model.name)
def test_converts_a_real_model_that_computes_what_its_source_does(
    conversions: Conversions, model: RealModel, target: str
) -> None:
    model.need()
    conversion = conversions.of(model, target)
    assert conversion.status == "passed"
    assert conversion.nb.is_file()


def test_a_damaged_model_leaves_no_file(tmp_path: Path) -> None:
    whole = FMNIST.path.read_bytes()
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(OptError):
        opt_tool.convert(damaged, tmp_path / "damaged.nb", target="arm")
    assert [path.name for path in tmp_path.iterdir()] == ["damaged.onnx"]


def test_two_conversions_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first.nb", "second.nb"):
        opt_tool.convert(FMNIST.path, tmp_path / name, target="arm", verify=False)
    assert (tmp_path / "first.nb").read_bytes() == (tmp_path / "second.nb").read_bytes()


def test_a_converted_classifier_keeps_its_accuracy(tmp_path: Path) -> None:
    if not tiers.SHARED_MODELS.is_dir():
        pytest.skip(f"{tiers.SHARED_MODELS} is missing; it is not part of the project")
    pictures, labels = images.fashion_test_set(tiers.SHARED_MODELS)
    inputs = (pictures[:, None] - FASHION.mean[0]) / FASHION.deviation[0]
    nb = tmp_path / "fmnist.nb"
    shape = (BATCH, *FMNIST.shape[1:])
    opt_tool.convert(
        FMNIST.path, nb, target="arm", input_shapes={FMNIST.input_name: shape}, verify=False
    )
    session = opt_tool.Session(nb)
    right = 0
    for start in range(0, len(labels), BATCH):
        batch = inputs[start : start + BATCH].astype(np.float32)
        (logits,) = session.run({FMNIST.input_name: batch}).values()
        right += int((logits.argmax(axis=1) == labels[start : start + BATCH]).sum())
    assert 100 * right / len(labels) == pytest.approx(TEST_SET_ACCURACY, abs=0.02)
