"""Random graphs of the operations that passes look at, and whether two compute the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from hypothesis import strategies as st

from graphs import TestGraphs
from opt_tool.ir import Graph, Operation, Value
from opt_tool.ir.operations.activation import (
    HardSigmoid,
    LeakyRelu,
    Relu,
    Relu6,
    Sigmoid,
    Tanh,
)
from opt_tool.ir.operations.convolution import Conv2D, Conv2DTranspose, DepthwiseConv2D
from opt_tool.ir.operations.data_movement import Assign, Concat, Slice, Split, Transpose2
from opt_tool.ir.operations.elementwise import (
    Clip,
    ElementwiseAdd,
    ElementwiseDiv,
    ElementwiseMax,
    ElementwiseMin,
    ElementwiseMul,
    ElementwiseSub,
    Scale,
)
from opt_tool.ir.operations.matmul import Fc
from opt_tool.ir.operations.normalization import BatchNorm
from opt_tool.ir.operations.padding import Pad2D
from opt_tool.ir.operations.pooling import Pool2D
from opt_tool.ir.operations.reduction import ReduceMean, Softmax
from opt_tool.ir.operations.shape import Flatten2, Reshape2, Squeeze2, Unsqueeze2

CHANNELS, SIZE = 4, 6

Step = Callable[[TestGraphs, Value], Value]


def normalized(b: TestGraphs, x: Value) -> Value:
    channels = x.shape[1]
    assert isinstance(channels, int)
    parameters = {slot: b.weight(channels) for slot in ("Scale", "Bias", "Mean")}
    return b.add(BatchNorm(), X=x, **parameters, Variance=b.positive(channels))


def scalar(b: TestGraphs, number: float) -> Value:
    return b.constant(np.array(number, np.float32))


def conv(op: Conv2D | Conv2DTranspose, *shape: int) -> Step:
    return lambda b, x: b.add(op, Input=x, Filter=b.weight(*shape))


def unary(op: Operation) -> Step:
    return lambda b, x: b.add(op, X=x)


def arithmetic(op: Operation, *shape: int, swap: bool = False) -> Step:
    def step(b: TestGraphs, x: Value) -> Value:
        y = b.positive(*shape)
        return b.add(op, X=y, Y=x) if swap else b.add(op, X=x, Y=y)

    return step


def bound(op: Operation, number: float) -> Step:
    return lambda b, x: b.add(op, X=x, Y=scalar(b, number))


def both(*steps: Step) -> Step:
    def step(b: TestGraphs, x: Value) -> Value:
        for each in steps:
            x = each(b, x)
        return x

    return step


def gated(gate: Step) -> Step:
    return lambda b, x: b.add(ElementwiseMul(), X=x, Y=gate(b, x))


def halves(b: TestGraphs, x: Value) -> Value:
    return b.add(Concat(axis=1), X=b.add_all(Split(axis=1, num=2), X=x))


def channels_last(inner: Step) -> Step:
    """A step as TensorFlow takes it, between two transposes."""
    return both(unary(Transpose2(axis=LAST)), inner, unary(Transpose2(axis=FIRST)))


def pooled(**fields: object) -> Step:
    op = Pool2D(**{"ksize": (3, 3), **fields})  # type: ignore[arg-type]
    return both(unary(Pad2D(paddings=(1, 1, 1, 1))), unary(op))


def widened_sum(b: TestGraphs, x: Value) -> Value:
    """A sum with zeros for half of the channels, as readers write it."""
    half = b.add(Conv2D(), Input=x, Filter=b.weight(CHANNELS // 2, CHANNELS, 1, 1))
    plane = b.add(Reshape2(shape=(1, 1, CHANNELS // 2, SIZE * SIZE)), X=half)
    plane = b.add(Pad2D(paddings=(0, CHANNELS // 2, 0, 0)), X=plane)
    wide = b.add(Reshape2(shape=(1, CHANNELS, SIZE, SIZE)), X=plane)
    y = b.add(Conv2D(), Input=x, Filter=b.weight(CHANNELS, CHANNELS, 1, 1))
    return b.add(ElementwiseAdd(), X=wide, Y=y)


def joined_convolutions(b: TestGraphs, x: Value) -> Value:
    parts = [b.add(Conv2D(), Input=x, Filter=b.weight(n, CHANNELS, 1, 1)) for n in (1, 3)]
    return normalized(b, b.add(Concat(axis=1), X=parts))


def leak(b: TestGraphs, x: Value) -> Value:
    negative = b.add(Relu(), X=b.add(Scale(scale=-1.0), X=x))
    part = b.add(ElementwiseMul(), X=negative, Y=b.positive(CHANNELS, 1, 1))
    return b.add(ElementwiseSub(), X=b.add(Relu(), X=x), Y=part)


LAST, FIRST = (0, 2, 3, 1), (0, 3, 1, 2)
ROW = CHANNELS * SIZE * SIZE
WHOLE = {"axes": (2,), "starts": (0,), "ends": (SIZE,), "infer_flags": (1,)}
STEPS: tuple[Step, ...] = (
    conv(Conv2D(), CHANNELS, CHANNELS, 1, 1),
    conv(Conv2D(paddings=(1, 1, 1, 1)), CHANNELS, CHANNELS, 3, 3),
    conv(Conv2D(groups=2), CHANNELS, CHANNELS // 2, 1, 1),
    conv(DepthwiseConv2D(groups=CHANNELS, paddings=(1, 1, 1, 1)), CHANNELS, 1, 3, 3),
    conv(Conv2DTranspose(), CHANNELS, CHANNELS, 1, 1),
    normalized,
    arithmetic(ElementwiseAdd(), CHANNELS, 1, 1),
    arithmetic(ElementwiseMul(), 1, CHANNELS, 1, 1, swap=True),
    arithmetic(ElementwiseSub(), 1, swap=True),
    arithmetic(ElementwiseDiv(), CHANNELS, 1, 1),
    arithmetic(ElementwiseMul(), SIZE),
    unary(Scale(scale=0.5, bias=0.25)),
    unary(Relu()),
    unary(Relu6(threshold=1.5)),
    unary(LeakyRelu(alpha=0.2)),
    unary(Tanh()),
    unary(Clip(min=0.0, max=6.0)),
    unary(Assign()),
    bound(ElementwiseMax(), 0.0),
    bound(ElementwiseMin(), 0.7),
    bound(ElementwiseMin(), 6.0),
    unary(Transpose2(axis=(0, 2, 3, 1))),
    unary(Transpose2(axis=(0, 3, 1, 2))),
    both(unary(Transpose2(axis=(0, 2, 3, 1))), unary(Transpose2(axis=(0, 3, 1, 2)))),
    both(unary(Flatten2()), unary(Reshape2(shape=(1, CHANNELS, SIZE, SIZE)))),
    both(unary(Unsqueeze2(axes=(0,))), unary(Squeeze2(axes=(0,)))),
    both(unary(Scale(scale=0.2, bias=0.5)), unary(Clip(min=0.0, max=1.0))),
    gated(both(bound(ElementwiseAdd(), 3.0), unary(Relu6()), bound(ElementwiseDiv(), 6.0))),
    gated(unary(HardSigmoid())),
    gated(unary(Sigmoid())),
    gated(unary(ReduceMean(dim=(1, 3), keep_dim=True))),
    both(unary(ReduceMean(dim=(1, 2, 3), keep_dim=True)), arithmetic(ElementwiseMul(), 1, 4, 6, 6)),
    lambda b, x: b.add(Slice(**WHOLE), Input=x),
    halves,
    both(unary(Pad2D(paddings=(2, 0, 1, 1))), conv(Conv2D(), CHANNELS, CHANNELS, 3, 3)),
    both(
        unary(Pad2D(paddings=(0, 1, 0, 1))),
        conv(DepthwiseConv2D(groups=CHANNELS, strides=(2, 2)), CHANNELS, 1, 3, 3),
        conv(Conv2DTranspose(strides=(2, 2)), CHANNELS, CHANNELS, 2, 2),
    ),
    both(
        unary(Pad2D(paddings=(1, 1, 1, 1))),
        conv(Conv2DTranspose(paddings=(2, 2, 2, 2)), CHANNELS, CHANNELS, 3, 3),
    ),
    both(unary(Pad2D(paddings=(1, 1, 1, 1), pad_value=0.5)), unary(Pool2D(ksize=(3, 3)))),
    pooled(),
    both(unary(Relu()), pooled()),
    pooled(pooling_type="avg"),
    pooled(pooling_type="avg", ksize=(5, 5), paddings=(1, 1, 1, 1)),
    channels_last(unary(Relu6())),
    channels_last(arithmetic(ElementwiseAdd(), CHANNELS)),
    channels_last(arithmetic(ElementwiseMul(), SIZE, CHANNELS, swap=True)),
    channels_last(unary(Softmax(axis=-1))),
    channels_last(gated(unary(ReduceMean(dim=(1, 2), keep_dim=True)))),
    channels_last(lambda b, x: b.add(Concat(axis=3), X=b.add_all(Split(axis=3, num=4), X=x))),
    channels_last(gated(channels_last(conv(Conv2D(), SIZE, SIZE, 1, 1)))),
    widened_sum,
    joined_convolutions,
    leak,
)


def has_channels(x: Value) -> bool:
    return x.shape == (1, CHANNELS, SIZE, SIZE)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, ...]:
    """Numbers that ``random_graph`` makes a graph of."""
    return tuple(draw(st.lists(st.integers(0, 10_000), min_size=2, max_size=14)))


def random_graph(numbers: tuple[int, ...]) -> Graph:
    """A graph of steps on earlier values; sums and outputs in between as numbers have it."""
    b = TestGraphs(seed=len(numbers))
    values = [b.input(1, CHANNELS, SIZE, SIZE)]
    outputs = []
    for number in numbers:
        pick, step = divmod(number, len(STEPS))
        x = values[-1 - pick % min(2, len(values))]
        if not has_channels(x):
            x = b.add(Reshape2(shape=(1, CHANNELS, SIZE, SIZE)), X=x)
        y = STEPS[step](b, x)
        if pick % 3 == 2 and y.shape == x.shape:
            y = b.add(Relu(), X=b.add(ElementwiseAdd(), X=y, Y=x))
        if pick % 7 == 3:
            outputs.append(y)
        values.append(y)
    last = b.add(Fc(), Input=b.add(Flatten2(), X=values[-1]), W=b.weight(ROW, 3))
    return b.build(*dict.fromkeys(outputs), b.add(Relu6(), X=last))


def assert_same(
    actual: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray], bound: float
) -> None:
    """Assert that outputs are equal but for ``bound`` times their scale, or times one."""
    assert list(actual) == list(expected)
    for name, array in expected.items():
        scale = max(1.0, float(np.abs(array).max()))
        np.testing.assert_allclose(
            actual[name] / scale, array / scale, rtol=0, atol=bound, err_msg=name
        )
