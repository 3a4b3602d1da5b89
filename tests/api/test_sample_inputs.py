from __future__ import annotations

import numpy as np
import pytest

from graphs import TestGraphs
from opt_tool.api.sample_inputs import (
    has_open_spatial_size,
    image_channel_axis,
    input_specs,
    sample_inputs,
)
from opt_tool.ir import Dim, DType, Graph
from opt_tool.ir.operations import activation, convolution, creation, data_movement, indexing


def graph_of(*shape: Dim, dtype: DType = DType.FLOAT32, name: str = "x") -> Graph:
    b = TestGraphs()
    return b.build(b.add(data_movement.Assign(), X=b.input(*shape, dtype=dtype, name=name)))


def sample(graph: Graph) -> np.ndarray:
    (arrays,) = sample_inputs(input_specs(graph), 1)
    return next(iter(arrays.values()))


def test_the_same_seed_gives_the_same_samples_and_each_is_another() -> None:
    specs = input_specs(graph_of(1, 3, 32, 32))
    first, second = (sample_inputs(specs, 3) for _ in range(2))
    np.testing.assert_array_equal(first[2]["x"], second[2]["x"])
    assert np.abs(first[0]["x"] - first[1]["x"]).mean() > 0.05


@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((1, 3, 32, 32), 1),
        ((1, 32, 32, 3), 3),
        ((3, 32, 32), 0),
        ((32, 32, 1), 2),
        ((1, 64, 7, 7), None),
        ((1, 3, 4), None),
        ((1, 1000), None),
    ],
    ids=str,
)
def test_knows_the_shapes_of_images(shape: tuple[int, ...], axis: int | None) -> None:
    assert image_channel_axis(shape) == axis


@pytest.mark.parametrize("shape", [(2, 3, 40, 56), (2, 40, 56, 3), (40, 56, 3)], ids=str)
def test_images_are_smooth_pictures_between_0_and_1(shape: tuple[int, ...]) -> None:
    image = sample(graph_of(*shape))
    assert image.shape == shape
    assert image.dtype == np.float32
    assert image.min() >= 0
    assert image.max() <= 1
    assert image.std() > 0.1
    rows, columns = (-3, -2) if shape[-1] == 3 else (-2, -1)
    upper = np.moveaxis(image, (rows, columns), (0, 1))[: image.shape[rows] // 2]
    steps = np.abs(np.diff(upper, axis=1)).mean()
    assert steps < 0.25 * upper.std(), "neighbours are as far apart as in noise"


def test_images_of_bytes_use_their_range() -> None:
    image = sample(graph_of(1, 32, 32, 3, dtype=DType.UINT8))
    assert image.dtype == np.uint8
    assert np.ptp(image) > 100


def test_other_floats_are_normal_numbers() -> None:
    numbers = sample(graph_of(4, 256))
    assert abs(numbers.mean()) < 0.2
    assert 0.8 < numbers.std() < 1.2


def test_open_dimensions_get_sensible_numbers_the_same_for_each_use() -> None:
    b = TestGraphs()
    image = b.input("batch", "c", "h", "w", name="image")
    text = b.input("batch", "length", name="text")
    other = b.input("n", "length", 8, name="other")
    b.add(convolution.Conv2D(), Input=image, Filter=b.weight(4, 1, 3, 3))
    specs = input_specs(b.build(*(b.add(activation.Relu(), X=x) for x in (image, text, other))))
    (arrays,) = sample_inputs(specs, 1)
    assert [array.shape for array in arrays.values()] == [(1, 1, 224, 224), (1, 16), (1, 16, 8)]
    assert has_open_spatial_size(specs)
    (arrays,) = sample_inputs(specs, 1, spatial=(48, 320))
    assert arrays["image"].shape == (1, 1, 48, 320)


def test_channels_last_images_are_open_in_the_middle() -> None:
    graph = graph_of("n", "h", "w", 3)
    assert sample(graph).shape == (1, 224, 224, 3)
    assert has_open_spatial_size(input_specs(graph))
    assert not has_open_spatial_size(input_specs(graph_of("n", 3, 8, 8)))


def test_integers_that_a_lookup_reads_are_rows_of_its_table() -> None:
    b = TestGraphs()
    ids = b.input(1, 500, dtype=DType.INT64, name="ids")
    moved = b.add(data_movement.Assign(), X=ids)
    out = b.add(indexing.Gather(axis=0), X=b.weight(30, 4), Index=moved)
    rows = sample(b.build(out))
    assert rows.dtype == np.int64
    assert rows.min() == 0
    assert rows.max() == 29


def test_masks_are_ones_and_truths_are_mixed() -> None:
    assert sample(graph_of(1, 8, dtype=DType.INT64, name="attention_mask")).tolist() == [[1] * 8]
    assert 0 < sample(graph_of(1, 64, dtype=DType.BOOL)).mean() < 1


@pytest.mark.parametrize("dtype", [DType.INT64, DType.FLOAT32], ids=str)
def test_the_limits_of_a_range_leave_elements(dtype: DType) -> None:
    b = TestGraphs()
    names = {"Start": "from", "End": "to", "Step": "by"}
    numbers = {slot: b.input(1, dtype=dtype, name=name) for slot, name in names.items()}
    numbers["End"] = b.add(data_movement.Assign(), X=numbers["End"])
    graph = b.build(b.add(creation.Range(), **numbers))
    for arrays in sample_inputs(input_specs(graph), 20):
        assert 3 <= len(np.arange(*(arrays[name].item() for name in names.values()))) <= 17
