from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from onnx_models import assert_reads, need_newer_onnxruntime, node_model, read_model
from opt_tool.errors import UnsupportedModelError
from opt_tool.ir.operations.padding import Pad2D
from opt_tool.ir.operations.pooling import Pool2D
from opt_tool.passes.fold_pad import FoldPad

RNG = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


PADS = [[0, 0, 0, 0], [1, 1, 1, 1], [1, 0, 0, 1], [0, 1, 1, 1]]


@pytest.mark.parametrize("pads", PADS, ids=str)
@pytest.mark.parametrize("ceil_mode", [0, 1])
@pytest.mark.parametrize("kernel", [[2, 2], [3, 2]], ids=str)
@pytest.mark.parametrize("strides", [[1, 1], [2, 3]], ids=str)
def test_max_pool(pads: list[int], ceil_mode: int, kernel: list[int], strides: list[int]) -> None:
    options: dict[str, Any] = {
        "pads": pads,
        "ceil_mode": ceil_mode,
        "kernel_shape": kernel,
        "strides": strides,
    }
    assert_reads("MaxPool", {"x": normal(2, 3, 7, 8)}, **options)


@pytest.mark.parametrize("pads", PADS, ids=str)
@pytest.mark.parametrize("ceil_mode", [0, 1])
@pytest.mark.parametrize("count_include_pad", [0, 1])
@pytest.mark.parametrize("opset", [10, 22])
@pytest.mark.parametrize("size", [(7, 8), (6, 9)], ids=str)
def test_average_pool(
    pads: list[int], ceil_mode: int, count_include_pad: int, opset: int, size: tuple[int, int]
) -> None:
    if (opset, count_include_pad, ceil_mode) == (10, 1, 1):
        need_newer_onnxruntime()
    options: dict[str, Any] = {
        "pads": pads,
        "ceil_mode": ceil_mode,
        "count_include_pad": count_include_pad,
    }
    inputs: dict[str, np.ndarray | None] = {"x": normal(2, 3, *size)}
    assert_reads("AveragePool", inputs, opset=opset, kernel_shape=[3, 2], strides=[2, 3], **options)


@pytest.mark.parametrize("operator", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "VALID"])
@pytest.mark.parametrize("dynamic", [False, True])
def test_pool_with_auto_pad(operator: str, auto_pad: str, dynamic: bool) -> None:
    options: dict[str, Any] = {"auto_pad": auto_pad, "kernel_shape": [2, 3], "dynamic": dynamic}
    options["strides"] = [1, 1] if dynamic else [2, 2]
    assert_reads(operator, {"x": normal(1, 2, 7, 8)}, **options)


@pytest.mark.parametrize("operator", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize("dynamic", [False, True])
def test_pool_along_one_axis(operator: str, dynamic: bool) -> None:
    options: dict[str, Any] = {"kernel_shape": [3], "strides": [2], "pads": [1, 1], "ceil_mode": 1}
    assert_reads(operator, {"x": normal(2, 3, 10)}, dynamic=dynamic, **options)


@pytest.mark.parametrize("operator", ["MaxPool", "AveragePool"])
def test_a_window_that_would_start_in_the_pad_is_dropped(operator: str) -> None:
    options: dict[str, Any] = {
        "kernel_shape": [1, 2],
        "strides": [2, 2],
        "pads": [0, 1, 0, 1],
        "ceil_mode": 1,
    }
    graph = assert_reads(operator, {"x": normal(1, 2, 6, 7)}, **options)
    assert not any(node.op.ceil_mode for node in graph.nodes if isinstance(node.op, Pool2D))


def test_ceil_mode_stays_where_paddle_counts_alike() -> None:
    options: dict[str, Any] = {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}
    graph = assert_reads("MaxPool", {"x": normal(1, 2, 8, 8)}, **options)
    (node,) = graph.nodes
    assert node.op == Pool2D("max", (3, 3), (2, 2), ceil_mode=True)


def test_symmetric_pads_that_count_fold_into_the_pool() -> None:
    options: dict[str, Any] = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1}
    graph = assert_reads("AveragePool", {"x": normal(1, 2, 8, 8)}, **options)
    FoldPad().run(graph)
    (node,) = graph.nodes
    assert node.op == Pool2D("avg", (3, 3), paddings=(1, 1, 1, 1), exclusive=False)


