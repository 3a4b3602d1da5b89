from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from opt_tool.errors import UnsupportedModelError
from opt_tool.formats.tflite.schema import TensorType
from tflite_models import assert_same, ints, normal, one_op


def test_sums_of_segments(tmp_path: Path) -> None:
    made = one_op("SEGMENT_SUM", {"x": normal(5, 2, 3), "s": ints(0, 0, 1, 1, 2)}, constants="s")
    assert_same(made, tmp_path)
    inputs = {"x": normal(5, 2), "s": ints(3, 0, 0, 3, 1), "n": ints(6).reshape(())}
    assert_same(one_op("UNSORTED_SEGMENT_SUM", inputs, constants=("s", "n")), tmp_path)


@pytest.mark.parametrize("code", ["SUM", "MAX"])
@pytest.mark.parametrize(
    ("x", "segments"),
    [
        (normal(3, 2), ints(0, -1, 1)),
        (normal(3, 2), ints(0, 2, 1)),
        (normal(3, 2), ints(0, 1)),
        (normal(3, 2), normal(3) ** 2),
        (normal(), ints(0)),
    ],
)
def test_rows_of_no_segment_are_refused(code: str, x: np.ndarray, segments: np.ndarray) -> None:
    inputs = {"x": x, "s": segments, "n": ints(2).reshape(())}
    with pytest.raises(UnsupportedModelError, match="segments"):
        one_op(f"UNSORTED_SEGMENT_{code}", inputs, constants=("s", "n")).read()


@pytest.mark.parametrize("code", ["MAX", "MIN", "PROD"])
@pytest.mark.parametrize("shape", [(6,), (6, 2), (6, 2, 3)], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_what_is_left_of_segments(
    tmp_path: Path, code: str, shape: tuple[int, ...], dtype: type
) -> None:
    """Segments 2 and 4 have no rows."""
    x: np.ndarray = (5 * normal(*shape)).astype(dtype)
    inputs = {"x": x, "s": ints(3, 0, 0, 3, 1, 3), "n": ints(5).reshape(())}
    types = {"y": TensorType.FLOAT32 if dtype is np.float32 else TensorType.INT32}
    made = one_op(f"UNSORTED_SEGMENT_{code}", inputs, constants=("s", "n"), types=types)
    assert_same(made, tmp_path)
