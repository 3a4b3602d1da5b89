from __future__ import annotations

import itertools

import numpy as np
import pytest

from graphs import TestGraphs
from opt_tool.errors import UnsupportedError
from opt_tool.formats.element_types import CASTS, converted
from opt_tool.ir import DType, verify
from opt_tool.ir.operations.elementwise import Cast
from opt_tool.runtime.executor import Executor

KNOWN = (DType.BOOL, DType.UINT8, DType.INT8, DType.INT32, DType.INT64, DType.FLOAT32)
LACKING = {(source, DType.INT8) for source in KNOWN} | {
    (DType.INT8, DType.UINT8),
    (DType.INT32, DType.UINT8),
    (DType.INT64, DType.UINT8),
}
NUMBERS: dict[DType, list[float]] = {
    DType.BOOL: [0, 1],
    DType.UINT8: [0, 1, 127, 128, 255],
    DType.INT8: [-128, -1, 0, 1, 127],
    DType.INT32: [-(2**20), -1, 0, 1, 2**20],
    DType.INT64: [-(2**20), -1, 0, 1, 2**20],
    DType.FLOAT32: [0, 0.5, 1, 3.75, 200],
}


@pytest.mark.parametrize("shape", [(), (1,), (2, 3)], ids=str)
@pytest.mark.parametrize(("source", "target"), tuple(itertools.permutations(KNOWN, 2)), ids=str)
def test_converts_with_the_casts_of_the_runtime(
    source: DType, target: DType, shape: tuple[int, ...]
) -> None:
    b = TestGraphs()
    x = b.input(*shape, dtype=source)
    if (source, target) in LACKING:
        with pytest.raises(UnsupportedError, match=f"from {source.value} to {target.value}"):
            converted(b, x, target)
        return
    graph = b.build(converted(b, x, target))
    verify(graph)
    for node in graph.nodes:
        if isinstance(node.op, Cast):
            kernels = (*CASTS.get(node.op.in_dtype, ()), DType.FLOAT32)
            assert node.op.out_dtype in kernels
    for number in NUMBERS[source]:
        array = np.full(shape, number, source.numpy)
        (result,) = Executor(graph).run({"x": array}).values()
        np.testing.assert_array_equal(result, array.astype(target.numpy))
        assert result.dtype == target.numpy


def test_signed_bytes_come_out_right_where_the_runtime_takes_them_for_unsigned() -> None:
    b = TestGraphs()
    graph = b.build(converted(b, b.input(5, dtype=DType.INT8), DType.FLOAT32))
    cast = next(node for node in graph.nodes)
    numbers = np.array([-128, -1, 0, 1, 127], np.int8)
    unsigned = numbers.view(np.uint8).astype(np.float32)
    rest = TestGraphs()
    x = rest.input(5)
    copies = {cast.output: x}
    for node in list(graph.nodes)[1:]:
        inputs = {
            slot: tuple(
                copies.get(value, value) if not value.is_constant else rest.constant(value.array())
                for value in values
            )
            for slot, values in node.inputs.items()
        }
        copies[node.output] = rest.add(node.op, **inputs)
    rest.build(copies[graph.outputs[0]])
    (result,) = Executor(rest.graph).run({"x": unsigned}).values()
    np.testing.assert_array_equal(result, numbers.astype(np.float32))


def test_constants_are_converted_at_once() -> None:
    b = TestGraphs()
    x = converted(b, b.constant(np.array([-3, 300], np.int64)), DType.INT8)
    assert x.is_constant
    np.testing.assert_array_equal(x.array(), np.array([-3, 44], np.int8))
