"""Means that count pads of two widths: the kernels take those in front for those behind, too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import parser

import opt_tool
from onnx_models import reference
from opt_tool.api import official_runtime

pytestmark = pytest.mark.official


@pytest.mark.parametrize(
    "body",
    [
        'y = LpPool <kernel_shape = [2, 2], auto_pad = "SAME_UPPER"> (x)',
        "y = AveragePool <kernel_shape = [3, 3], pads = [0, 2, 1, 0], count_include_pad = 1> (x)",
        """widths = Constant <value = int64[8] {0, 0, 0, 0, 0, 0, 1, 1}> ()
        padded = Pad (x, widths)
        y = AveragePool <kernel_shape = [2, 2], strides = [2, 2]> (padded)""",
    ],
)
def test_counts_the_pads_that_are_there(tmp_path: Path, body: str) -> None:
    head = '<ir_version: 8, opset_import: ["" : 18]> g (float[1, 2, 7, 9] x) => (float y)'
    model = parser.parse_model(f"{head} {{ {body} }}")
    model.graph.output[0].type.tensor_type.ClearField("shape")
    onnx.save(model, tmp_path / "m.onnx")
    opt_tool.convert(tmp_path / "m.onnx", tmp_path / "m.nb", target="x86")
    x = np.random.default_rng(0).standard_normal((1, 2, 7, 9)).astype(np.float32)
    ((actual,),) = official_runtime.run(tmp_path / "m.nb", [[x]])
    np.testing.assert_allclose(actual, reference(model, {"x": x})[0], rtol=1e-5, atol=1e-6)
