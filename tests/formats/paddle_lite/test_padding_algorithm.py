from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tiers
from graphs import TestGraphs, feeds, run
from opt_tool.api import official_runtime
from opt_tool.api.lowering import lower
from opt_tool.errors import UnsupportedOperatorError
from opt_tool.formats import paddle_lite
from opt_tool.formats.paddle_lite.encode import write_file
from opt_tool.formats.paddle_lite.padding_algorithm import ATTRIBUTE, with_paddings
from opt_tool.formats.paddle_lite.schema import Attribute, Block, File, Program
from opt_tool.formats.paddle_lite.write import to_file
from opt_tool.ir import Dim, Operation
from opt_tool.ir.operations.activation import Relu
from opt_tool.ir.operations.convolution import Conv2D, Conv2DTranspose, DepthwiseConv2D
from opt_tool.ir.operations.pooling import Pool2D
from opt_tool.targets import AttributeType, LiteVersion

PADS = (9, 9, 9, 9)
SAME, VALID = {"padding_algorithm": "SAME"}, {"padding_algorithm": "VALID"}
KERNEL = (3, 2)


def padded(
    op: Operation, plain: dict[str, str], size: tuple[Dim, Dim] = (8, 7)
) -> tuple[int, int, int, int]:
    b = TestGraphs()
    slot = "X" if isinstance(op, Pool2D) else "Input"
    inputs = {slot: [b.input(1, 4, *size)], "Filter": [b.weight(4, 1, *KERNEL)]}
    result = with_paddings(op, plain, inputs, "y")
    assert isinstance(result, (Conv2D, Conv2DTranspose, Pool2D))
    if isinstance(result, Conv2D) and plain is SAME:
        assert result.dilations == (1, 1)
    return result.paddings


def windows(stride: int) -> list[Operation]:
    strides = (stride, stride)
    return [
        Conv2D(paddings=PADS, strides=strides, dilations=(2, 2)),
        DepthwiseConv2D(paddings=PADS, strides=strides, groups=4),
        Conv2DTranspose(paddings=PADS, strides=strides),
        Pool2D(ksize=KERNEL, paddings=PADS, strides=strides),
    ]


@pytest.mark.parametrize("op", windows(2), ids=repr)
def test_same_makes_windows_for_each_stride(op: Operation) -> None:
    assert padded(op, SAME) == (0, 1, 0, 1)
    assert padded(op, SAME, (7, 6)) == (1, 1, 0, 0)
    assert padded(op, VALID) == (0, 0, 0, 0)
    assert padded(op, {"padding_algorithm": "EXPLICIT"}) == PADS
    assert padded(op, {}) == PADS


@pytest.mark.parametrize("op", windows(1), ids=repr)
def test_same_of_stride_1_needs_no_size(op: Operation) -> None:
    assert padded(op, SAME, ("h", "w")) == (1, 1, 0, 1)


@pytest.mark.parametrize("op", windows(2), ids=repr)
def test_refuses_sizes_that_only_the_run_knows(op: Operation) -> None:
    with pytest.raises(UnsupportedOperatorError, match="known only at run time"):
        padded(op, SAME, ("h", 7))
    assert padded(op, VALID, ("h", "w")) == (0, 0, 0, 0)


@pytest.mark.parametrize("op", [Pool2D(global_pooling=True), Pool2D(adaptive=True)], ids=repr)
def test_keeps_pools_that_take_no_paddings(op: Pool2D) -> None:
    assert padded(op, SAME) == op.paddings


def test_keeps_other_operations() -> None:
    assert with_paddings(Relu(), SAME, {}, "y") == Relu()


def left_to_the_runtime(file: File) -> File:
    """The file with SAME windows and paddings that mean nothing."""
    attributes = {
        ATTRIBUTE: Attribute(AttributeType.STRING, "SAME"),
        "paddings": Attribute(AttributeType.INTS, (0, 0, 0, 0)),
    }
    operators = tuple(
        op._replace(attributes={**op.attributes, **attributes})
        if "paddings" in op.attributes
        else op
        for op in file.program.blocks[0].operators
    )
    block = Block(file.program.blocks[0].variables, operators)
    return file._replace(program=Program((block,)))


@pytest.mark.official
def test_computes_what_the_official_runtime_computes(tmp_path: Path) -> None:
    missing = official_runtime.available()
    if missing is not None:
        tiers.need(missing)
    b = TestGraphs()
    x = b.input(1, 4, 8, 7)
    y = b.add(Conv2D(strides=(2, 2)), Input=x, Filter=b.weight(6, 4, 3, 2))
    graph = b.build(b.add(Pool2D(ksize=(2, 3), strides=(2, 2)), X=y))
    lower(graph, "x86", "2.13")
    path = tmp_path / "same.nb"
    with path.open("wb") as stream:
        write_file(left_to_the_runtime(to_file(graph, version=LiteVersion.V2_13)), stream)
    read = paddle_lite.read(path)
    (computed,) = run(read).values()
    ((expected,),) = official_runtime.run(path, [list(feeds(read).values())])
    assert expected.shape == (1, 6, 2, 2)
    np.testing.assert_allclose(computed, expected, atol=1e-5)
