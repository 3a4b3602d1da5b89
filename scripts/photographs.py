"""Crops and flips of the photographs in scikit-image and scikit-learn, as inputs for networks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

SKIMAGE_PHOTOGRAPHS = (
    "astronaut.png", "brick.png", "camera.png", "cell.png", "chelsea.png", "clock_motion.png",
    "coffee.png", "coins.png", "grass.png", "gravel.png", "hubble_deep_field.jpg", "ihc.png",
    "microaneurysms.png", "moon.png", "motorcycle_left.png", "motorcycle_right.png", "page.png",
    "retina.jpg", "rocket.jpg", "text.png",
)  # fmt: skip
SKLEARN_PHOTOGRAPHS = ("china.jpg", "flower.jpg")
CROPS = 12
"""Of each photograph; each is also flipped."""

SMALLEST_CROP = 0.5
"""The side of a crop is at least this part of the photograph's shorter side."""


def photographs() -> Iterator[np.ndarray]:
    """The photographs (height, width, 3) with values from 0 to 1."""
    import skimage
    import sklearn.datasets
    from skimage import color, io, util

    folders = Path(skimage.__file__).parent / "data", Path(sklearn.datasets.__file__).parent
    files = [folders[0] / name for name in SKIMAGE_PHOTOGRAPHS]
    files += [folders[1] / "images" / name for name in SKLEARN_PHOTOGRAPHS]
    for file in files:
        image = util.img_as_float32(io.imread(file))
        yield color.gray2rgb(image) if image.ndim == 2 else image[..., :3]


def crops(size: int) -> np.ndarray:
    """Square crops and their mirror images (count, size, size, 3), the same ones every time."""
    from skimage.transform import resize

    rng = np.random.default_rng(0)
    found = []
    for image in photographs():
        shorter = min(image.shape[:2])
        for _ in range(CROPS):
            side = int(shorter * rng.uniform(SMALLEST_CROP, 1))
            top, left = (int(rng.integers(0, extent - side + 1)) for extent in image.shape[:2])
            crop = image[top : top + side, left : left + side]
            scaled = resize(crop, (size, size), anti_aliasing=True).astype(np.float32)
            found += [scaled, scaled[:, ::-1]]
    return np.stack(found)
