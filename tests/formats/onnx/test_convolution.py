from __future__ import annotations

import numpy as np
import pytest

from onnx_models import assert_reads

RNG = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("constants", [("w", "b"), ()], ids=["constant", "computed"])
@pytest.mark.parametrize("pads", [[0, 0, 0, 0], [1, 2, 0, 1]], ids=str)
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_conv(constants: tuple[str, ...], pads: list[int], groups: int) -> None:
    inputs = {"x": normal(2, 4, 7, 9), "w": normal(8, 4 // groups, 3, 2), "b": normal(8)}
    assert_reads("Conv", inputs, constants=constants, pads=pads, group=groups, strides=[2, 1])
