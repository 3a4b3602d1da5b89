"""TFLite_Detection_PostProcess lists what LiteRT lists."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import opt_tool
from detection_models import USUAL, detector, options_of
from opt_tool.api.litert_runner import LiteRtRunner
from opt_tool.errors import DamagedFileError, UnsupportedModelError
from opt_tool.formats.tflite.schema import TensorType
from tflite_models import Made, Op, assert_same, need_litert


def count_of(made: Made, folder: Path) -> int:
    return int(LiteRtRunner(folder / "model.tflite").run(made.inputs)["count"][0])


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, 5),
        ({"nms_score_threshold": 0.7, "max_detections": 30}, 8),
        ({"nms_score_threshold": 2.0}, 0),
        ({"max_classes_per_detection": 2}, 5),
        ({"num_classes": 1, "background": 0, "max_detections": 9}, 7),
        ({"y_scale": 3.0, "x_scale": 7.0, "h_scale": 2.0, "w_scale": 11.0}, 5),
        ({"use_regular_nms": True, "max_detections": 20}, 20),
        ({"use_regular_nms": True, "detections_per_class": 1}, 3),
        ({"use_regular_nms": True, "nms_score_threshold": 2.0}, 0),
        ({"use_regular_nms": True, "boxes": 50, "num_classes": 9, "max_detections": 25}, 25),
        ({"use_regular_nms": True, "nms_iou_threshold": 0.05}, 5),
    ],
    ids=str,
)
def test_lists_what_litert_lists(given: dict[str, float], found: int, tmp_path: Path) -> None:
    made = detector(**given)  # type: ignore[arg-type]  # counts and options
    assert_same(made, tmp_path)
    assert count_of(made, tmp_path) == found


@pytest.mark.parametrize("regular", [False, True])
def test_a_score_at_the_threshold_is_enough(regular: bool, tmp_path: Path) -> None:
    made = detector(max_detections=12, nms_iou_threshold=1.0, use_regular_nms=regular)
    least = float(np.float32(0.3))
    made.inputs["likely"][:] = 0.1
    made.inputs["likely"][0, :7, 2] = np.float32(least)
    options = options_of(
        {**USUAL, "max_detections": 12, "nms_score_threshold": least, "nms_iou_threshold": 1.0,
         "use_regular_nms": regular}
    )  # fmt: skip
    op = dataclasses.replace(made.ops[0], custom_options=options)
    made = dataclasses.replace(made, ops=[op])
    assert_same(made, tmp_path)
    assert count_of(made, tmp_path) == 7


@pytest.mark.parametrize("regular", [False, True])
def test_a_conversion_is_verified_by_litert_whose_other_rows_hold_anything(
    tmp_path: Path, regular: bool
) -> None:
    need_litert()
    path = tmp_path / "m.tflite"
    made = detector(max_detections=30, nms_score_threshold=0.7, use_regular_nms=regular)
    path.write_bytes(made.data())
    for target in ("arm", "x86"):
        report = opt_tool.convert(path, tmp_path / "m.nb", target=target)
        assert (report.verification.status, report.verification.reference) == ("passed", "litert")
        assert not [text for text in report.warnings if "Paddle Lite ends" in text]


# ---- suppression alone


def suppression(version: int, *, most: int, overlap: float, least: float, sigma: float = 0) -> Made:
    rng = np.random.default_rng(1)
    settings = {
        "most": np.array(most, np.int32),
        **{
            name: np.array(number, np.float32)
            for name, number in (("overlap", overlap), ("least", least), ("sigma", sigma))
        },
    }
    operands = ["boxes", "scores", *settings][: version + 1]
    outputs = ["places", "kept", "count"] if version == 5 else ["places", "count"]
    return Made(
        [Op(f"NON_MAX_SUPPRESSION_V{version}", operands, outputs)],
        {
            "boxes": rng.uniform(0, 1, (20, 4)).astype(np.float32),  # corners in any order
            "scores": rng.uniform(-1, 1, 20).astype(np.float32),
        },
        {name: settings[name] for name in operands[2:]},
        outputs,
        types={"places": TensorType.INT32, "count": TensorType.INT32},
        shapes={"places": (most,), "kept": (most,), "count": ()},
    )


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize(
    ("most", "overlap", "least"), [(3, 0.4, 0.0), (30, 0.2, -0.5), (30, 1.0, -2.0), (9, 0.5, 2.0)]
)
def test_keeps_the_boxes_that_litert_keeps(
    version: int, most: int, overlap: float, least: float, tmp_path: Path
) -> None:
    assert_same(suppression(version, most=most, overlap=overlap, least=least), tmp_path)


@pytest.mark.parametrize("overlap", [0.25, 1.0])
def test_an_overlap_at_the_threshold_is_too_much(overlap: float, tmp_path: Path) -> None:
    made = suppression(4, most=20, overlap=overlap, least=-2.0)
    other = [0, 0, 1, 0.25] if overlap < 1 else [0, 0, 1, 1]
    made.inputs["boxes"][:2] = [[0, 0, 1, 1], other]
    made.inputs["boxes"][2:, :] += np.arange(2, 20, dtype=np.float32)[:, np.newaxis] * 3
    assert_same(made, tmp_path)


def test_scores_that_suppression_lowers_are_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="lowers the scores"):
        suppression(5, most=3, overlap=0.4, least=0.0, sigma=0.5).read()


# ---- refusals


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"max_classes_per_detection": 4}, "4 classes; 3 at most"),
        ({"max_classes_per_detection": 2, "use_regular_nms": True}, "2 classes; 1 at most"),
        ({"background": 2}, "do not fit 12 boxes of 3 classes"),
        ({"max_detections": 1 << 30}, "makes up at most"),
    ],
    ids=str,
)
def test_what_is_not_supported_is_refused(given: dict[str, int], reason: str) -> None:
    with pytest.raises(UnsupportedModelError, match=reason):
        detector(**given).read()


@pytest.mark.parametrize("shape", [(0, 4), (12, 3), (11, 4), (48,)], ids=str)
def test_anchors_that_do_not_fit_are_refused(shape: tuple[int, ...]) -> None:
    made = detector()
    anchors = {"anchors": np.ones(shape, np.float32)}
    with pytest.raises(UnsupportedModelError, match="anchors"):
        dataclasses.replace(made, constants=anchors).read()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"num_classes": None}, "do not say num_classes"),
        ({"y_scale": np.inf}, "not finite"),
        ({"w_scale": 0.0}, "mean nothing"),
        ({"w_scale": 1e-60}, "mean nothing"),
        ({"max_detections": -1}, "mean nothing"),
        ({"nms_iou_threshold": 1.5}, "mean nothing"),
    ],
    ids=str,
)
def test_options_without_a_meaning_are_damage(
    changes: dict[str, float | None], reason: str
) -> None:
    options = {name: value for name, value in {**USUAL, **changes}.items() if value is not None}
    made = detector()
    op = dataclasses.replace(made.ops[0], custom_options=options_of(options))
    with pytest.raises(DamagedFileError, match=reason):
        dataclasses.replace(made, ops=[op]).read()
