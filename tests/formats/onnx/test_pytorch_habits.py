"""What PyTorch's exporters write around a layer: nothing of it is left to be executed.

The legacy exporter computes pads, sizes and shapes by nodes even where they are constant;
the dynamo exporter does so where a dimension is a symbol.
"""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from graphs import ops
from onnx_models import read_model, reference
from opt_tool.ir import Graph, Operation
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.elementwise import ElementwiseDiv
from opt_tool.ir.operations.interpolation import NearestInterp
from opt_tool.ir.operations.matmul import Fc
from opt_tool.ir.operations.pooling import Pool2D
from opt_tool.ir.operations.reduction import ReduceSum
from opt_tool.ir.operations.shape import Reshape2
from opt_tool.passes.pipeline import passes_for, run_passes
from opt_tool.runtime.executor import Executor
from opt_tool.targets import LiteVersion, Target

IR_VERSION = 8
OPSETS = (11, 12, 13, 14, 15, 16, 17, 18, 19, 20)

both_targets = pytest.mark.parametrize("target", list(Target))
static_or_dynamic = pytest.mark.parametrize("batch", ["2", "batch"])


def exported(opset: int, graph: str, **weights: np.ndarray) -> onnx.ModelProto:
    """A model from its text, with weights by name."""
    header = f'<ir_version: {IR_VERSION}, opset_import: ["" : {opset}]>\n'
    model = onnx.parser.parse_model(header + graph)
    model.graph.initializer.extend(
        numpy_helper.from_array(array, name) for name, array in weights.items()
    )
    return model


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).standard_normal(shape).astype(np.float32)


def unsqueezed(opset: int, name: str) -> str:
    """A number as a vector; its axes became an operand in opset 13."""
    if opset < 13:
        return f"{name}_v = Unsqueeze<axes = [0]>({name})"
    return f"{name}_a = Constant<value_ints = [0]>() {name}_v = Unsqueeze({name}, {name}_a)"


def element(opset: int, value: str, index: int, name: str) -> str:
    """One dimension of a value as a vector: Shape, Constant, Gather, Unsqueeze."""
    return f"""
        {name}_s = Shape({value})
        {name}_i = Constant<value = int64 {{{index}}}>()
        {name} = Gather<axis = 0>({name}_s, {name}_i)
        {unsqueezed(opset, name)}
    """


def assert_becomes(
    model: onnx.ModelProto, target: Target, expected: list[type[Operation]], *shape: int
) -> Graph:
    """Assert what is left of a model with the input x, and that it computes the same."""
    feeds = {"x": random(*shape)}
    graph = read_model(model)
    run_passes(graph, passes_for(target, LiteVersion.V2_13))
    assert ops(graph) == expected
    (actual,) = Executor(graph).run(feeds).values()
    (wanted,) = reference(model, feeds)
    assert actual.shape == wanted.shape
    assert np.abs(wanted).max() > 0.1
    np.testing.assert_allclose(actual, wanted, rtol=1e-4, atol=1e-4)
    return graph


PADS_OF_LEGACY_EXPORTER = """
    given = Constant<value = int64[4] {1, 2, 2, 1}>()
    given_shape = Shape(given)
    zero = Constant<value = int64 {0}>()
    given_size = Gather<axis = 0>(given_shape, zero)
    rank = Constant<value = int64 {4}>()
    two = Constant<value = int64 {2}>()
    twice = Mul(rank, two)
    missing = Sub(twice, given_size)
    missing_cast = Cast<to = 7>(missing)
    UNSQUEEZED
    zeros = ConstantOfShape<value = int64[1] {0}>(missing_cast_v)
    all = Concat<axis = 0>(given, zeros)
    pairs_shape = Constant<value = int64[2] {-1, 2}>()
    pairs = Reshape(all, pairs_shape)
    axis = Constant<value = int64[1] {0}>()
    start = Constant<value = int64[1] {-1}>()
    end = Constant<value = int64[1] {-9223372036854775807}>()
    step = Constant<value = int64[1] {-1}>()
    reversed = Slice(pairs, start, end, axis, step)
    turned = Transpose<perm = [1, 0]>(reversed)
    flat_shape = Constant<value = int64[1] {-1}>()
    flat = Reshape(turned, flat_shape)
    pads = Cast<to = 7>(flat)
    fill = Constant<value = float {0.0}>()
    padded = Pad<mode = "constant">(x, pads, fill)
"""


