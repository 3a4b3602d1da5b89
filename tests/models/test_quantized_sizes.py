"""How large quantized files are beside float ones, with everything that is in them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

import fetch_models
import opt_tool
import tiers
from model_table import bundles
from opt_tool.api.quantization import QuantizationOptions
from real_models import REAL_MODELS, RealModel

pytestmark = pytest.mark.models

LIMITS = {"int8": 0.27, "int16": 0.51}
NAMES = ("mobilenet_v1_imagenet1001", "mobilenet_v2_op13", "resnet50", "open_nsfw")


OFFICIAL = json.loads((tiers.ROOT / "docs" / "benchmarks.json").read_text(encoding="utf-8"))


def official_bytes(name: str, mode: str) -> float:
    """How large the official tool's file for ARM is; no limit where it makes none."""
    conversions = OFFICIAL["models"].get(name, {}).get("conversions", {})
    found = conversions.get("official route", {}).get(mode, {}).get("arm", {}).get("bytes")
    return math.inf if found is None else float(found)


def assert_small(name: str, folder: Path, *files: Path) -> None:
    """Assert that no more of a file is left than the limits, and than the official tool leaves."""
    nb = folder / "model.nb"
    size = opt_tool.convert(files[0], nb, *files[1:], verify=False).output.bytes
    for mode, limit in LIMITS.items():
        # without the correction of biases, which adds none where every layer has one
        options = QuantizationOptions(mode=mode, method="spare")
        report = opt_tool.quantize(files[0], nb, *files[1:], options=options, verify=False)
        assert report.output.bytes <= limit * size, mode
        assert report.output.bytes <= official_bytes(name, mode), mode


@pytest.mark.parametrize(
    "model", [m for m in REAL_MODELS if m.name in NAMES], ids=lambda model: model.name
)
def test_files_shrink_as_their_weights_do(tmp_path: Path, model: RealModel) -> None:
    model.need()
    assert_small(model.name, tmp_path, model.path)


@pytest.mark.parametrize("name", ["resnet50", "open_nsfw"])
@pytest.mark.parametrize("mode", LIMITS)
def test_the_official_tools_files_are_known(name: str, mode: str) -> None:
    assert official_bytes(name, mode) < math.inf


def test_files_from_caffe_shrink_as_well(tmp_path: Path) -> None:
    bundle = next(bundle for _, bundle in bundles() if bundle.name == "open_nsfw_caffe")
    files = [fetch_models.path_of(file, bundle) for file in bundle.files]
    missing = [file for file in files if not file.is_file()]
    tiers.need(f"{missing[0]} is missing; run scripts/fetch_models.py" if missing else None)
    assert_small(bundle.name, tmp_path, *files)
