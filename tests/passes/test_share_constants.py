from __future__ import annotations

import numpy as np

from graphs import TestGraphs, assert_rewrites
from opt_tool.ir import Quantization, Value
from opt_tool.ir.operations.elementwise import ElementwiseAdd
from opt_tool.ir.operations.matmul import Fc
from opt_tool.passes.share_constants import ShareConstants

TABLE = np.linspace(-1, 1, 64, dtype=np.float32).reshape(8, 8)


def sums(b: TestGraphs, *tables: Value) -> Value:
    x = b.input(8, 8)
    for table in tables:
        x = b.add(ElementwiseAdd(), X=x, Y=table)
    return x


def test_equal_constants_become_one() -> None:
    b = TestGraphs()
    graph = b.build(sums(b, *(b.constant(TABLE.copy()) for _ in range(3)), b.constant(-TABLE)))
    assert_rewrites(ShareConstants(), graph, 2)
    assert len(graph.constants) == 2


def test_keeps_what_differs_in_one_element() -> None:
    b = TestGraphs()
    other = TABLE.copy()
    other[3, 5] = np.nextafter(other[3, 5], 2)
    graph = b.build(sums(b, b.constant(TABLE), b.constant(other)))
    assert_rewrites(ShareConstants(), graph, 0)


def test_keeps_what_differs_in_the_sign_of_a_zero_or_in_shape() -> None:
    b = TestGraphs()
    zeros = np.zeros((8, 8), np.float32)
    tables = [b.constant(array) for array in (zeros, -zeros, zeros[:1].repeat(8, 1)[:, :8])]
    graph = b.build(sums(b, *tables, b.constant(np.zeros((64,), np.float32)[:8])))
    assert_rewrites(ShareConstants(), graph, 0)


def test_nans_are_equal() -> None:
    b = TestGraphs()
    table = TABLE.copy()
    table[0, 0] = np.nan
    graph = b.build(sums(b, b.constant(table), b.constant(table.copy())))
    assert ShareConstants().run(graph).changes == 1


def test_keeps_quantized_weights_since_each_operator_restores_its_own() -> None:
    b = TestGraphs()
    x = b.input(2, 8)
    for name in ("first", "second"):
        integers = np.arange(64, dtype=np.int8).reshape(8, 8)
        weight = b.graph.add_constant(name, integers, Quantization(8, np.ones(8, np.float32), 1))
        x = b.add(Fc(), Input=x, W=weight)
    assert ShareConstants().run(b.build(x)).changes == 0


def test_an_output_keeps_its_place() -> None:
    b = TestGraphs()
    tables = [b.constant(TABLE.copy()) for _ in range(2)]
    assert ShareConstants().run(b.build(sums(b, tables[0]), tables[1])).changes == 0


def test_keeps_the_names_of_small_ones() -> None:
    b = TestGraphs()
    graph = b.build(sums(b, *(b.constant(np.ones(8, np.float32)) for _ in range(2))))
    assert_rewrites(ShareConstants(), graph, 0)
