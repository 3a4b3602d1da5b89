from __future__ import annotations

import json
import subprocess
import sys

import pytest

import benchmark_runtime
from real_models import MADE_MODELS
from tiers import need

pytestmark = pytest.mark.models

RESNET50 = MADE_MODELS / "resnet50.onnx"
MOST = 1.35
"""The peak may be so many times what weights, transformed weights and activations take."""


def test_a_process_takes_little_more_than_its_weights_and_activations() -> None:
    if not RESNET50.is_file():
        need(f"{RESNET50} is missing; run scripts/make_imagenet_models.py")
    script = benchmark_runtime.__file__
    command = [sys.executable, script, "--memory-of", str(RESNET50), "--runs", "3"]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    memory = json.loads(result.stdout)
    if memory["peak_by_needed"] is None:
        pytest.skip("nothing counts the memory of processes here")
    needed = sum(
        memory[f"{part}_bytes"] for part in ("weight", "transformed_weight", "planned_activation")
    )
    assert memory["peak_rss_bytes"] <= MOST * needed
    assert memory["weight_bytes"] > 100_000_000
