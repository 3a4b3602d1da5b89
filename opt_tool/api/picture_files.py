"""Reads a picture from a file as the numbers that a model takes.

The picture is resized to the input's height and width (bilinear, the whole picture, its
aspect ratio not kept), its colours are put in order, and each channel becomes
``(pixel - mean) / std`` with pixels from 0 to 255. An input of integers takes the pixels as
they are. Pillow reads the files; it is an optional extra (``pip install 'opt-tool[images]'``).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from opt_tool.api.sample_inputs import image_channel_axis
from opt_tool.errors import DamagedFileError, FileAccessError, UnsupportedError, UsageError
from opt_tool.ir import DType, TensorType

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
LAYOUTS = ("nchw", "nhwc")
MODES: Mapping[str, str] = {"rgb": "RGB", "bgr": "RGB", "gray": "L"}
"""The orders of colours, and what Pillow calls what it reads them from."""

CHANNELS: Mapping[str, int] = {"rgb": 3, "bgr": 3, "gray": 1}
ADVICE = "`pip install 'opt-tool[images]'` installs Pillow"
PIXEL = 255.0


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """What is done to a picture.

    Args:
        mean: What is subtracted from pixels of 0 to 255, one number or one for each channel.
        std: What they are divided by then.
        layout: Where the channels stand, ``nchw`` or ``nhwc``; None finds it by the shape.
        color: ``rgb``, ``bgr`` or ``gray``; None is gray for one channel and else rgb.

    Raises:
        UsageError: when the numbers are none or those of pixels from 0 to 1.
    """

    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (PIXEL,)
    layout: str | None = None
    color: str | None = None

    def __post_init__(self) -> None:
        if not self.mean or not self.std or any(number <= 0 for number in self.std):
            raise UsageError("a mean and a std need numbers, those of a std above 0")
        if all(number < 1 for number in self.std):
            mean, std = (
                ",".join(f"{number * PIXEL:g}" for number in numbers)
                for numbers in (self.mean, self.std)
            )
            raise UsageError(
                f"this std is for pixels from 0 to 1; pixels here are from 0 to 255: "
                f"--mean {mean} --std {std}"
            )
        if self.layout is not None and self.layout not in LAYOUTS:
            raise UsageError(f"no layout is called {self.layout!r}; there are {LAYOUTS}")
        if self.color is not None and self.color not in MODES:
            raise UsageError(f"no order of colours is called {self.color!r}; there are {[*MODES]}")

    def describe(self) -> str:
        """What is done, in words."""
        mean, std = (
            ",".join(f"{number:g}" for number in numbers) for numbers in (self.mean, self.std)
        )
        return f"resized to the input, (pixel - {mean}) / {std}, {self.color or 'rgb'}"


DEFAULT = Preprocessing()


def read_picture(
    path: Path, name: str, type: TensorType, preprocessing: Preprocessing = DEFAULT
) -> np.ndarray:
    """The picture in a file as an array for one input, with a batch axis where that has one.

    Args:
        path: The file.
        name: The input's name, for messages.
        type: The input's type.
        preprocessing: What is done to the picture.

    Raises:
        UnsupportedError: when Pillow is not installed.
        UsageError: when the input does not take a picture.
        DamagedFileError: when the file holds none.
    """
    if importlib.util.find_spec("PIL") is None:
        raise UnsupportedError(f"{path}: reading pictures needs Pillow; {ADVICE}")
    shape = _picture_shape(name, type, preprocessing.layout)
    axis = _channel_axis(name, shape, preprocessing.layout)
    channels = shape[axis]
    color = preprocessing.color or ("gray" if channels == 1 else "rgb")
    if CHANNELS[color] != channels:
        raise UsageError(f"input {name!r} takes {channels} channels, {color} has {CHANNELS[color]}")
    height, width = (size for place, size in enumerate(shape) if place != axis)
    pixels = _pixels(path, color, (width, height))
    scaled = _scaled(pixels, name, type.dtype, preprocessing)
    planes = scaled.transpose(2, 0, 1) if axis == 0 else scaled
    batch = planes[None] if type.rank == 4 else planes
    return np.ascontiguousarray(batch)


def _picture_shape(name: str, type: TensorType, layout: str | None) -> tuple[int, ...]:
    """The three sizes of one picture."""
    sizes = type.shape[-3:]
    if type.rank not in (3, 4):
        raise UsageError(f"input {name!r} ({type}) does not take a picture")
    if type.rank == 4 and isinstance(type.shape[0], int) and type.shape[0] != 1:
        raise UsageError(
            f"input {name!r} ({type}) takes {type.shape[0]} pictures at once; give .npy files, "
            "or --input-shape with a batch of 1"
        )
    fixed = tuple(size for size in sizes if isinstance(size, int))
    if len(fixed) < len(sizes):
        example = "1,224,224,3" if layout == "nhwc" else "1,3,224,224"
        raise UsageError(
            f"input {name!r} ({type}) leaves its size open; fix it with --input-shape "
            f"{name}={example}"
        )
    return fixed


def _channel_axis(name: str, shape: tuple[int, ...], layout: str | None) -> int:
    """Which of three axes the channels are on."""
    if layout is not None:
        return LAYOUTS.index(layout) * 2
    axis = image_channel_axis(shape)
    if axis is None:
        raise UsageError(
            f"the shape {list(shape)} of input {name!r} is no picture's; give --layout"
        )
    return axis


def _pixels(path: Path, color: str, size: tuple[int, int]) -> np.ndarray:
    """Pixels (H, W, C), 0 to 255, of a picture resized to width and height."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image).convert(MODES[color])
            resized = upright.resize(size, Image.Resampling.BILINEAR)
    except FileNotFoundError as error:
        raise FileAccessError(path, "there is no such file") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        # Pillow raises any of these for files that are cut or no pictures
        raise DamagedFileError(path, f"not a whole picture ({error})") from error
    pixels = np.asarray(resized, np.uint8).reshape(size[1], size[0], CHANNELS[color])
    return pixels[..., ::-1] if color == "bgr" else pixels


def _scaled(
    pixels: np.ndarray, name: str, dtype: DType, preprocessing: Preprocessing
) -> np.ndarray:
    """Pixels as an input has them."""
    if dtype is DType.UINT8:
        if (preprocessing.mean, preprocessing.std) != (DEFAULT.mean, DEFAULT.std):
            raise UsageError(f"input {name!r} takes pixels as they are; leave --mean and --std out")
        return pixels
    if not dtype.is_float:
        raise UsageError(f"input {name!r} holds {dtype.value}, no picture")
    mean, std = (
        _per_channel(name, numbers, pixels.shape[2])
        for numbers in (preprocessing.mean, preprocessing.std)
    )
    return ((pixels.astype(np.float32) - mean) / std).astype(dtype.numpy)


def _per_channel(name: str, numbers: Sequence[float], channels: int) -> np.ndarray:
    if len(numbers) not in (1, channels):
        raise UsageError(
            f"--mean and --std take one number or {channels}, which input {name!r} has channels"
        )
    return np.array(numbers, np.float32)
