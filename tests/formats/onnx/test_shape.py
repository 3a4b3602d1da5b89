"""Shape arithmetic: what exporters compute shapes with must become numbers on the way in."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx.parser
import pytest

from graphs import ops
from onnx_models import assert_reads, node_model, read_model, reference
from opt_tool.errors import UnsupportedModelError
from opt_tool.ir import Graph
from opt_tool.ir.operations.data_movement import Assign, ExpandV2
from opt_tool.ir.operations.shape import Flatten2, Reshape2, Squeeze2, Unsqueeze2
from opt_tool.runtime.executor import Executor

RNG = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def vector(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


def read_text(text: str) -> tuple[onnx.ModelProto, Graph]:
    """The model and the graph of ONNX's text form, of opset 21."""
    header = '<ir_version: 10, opset_import: ["": 21]>'
    model = onnx.parser.parse_model(f"{header} test {text}")
    return model, read_model(model)


def assert_computes(model: onnx.ModelProto, graph: Graph, feeds: Mapping[str, np.ndarray]) -> None:
    computed = Executor(graph).run(feeds)
    for actual, expected in zip(computed.values(), reference(model, feeds), strict=True):
        assert actual.shape == expected.shape
        np.testing.assert_array_equal(actual, expected)


def reshapes(graph: Graph) -> list[tuple[int, ...]]:
    return [node.op.shape for node in graph.nodes if isinstance(node.op, Reshape2)]


# ---- Shape and Size


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize(
    "bounds",
    [{}, {"start": 1}, {"end": -1}, {"start": -2, "end": 5}, {"start": 3, "end": 1}],
    ids=str,
)
def test_shape(bounds: dict[str, int], dynamic: bool) -> None:
    assert_reads("Shape", {"x": normal(2, 3, 4)}, dynamic=dynamic, **bounds)


def test_a_static_shape_is_a_constant() -> None:
    graph = assert_reads("Shape", {"x": normal(2, 3, 4)})
    assert ops(graph) == [Assign]


@pytest.mark.parametrize("dynamic", [False, True])
def test_size(dynamic: bool) -> None:
    assert_reads("Size", {"x": normal(2, 3, 4)}, dynamic=dynamic)


# ---- Reshape


@pytest.mark.parametrize(
    "shape", [(4, 6), (-1,), (0, -1), (2, 0, 4), (1, -1, 1, 4), (2, 3, 2, 2)], ids=str
)
@pytest.mark.parametrize("dynamic", [False, True])
def test_reshape(shape: tuple[int, ...], dynamic: bool) -> None:
    inputs = {"x": normal(2, 3, 4), "shape": vector(*shape)}
    assert_reads("Reshape", inputs, constants=["shape"], dynamic=dynamic)


@pytest.mark.parametrize("opset", [5, 13, 14, 21])
def test_reshape_to_a_shape_from_the_run(opset: int) -> None:
    inputs = {"x": normal(2, 3, 4), "shape": vector(0, -1, 2)}
    assert_reads("Reshape", inputs, opset=opset)


def test_reshape_to_and_from_a_scalar() -> None:
    assert_reads("Reshape", {"x": normal(1, 1), "shape": vector()}, constants=["shape"])
    scalar = np.array(3, np.float32)
    assert_reads("Reshape", {"x": scalar, "shape": vector(1, -1)}, constants=["shape"])


@pytest.mark.parametrize("dtype", [np.int32, np.bool_, np.uint8, np.int64], ids=str)
def test_reshape_takes_every_element_type(dtype: type[np.generic]) -> None:
    x = RNG.integers(0, 2, (2, 6)).astype(dtype)
    assert_reads("Reshape", {"x": x, "shape": vector(3, -1)}, constants=["shape"])


def test_reshape_with_allowzero_makes_a_tensor_of_no_elements() -> None:
    inputs = {"x": normal(0, 3), "shape": vector(3, 0)}
    assert_reads("Reshape", inputs, constants=["shape"], allowzero=1)


def test_reshape_that_does_not_fit_is_refused() -> None:
    inputs = {"x": normal(2, 3), "shape": vector(4, -1)}
    with pytest.raises(UnsupportedModelError, match=r"\[2, 3\] does not reshape to \[4, -1\]"):
        read_model(node_model("Reshape", inputs, constants=["shape"]))


HEADS = """(float[batch, seq, 12] x) => (float[a, b, c, d] y) {
    dims = Shape(x)
    zero = Constant<value_int = 0>()
    one = Constant<value_int = 1>()
    axes = Constant<value_ints = [0]>()
    batch = Gather(dims, zero)
    seq = Gather(dims, one)
    batch1 = Unsqueeze(batch, axes)
    seq1 = Unsqueeze(seq, axes)
    heads = Constant<value_ints = [3, -1]>()
    shape = Concat<axis = 0>(batch1, seq1, heads)
    y = Reshape(x, shape)
}"""


def test_a_shape_made_from_the_dimensions_becomes_numbers() -> None:
    model, graph = read_text(HEADS)
    assert reshapes(graph) == [(0, 0, 3, 4)]
    assert ops(graph) == [Reshape2]
    for size in ((1, 5), (3, 2)):
        assert_computes(model, graph, {"x": normal(*size, 12)})


MERGED = """(float[batch, h, w, 4] x) => (float[a, b] y) {
    dims = Shape(x)
    ends = Constant<value_ints = [3]>()
    starts = Constant<value_ints = [1]>()
    axes = Constant<value_ints = [0]>()
    spatial = Slice(dims, starts, ends, axes)
    pixels = ReduceProd<keepdims = 1>(spatial)
    last = Constant<value_ints = [-1]>()
    shape = Concat<axis = 0>(last, pixels)
    y = Reshape(x, shape)
}"""


