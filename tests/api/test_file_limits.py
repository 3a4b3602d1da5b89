from __future__ import annotations

import numpy as np
import pytest

from graphs import TestGraphs
from opt_tool.api.file_limits import file_limits
from opt_tool.ir.operations.activation import Relu
from opt_tool.ir.operations.elementwise import ElementwiseAdd
from opt_tool.targets import Target


@pytest.mark.parametrize(
    ("constants", "sentences"),
    [
        (([1.0, np.nan], [np.nan, 2.0]), ["weights that hold NaN: 'c0', 'c1';"]),
        (([[np.nan]] * 5), ["weights that hold NaN: 'c0', 'c1', 'c2' and 2 more;"]),
        (([1.0, -np.inf], [np.inf]), []),
    ],
)
def test_weights_with_nan_are_named(constants: list[list[float]], sentences: list[str]) -> None:
    b = TestGraphs()
    values = [
        b.constant(np.array(numbers, np.float32), f"c{index}")
        for index, numbers in enumerate(constants)
    ]
    x = b.input(3, 2)
    sums = [b.add(ElementwiseAdd(), X=x, Y=value) for value in values]
    found = list(file_limits(b.build(*sums), (), Target.X86))
    assert [
        sentence[: len(start)] for sentence, start in zip(found, sentences, strict=True)
    ] == sentences


def test_constants_without_elements_and_whole_numbers_hold_no_nan() -> None:
    b = TestGraphs()
    empty, whole = b.constant(np.zeros(0, np.float32)), b.constant(np.arange(2))
    graph = b.build(b.add(Relu(), X=empty), b.add(Relu(), X=whole))
    assert list(file_limits(graph, (), Target.X86)) == []
