from __future__ import annotations

import numpy as np
import pytest

from graphs import TestGraphs, run
from opt_tool.ir import Graph, Value, verify
from opt_tool.ir.double_precision import in_double_precision
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.matmul import Fc, MatMulV2
from opt_tool.passes.quantization.keep_integers import KeepIntegers, grid_scales
from opt_tool.targets import LiteVersion

VERSION = LiteVersion.V2_13
RNG = np.random.default_rng(11)
SCALES = np.array([0.013, 0.4, 2.5e-5, 7.0], np.float32).reshape(4, 1, 1, 1)
INTEGERS = RNG.integers(-127, 128, (4, 3, 3, 3)).astype(np.float32)

SCALE_STEP = 2 * float(np.finfo(np.float32).eps)
"""How far a weight may be from what it was, of its size: its scale is a 32-bit float."""


def conv(b: TestGraphs, weight: np.ndarray) -> Graph:
    x = b.input(2, weight.shape[1], 5, 6)
    return b.build(b.add(Conv2D(), Input=x, Filter=b.constant(weight, "w")))


def assert_keeps_integers(graph: Graph) -> Value:
    """Assert that the only weight becomes integers and no result changes."""
    (expected,) = run(in_double_precision(graph)).values()
    assert KeepIntegers(VERSION).run(graph).changes == 1
    verify(graph)
    (found,) = run(in_double_precision(graph)).values()
    np.testing.assert_allclose(found, expected, rtol=0, atol=SCALE_STEP * np.abs(expected).max())
    (weight,) = graph.constants
    assert weight.data is not None
    assert weight.data.dtype == np.int8
    return weight


def test_bytes_with_a_zero_point_become_integers_of_16_bits() -> None:
    integers = RNG.integers(0, 256, (4, 3, 3, 3)).astype(np.float32) - 37
    integers[:, 0, 0, 0] = 218
    graph = conv(TestGraphs(), integers * SCALES)
    (expected,) = run(graph).values()
    assert KeepIntegers(VERSION).run(graph).changes == 1
    (found,) = run(graph).values()
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())
    (weight,) = graph.constants
    assert weight.data is not None
    assert weight.data.dtype == np.int16
    np.testing.assert_array_equal(weight.data, integers)


def test_bytes_whose_zero_point_is_in_the_middle_stay_bytes() -> None:
    integers = RNG.integers(1, 256, (4, 3, 3, 3)).astype(np.float32) - 128
    assert_keeps_integers(conv(TestGraphs(), integers * SCALES))


def test_keeps_a_weight_that_four_operations_share() -> None:
    b = TestGraphs()
    weight = b.constant(RNG.integers(-127, 128, (16, 16)).astype(np.float32) * np.float32(0.1))
    x = b.input(2, 16)
    for _ in range(4):
        x = b.add(Fc(), Input=x, W=weight)
    assert_stays_float(b.build(x))


def assert_stays_float(graph: Graph) -> None:
    assert KeepIntegers(VERSION).run(graph).changes == 0
    assert all(value.quantization is None for value in graph.constants)


def test_a_filter_on_a_grid_becomes_the_integers_that_it_was() -> None:
    weight = assert_keeps_integers(conv(TestGraphs(), INTEGERS * SCALES))
    assert weight.quantization is not None
    np.testing.assert_allclose(weight.quantization.scales, SCALES.ravel(), rtol=1e-6)
    np.testing.assert_array_equal(weight.data, INTEGERS)


def test_what_a_batch_norm_scaled_is_still_on_a_grid() -> None:
    factors = RNG.uniform(0.1, 3, (4, 1, 1, 1)).astype(np.float32)
    assert_keeps_integers(conv(TestGraphs(), INTEGERS * SCALES * factors))


def test_channels_of_zeros_and_the_least_integer_are_on_a_grid() -> None:
    integers = INTEGERS.copy()
    integers[0], integers[1, 0, 0, 0] = 0, -128
    weight = assert_keeps_integers(conv(TestGraphs(), integers * SCALES))
    np.testing.assert_array_equal(weight.data, integers)


def test_a_matrix_has_a_scale_for_each_column() -> None:
    b = TestGraphs()
    weight = RNG.integers(-127, 128, (6, 4)) * SCALES.reshape(1, 4)
    y = b.add(Fc(), Input=b.input(3, 6), W=b.constant(weight.astype(np.float32), "w"))
    assert_keeps_integers(b.build(y))


def test_keeps_weights_of_full_precision_as_floats() -> None:
    assert_stays_float(conv(TestGraphs(), RNG.standard_normal((4, 3, 3, 3)).astype(np.float32)))


@pytest.mark.parametrize("place", [(0, 0, 0, 0), (3, 2, 2, 2), (2, 1, 0, 1)], ids=str)
def test_keeps_a_weight_with_one_element_off_the_grid_as_floats(place: tuple[int, ...]) -> None:
    weight = INTEGERS * SCALES
    weight[place] += SCALES[place[0], 0, 0, 0] * np.float32(0.01)
    assert_stays_float(conv(TestGraphs(), weight))


def test_keeps_integers_beyond_two_bytes_differences_as_floats() -> None:
    integers = INTEGERS.copy()
    integers[2, :2, 0, 0] = 300, 299
    assert_stays_float(conv(TestGraphs(), integers * SCALES))


def test_keeps_what_would_not_shrink_as_floats() -> None:
    assert_stays_float(conv(TestGraphs(), INTEGERS[:, :1, :1, :1].copy()))


def test_keeps_a_weight_that_the_runtime_does_not_restore_as_floats() -> None:
    b = TestGraphs()
    weight = b.constant(INTEGERS.reshape(12, 9), "w")
    assert_stays_float(b.build(b.add(MatMulV2(), X=b.input(2, 12), Y=weight)))


def test_the_coarsest_grid_is_found() -> None:
    kernels = np.array([[[4.0, -8.0, 2.0]]], np.float32)
    np.testing.assert_array_equal(grid_scales(kernels), [2])