@pytest.mark.parametrize("operator", ["GlobalMaxPool", "GlobalAveragePool"])
@pytest.mark.parametrize("size", [(5,), (4, 5), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("dynamic", [False, True])
def test_global_pool(operator: str, size: tuple[int, ...], dynamic: bool) -> None:
    assert_reads(operator, {"x": normal(2, 3, *size)}, dynamic=dynamic)


@pytest.mark.parametrize(
    ("operator", "options", "reason"),
    [
        ("AveragePool", {"kernel_shape": [1, 1], "strides": [3, 3], "auto_pad": "SAME_UPPER"}, "d"),
        ("MaxPool", {"kernel_shape": [2, 2], "pads": [2, 0, 0, 0]}, "do not lie within"),
        ("MaxPool", {"kernel_shape": [9, 9]}, "does not fit"),
        ("MaxPool", {"kernel_shape": [2]}, "kernel"),
    ],
)
def test_refuses(operator: str, options: dict[str, Any], reason: str) -> None:
    with pytest.raises(UnsupportedModelError, match=reason):
        read_model(node_model(operator, {"x": normal(1, 2, 6, 6)}, **options))


def test_asks_for_the_input_shape_when_windows_depend_on_it() -> None:
    options: dict[str, Any] = {
        "kernel_shape": [2, 2],
        "strides": [2, 2],
        "pads": [1, 1, 1, 1],
        "ceil_mode": 1,
    }
    with pytest.raises(UnsupportedModelError, match="--input-shape"):
        read_model(node_model("MaxPool", {"x": normal(1, 2, 6, 6)}, dynamic=True, **options))


@pytest.mark.parametrize("p", [1, 2, 3])
@pytest.mark.parametrize("ceil_mode", [0, 1])
@pytest.mark.parametrize("pads", PADS, ids=str)
def test_lp_pool(p: int, ceil_mode: int, pads: list[int]) -> None:
    options: dict[str, Any] = {"kernel_shape": [3, 2], "strides": [2, 2], "pads": pads}
    assert_reads("LpPool", {"x": normal(1, 2, 7, 8)}, p=p, ceil_mode=ceil_mode, **options)


@pytest.mark.parametrize("p", [1, 2, 3])
@pytest.mark.parametrize("size", [(5,), (4, 5), (2, 3, 4)], ids=str)
def test_global_lp_pool(p: int, size: tuple[int, ...]) -> None:
    assert_reads("GlobalLpPool", {"x": normal(2, 3, *size)}, p=p)


@pytest.mark.parametrize("operator", ["MaxPool", "AveragePool", "LpPool"])
@pytest.mark.parametrize("strides", [[1, 1], [2, 3]], ids=str)
@pytest.mark.parametrize("pads", PADS, ids=str)
@pytest.mark.parametrize("ceil_mode", [0, 1])
def test_dilations(operator: str, strides: list[int], pads: list[int], ceil_mode: int) -> None:
    options: dict[str, Any] = {"kernel_shape": [2, 3], "dilations": [3, 2], "strides": strides}
    options |= {"pads": pads, "ceil_mode": ceil_mode}
    assert_reads(operator, {"x": normal(2, 3, 8, 9)}, **options)


@pytest.mark.parametrize("ceil_mode", [0, 1])
@pytest.mark.parametrize("pads", PADS, ids=str)
def test_dilations_where_pads_count(ceil_mode: int, pads: list[int]) -> None:
    options: dict[str, Any] = {"kernel_shape": [3, 2], "dilations": [2, 3], "strides": [2, 2]}
    options |= {"pads": pads, "ceil_mode": ceil_mode, "count_include_pad": 1}
    assert_reads("AveragePool", {"x": normal(2, 3, 8, 9)}, **options)


@pytest.mark.parametrize("operator", ["MaxPool", "AveragePool", "LpPool"])
@pytest.mark.parametrize("pads", [[0] * 6, [1, 0, 1, 0, 1, 1]], ids=str)
@pytest.mark.parametrize("ceil_mode", [0, 1])
def test_pool_along_three_axes(operator: str, pads: list[int], ceil_mode: int) -> None:
    options: dict[str, Any] = {"kernel_shape": [2, 3, 2], "strides": [2, 2, 1], "pads": pads}
    assert_reads(operator, {"x": normal(2, 3, 4, 6, 5)}, ceil_mode=ceil_mode, **options)


def test_max_pool_of_bytes() -> None:
    x = RNG.integers(0, 255, (1, 2, 5, 6)).astype(np.uint8)
    assert_reads("MaxPool", {"x": x}, kernel_shape=[2, 2], pads=[1, 0, 0, 1])


@pytest.mark.parametrize("operator", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize("kernel", [(2, 2), (1, 2)], ids=str)
@pytest.mark.parametrize("size", [(7, 8), (6, 9)], ids=str)
def test_pairs_need_no_input_shape(
    operator: str, kernel: tuple[int, int], size: tuple[int, int]
) -> None:
    options: dict[str, Any] = {"kernel_shape": list(kernel), "strides": list(kernel)}
    options |= {"auto_pad": "SAME_UPPER", "dynamic": True}
    graph = assert_reads(operator, {"x": normal(1, 2, *size)}, **options)
    (node,) = graph.nodes
    kind = "max" if operator == "MaxPool" else "avg"
    assert node.op == Pool2D(kind, kernel, kernel, ceil_mode=True)


@pytest.mark.parametrize(
    ("operator", "options"),
    [
        ("MaxPool", {"auto_pad": "SAME_LOWER"}),
        ("MaxPool", {"kernel_shape": [3, 3]}),
        ("MaxPool", {"dilations": [2, 2]}),
        ("AveragePool", {"count_include_pad": 1}),
    ],
)
def test_asks_for_the_input_shape_where_pads_on_both_sides_depend_on_it(
    operator: str, options: dict[str, Any]
) -> None:
    pairs = {"kernel_shape": [2, 2], "strides": [2, 2], "auto_pad": "SAME_UPPER"}
    model = node_model(operator, {"x": normal(1, 2, 6, 6)}, dynamic=True, **(pairs | options))
    with pytest.raises(UnsupportedModelError, match="--input-shape"):
        read_model(model)


@pytest.mark.parametrize("operator", ["MaxPool", "AveragePool"])
def test_refuses_gaps_in_padding_that_runtimes_disagree_about(operator: str) -> None:
    options: dict[str, Any] = {"kernel_shape": [2, 2], "dilations": [2, 2]}
    options["auto_pad"] = "SAME_UPPER"
    with pytest.raises(UnsupportedModelError, match="runtimes disagree"):
        read_model(node_model(operator, {"x": normal(1, 2, 6, 6)}, **options))


def test_pads_of_unequal_sides_that_count_are_written_out() -> None:
    """The runtimes take the pads at the end to be those at the start."""
    options: dict[str, Any] = {"kernel_shape": [3, 3], "pads": [1, 1, 0, 1], "count_include_pad": 1}
    graph = assert_reads("AveragePool", {"x": normal(1, 2, 8, 8)}, **options)
    assert [type(node.op) for node in graph.nodes] == [Pad2D, Pool2D]
