"""The official runtime keeps the boxes that the sources keep, and gets by where there are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import parser

import opt_tool
from detection_models import detector as tflite_detector
from onnx_models import reference
from opt_tool.api import official_runtime
from opt_tool.api.litert_runner import LiteRtRunner
from tflite_models import need_litert

pytestmark = pytest.mark.official

BEHIND = """
    agraph (float[1, 12, 4] boxes, float[1, 3, 12] scores)
        => (int64[n, 3] rows, float[n, 4] a, float[m, 4] b, float[k, 5] c)
    {
        limit = Constant <value = int64[1] {LIMIT}> ()
        overlap = Constant <value = float[1] {0.4}> ()
        least = Constant <value = float[1] {0.0}> ()
        zero = Constant <value = int64[1] {0}> ()
        one = Constant <value = int64[1] {1}> ()
        two = Constant <value = int64[1] {2}> ()
        three = Constant <value = int64[1] {3}> ()
        last = Constant <value = int64[1] {-1}> ()
        which = Constant <value = int64 {1}> ()
        rows = NonMaxSuppression (boxes, scores, limit, overlap, least)
        flat = Squeeze (boxes, zero)
        column = Gather <axis = 1> (rows, two)
        places = Squeeze (column, one)
        first = Slice (places, zero, three, zero)
        a = Gather (flat, first)
        cut = Slice (rows, two, three, one)
        vector = Reshape (cut, last)
        tuple = Unsqueeze (vector, one)
        b = GatherND (flat, tuple)
        number = Gather <axis = 1> (rows, which)
        label = Unsqueeze (number, one)
        as_float = Cast <to = 1> (label)
        c = Concat <axis = 1> (b, as_float)
    }
"""


def detector(limit: int) -> onnx.ModelProto:
    """Suppression, and what PyTorch's exporters and detectors write behind it."""
    text = BEHIND.replace("LIMIT", str(limit))
    return parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]>{text}')


@pytest.mark.parametrize("limit", [2, 100])
def test_keeps_the_boxes_that_onnxruntime_keeps(tmp_path: Path, limit: int) -> None:
    rng = np.random.default_rng(0)
    boxes = rng.uniform(0, 1, (1, 12, 4)).astype(np.float32)
    scores = rng.uniform(-1, 1, (1, 3, 12)).astype(np.float32)
    one = np.full_like(scores, -1)
    one[0, 1, 7] = 1
    none = np.full_like(scores, -1)
    model = detector(limit)
    onnx.save(model, tmp_path / "m.onnx")
    nb = tmp_path / "m.nb"
    opt_tool.convert(tmp_path / "m.onnx", nb, target="x86")
    samples = [[boxes, values] for values in (scores, one, none)]
    counts = []
    for sample, made in zip(samples, official_runtime.run(nb, samples), strict=True):
        expected = reference(model, dict(zip(("boxes", "scores"), sample, strict=True)))
        counts.append(len(expected[0]))
        for actual, wanted in zip(made, expected, strict=True):
            np.testing.assert_array_equal(actual, wanted)
    assert counts[0] > 3
    assert counts[1:] == [1, 0]


@pytest.mark.parametrize("regular", [False, True])
def test_lists_what_litert_lists(tmp_path: Path, regular: bool) -> None:
    need_litert()
    made = tflite_detector(
        50, max_detections=8, nms_score_threshold=0.5, use_regular_nms=regular, num_classes=4
    )
    path, nb = tmp_path / "m.tflite", tmp_path / "m.nb"
    path.write_bytes(made.data())
    opt_tool.convert(path, nb, target="x86")
    litert = LiteRtRunner(path)
    said, likely = made.inputs.values()
    one = np.zeros_like(likely)
    one[0, 30, 2] = 1
    samples = [[said, scores] for scores in (likely, one, np.zeros_like(likely))]
    counts = []
    for sample, listed in zip(samples, official_runtime.run(nb, samples), strict=True):
        expected = litert.run(dict(zip(made.inputs, sample, strict=True)))
        counts.append(int(expected["count"][0]))
        for actual, wanted in zip(listed, expected.values(), strict=True):
            np.testing.assert_allclose(actual, wanted, rtol=1e-5, atol=1e-6)
    assert counts == [8, 1, 0]
