from __future__ import annotations

import numpy as np
import pytest

from graphs import ops
from onnx_models import assert_reads, node_model, read_model
from opt_tool.errors import UnsupportedModelError
from opt_tool.ir.operations.data_movement import Assign, Flip, Slice, StridedSlice
from opt_tool.ir.operations.indexing import Gather

RNG = np.random.default_rng(0)
BOUNDS = ["starts", "ends", "axes", "steps"]
FAR = 2**63 - 1


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def vector(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def operands(
    x: np.ndarray, starts: list[int], ends: list[int], *more: list[int]
) -> dict[str, np.ndarray]:
    """The operands of Slice: starts, ends, axes and steps as far as they are given."""
    given = zip(BOUNDS, (starts, ends, *more), strict=False)
    return {"x": x} | {name: vector(*values) for name, values in given}


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, 5), (1, FAR), (-3, -1), (-100, 4), (2, -1), (0, 100), (-1, FAR), (3, 4)],
    ids=str,
)
@pytest.mark.parametrize("opset", [7, 13])
@pytest.mark.parametrize("dynamic", [False, True])
def test_slice_of_one_axis(start: int, end: int, opset: int, dynamic: bool) -> None:
    x = normal(2, 7, 3)
    if opset < 10:
        assert_reads(
            "Slice", {"x": x}, opset=opset, dynamic=dynamic, starts=[start], ends=[end], axes=[1]
        )
    else:
        inputs = operands(x, [start], [end], [-2])
        assert_reads("Slice", inputs, constants=BOUNDS[:3], opset=opset, dynamic=dynamic)


def test_slice_without_axes() -> None:
    inputs = operands(normal(4, 5, 6), [1, 0, 2], [3, 5, FAR])
    graph = assert_reads("Slice", inputs, constants=BOUNDS[:2])
    assert [node.op for node in graph.nodes] == [Slice(axes=(0, 2), starts=(1, 2), ends=(3, 6))]
    assert_reads("Slice", {"x": inputs["x"]}, starts=[1, 0], ends=[2, 3], opset=9)


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.bool_, np.uint8])
def test_slice_takes_element_types(dtype: type[np.generic]) -> None:
    x = RNG.integers(0, 2, (5, 6)).astype(dtype)
    inputs = operands(x, [1, 5], [4, 0], [0, 1], [1, -2])
    assert_reads("Slice", inputs, constants=BOUNDS)


@pytest.mark.parametrize("dynamic", [False, True])
def test_larger_steps_are_one_strided_slice(dynamic: bool) -> None:
    inputs = operands(normal(1, 2, 7, 8), [0, 1], [FAR, 8], [2, 3], [2, 3])
    graph = assert_reads("Slice", inputs, constants=BOUNDS, dynamic=dynamic)
    assert ops(graph) == [StridedSlice]


def test_steps_of_one_and_more_are_cut_apart() -> None:
    inputs = operands(normal(6, 7), [1, -100], [5, 6], [0, 1], [1, 2])
    graph = assert_reads("Slice", inputs, constants=BOUNDS)
    assert ops(graph) == [Slice, StridedSlice]


@pytest.mark.parametrize(
    ("start", "end", "step"),
    [(-1, -FAR, -1), (5, 1, -2), (100, 2, -3), (-2, -6, -1), (3, 2, -1)],
    ids=str,
)
def test_negative_steps_are_indices(start: int, end: int, step: int) -> None:
    inputs = operands(normal(2, 7), [start], [end], [1], [step])
    graph = assert_reads("Slice", inputs, constants=BOUNDS)
    assert ops(graph) in ([Gather], [Slice])


@pytest.mark.parametrize("step", [-1, -2])
def test_a_whole_axis_of_open_size_is_flipped(step: int) -> None:
    inputs = operands(normal(3, 7), [-1], [-FAR], [1], [step])
    graph = assert_reads("Slice", inputs, constants=BOUNDS, dynamic=True)
    assert ops(graph)[0] is Flip


def test_part_of_an_axis_of_open_size_backwards_is_refused() -> None:
    inputs = operands(normal(3, 7), [5], [1], [1], [-1])
    with pytest.raises(UnsupportedModelError, match="goes backwards through part"):
        read_model(node_model("Slice", inputs, constants=BOUNDS, dynamic=True))


def test_a_slice_of_everything_is_left_out() -> None:
    for dynamic in (False, True):
        inputs = operands(normal(3, 4), [0, 0], [FAR, FAR], [0, 1])
        graph = assert_reads("Slice", inputs, constants=BOUNDS[:3], dynamic=dynamic)
        assert ops(graph) == [Assign]


@pytest.mark.parametrize("step", [1, 2, -1])
def test_a_slice_of_nothing_is_a_constant(step: int) -> None:
    start, end = (3, 3) if step > 0 else (1, 3)
    inputs = operands(normal(3, 4), [start], [end], [1], [step])
    assert ops(assert_reads("Slice", inputs, constants=BOUNDS)) == [Assign]


@pytest.mark.parametrize("computed", [["starts"], ["ends"], ["starts", "ends"]], ids=str)
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_bounds_from_the_run(computed: list[str], dtype: type[np.generic]) -> None:
    inputs = operands(normal(4, 5, 6), [1, -4], [3, FAR], [0, 2])
    inputs |= {name: np.minimum(inputs[name], 2**31 - 1).astype(dtype) for name in BOUNDS[:2]}
    constants = [name for name in BOUNDS[:3] if name not in computed]
    inputs["axes"] = inputs["axes"].astype(dtype)
    graph = assert_reads("Slice", inputs, constants=constants)
    (op,) = (node.op for node in graph.nodes)
    assert isinstance(op, Slice)
    assert op.infer_flags == (-1, -1)  # without it the runtime takes the attributes for bounds
    assert len(op.starts) == len(op.ends) == 2


def test_steps_with_bounds_from_the_run_are_refused() -> None:
    inputs = operands(normal(4, 5), [1], [3], [0], [2])
    with pytest.raises(UnsupportedModelError, match="--input-value ends="):
        read_model(node_model("Slice", inputs, constants=["axes", "steps"]))


def test_a_step_of_nothing_is_refused() -> None:
    inputs = operands(normal(4, 5), [1], [3], [0], [0])
    with pytest.raises(UnsupportedModelError, match="step is 0"):
        read_model(node_model("Slice", inputs, constants=BOUNDS))
