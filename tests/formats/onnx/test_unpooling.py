from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import parser

import opt_tool
from onnx_models import assert_reads, node_model, read_model, reference
from opt_tool.api import official_runtime
from opt_tool.errors import UnsupportedModelError

RNG = np.random.default_rng(0)
BOTH = ("y", "places")


def levels(*shape: int) -> np.ndarray:
    """Few different numbers, so that many windows have several largest elements."""
    return RNG.integers(-2, 3, shape).astype(np.float32)


@pytest.mark.parametrize(
    "options",
    [
        {"kernel_shape": [2, 2], "strides": [2, 2]},
        {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 2, 1]},
        {"kernel_shape": [2, 3], "strides": [2, 3], "ceil_mode": 1},
        {"kernel_shape": [2, 2], "dilations": [2, 3]},
        {"kernel_shape": [3, 3], "strides": [1, 1], "auto_pad": "SAME_UPPER"},
    ],
    ids=str,
)
@pytest.mark.parametrize("storage_order", [0, 1])
def test_places_of_the_largest_elements(options: dict[str, Any], storage_order: int) -> None:
    """The first of equal ones, as onnxruntime has it."""
    inputs = {"x": levels(2, 3, 7, 8)}
    assert_reads("MaxPool", inputs, outputs=BOTH, storage_order=storage_order, **options)


def test_places_of_largest_elements_that_are_all_below_zero() -> None:
    options: dict[str, Any] = {"kernel_shape": [2, 2], "pads": [1, 1, 1, 1]}
    assert_reads("MaxPool", {"x": levels(1, 2, 5, 5) - 9}, outputs=BOTH, **options)


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((1, 2, 6, 6, 6), {"kernel_shape": [2, 2, 2]}),
        ((1, 2, 20, 20), {"kernel_shape": [9, 9]}),
    ],
    ids=str,
)
def test_refuses_other_places(shape: tuple[int, ...], options: dict[str, Any]) -> None:
    model = node_model("MaxPool", {"x": levels(*shape)}, outputs=BOTH, **options)
    with pytest.raises(UnsupportedModelError, match="Indices"):
        read_model(model)


def test_refuses_places_in_planes_of_open_sizes() -> None:
    options: dict[str, Any] = {"kernel_shape": [2, 2], "outputs": BOTH, "dynamic": True}
    with pytest.raises(UnsupportedModelError, match="--input-shape"):
        read_model(node_model("MaxPool", {"x": levels(1, 2, 6, 6)}, **options))


# ---- MaxUnpool


def unpooled(shape: tuple[int, ...], *, step: int = 2) -> dict[str, np.ndarray | None]:
    """Elements of windows (step, step), and a place within each."""
    batch, channels, rows, columns = shape
    size = (rows * step, columns * step)
    down, across = (
        np.arange(count)[:, np.newaxis] * step + RNG.integers(0, step, (batch * channels, count, 1))
        for count in (rows, columns)
    )
    planes = np.arange(batch * channels).reshape(-1, 1, 1) * size[0] * size[1]
    places = planes + down * size[1] + across.transpose(0, 2, 1)
    return {"x": levels(*shape), "places": places.reshape(shape).astype(np.int64)}


@pytest.mark.parametrize("step", [2, 3])
def test_puts_elements_back(step: int) -> None:
    options: dict[str, Any] = {"kernel_shape": [step, step], "strides": [step, step]}
    assert_reads("MaxUnpool", unpooled((2, 3, 4, 5), step=step), **options)


def test_the_shape_that_the_windows_make_may_be_given() -> None:
    given = unpooled((1, 2, 3, 4)) | {"shape": np.array([1, 2, 6, 8])}
    options: dict[str, Any] = {"kernel_shape": [2, 2], "strides": [2, 2]}
    assert_reads("MaxUnpool", given, constants=("shape",), **options)


@pytest.mark.parametrize(
    ("options", "more", "reason"),
    [
        ({"kernel_shape": [2, 2]}, {}, "that overlap"),
        ({"kernel_shape": [2], "strides": [2]}, {}, "windows"),
        ({"kernel_shape": [2, 2], "strides": [2]}, {}, "windows"),
        (
            {"kernel_shape": [2, 2], "strides": [2, 2]},
            {"shape": np.array([1, 2, 7, 9])}, "runtimes disagree",
        ),
    ],
)  # fmt: skip
def test_refuses_what_cannot_be_put_back(
    options: dict[str, Any], more: dict[str, np.ndarray], reason: str
) -> None:
    given = unpooled((1, 2, 3, 4)) | more
    model = node_model("MaxUnpool", given, constants=tuple(more), **options)
    with pytest.raises(UnsupportedModelError, match=reason):
        read_model(model)


SEGNET = """<ir_version: 8, opset_import: ["": 18]>
g (float[1, 3, 8, 12] x) => (float[1, 3, 8, 12] y) {
  small, places = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (x)
  bent = Mul (small, small)
  y = MaxUnpool <kernel_shape = [2, 2], strides = [2, 2]> (bent, places)
}"""


@pytest.mark.official
def test_the_official_runtime_puts_back_what_it_pooled(tmp_path: Path) -> None:
    model = parser.parse_model(SEGNET)
    onnx.save(model, tmp_path / "m.onnx")
    opt_tool.convert(tmp_path / "m.onnx", tmp_path / "m.nb", target="x86")
    x = levels(1, 3, 8, 12)
    ((actual,),) = official_runtime.run(tmp_path / "m.nb", [[x]])
    np.testing.assert_array_equal(actual, reference(model, {"x": x})[0])
