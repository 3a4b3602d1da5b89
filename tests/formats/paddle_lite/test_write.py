from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graphs import TestGraphs, feeds, ops
from opt_tool.errors import UnsupportedModelError
from opt_tool.formats.paddle_lite import read, write
from opt_tool.formats.paddle_lite.decode import read_file
from opt_tool.formats.paddle_lite.encode import write_file
from opt_tool.formats.paddle_lite.schema import File, OpDesc
from opt_tool.formats.paddle_lite.write import to_file
from opt_tool.ir import DType, Graph, Quantization, Value, verify
from opt_tool.ir.operations.activation import HardSwish, LeakyRelu, Relu, Relu6, Tanh
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.runtime.executor import Executor
from opt_tool.targets import LiteVersion

VERSION = LiteVersion("2.13")


def with_kernels(graph: Graph) -> Graph:
    for node in graph.nodes:
        node.kernel = f"{node.op.type}/def/2/1/1"
    return graph


def conv_net() -> Graph:
    b = TestGraphs()
    x = b.input(1, 3, 9, 8)
    conv = Conv2D(strides=(2, 1), paddings=(0, 1, 2, 3), activation=LeakyRelu(alpha=0.25))
    hidden = b.add(conv, Input=x, Filter=b.weight(4, 3, 3, 3), Bias=b.weight(4))
    return with_kernels(b.build(b.add(Tanh(), "y", X=hidden), b.add(Relu(), "z", X=hidden)))


def round_trip(graph: Graph, folder: Path, names: dict[Value, str] | None = None) -> Graph:
    path = folder / "model.nb"
    write(graph, path, version=VERSION, names=names)
    again = read(path)
    verify(again)
    return again


def operators(file: File) -> list[OpDesc]:
    return list(file.program.blocks[0].operators)


def test_a_graph_comes_back_as_it_was(tmp_path: Path) -> None:
    graph = conv_net()
    again = round_trip(graph, tmp_path)
    assert [node.op for node in again.nodes] == [node.op for node in graph.nodes]
    assert [node.kernel for node in again.nodes] == [node.kernel for node in graph.nodes]
    given = feeds(graph)
    expected = Executor(graph).run(given)
    actual = Executor(again).run(given)
    assert list(actual) == ["y", "z"]
    for name, array in expected.items():
        np.testing.assert_array_equal(actual[name], array)


def test_the_same_graph_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.nb", "b.nb"):
        write(conv_net(), tmp_path / name, version=VERSION)
    assert (tmp_path / "a.nb").read_bytes() == (tmp_path / "b.nb").read_bytes()


def test_symbolic_dimensions_become_minus_one(tmp_path: Path) -> None:
    b = TestGraphs()
    graph = with_kernels(b.build(b.add(Relu(), X=b.input("n", 3, "h", 8))))
    variables = {v.name: v for v in to_file(graph, version=VERSION).program.blocks[0].variables}
    assert variables["x"].shape == (-1, 3, -1, 8)
    assert round_trip(graph, tmp_path).inputs[0].shape == ("x.0", 3, "x.2", 8)


def test_values_may_share_a_variable(tmp_path: Path) -> None:
    b = TestGraphs()
    x = b.input(2, 3)
    first = b.add(Tanh(), X=x)
    second = b.add(Relu(), X=first)
    graph = with_kernels(b.build(b.add(Tanh(), "y", X=second)))
    again = round_trip(graph, tmp_path, {first: "shared", second: "shared"})
    given = feeds(graph)
    np.testing.assert_array_equal(Executor(again).run(given)["y"], Executor(graph).run(given)["y"])


@pytest.mark.parametrize("name", ["feed", "fetch"])
def test_values_named_like_the_runtimes_own_variables_are_renamed(
    tmp_path: Path, name: str
) -> None:
    b = TestGraphs()
    hidden = b.add(Tanh(), name, X=b.input(2))
    graph = with_kernels(b.build(b.add(Relu(), X=hidden)))
    assert ops(round_trip(graph, tmp_path)) == [Tanh, Relu]


@pytest.mark.parametrize("bits", [8, 16])
def test_quantized_weights_are_restored(tmp_path: Path, bits: int) -> None:
    b = TestGraphs()
    integers = b.rng.integers(-127, 128, (4, 3, 3, 3)).astype(f"int{bits}")
    scales = b.rng.uniform(0.01, 0.02, 4).astype(np.float32)
    weight = b.graph.add_constant("w", integers, Quantization(bits, scales, 0))
    assert weight.dtype is DType.FLOAT32
    graph = with_kernels(b.build(b.add(Conv2D(), Input=b.input(1, 3, 5, 5), Filter=weight)))
    again = round_trip(graph, tmp_path)
    (constant,) = again.constants
    assert constant.quantization is not None
    assert constant.quantization.bits == bits
    np.testing.assert_array_equal(constant.array(), weight.array())


@pytest.mark.parametrize(
    "activation", [None, Relu(), Relu6(threshold=4.0), LeakyRelu(alpha=0.5), HardSwish()], ids=str
)
def test_fused_activations_come_back(
    tmp_path: Path, activation: Relu | Relu6 | LeakyRelu | HardSwish | None
) -> None:
    b = TestGraphs()
    op = Conv2D(activation=activation)
    graph = b.build(b.add(op, Input=b.input(1, 3, 5, 5), Filter=b.weight(2, 3, 3, 3)))
    (node,) = round_trip(with_kernels(graph), tmp_path).nodes
    assert node.op == op


def test_every_operator_says_which_kernel_runs_it() -> None:
    kernels = [
        op.attributes["__@kernel_type_attr@__"].value
        for op in operators(to_file(conv_net(), version=VERSION))
    ]
    assert kernels[0] == "feed/def/1/4/2"
    assert kernels[-1] == "fetch/def/1/4/2"
    assert "conv2d/def/2/1/1" in kernels


def test_operators_that_opt_lacks_are_named(tmp_path: Path) -> None:
    file = to_file(conv_net(), version=VERSION)
    block = file.program.blocks[0]
    changed = [
        OpDesc("hologram", op.inputs, op.outputs, op.attributes) if op.type == "tanh" else op
        for op in block.operators
    ]
    path = tmp_path / "model.nb"
    other = type(block)(block.variables, tuple(changed))
    with path.open("wb") as stream:
        write_file(File(file.version, type(file.program)((other,)), file.parameters), stream)
    assert len(read_file(path).program.blocks) == 1
    with pytest.raises(UnsupportedModelError, match=r"hologram \(node 'y'\)"):
        read(path)
