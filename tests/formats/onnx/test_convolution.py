from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from onnx_models import assert_reads, node_model, read_model
from opt_tool.errors import UnsupportedModelError
from opt_tool.ir import Graph
from opt_tool.ir.operations.convolution import Conv2D, Conv2DTranspose, DepthwiseConv2D

RNG = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def types(graph: Graph) -> set[type]:
    return {type(node.op) for node in graph.nodes}


@pytest.mark.parametrize("constants", [("w", "b"), ()], ids=["constant", "computed"])
@pytest.mark.parametrize("pads", [[0, 0, 0, 0], [1, 2, 0, 1]], ids=str)
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_conv(constants: tuple[str, ...], pads: list[int], groups: int) -> None:
    inputs: dict[str, np.ndarray | None] = {
        "x": normal(2, 4, 7, 9),
        "w": normal(8, 4 // groups, 3, 2),
        "b": normal(8),
    }
    assert_reads("Conv", inputs, constants=constants, pads=pads, group=groups, strides=[2, 1])


@pytest.mark.parametrize("opset", [7, 11, 22])
@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"])
@pytest.mark.parametrize("strides", [[1, 1], [2, 3]], ids=str)
def test_conv_with_auto_pad(opset: int, auto_pad: str, strides: list[int]) -> None:
    inputs: dict[str, np.ndarray | None] = {"x": normal(1, 3, 8, 9), "w": normal(5, 3, 4, 3)}
    assert_reads("Conv", inputs, constants=("w",), opset=opset, auto_pad=auto_pad, strides=strides)


@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (2, 5)], ids=str)
def test_conv_with_dilations(groups: int, kernel: tuple[int, int]) -> None:
    inputs: dict[str, np.ndarray | None] = {
        "x": normal(2, 4, 11, 12),
        "w": normal(4, 4 // groups, *kernel),
        "b": normal(4),
    }
    options: dict[str, Any] = {"dilations": [2, 1], "pads": [2, 0, 1, 3], "group": groups}
    assert_reads("Conv", inputs, constants=("w", "b"), **options)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("dynamic", [False, True])
def test_conv_along_one_axis(groups: int, dynamic: bool) -> None:
    inputs: dict[str, np.ndarray | None] = {
        "x": normal(2, 4, 9),
        "w": normal(4, 4 // groups, 3),
        "b": normal(4),
    }
    options: dict[str, Any] = {"strides": [2], "pads": [1, 2], "group": groups, "dynamic": dynamic}
    assert_reads("Conv", inputs, constants=("w", "b"), **options)


@pytest.mark.parametrize("constants", [("w",), ()])
def test_conv_of_one_axis_with_a_computed_filter(constants: tuple[str, ...]) -> None:
    inputs: dict[str, np.ndarray | None] = {"x": normal(1, 2, 6), "w": normal(3, 2, 2)}
    assert_reads("Conv", inputs, constants=constants)


def test_conv_with_symbolic_sizes() -> None:
    inputs: dict[str, np.ndarray | None] = {"x": normal(2, 3, 8, 9), "w": normal(5, 3, 3, 3)}
    options: dict[str, Any] = {"auto_pad": "SAME_LOWER", "dilations": [1, 1]}
    graph = assert_reads("Conv", inputs, constants=("w",), dynamic=True, **options)
    assert graph.outputs[0].shape == ("x_0", 5, "x_2", "x_3")


def test_depthwise_conv_is_one_with_a_group_for_each_channel() -> None:
    inputs: dict[str, np.ndarray | None] = {"x": normal(1, 4, 6, 6), "w": normal(4, 1, 3, 3)}
    graph = assert_reads("Conv", inputs, constants=("w",), group=4)
    assert types(graph) == {DepthwiseConv2D}


def test_a_multiple_of_the_channels_is_depthwise_no_more_than_one_of_one() -> None:
    graph = assert_reads("Conv", {"x": normal(1, 1, 5, 5), "w": normal(4, 1, 3, 3)})
    assert types(graph) == {Conv2D}


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("bias", [True, False])
def test_conv_transpose(groups: int, bias: bool) -> None:
    inputs: dict[str, np.ndarray | None] = {"x": normal(2, 4, 5, 6), "w": normal(4, 3, 3, 4)}
    if bias:
        inputs["b"] = normal(3 * groups)
    options: dict[str, Any] = {
        "strides": [2, 3],
        "pads": [1, 0, 2, 1],
        "group": groups,
        "output_padding": [1, 2],
    }
    graph = assert_reads(
        "ConvTranspose", inputs, constants=("w", "b")[: len(inputs) - 1], **options
    )
    assert types(graph) == {Conv2DTranspose}


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"])
@pytest.mark.parametrize("output_shape", [None, [10, 13], [11, 15]], ids=str)
def test_conv_transpose_to_an_output_shape(auto_pad: str, output_shape: list[int] | None) -> None:
    inputs: dict[str, np.ndarray | None] = {"x": normal(1, 2, 5, 4), "w": normal(2, 3, 3, 4)}
    options: dict[str, Any] = {
        "strides": [2, 3],
        "auto_pad": auto_pad,
        "output_shape": output_shape,
    }
    assert_reads("ConvTranspose", inputs, constants=("w",), **options)


def test_conv_transpose_to_a_shape_beyond_the_last_filter() -> None:
    inputs: dict[str, np.ndarray | None] = {
        "x": normal(1, 2, 3, 3),
        "w": normal(2, 2, 1, 1),
        "b": normal(2),
    }
    options: dict[str, Any] = {"strides": [2, 2], "output_shape": [6, 5]}
    assert_reads("ConvTranspose", inputs, constants=("w", "b"), **options)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"strides": [2, 3, 2], "output_padding": [1, 2, 0], "pads": [1, 0, 1, 0, 2, 1]},
        {"strides": [3, 1, 2], "dilations": [2, 1, 2], "pads": [2, 1, 0, 1, 0, 1]},
        {"strides": [4, 2, 2], "output_padding": [3, 0, 1]},
        {"strides": [2, 2, 2], "auto_pad": "SAME_UPPER"},
        {"strides": [3, 2, 2], "output_shape": [10, 9, 9]},
    ],
    ids=str,
)
def test_conv_transpose_of_volumes(groups: int, options: dict[str, Any]) -> None:
    inputs: dict[str, np.ndarray | None] = {
        "x": normal(2, 4, 3, 4, 5),
        "w": normal(4, 3, 3, 2, 3),
        "b": normal(3 * groups) if options else None,
    }
    constants = ("w", "b") if options else ("w",)
    assert_reads("ConvTranspose", inputs, constants=constants, group=groups, atol=3e-5, **options)


