from __future__ import annotations

import numpy as np
import pytest

from opt_tool.kernels import data_movement as kernels

X = np.arange(24).reshape(2, 3, 4)


def test_reshape_copies_and_infers_dimensions() -> None:
    assert kernels.reshape(X, shape=(0, -1)).shape == (2, 12)
    assert kernels.reshape(X, shape=(6, 4)).shape == (6, 4)


@pytest.mark.parametrize(("axis", "expected"), [(0, (1, 24)), (2, (6, 4)), (3, (24, 1))])
def test_flatten_makes_a_matrix(axis: int, expected: tuple[int, int]) -> None:
    y = kernels.flatten(X, axis=axis)
    assert y.shape == expected
    np.testing.assert_array_equal(y.reshape(-1), np.arange(24))


def test_flatten_range_joins_neighbours() -> None:
    assert kernels.flatten_range(X, start_axis=1, stop_axis=-1).shape == (2, 12)
    assert kernels.flatten_range(X, start_axis=0, stop_axis=1).shape == (6, 4)


def test_unsqueeze_puts_in_one_dimension_after_the_other() -> None:
    assert kernels.unsqueeze(np.zeros((2, 3)), axes=(0, 0, -1)).shape == (1, 1, 2, 3, 1)


def test_squeeze_without_axes_takes_every_dimension_of_one() -> None:
    assert kernels.squeeze(np.zeros((1, 2, 1)), axes=()).shape == (2,)
    assert kernels.squeeze(np.zeros((1, 2, 1)), axes=(-1,)).shape == (1, 2)


def test_transpose_lays_elements_out_anew() -> None:
    y = kernels.transpose(X, axis=(2, 0, 1))
    assert y.flags.c_contiguous
    assert y[3, 1, 2] == X[1, 2, 3]


@pytest.mark.parametrize("axis", [(0, 2, 3, 1), (0, 3, 1, 2), (3, 0, 2, 1)], ids=str)
def test_transposes_into_the_array_it_is_given(axis: tuple[int, ...]) -> None:
    x = np.arange(81).reshape(3, 3, 3, 3)
    out = np.zeros_like(x)
    assert kernels.transpose(x, axis=axis, out=out) is out
    for place in np.ndindex(out.shape):
        source = [0] * 4
        for dimension, index in zip(axis, place, strict=True):
            source[dimension] = index
        assert out[place] == x[tuple(source)]


def test_split_gives_the_rest_to_the_open_section() -> None:
    parts = kernels.split(X, axis=2, num=0, sections=(-1, 1))
    assert [part.shape[2] for part in parts] == [3, 1]
    np.testing.assert_array_equal(np.concatenate(parts, 2), X)
    halves = kernels.split(X, axis=0, num=2, sections=())
    np.testing.assert_array_equal(halves[1], X[1:])


def test_slices_count_from_the_end_and_are_cut_to_the_dimension() -> None:
    y = kernels.slice_axes(X, axes=(1, 2), starts=(-2, 1), ends=(100, -1), strides=(1, 1))
    np.testing.assert_array_equal(y, X[:, 1:, 1:3])


def test_dropping_every_axis_leaves_a_vector() -> None:
    assert kernels.drop_axes(np.zeros((1, 1)), axes=(0, 1)).shape == (1,)
    assert kernels.drop_axes(np.zeros((1, 2)), axes=(0,)).shape == (2,)


def test_stack_and_flip() -> None:
    y = kernels.stack([X, X + 1], axis=1)
    assert y.shape == (2, 2, 3, 4)
    np.testing.assert_array_equal(y[:, 1], X + 1)
    np.testing.assert_array_equal(kernels.flip(X, axis=(0, 2)), X[::-1, :, ::-1])


def test_expand_keeps_and_adds_dimensions() -> None:
    y = kernels.expand(np.array([[1], [2]]), shape=(3, -1, 4))
    assert y.shape == (3, 2, 4)
    assert (y[:, 1] == 2).all()


def test_tile_pads_the_shorter_shape_in_front() -> None:
    np.testing.assert_array_equal(
        kernels.tile(np.array([1, 2]), repeat_times=(2, 2)), [[1, 2] * 2] * 2
    )
    assert kernels.tile(X, repeat_times=(2,)).shape == (2, 3, 8)


def test_shuffling_takes_one_channel_of_each_group_in_turn() -> None:
    x = np.arange(12).reshape(2, 6, 1, 1)
    y = kernels.shuffle_channel(x, group=2)
    np.testing.assert_array_equal(y[:, :, 0, 0], [[0, 3, 1, 4, 2, 5], [6, 9, 7, 10, 8, 11]])


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_pixel_shuffle_puts_channels_into_blocks(factor: int) -> None:
    x = np.random.default_rng(0).standard_normal((2, 2 * factor * factor, 3, 4))
    y = kernels.pixel_shuffle(x, factor=factor)
    assert y.shape == (2, 2, 3 * factor, 4 * factor)
    for n, c, row, column in np.ndindex(y.shape):
        place = (row % factor) * factor + column % factor
        channel = c * factor * factor + place
        assert y[n, c, row, column] == x[n, channel, row // factor, column // factor]