@both_targets
@static_or_dynamic
@pytest.mark.parametrize("opset", OPSETS)
def test_pads_that_are_computed_become_those_of_the_convolution(
    opset: int, batch: str, target: Target
) -> None:
    pads = PADS_OF_LEGACY_EXPORTER.replace("UNSQUEEZED", unsqueezed(opset, "missing_cast"))
    model = exported(
        opset,
        f"""exported (float[{batch}, 3, 8, 9] x) => (float[n, 4, h, w] y) {{
            {pads}
            y = Conv<kernel_shape = [3, 3], pads = [0, 0, 0, 0]>(padded, weight, bias)
        }}""",
        weight=random(4, 3, 3, 3),
        bias=random(4),
    )
    graph = assert_becomes(model, target, [Conv2D], 2, 3, 8, 9)
    (conv,) = graph.nodes
    assert isinstance(conv.op, Conv2D)
    assert conv.op.paddings == (2, 1, 1, 2)


@both_targets
@static_or_dynamic
@pytest.mark.parametrize("opset", OPSETS)
def test_a_flattening_by_the_batch_that_is_read_becomes_part_of_the_product(
    opset: int, batch: str, target: Target
) -> None:
    model = exported(
        opset,
        f"""exported (float[{batch}, 3, 4, 5] x) => (float[n, 6] y) {{
            {element(opset, "x", 0, "batch")}
            rest = Constant<value = int64[1] {{-1}}>()
            shape = Concat<axis = 0>(batch_v, rest)
            flat = Reshape(x, shape)
            y = Gemm<transB = 1>(flat, weight, bias)
        }}""",
        weight=random(6, 60),
        bias=random(6),
    )
    assert_becomes(model, target, [Fc], 2, 3, 4, 5)


@both_targets
@static_or_dynamic
@pytest.mark.parametrize("opset", OPSETS)
def test_a_view_of_dimensions_that_are_read_and_multiplied_is_one_reshape(
    opset: int, batch: str, target: Target
) -> None:
    model = exported(
        opset,
        f"""exported (float[{batch}, 6, 4, 5] x) => (float[n, a, b] y) {{
            {element(opset, "x", 0, "n")}
            {element(opset, "x", 1, "c")}
            {element(opset, "x", 2, "h")}
            {element(opset, "x", 3, "w")}
            area = Mul(h, w)
            {unsqueezed(opset, "area")}
            shape = Concat<axis = 0>(n_v, c_v, area_v)
            y = Reshape(x, shape)
        }}""",
    )
    assert_becomes(model, target, [Reshape2], 2, 6, 4, 5)


@both_targets
@static_or_dynamic
@pytest.mark.parametrize("opset", OPSETS)
def test_an_upsampling_by_computed_sizes_is_one_interpolation(
    opset: int, batch: str, target: Target
) -> None:
    unused = "" if opset >= 13 else "nothing"  # they became optional
    model = exported(
        opset,
        f"""exported (float[{batch}, 3, 4, 5] x) => (float[n, 3, h, w] y) {{
            whole = Shape(x)
            nothing = Constant<value = float[0] {{}}>()
            axis = Constant<value = int64[1] {{0}}>()
            from_2 = Constant<value = int64[1] {{2}}>()
            to_4 = Constant<value = int64[1] {{4}}>()
            plane = Slice(whole, from_2, to_4, axis)
            plane_float = Cast<to = 1>(plane)
            factors = Constant<value = float[2] {{2.0, 2.0}}>()
            enlarged = Mul(plane_float, factors)
            rounded = Floor(enlarged)
            sizes_tail = Cast<to = 7>(rounded)
            again = Shape(x)
            from_0 = Constant<value = int64[1] {{0}}>()
            to_2 = Constant<value = int64[1] {{2}}>()
            sizes_head = Slice(again, from_0, to_2, axis)
            sizes = Concat<axis = 0>(sizes_head, sizes_tail)
            y = Resize<coordinate_transformation_mode = "asymmetric", mode = "nearest",
                       nearest_mode = "floor">(x, {unused}, {unused}, sizes)
        }}""",
    )
    assert_becomes(model, target, [NearestInterp], 2, 3, 4, 5)


