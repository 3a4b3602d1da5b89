"""The official runtime moves taps as onnxruntime does, whatever the groups."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

import opt_tool
from onnx_models import node_model, reference
from opt_tool.api import official_runtime

pytestmark = pytest.mark.official


@pytest.mark.parametrize(("groups", "parts"), [(1, 1), (2, 2), (2, 1), (1, 2)])
@pytest.mark.parametrize("masked", [True, False])
def test_moves_taps(tmp_path: Path, groups: int, parts: int, masked: bool) -> None:
    rng = np.random.default_rng(0)
    feeds = {
        "x": rng.standard_normal((2, 4, 6, 7)).astype(np.float32),
        "offset": rng.normal(0, 2, (2, parts * 18, 3, 4)).astype(np.float32),
        "bias": rng.standard_normal(6).astype(np.float32),
    }
    if masked:
        feeds["mask"] = rng.uniform(0, 1, (2, parts * 9, 3, 4)).astype(np.float32)
    weight = rng.standard_normal((6, 4 // groups, 3, 3)).astype(np.float32)
    x, *others = feeds.items()
    model = node_model(
        "DeformConv", dict([x, ("filter", weight), *others]), opset=19, constants=("filter",),
        group=groups, offset_group=parts, strides=[2, 2], pads=[1, 1, 1, 1],
    )  # fmt: skip
    onnx.save(model, tmp_path / "m.onnx")
    nb = tmp_path / "m.nb"
    opt_tool.convert(tmp_path / "m.onnx", nb, target="x86")
    ((actual,),) = official_runtime.run(nb, [list(feeds.values())])
    (expected,) = reference(model, feeds)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)
