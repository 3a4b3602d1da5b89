"""Attributes that the official tool writes in another form are read as ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graphs import TestGraphs, run
from opt_tool.api.lowering import lower
from opt_tool.formats import paddle_lite
from opt_tool.formats.paddle_lite.encode import write_file
from opt_tool.formats.paddle_lite.schema import Attribute, Block, File, Program
from opt_tool.formats.paddle_lite.write import to_file
from opt_tool.ir import Graph
from opt_tool.ir.operations.convolution import Conv2DTranspose
from opt_tool.targets import AttributeType, LiteVersion


def transposed() -> Graph:
    b = TestGraphs()
    op = Conv2DTranspose(strides=(2, 2), paddings=(1, 1, 1, 1))
    return b.build(b.add(op, Input=b.input(1, 2, 5, 5), Filter=b.weight(2, 3, 3, 3)))


def with_attribute(file: File, name: str, value: tuple[int, ...]) -> File:
    """The file with another value for an attribute of the operators that have it."""
    block = file.program.blocks[0]
    operators = tuple(
        op._replace(attributes={**op.attributes, name: Attribute(AttributeType.INTS, value)})
        if name in op.attributes
        else op
        for op in block.operators
    )
    return file._replace(program=Program((Block(block.variables, operators),)))


@pytest.mark.parametrize(("name", "value"), [("output_padding", ()), ("paddings", (1, 1))])
def test_short_forms_are_read(tmp_path: Path, name: str, value: tuple[int, ...]) -> None:
    graph = transposed()
    lower(graph, "x86", "2.13")
    path = tmp_path / "official.nb"
    ours = to_file(graph, version=LiteVersion.V2_13)
    with path.open("wb") as stream:
        write_file(with_attribute(ours, name, value), stream)
    found = paddle_lite.read(path)
    (node,) = found.nodes
    assert node.op == next(graph.nodes).op
    (expected,), (computed,) = run(graph).values(), run(found).values()
    # BLAS may sum in another order where the weights begin at another place in memory
    np.testing.assert_allclose(computed, expected, rtol=1e-5, atol=1e-6)
