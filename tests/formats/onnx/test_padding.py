from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from onnx_models import assert_reads, node_model, read_model
from opt_tool.errors import UnsupportedModelError
from opt_tool.ir.operations.padding import Pad2D

RNG = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def operands(
    x: np.ndarray, pads: list[int], value: float | None = None, axes: list[int] | None = None
) -> dict[str, np.ndarray | None]:
    inputs: dict[str, np.ndarray | None] = {"x": x, "pads": np.array(pads, np.int64)}
    inputs["value"] = None if value is None else np.array(value, x.dtype)
    return inputs if axes is None else {**inputs, "axes": np.array(axes, np.int64)}


def given(inputs: dict[str, np.ndarray | None]) -> tuple[str, ...]:
    return tuple(name for name, array in inputs.items() if array is not None and name != "x")


MODES = ["constant", "reflect", "edge", "wrap"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("pads", [[0, 0, 1, 2, 0, 0, 3, 0], [0, 1, 0, 2, 1, 0, 1, 0]], ids=str)
@pytest.mark.parametrize("value", [None, -2.5])
def test_pad(mode: str, pads: list[int], value: float | None) -> None:
    inputs = operands(normal(2, 3, 5, 4), pads, value)
    assert_reads("Pad", inputs, constants=given(inputs), mode=mode)


@pytest.mark.parametrize("mode", MODES[:3])
@pytest.mark.parametrize("opset", [2, 11, 13, 18])
def test_every_form_of_the_operator(mode: str, opset: int) -> None:
    x, pads = normal(1, 2, 5, 4), [0, 0, 1, 2, 0, 0, 3, 0]
    if opset == 2:
        assert_reads("Pad", {"x": x}, opset=7, mode=mode, pads=pads, value=1.5)
    else:
        inputs = operands(x, pads, 1.5)
        assert_reads("Pad", inputs, constants=given(inputs), opset=opset, mode=mode)


@pytest.mark.parametrize("mode", MODES)
def test_axes_count_from_the_end(mode: str) -> None:
    inputs = operands(normal(2, 3, 5, 4), [2, 1, 0, 3], axes=[-1, 2])
    assert_reads("Pad", inputs, constants=given(inputs), mode=mode)


@pytest.mark.parametrize("mode", MODES)
def test_negative_pads_cut_off(mode: str) -> None:
    inputs = operands(normal(2, 3, 5, 6), [0, -1, 1, -2, 0, 0, -2, 3])
    assert_reads("Pad", inputs, constants=given(inputs), mode=mode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4), (2, 2, 3, 3, 4)], ids=str)
def test_other_ranks(mode: str, shape: tuple[int, ...]) -> None:
    inputs = operands(normal(*shape), [0] * (len(shape) - 1) + [2] + [1] * len(shape))
    assert_reads("Pad", inputs, constants=given(inputs), mode=mode)


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8, np.bool_])
@pytest.mark.parametrize("mode", MODES)
def test_other_element_types(dtype: type[np.generic], mode: str) -> None:
    x = RNG.integers(0, 2, (2, 3, 4)).astype(dtype)
    inputs = operands(x, [0, 1, 0, 1, 0, 2], 1)
    assert_reads("Pad", inputs, constants=given(inputs), mode=mode)


@pytest.mark.parametrize("mode", MODES[:3])
@pytest.mark.parametrize("shape", [(2, 3, 5, 4), (2, 3, 5)], ids=str)
def test_planes_of_symbolic_sizes(mode: str, shape: tuple[int, ...]) -> None:
    rank = len(shape)
    inputs = operands(normal(*shape), [0, 0, *(1,) * (rank - 2), 0, 0, *(2,) * (rank - 2)])
    graph = assert_reads("Pad", inputs, constants=given(inputs), mode=mode, dynamic=True)
    assert graph.outputs[0].shape[2:] == tuple(f"x_{axis}+3" for axis in range(2, rank))


@pytest.mark.parametrize("size", [1, 2])
def test_an_edge_longer_than_the_plane(size: int) -> None:
    inputs = operands(normal(1, 2, size, 4), [0, 0, 2, 0, 0, 0, 3, 0])
    graph = assert_reads("Pad", inputs, constants=given(inputs), mode="edge")
    assert not any(isinstance(node.op, Pad2D) for node in graph.nodes)


def test_nothing_to_pad_is_nothing_to_do() -> None:
    inputs = operands(normal(1, 2, 3, 4), [0] * 8)
    graph = assert_reads("Pad", inputs, constants=given(inputs))
    assert [node.op.type for node in graph.nodes] == ["assign"]


@pytest.mark.parametrize(
    ("axes", "shape"),
    [(None, [3, 6, 2]), ([1, 2], [6, 9]), ([-1], [4]), ([2, 0], [1, 5])],
    ids=str,
)
def test_center_crop_pad(axes: list[int] | None, shape: list[int]) -> None:
    inputs = {"x": normal(3, 4, 7), "shape": np.array(shape, np.int64)}
    assert_reads("CenterCropPad", inputs, constants=("shape",), opset=18, axes=axes)


@pytest.mark.parametrize(
    ("inputs", "options", "reason"),
    [
        (operands(normal(1, 1, 2, 2), [0, 0, 2, 0, 0, 0, 0, 0]), {"mode": "reflect"}, "reflection"),
        (operands(normal(2, 3), [0, -3, 0, 0]), {}, "leave nothing"),
        (operands(normal(2, 3), [0, 1, 0]), {}, "two sizes"),
        (operands(normal(2, 3), [0, 0, 1, 1]), {"mode": "mirror"}, "mode 'mirror'"),
        (operands(normal(2, 3), [0, 1, 0, 1]), {"mode": "wrap", "dynamic": True}, "--input-shape"),
        (operands(normal(2, 3).astype(np.int64), [0, 1, 0, 1]), {"dynamic": True}, "--input-shape"),
    ],
    ids=str,
)
def test_refuses(
    inputs: dict[str, np.ndarray | None], options: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UnsupportedModelError, match=reason):
        read_model(node_model("Pad", inputs, constants=given(inputs), **options))
