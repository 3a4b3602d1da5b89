from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from onnx_models import assert_reads, node_model, read_model
from opt_tool.errors import UnsupportedModelError

RNG = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection", None])
@pytest.mark.parametrize("align_corners", [0, 1, None])
@pytest.mark.parametrize("opset", [16, 20])
def test_grid_sample(padding_mode: str | None, align_corners: int | None, opset: int) -> None:
    grid = RNG.uniform(-1.7, 1.7, (2, 5, 4, 2)).astype(np.float32)
    options: dict[str, Any] = {"padding_mode": padding_mode, "align_corners": align_corners}
    inputs = {"x": normal(2, 3, 4, 6), "grid": grid}
    assert_reads("GridSample", inputs, opset=opset, **options)


@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("align_corners", [0, 1])
@pytest.mark.parametrize("size", [(4, 6), (5, 1)], ids=str)
def test_grid_sample_takes_the_nearest_elements(
    padding_mode: str, align_corners: int, size: tuple[int, int]
) -> None:
    """Also at halves, which ONNX rounds to even elements and Paddle Lite away from 0."""
    grid = RNG.uniform(-1.7, 1.7, (2, 5, 4, 2)).astype(np.float32)
    halves = np.linspace(-1.5, 1.5, 3 * 2 * size[0] + 1, dtype=np.float32)
    grid = np.concatenate([grid.reshape(1, -1, 1, 2), np.stack([halves] * 2, -1)[None, :, None]], 1)
    options: dict[str, Any] = {"padding_mode": padding_mode, "align_corners": align_corners}
    inputs = {"x": normal(1, 3, *size), "grid": grid}
    assert_reads("GridSample", inputs, opset=20, mode="nearest", **options)


@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("align_corners", [0, 1])
@pytest.mark.parametrize("batch", [1, 2])
def test_grid_sample_by_cubic_convolution(
    padding_mode: str, align_corners: int, batch: int
) -> None:
    """Far outside, where reflection turns more than once, as well."""
    grid = RNG.uniform(-3.5, 3.5, (batch, 5, 4, 2)).astype(np.float32)
    options: dict[str, Any] = {"padding_mode": padding_mode, "align_corners": align_corners}
    inputs = {"x": normal(batch, 3, 4, 6), "grid": grid}
    assert_reads("GridSample", inputs, opset=20, mode="cubic", rtol=1e-4, **options)


@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("align_corners", [0, 1])
@pytest.mark.parametrize("mode", ["linear", "nearest"])
def test_grid_sample_of_volumes(padding_mode: str, align_corners: int, mode: str) -> None:
    grid = RNG.uniform(-2.5, 2.5, (2, 3, 5, 4, 3)).astype(np.float32)
    options: dict[str, Any] = {"padding_mode": padding_mode, "align_corners": align_corners}
    inputs = {"x": normal(2, 3, 3, 4, 5), "grid": grid}
    assert_reads("GridSample", inputs, opset=20, mode=mode, rtol=1e-4, **options)


def test_volumes_of_one_element_along_an_axis() -> None:
    grid = RNG.uniform(-2.5, 2.5, (1, 3, 5, 4, 3)).astype(np.float32)
    inputs = {"x": normal(1, 2, 1, 4, 5), "grid": grid}
    assert_reads("GridSample", inputs, opset=20, padding_mode="reflection", align_corners=1)


@pytest.mark.parametrize("size", [(2, 3, 4, 5), (2, 3, 2, 3, 4)], ids=str)
@pytest.mark.parametrize("align_corners", [0, 1])
def test_affine_grid(size: tuple[int, ...], align_corners: int) -> None:
    rank = len(size) - 2
    inputs = {"theta": normal(2, rank, rank + 1), "size": np.array(size)}
    options: dict[str, Any] = {"constants": ("size",), "align_corners": align_corners, "opset": 20}
    assert_reads("AffineGrid", inputs, **options)


ROIS = np.array([[0, 0, 7, 5], [1.5, 2, 3, 8.2], [4, 1, 4.3, 1.2], [-2, 3, 20, 6]], np.float32)


@pytest.mark.parametrize("opset", [10, 16])
@pytest.mark.parametrize("mode", ["half_pixel", "output_half_pixel"])
@pytest.mark.parametrize("sampling_ratio", [0, 2])
@pytest.mark.parametrize("batch", [1, 3])
def test_roi_align(opset: int, mode: str, sampling_ratio: int, batch: int) -> None:
    images = np.array([0, 0, 0, 0] if batch == 1 else [0, 1, 1, 2], np.int64)
    inputs = {"x": normal(batch, 2, 9, 8), "rois": ROIS, "images": images}
    options: dict[str, Any] = {"output_height": 3, "output_width": 2, "spatial_scale": 0.8}
    if opset >= 16:
        options["coordinate_transformation_mode"] = mode
    options |= {"sampling_ratio": sampling_ratio, "opset": opset}
    assert_reads("RoiAlign", inputs, constants=("images",), **options)


def test_roi_align_of_one_image_takes_any_number_of_regions() -> None:
    images = np.zeros(4, np.int64)
    inputs = {"x": normal(1, 2, 9, 8), "rois": ROIS, "images": images}
    model = node_model("RoiAlign", inputs, output_height=2)
    for operand in model.graph.input[1:]:
        operand.type.tensor_type.shape.dim[0].dim_param = "regions"
    assert read_model(model).outputs[0].shape == ("regions", 2, 2, 1)


@pytest.mark.parametrize(
    ("operator", "inputs", "options", "reason"),
    [
        ("GridSample", [(1, 1, 3, 3), (1, 2, 2, 2)], {"mode": "spline"}, "'spline'"),
        ("GridSample", [(1, 1, 3, 3), (1, 2, 2, 2)], {"padding_mode": "wrap"}, "'wrap'"),
        ("GridSample", [(1, 1, 3, 3, 3), (1, 2, 2, 2, 3)], {"mode": "cubic"}, "'cubic'"),
        ("GridSample", [(1, 1, 3, 3, 3), (1, 2, 2, 2, 2)], {}, "a grid"),
        ("MaxRoiPool", [(1, 1, 3, 3), (2, 5)], {"pooled_shape": [1, 1]}, "roi_pool"),
    ],
)
def test_refuses(
    operator: str, inputs: list[tuple[int, ...]], options: dict[str, Any], reason: str
) -> None:
    operands = {f"x{index}": normal(*shape) for index, shape in enumerate(inputs)}
    with pytest.raises(UnsupportedModelError, match=reason):
        read_model(node_model(operator, operands, **options))


@pytest.mark.parametrize(
    ("images", "options", "reason"),
    [
        ([0, 0, 0, 0], {"mode": "max"}, "means"),
        ([1, 0, 1, 0], {"constants": ("images",)}, "ascend"),
        ([0, 0, 1, 1], {}, "run time"),
    ],
)
def test_refuses_regions(images: list[int], options: dict[str, Any], reason: str) -> None:
    inputs = {"x": normal(2, 2, 9, 8), "rois": ROIS, "images": np.array(images, np.int64)}
    with pytest.raises(UnsupportedModelError, match=reason):
        read_model(node_model("RoiAlign", inputs, **options))
