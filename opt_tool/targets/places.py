"""Where and on what a kernel computes, numbered as in the file's kernel attribute."""

from __future__ import annotations

import enum
from typing import NamedTuple


class PlaceTarget(enum.IntEnum):
    """The processor of a kernel (``TargetType`` in Paddle Lite's lite/api/paddle_place.h)."""

    UNKNOWN = 0
    HOST = 1
    X86 = 2
    CUDA = 3
    ARM = 4
    OPENCL = 5
    ANY = 6
    FPGA = 7
    NPU = 8
    XPU = 9
    BM = 10
    MLU = 11
    RKNPU = 12
    APU = 13
    HUAWEI_ASCEND_NPU = 14
    IMAGINATION_NNA = 15
    INTEL_FPGA = 16
    METAL = 17
    NNADAPTER = 18


class Precision(enum.IntEnum):
    """What a kernel computes in (``PrecisionType`` in lite/api/paddle_place.h)."""

    UNKNOWN = 0
    FLOAT = 1
    INT8 = 2
    INT32 = 3
    ANY = 4
    FP16 = 5
    BOOL = 6
    INT64 = 7
    INT16 = 8
    UINT8 = 9
    FP64 = 10


class Layout(enum.IntEnum):
    """The order of a kernel's axes (``DataLayoutType`` in lite/api/paddle_place.h)."""

    UNKNOWN = 0
    NCHW = 1
    ANY = 2
    NHWC = 3
    IMAGE_DEFAULT = 4
    IMAGE_FOLDER = 5
    IMAGE_NW = 6
    METAL_TEXTURE_2D_ARRAY = 7
    METAL_TEXTURE_2D = 8


class Place(NamedTuple):
    """The three numbers that end a kernel's name; ``4/1/1`` is float on ARM, NCHW."""

    target: PlaceTarget
    precision: Precision
    layout: Layout

    def __str__(self) -> str:
        return f"{self.target:d}/{self.precision:d}/{self.layout:d}"