def test_two_open_dimensions_are_computed_by_the_run() -> None:
    model, graph = read_text(MERGED)
    assert reshapes(graph) == [()]
    for size in ((1, 5, 2), (3, 2, 4)):
        assert_computes(model, graph, {"x": normal(*size, 4)})


GROUPS = """(float[batch, 8, h, w] x) => (float[a, b, c, d] y) {
    dims = Shape(x)
    first = Shape<start = 0, end = 1>(x)
    spatial = Shape<start = 2>(x)
    groups = Constant<value_ints = [2, 4]>()
    split = Concat<axis = 0>(first, groups, spatial)
    grouped = Reshape(x, split)
    swapped = Transpose<perm = [0, 2, 1, 3, 4]>(grouped)
    y = Reshape(swapped, dims)
}"""


def test_a_channel_shuffle_of_open_size_needs_its_shape_from_the_run() -> None:
    model, graph = read_text(GROUPS)
    assert_computes(model, graph, {"x": normal(2, 8, 3, 5)})


FLATTENED = """(float[batch, 8, 2, 3] x) => (float[a, b] y) {
    first = Shape<start = 0, end = 1>(x)
    rest = Constant<value_ints = [-1]>()
    shape = Concat<axis = 0>(first, rest)
    y = Reshape(x, shape)
}"""


def test_what_remains_is_written_as_the_number_that_it_is() -> None:
    model, graph = read_text(FLATTENED)
    assert reshapes(graph) == [(0, 48)]
    assert_computes(model, graph, {"x": normal(5, 8, 2, 3)})


UP_TO_ITS_SIZE = """(float[batch, seq] x) => (float[a, b] y) {
    size = Shape<start = 1>(x)
    zero = Constant<value_ints = [0]>()
    one = Constant<value_ints = [1]>()
    y = Slice(x, zero, size, one)
}"""


def test_a_slice_up_to_the_size_of_the_dimension_is_left_out() -> None:
    model, graph = read_text(UP_TO_ITS_SIZE)
    assert ops(graph) == [Assign]
    assert_computes(model, graph, {"x": normal(2, 5)})


WIDENED = """(float[batch, 1, w] x) => (float[a, b, c] y) {
    dims = Shape(x)
    times = Constant<value_ints = [1, 3, 1]>()
    wide = Mul(dims, times)
    y = Expand(x, wide)
}"""

LIKE_ANOTHER = """(float[n, 3] x, float[m, k] z) => (float[a, b] y) {
    dims = Shape(z)
    y = Expand(x, dims)
}"""


def test_an_expansion_of_ones_keeps_open_dimensions() -> None:
    model, graph = read_text(WIDENED)
    assert [node.op for node in graph.nodes] == [ExpandV2(shape=(-1, 3, -1))]
    assert_computes(model, graph, {"x": normal(2, 1, 4)})


@pytest.mark.parametrize("shapes", [((4, 3), (1, 3)), ((1, 3), (4, 3)), ((2, 3), (2, 1))], ids=str)
def test_an_expansion_to_what_may_be_smaller_adds_zeros(
    shapes: tuple[tuple[int, int], tuple[int, int]],
) -> None:
    model, graph = read_text(LIKE_ANOTHER)
    assert ExpandV2 not in ops(graph)
    assert_computes(model, graph, {"x": normal(*shapes[0]), "z": normal(*shapes[1])})


# ---- Flatten, Squeeze, Unsqueeze


@pytest.mark.parametrize("axis", [0, 1, 2, 4, -1, -3])
@pytest.mark.parametrize("dynamic", [False, True])
def test_flatten(axis: int, dynamic: bool) -> None:
    assert_reads("Flatten", {"x": normal(2, 3, 4, 5)}, axis=axis, dynamic=dynamic)


def test_flatten_of_open_dimensions_on_both_sides() -> None:
    graph = assert_reads("Flatten", {"x": normal(2, 3, 4, 5)}, axis=2, dynamic=True)
    assert ops(graph) == [Flatten2]


@pytest.mark.parametrize("axes", [[0], [1, 3], [-1], [3, 1]], ids=str)
@pytest.mark.parametrize("opset", [11, 13])
def test_squeeze_and_unsqueeze(axes: list[int], opset: int) -> None:
    x, places = normal(1, 1, 4, 1), np.array(axes, np.int64)
    for operator in ("Squeeze", "Unsqueeze"):
        if opset < 13:
            assert_reads(operator, {"x": x}, axes=axes, opset=opset)
        else:
            inputs = {"x": x, "axes": places}
            graph = assert_reads(operator, inputs, constants=["axes"], opset=opset)
            assert ops(graph) == [Squeeze2 if operator == "Squeeze" else Unsqueeze2]


def test_squeeze_without_axes() -> None:
    assert_reads("Squeeze", {"x": normal(1, 3, 1, 2)})
    assert_reads("Squeeze", {"x": normal(1, 1)})
    with pytest.raises(UnsupportedModelError, match="known only at run time"):
        read_model(node_model("Squeeze", {"x": normal(1, 3)}, dynamic=True))


def test_unsqueeze_beyond_what_the_runtime_unsqueezes_is_a_reshape() -> None:
    inputs = {"x": normal(2, 3, 4, 5), "axes": vector(0, 1, 2, 3)}
    graph = assert_reads("Unsqueeze", inputs, constants=["axes"])
    assert ops(graph) == [Reshape2]


def test_axes_named_twice_are_refused() -> None:
    inputs = {"x": normal(2, 3), "axes": vector(0, -4)}
    with pytest.raises(UnsupportedModelError, match="twice"):
        read_model(node_model("Unsqueeze", inputs, constants=["axes"]))
