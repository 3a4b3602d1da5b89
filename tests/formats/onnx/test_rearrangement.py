from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from onnx_models import assert_reads, node_model, read_model, reference
from opt_tool.errors import UnsupportedModelError
from opt_tool.runtime.executor import Executor

RNG = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("mode", ["DCR", "CRD", None])
@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("opset", [11, 13])
def test_depth_to_space(mode: str | None, dynamic: bool, opset: int) -> None:
    inputs = {"x": normal(2, 12, 3, 4)}
    model = node_model("DepthToSpace", inputs, opset=opset, mode=mode, blocksize=2)
    if dynamic:
        for axis in (0, 2, 3):
            model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = f"d{axis}"
    assert_same(model, inputs)


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("opset", [7, 13])
def test_space_to_depth(dynamic: bool, opset: int) -> None:
    inputs = {"x": normal(2, 3, 6, 9)}
    model = node_model("SpaceToDepth", inputs, opset=opset, blocksize=3)
    if dynamic:
        for axis in (0, 2, 3):
            model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = f"d{axis}"
    assert_same(model, inputs)


def assert_same(model: Any, feeds: dict[str, np.ndarray]) -> None:
    (expected,) = reference(model, feeds)
    (actual,) = Executor(read_model(model)).run(feeds).values()
    np.testing.assert_array_equal(actual, expected)


def test_depth_to_space_of_the_first_opset() -> None:
    assert_reads("DepthToSpace", {"x": normal(1, 4, 2, 3)}, opset=7, blocksize=2)


@pytest.mark.parametrize("pads", [None, [1, 0, 2, 1]], ids=str)
@pytest.mark.parametrize("strides", [None, [2, 1]], ids=str)
@pytest.mark.parametrize("dilations", [None, [1, 2]], ids=str)
def test_col2im(
    pads: list[int] | None, strides: list[int] | None, dilations: list[int] | None
) -> None:
    image, kernel = (6, 7), (2, 3)
    top, left, bottom, right = pads or [0, 0, 0, 0]
    rows, columns = (
        (size + extra - d * (k - 1) - 1) // s + 1
        for size, extra, d, k, s in zip(
            image,
            (top + bottom, left + right),
            dilations or [1, 1],
            kernel,
            strides or [1, 1],
            strict=True,
        )
    )
    inputs = {
        "x": normal(2, 3 * 6, rows * columns),
        "image": np.array(image),
        "block": np.array(kernel),
    }
    options: dict[str, Any] = {"pads": pads, "strides": strides, "dilations": dilations}
    assert_reads("Col2Im", inputs, constants=("image", "block"), **options)


@pytest.mark.parametrize(
    ("operator", "options", "reason"),
    [
        ("DepthToSpace", {"blocksize": 3}, "multiple of 9"),
        ("DepthToSpace", {"blocksize": 2, "mode": "XYZ"}, "XYZ"),
        ("SpaceToDepth", {"blocksize": 2}, "divide into blocks"),
        ("SpaceToDepth", {"blocksize": 0}, "blocksize"),
    ],
)
def test_refuses(operator: str, options: dict[str, Any], reason: str) -> None:
    with pytest.raises(UnsupportedModelError, match=reason):
        read_model(node_model(operator, {"x": normal(1, 4, 3, 3)}, **options))