@pytest.mark.parametrize("dynamic", [False, True])
def test_conv_transpose_with_dilations_along_one_axis(dynamic: bool) -> None:
    inputs: dict[str, np.ndarray | None] = {
        "x": normal(2, 4, 6),
        "w": normal(4, 2, 3),
        "b": normal(2),
    }
    options: dict[str, Any] = {"dilations": [2], "strides": [2], "pads": [1, 2], "dynamic": dynamic}
    assert_reads("ConvTranspose", inputs, constants=("w", "b"), **options)


@pytest.mark.parametrize(
    ("operator", "shapes", "options", "reason"),
    [
        ("Conv", ((1, 2, 5, 5, 5, 5), (3, 2, 2, 2, 2, 2)), {}, "along 4 axes"),
        ("Conv", ((1, 2, 5, 5, 5), (3, 2, 6, 2, 2)), {}, "depth 6 does not fit 5"),
        ("ConvTranspose", ((1, 2, *(3,) * 4), (2, 3, *(2,) * 4)), {}, "along 4 axes"),
        ("ConvTranspose", ((1, 2, 1, 3, 3), (2, 3, *(2,) * 3)), {"pads": [1, 0, 0] * 2}, "depth 0"),
        ("ConvTranspose", ((1, 2, 1, 3, 3), (2, 3, *(2,) * 3)), {"strides": [65, 1, 1]}, "of 65"),
        ("Conv", ((1, 2, 5, 5), (3, 2, 2, 2)), {"kernel_shape": [3, 3]}, "kernel_shape"),
        ("Conv", ((1, 2, 5, 5), (3, 2, 2, 2)), {"strides": [0, 1]}, "strides"),
        ("Conv", ((1, 2, 5, 5), (3, 2, 2, 2)), {"pads": [0, -1, 0, 0]}, "negative"),
        ("Conv", ((1, 2, 5, 5), (3, 2, 6, 2)), {}, "empty"),
        ("Conv", ((1, 2, 5, 5), (3, 1, 2, 2)), {}, "takes 1 channels"),
        ("Conv", ((1, 2, 5, 5), (3, 2, 2, 2)), {"auto_pad": "SAME"}, "auto_pad 'SAME'"),
        ("ConvTranspose", ((1, 2, 3, 3), (2, 3, 2, 2)), {"output_padding": [1, 0]}, "strides"),
    ],
)
def test_refuses(
    operator: str, shapes: tuple[tuple[int, ...], ...], options: dict[str, Any], reason: str
) -> None:
    inputs: dict[str, np.ndarray | None] = {"x": normal(*shapes[0]), "w": normal(*shapes[1])}
    with pytest.raises(UnsupportedModelError, match=reason):
        read_model(node_model(operator, inputs, constants=("w",), **options))


@pytest.mark.parametrize(
    ("operator", "options"),
    [
        ("Conv", {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
        ("ConvTranspose", {"output_shape": [9, 9]}),
    ],
)
def test_asks_for_the_input_shape_when_pads_depend_on_it(
    operator: str, options: dict[str, Any]
) -> None:
    inputs: dict[str, np.ndarray | None] = {"x": normal(1, 2, 5, 5), "w": normal(2, 2, 3, 3)}
    with pytest.raises(UnsupportedModelError, match="--input-shape"):
        read_model(node_model(operator, inputs, constants=("w",), dynamic=True, **options))


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"pads": [1, 0, 2, 0, 1, 1], "strides": [2, 1, 2]},
        {"dilations": [2, 1, 2], "pads": [2, 1, 0, 1, 1, 0]},
        {"auto_pad": "SAME_UPPER", "strides": [2, 2, 1]},
    ],
    ids=str,
)
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_conv_along_three_axes(attributes: dict[str, Any], groups: int) -> None:
    inputs: dict[str, np.ndarray | None] = {
        "x": normal(2, 4, 6, 5, 7),
        "w": normal(8, 4 // groups, 3, 2, 3),
        "b": normal(8),
    }
    assert_reads("Conv", inputs, constants=("w", "b"), group=groups, **attributes)


def test_conv_along_three_axes_of_any_batch() -> None:
    model = node_model(
        "Conv", {"x": normal(1, 2, 4, 5, 5), "w": normal(3, 2, 2, 3, 3)}, constants=("w",)
    )
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "N"
    (output,) = read_model(model).outputs
    assert output.shape == ("N", 3, 3, 3, 3)
