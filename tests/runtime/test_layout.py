from __future__ import annotations

import numpy as np

from graphs import TestGraphs, feeds, planned
from opt_tool.ir import DType, Graph, TensorType, Value
from opt_tool.ir.operations.activation import HardSwish, Relu
from opt_tool.ir.operations.convolution import Conv2D, Conv2DTranspose
from opt_tool.ir.operations.data_movement import Concat
from opt_tool.ir.operations.elementwise import ElementwiseAdd, Scale
from opt_tool.ir.operations.interpolation import BilinearInterp, NearestInterp
from opt_tool.ir.operations.pooling import Pool2D
from opt_tool.ir.operations.shape import Reshape2
from opt_tool.kernels.memory import channels_last
from opt_tool.runtime.executor import Executor
from opt_tool.runtime.layout import channels_last_values


def started() -> tuple[TestGraphs, Value]:
    b = TestGraphs()
    return b, b.graph.add_input("x", TensorType(DType.FLOAT32, (2, 3, 10, 12)))


def convolved(b: TestGraphs, x: Value, channels: int = 5) -> Value:
    weight = b.weight(channels, x.type.static_shape[1], 3, 3)
    return b.add_all(Conv2D(paddings=(1, 1, 1, 1)), Input=x, Filter=weight)[0]


def branches(b: TestGraphs, x: Value) -> dict[str, Value]:
    """A convolution, what follows it, and what follows the input."""
    conv = convolved(b, x)
    active = b.add_all(HardSwish(threshold=6, scale=6, offset=3), X=conv)[0]
    pooled = b.add_all(Pool2D("max", ksize=(3, 3), paddings=(1, 1, 1, 1)), X=active)[0]
    total = b.add_all(ElementwiseAdd(), X=pooled, Y=conv)[0]
    plain = b.add_all(Scale(scale=2.0), X=x)[0]
    mixed = b.add_all(Concat(axis=1), X=(plain, total))[0]
    shown = b.add_all(Reshape2(shape=(2, 8, 12, 10)), X=mixed)[0]
    after = b.add_all(Relu(), X=shown)[0]
    return {
        "conv": conv,
        "active": active,
        "pooled": pooled,
        "total": total,
        "plain": plain,
        "mixed": mixed,
        "shown": shown,
        "after": after,
    }


def ended(b: TestGraphs, *outputs: Value) -> Graph:
    b.graph.outputs = list(outputs)
    return b.graph


def test_what_follows_a_convolution_lies_as_its_output() -> None:
    b, x = started()
    values = branches(b, x)
    graph = ended(b, values["after"])
    chosen = channels_last_values(graph.nodes)
    follow = ("conv", "active", "pooled", "total", "mixed")
    assert chosen == {values[name] for name in follow}
    assert planned(graph).channels_last == chosen


def test_the_order_in_memory_shows_nowhere() -> None:
    b, x = started()
    values = branches(b, x)
    graph = ended(b, values["after"], values["mixed"])
    executor = Executor(graph)
    names = [value.name for value in values.values()]
    executor.run(feeds(graph, 1))
    results = executor.run(feeds(graph), keep=names)
    assert all(array.flags.c_contiguous for array in results.values())
    conv, total = results[values["conv"].name], results[values["total"].name]
    active = results[values["active"].name]
    np.testing.assert_allclose(active, conv * np.clip(conv + 3, 0, 6) / 6, rtol=1e-5, atol=1e-6)
    padded = np.pad(active, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))
    np.testing.assert_allclose(total, windows.max((4, 5)) + conv, rtol=1e-5, atol=1e-6)
    mixed = np.concatenate([2 * feeds(graph)["x"], total], axis=1)
    np.testing.assert_array_equal(results[values["mixed"].name], mixed)
    after = np.maximum(mixed.reshape(2, 8, 12, 10), 0)
    np.testing.assert_array_equal(results[values["after"].name], after)


def test_an_operand_in_another_order_is_not_overwritten() -> None:
    b, x = started()
    plain = b.add_all(Scale(scale=2.0), X=x)[0]
    conv = convolved(b, plain, channels=3)
    total = b.add_all(ElementwiseAdd(), X=plain, Y=conv)[0]
    graph = ended(b, b.add_all(Scale(scale=0.5), X=b.add_all(Concat(axis=1), X=(total, x))[0])[0])
    plan = planned(graph)
    assert plan.offsets[total] == plan.offsets[conv] != plan.offsets[plain]


def test_a_convolution_writes_its_channels_in_a_row() -> None:
    b, x = started()
    conv = convolved(b, x)
    graph = ended(b, b.add_all(Concat(axis=1), X=(conv, conv))[0])
    seen = {}
    Executor(graph).run(
        feeds(graph), watch=lambda node, made: seen.update({node.op.type: tuple(made)})
    )
    (made,) = seen["conv2d"]
    assert channels_last(made).flags.c_contiguous


def test_planes_are_made_larger_as_they_lie() -> None:
    b, x = started()
    weight = b.weight(3, 4, 2, 2)
    spread = b.add_all(Conv2DTranspose(strides=(2, 2)), Input=x, Filter=weight)[0]
    nearest = NearestInterp(out_h=40, out_w=48, scale=(), align_corners=False)
    linear = BilinearInterp(out_h=40, out_w=48, scale=(), align_corners=False, align_mode=1)
    near = b.add_all(nearest, X=spread)[0]
    smooth = b.add_all(linear, X=spread)[0]
    plain = b.add_all(nearest, X=x)[0]
    total = b.add_all(ElementwiseAdd(), X=near, Y=smooth)[0]
    graph = ended(b, *(b.add_all(Relu(), X=value)[0] for value in (total, plain)))
    assert planned(graph).channels_last == {spread, near, smooth, total}
    executor = Executor(graph)
    results = executor.run(feeds(graph), keep=[near.name, smooth.name, total.name, plain.name])
    np.testing.assert_array_equal(results[total.name], results[near.name] + results[smooth.name])
    np.testing.assert_array_equal(
        results[plain.name], feeds(graph)["x"].repeat(4, axis=2).repeat(4, axis=3)
    )
