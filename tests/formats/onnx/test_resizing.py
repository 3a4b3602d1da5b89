from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, parser

from onnx_models import assert_reads, need_newer_onnxruntime, node_model, read_model, reference
from opt_tool.errors import UnsupportedModelError
from opt_tool.ir.operations.indexing import Gather
from opt_tool.ir.operations.interpolation import BilinearInterp, NearestInterp
from opt_tool.ir.operations.matmul import MatMulV2
from opt_tool.runtime.executor import Executor

RNG = np.random.default_rng(0)
EMPTY = np.zeros(0, np.float32)


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def by_scales(x: np.ndarray, *scales: float) -> dict[str, np.ndarray | None]:
    return {"x": x, "roi": None, "scales": np.array(scales, np.float32)}


def by_sizes(x: np.ndarray, *sizes: int) -> dict[str, np.ndarray | None]:
    return {"x": x, "roi": None, "scales": None, "sizes": np.array(sizes, np.int64)}


COORDINATES = ["half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners"]


@pytest.mark.parametrize("coordinates", [*COORDINATES, "half_pixel_symmetric"])
@pytest.mark.parametrize("rounding", ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
@pytest.mark.parametrize("scales", [(2, 3), (1.7, 0.6), (0.5, 0.3)], ids=str)
def test_nearest(coordinates: str, rounding: str, scales: tuple[float, float]) -> None:
    options: dict[str, Any] = {
        "coordinate_transformation_mode": coordinates,
        "nearest_mode": rounding,
    }
    assert_reads(
        "Resize", by_scales(normal(1, 2, 5, 6), 1, 1, *scales), constants=("scales",), **options
    )


@pytest.mark.parametrize("coordinates", [*COORDINATES, "half_pixel_symmetric"])
@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("antialias", [0, 1])
@pytest.mark.parametrize("sizes", [(9, 3), (4, 13), (1, 6)], ids=str)
def test_interpolation(coordinates: str, mode: str, antialias: int, sizes: tuple[int, int]) -> None:
    options: dict[str, Any] = {
        "coordinate_transformation_mode": coordinates,
        "mode": mode,
        "antialias": antialias,
    }
    inputs = by_sizes(normal(2, 3, 5, 6), 2, 3, *sizes)
    assert_reads("Resize", inputs, constants=("sizes",), **options)


@pytest.mark.parametrize("antialias", [0, 1])
@pytest.mark.parametrize("scales", [(2.5, 0.4), (0.7, 3)], ids=str)
def test_cubic_without_what_lies_outside(antialias: int, scales: tuple[float, float]) -> None:
    options: dict[str, Any] = {"mode": "cubic", "cubic_coeff_a": -0.5, "exclude_outside": 1}
    inputs = by_scales(normal(1, 2, 6, 5), 1, 1, *scales)
    assert_reads("Resize", inputs, constants=("scales",), antialias=antialias, **options)


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("extrapolation_value", [0.0, 7.5])
def test_crop_and_resize(mode: str, extrapolation_value: float) -> None:
    inputs: dict[str, np.ndarray | None] = {
        "x": normal(1, 2, 5, 6),
        "roi": np.array([0, 0, 0.2, -0.3, 1, 1, 0.9, 1.2], np.float32),
        "scales": None,
        "sizes": np.array([1, 2, 4, 7], np.int64),
    }
    options: dict[str, Any] = {"mode": mode, "extrapolation_value": extrapolation_value}
    options["coordinate_transformation_mode"] = "tf_crop_and_resize"
    assert_reads("Resize", inputs, constants=("roi", "sizes"), **options)


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("opset", [7, 9, 10])
def test_upsample_and_the_first_resize(mode: str, opset: int) -> None:
    x, scales = normal(1, 2, 7, 5), np.array([1, 1, 2, 1.5], np.float32)
    if opset == 10:
        scales[2] = 0.6  # Upsample only enlarges
    operator = "Resize" if opset == 10 else "Upsample"
    if opset == 7:
        assert_reads(operator, {"x": x}, opset=opset, mode=mode, scales=scales.tolist())
    else:
        inputs: dict[str, np.ndarray | None] = {"x": x, "scales": scales}
        assert_reads(operator, inputs, constants=("scales",), opset=opset, mode=mode)


@pytest.mark.parametrize("opset", [11, 12])
def test_operands_that_are_empty_are_left_out(opset: int) -> None:
    inputs: dict[str, np.ndarray | None] = {
        **by_sizes(normal(1, 2, 4, 5), 1, 2, 8, 7),
        "roi": EMPTY,
        "scales": EMPTY,
    }
    assert_reads("Resize", inputs, constants=("roi", "scales", "sizes"), opset=opset)


@pytest.mark.parametrize("policy", ["stretch", "not_larger", "not_smaller"])
@pytest.mark.parametrize("sizes", [(9, 8), (3, 5)], ids=str)
def test_axes_and_aspect_ratio(policy: str, sizes: tuple[int, int]) -> None:
    inputs = by_sizes(normal(1, 2, 5, 6), *sizes)
    options: dict[str, Any] = {"axes": [3, 2], "keep_aspect_ratio_policy": policy, "mode": "linear"}
    assert_reads("Resize", inputs, constants=("sizes",), **options)


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("shape", [(2, 3, 5), (4, 5), (1, 2, 3, 4, 5)], ids=str)
def test_other_ranks(mode: str, shape: tuple[int, ...]) -> None:
    scales = [1.0] * (len(shape) - 2) + [1.5, 2] if len(shape) != 3 else [1.0, 1, 2.5]
    assert_reads("Resize", by_scales(normal(*shape), *scales), constants=("scales",), mode=mode)


@pytest.mark.parametrize("dtype", [np.int32, np.uint8])
def test_nearest_of_integers(dtype: type[np.generic]) -> None:
    x = RNG.integers(0, 200, (1, 2, 3, 4)).astype(dtype)
    assert_reads("Resize", by_scales(x, 1, 1, 2, 2), constants=("scales",))


LIKE_PADDLE = {
    "nearest": ("asymmetric", "floor", NearestInterp(10, 12)),
    "nearest of an even scale": ("half_pixel", "round_prefer_floor", NearestInterp(10, 12)),
    "half pixel": ("half_pixel", "linear", BilinearInterp(10, 12, align_mode=0)),
    "pytorch's half pixel": ("pytorch_half_pixel", "linear", BilinearInterp(10, 12, align_mode=0)),
    "asymmetric": ("asymmetric", "linear", BilinearInterp(10, 12, align_mode=1)),
    "align corners": ("align_corners", "linear", BilinearInterp(10, 12, align_corners=True)),
}


@pytest.mark.parametrize("case", LIKE_PADDLE)
def test_what_paddle_counts_alike_is_one_operator(case: str) -> None:
    coordinates, how, op = LIKE_PADDLE[case]
    options: dict[str, Any] = {"coordinate_transformation_mode": coordinates}
    options |= {"mode": "linear"} if how == "linear" else {"nearest_mode": how}
    inputs = by_scales(normal(1, 2, 5, 6), 1, 1, 2, 2)
    graph = assert_reads("Resize", inputs, constants=("scales",), **options)
    assert [node.op for node in graph.nodes] == [op]


@pytest.mark.parametrize(("mode", "other"), [("nearest", Gather), ("cubic", MatMulV2)])
def test_what_paddle_counts_otherwise_is_gathered_or_multiplied(mode: str, other: type) -> None:
    options: dict[str, Any] = {"mode": mode, "nearest_mode": "ceil"}
    inputs = by_scales(normal(1, 2, 5, 6), 1, 1, 2, 2)
    graph = assert_reads("Resize", inputs, constants=("scales",), **options)
    assert other in {type(node.op) for node in graph.nodes}


@pytest.mark.parametrize("shape", [(2, 3, 5, 6), (2, 3, 7)], ids=str)
@pytest.mark.parametrize(
    ("coordinates", "mode"),
    [("half_pixel", "linear"), ("align_corners", "linear"), ("asymmetric", "nearest")],
)
def test_scales_of_sizes_known_at_run_time(
    shape: tuple[int, ...], coordinates: str, mode: str
) -> None:
    options: dict[str, Any] = {"mode": mode, "coordinate_transformation_mode": coordinates}
    options["nearest_mode"] = "floor"
    inputs = by_scales(normal(*shape), 1, 1, *(2,) * (len(shape) - 2))
    assert_reads("Resize", inputs, constants=("scales",), dynamic=True, **options)


@pytest.mark.parametrize("scale", [0.5, 0.25, 4])
@pytest.mark.parametrize("size", [5, 8])
def test_nearest_by_other_scales_of_sizes_known_at_run_time(scale: float, size: int) -> None:
    options: dict[str, Any] = {
        "coordinate_transformation_mode": "asymmetric",
        "nearest_mode": "floor",
    }
    inputs = by_scales(normal(1, 2, size, size), 1, 1, scale, scale)
    assert_reads("Resize", inputs, constants=("scales",), dynamic=True, **options)


def like_another_model(mode: str, coordinates: str) -> onnx.ModelProto:
    """Resizes x to the size of the planes of y, as PyTorch exports a feature pyramid."""
    options: dict[str, Any] = {"mode": mode, "coordinate_transformation_mode": coordinates}
    nodes = [
        helper.make_node("Shape", ["x"], ["x_shape"], start=0, end=2),
        helper.make_node("Shape", ["y"], ["y_shape"], start=2, end=4),
        helper.make_node("Concat", ["x_shape", "y_shape"], ["sizes"], axis=0),
        helper.make_node("Resize", ["x", "", "", "sizes"], ["z"], nearest_mode="floor", **options),
    ]
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, "h", "w"]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4, "height", "width"]),
    ]
    outputs = [helper.make_empty_tensor_value_info("z")]
    graph = helper.make_graph(nodes, "like", inputs, outputs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize(
    ("mode", "coordinates"), [("nearest", "asymmetric"), ("linear", "half_pixel")]
)
@pytest.mark.parametrize("size", [(8, 10), (7, 11), (12, 5)], ids=str)
def test_the_size_of_another_tensor(mode: str, coordinates: str, size: tuple[int, int]) -> None:
    model = like_another_model(mode, coordinates)
    feeds = {"x": normal(2, 3, 4, 5), "y": normal(2, 4, *size)}
    graph = read_model(model)
    assert graph.outputs[0].shape == ("n", 3, "height", "width")
    (expected,) = reference(model, feeds)
    np.testing.assert_allclose(Executor(graph).run(feeds)["z"], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("inputs", "options", "reason"),
    [
        (by_scales(normal(1, 2, 3, 3), 1, 1, 2, 2), {"mode": "cubic", "dynamic": True}, "cubic"),
        (by_scales(normal(1, 2, 3, 3), 1, 1, 2, 2), {"nearest_mode": "ceil"}, "--input-shape"),
        (by_scales(normal(1, 2, 3, 3), 1, 1, 2, 2), {"mode": "area"}, "'area'"),
        (by_scales(normal(1, 2, 3, 3), 1, 1, 2), {}, "scales"),
        (by_scales(normal(1, 2, 3, 3), 1, 1, 0.1, 2), {"dynamic": False}, "empty"),
        (by_sizes(normal(1, 2, 3, 3), 2, 2), {}, "2 sizes for 4 axes"),
        (by_sizes(normal(1, 2, 3, 3), 1, 2, 3, 1 << 34), {"dynamic": False}, "at most"),
        (
            by_sizes(normal(1, 2, 3, 3), 1, 2, 3, 1 << 21),
            {"dynamic": False, "mode": "linear"},
            "at most",
        ),
        (
            by_sizes(normal(1, 2, 3, 100), 1, 2, 3, 1 << 20),
            {"dynamic": False, "mode": "linear"},
            "weights",
        ),
        (by_scales(normal(1, 2, 3, 3), 1, 1, 2, np.inf), {"dynamic": False}, "scales"),
        (by_scales(normal(1, 2, 3, 3), 1, 1, 2, np.nan), {"dynamic": False}, "scales"),
        (by_scales(normal(1, 2, 3, 3), 1, 1, 2, 3e38), {"dynamic": False}, "scales"),
        (by_sizes(normal(1, 2, 0, 3), 1, 2, 3, 3), {"dynamic": False}, "empty"),
        (
            by_sizes(normal(1, 2, 0, 3), 1, 2, 3, 3),
            {"dynamic": False, "keep_aspect_ratio_policy": "not_larger"},
            "not_larger",
        ),
    ],
    ids=str,
)
def test_refuses(inputs: dict[str, np.ndarray], options: dict[str, Any], reason: str) -> None:
    constants = tuple(name for name in ("scales", "sizes") if inputs.get(name) is not None)
    model = node_model("Resize", inputs, constants=constants, **{"dynamic": True, **options})
    with pytest.raises(UnsupportedModelError, match=reason):
        read_model(model)


def test_axes_count_from_the_end() -> None:
    need_newer_onnxruntime()
    inputs = by_sizes(normal(1, 2, 5, 6), 7, 9)
    assert_reads("Resize", inputs, constants=("sizes",), axes=[-1, -2], mode="linear")


@pytest.mark.parametrize(
    ("mode", "coordinates"),
    [("linear", "half_pixel"), ("linear", "align_corners"), ("nearest", "align_corners")],
)
def test_one_element_is_not_left_to_the_runtimes(mode: str, coordinates: str) -> None:
    """ARM's and x86's kernels differ, or abort, where an axis shrinks to one."""
    options: dict[str, Any] = {"mode": mode, "coordinate_transformation_mode": coordinates}
    options["nearest_mode"] = "round_prefer_ceil"
    inputs = by_sizes(normal(1, 2, 5, 6), 1, 2, 1, 4)
    graph = assert_reads("Resize", inputs, constants=("sizes",), **options)
    assert not {type(node.op) for node in graph.nodes} & {BilinearInterp, NearestInterp}


@pytest.mark.parametrize(
    ("size", "count", "coordinates", "rounding"),
    [
        (7, 2, "asymmetric", "round_prefer_ceil"),
        (14, 1, "half_pixel", "round_prefer_ceil"),
        (9, 3, "half_pixel_symmetric", "floor"),
        (3, 11, "half_pixel_symmetric", "floor"),
    ],
)
def test_positions_that_rounding_moves_off_the_middle(
    size: int, count: int, coordinates: str, rounding: str
) -> None:
    if rounding == "round_prefer_ceil":
        need_newer_onnxruntime()
    options: dict[str, Any] = {"coordinate_transformation_mode": coordinates}
    inputs = by_sizes(normal(1, 2, 4, size), 1, 2, 4, count)
    assert_reads("Resize", inputs, constants=("sizes",), nearest_mode=rounding, **options)


def test_a_crop_beyond_the_edge_is_no_plain_resizing() -> None:
    roi = np.array([0, 0, 0.075, 0.28, 1, 1, 1.204, 1.22], np.float32)
    inputs = {**by_scales(normal(2, 2, 4, 3), 1, 1, 0.5, 0.7), "roi": roi}
    options: dict[str, Any] = {"coordinate_transformation_mode": "tf_crop_and_resize"}
    assert_reads("Resize", inputs, constants=("roi", "scales"), **options)


def test_corners_of_one_element_are_not_aligned_by_the_runtimes() -> None:
    """ARM's kernel reads beyond a plane of height 1."""
    options: dict[str, Any] = {"mode": "linear", "coordinate_transformation_mode": "align_corners"}
    inputs = by_sizes(normal(1, 2, 1, 5), 1, 2, 4, 9)
    graph = assert_reads("Resize", inputs, constants=("sizes",), **options)
    assert not any(isinstance(node.op, BilinearInterp) for node in graph.nodes)


def test_refuses_a_scale_that_no_size_is_known_to_survive() -> None:
    inputs = by_scales(normal(1, 2, 300, 300), 1, 1, 0.005, 0.005)
    model = node_model("Resize", inputs, constants=("scales",), dynamic=True)
    with pytest.raises(UnsupportedModelError, match="--input-shape"):
        read_model(model)


def test_gathers_planes_of_an_open_batch() -> None:
    """Rounding up is none of the runtime's ways; the height stays as it is."""
    model = parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 18]>
        g (float["n", 2, 5, 6] x) => (float["n", 2, 5, 10] y) <int64[2] sizes = {5, 10}> {
          y = Resize <axes = [2, 3], nearest_mode = "ceil"> (x, , , sizes)
        }"""
    )
    graph = read_model(model)
    assert sum(isinstance(node.op, Gather) for node in graph.nodes) == 1
    x = normal(3, 2, 5, 6)
    np.testing.assert_array_equal(Executor(graph).run({"x": x})["y"], reference(model, {"x": x})[0])
