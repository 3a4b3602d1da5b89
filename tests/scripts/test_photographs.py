"""Crops of photographs; the photographs' packages are stood in for, since they are large."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest

import photographs

SIZE = 8
IMAGES = [
    np.linspace(0, 1, height * width * 3, dtype=np.float32).reshape(height, width, 3)
    for height, width in ((40, 60), (50, 30))
]


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pictures, and a resize that takes the nearest pixel."""

    def resize(image: np.ndarray, shape: tuple[int, int], *, anti_aliasing: bool) -> np.ndarray:
        assert anti_aliasing
        places = [
            np.arange(size) * extent // size
            for size, extent in zip(shape, image.shape[:2], strict=True)
        ]
        return image[np.ix_(*places)]

    module = ModuleType("skimage.transform")
    module.resize = resize  # type: ignore[attr-defined]  # a module made here
    monkeypatch.setitem(sys.modules, "skimage", ModuleType("skimage"))
    monkeypatch.setitem(sys.modules, "skimage.transform", module)
    monkeypatch.setattr(photographs, "photographs", lambda: iter(IMAGES))


def test_makes_crops_and_their_mirror_images() -> None:
    crops = photographs.crops(SIZE)
    assert crops.shape == (len(IMAGES) * photographs.CROPS * 2, SIZE, SIZE, 3)
    assert crops.dtype == np.float32
    np.testing.assert_array_equal(crops[1::2], crops[::2, :, ::-1])
    assert len({crop.tobytes() for crop in crops}) == len(crops)


def test_makes_the_same_crops_every_time() -> None:
    np.testing.assert_array_equal(photographs.crops(SIZE), photographs.crops(SIZE))


def test_crops_are_at_least_half_of_the_shorter_side() -> None:
    crops = photographs.crops(SIZE)[: photographs.CROPS * 2 : 2]
    columns = crops[:, 0, -1, 0] - crops[:, 0, 0, 0]
    step = 3 / (IMAGES[0].size - 1)
    sides = columns / step * SIZE / (SIZE - 1)
    assert sides.min() >= 0.8 * photographs.SMALLEST_CROP * 40
    assert sides.max() <= 1.2 * 40


def test_there_are_twenty_photographs() -> None:
    names = (*photographs.SKIMAGE_PHOTOGRAPHS, *photographs.SKLEARN_PHOTOGRAPHS)
    assert len(set(names)) == len(names) >= 20
    assert len(names) * photographs.CROPS * 2 >= 500