@both_targets
@static_or_dynamic
@pytest.mark.parametrize("opset", OPSETS)
def test_a_slice_up_to_the_size_that_is_read_is_no_operation(
    opset: int, batch: str, target: Target
) -> None:
    model = exported(
        opset,
        f"""exported (float[{batch}, 3, 8, 9] x) => (float[n, 4, h, w] y) {{
            {element(opset, "x", 2, "h")}
            axis = Constant<value = int64[1] {{2}}>()
            start = Constant<value = int64[1] {{0}}>()
            step = Constant<value = int64[1] {{1}}>()
            cut = Slice(x, start, h_v, axis, step)
            y = Conv<kernel_shape = [3, 3]>(cut, weight, bias)
        }}""",
        weight=random(4, 3, 3, 3),
        bias=random(4),
    )
    assert_becomes(model, target, [Conv2D], 2, 3, 8, 9)


@both_targets
@static_or_dynamic
@pytest.mark.parametrize("opset", OPSETS)
def test_a_pooling_flattened_by_arithmetic_on_its_shape_stays_a_pooling(
    opset: int, batch: str, target: Target
) -> None:
    model = exported(
        opset,
        f"""exported (float[{batch}, 3, 4, 6] x) => (float[n, 5] y) {{
            pooled = GlobalAveragePool(x)
            {element(opset, "pooled", 0, "n")}
            {element(opset, "pooled", 1, "c")}
            {element(opset, "pooled", 2, "h")}
            {element(opset, "pooled", 3, "w")}
            ch = Mul(c, h)
            chw = Mul(ch, w)
            {unsqueezed(opset, "chw")}
            shape = Concat<axis = 0>(n_v, chw_v)
            flat = Reshape(pooled, shape)
            y = Gemm<transB = 1>(flat, weight, bias)
        }}""",
        weight=random(5, 3),
        bias=random(5),
    )
    assert_becomes(model, target, [Pool2D, Fc], 2, 3, 4, 6)


@both_targets
@static_or_dynamic
@pytest.mark.parametrize("opset", OPSETS)
def test_a_mean_over_as_many_elements_as_the_shape_says_is_a_sum_over_a_constant(
    opset: int, batch: str, target: Target
) -> None:
    """Adaptive pooling to one element where the plane's size is divided by as a tensor."""
    axes = "axes = [2], " if opset < 13 else ""
    operand = "" if opset < 13 else ", line_axis"
    model = exported(
        opset,
        f"""exported (float[{batch}, 3, 4, 6] x) => (float[n, c] y) {{
            {element(opset, "x", 0, "n")}
            {element(opset, "x", 1, "c")}
            {element(opset, "x", 2, "h")}
            {element(opset, "x", 3, "w")}
            rest = Constant<value = int64[1] {{-1}}>()
            shape = Concat<axis = 0>(n_v, c_v, rest)
            line = Reshape(x, shape)
            line_axis = Constant<value = int64[1] {{2}}>()
            total = ReduceSum<{axes}keepdims = 0>(line{operand})
            area = Mul(h, w)
            area_float = Cast<to = 1>(area)
            y = Div(total, area_float)
        }}""",
    )
    assert_becomes(model, target, [Reshape2, ReduceSum, ElementwiseDiv], 2, 3, 4, 6)
