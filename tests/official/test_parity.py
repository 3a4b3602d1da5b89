"""``parity`` stores the very integers and scales that Paddle Lite's own converter stores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import opt_tool
from opt_tool.api.quantization import QuantizationOptions
from opt_tool.ir import Value
from opt_tool.ir.operations.convolution import Conv2D
from paddle_models import SIZE, official_quantized
from real_models import FMNIST

pytestmark = pytest.mark.official


def halves(steps: int) -> np.ndarray:
    """A channel with the scale 1 / 64 and weights half a step off, where rounding decides."""
    weight = (np.arange(-12, 12, dtype=np.float32) + 0.5) / 64
    weight[0] = steps / 64
    return weight.reshape(1, 24, 1, 1)


def weights(steps: int) -> dict[str, np.ndarray]:
    """Trained filters, random ones of several sizes, and some where every bit counts."""
    rng = np.random.default_rng(0)
    trained = [
        node.input("Filter").array()
        for node in opt_tool.load(FMNIST.path).nodes
        if type(node.op) is Conv2D and node.op.groups == 1
    ]
    random = [
        rng.standard_normal(shape).astype(np.float32) * scale
        for shape, scale in (((5, 3, 3, 3), 1.0), ((7, 16, 1, 1), 1e-4), ((2, 4, 5, 3), 3e5))
    ]
    arrays = [*trained, *random, halves(steps)]
    return {f"w{number:02}": array for number, array in enumerate(arrays)}


def onnx_model(arrays: dict[str, np.ndarray], path: Path) -> Path:
    """The convolutions as an ONNX model."""
    graph = helper.make_graph(
        [helper.make_node("Conv", [f"x.{name}", name], [f"y.{name}"]) for name in arrays],
        "convolutions",
        [
            helper.make_tensor_value_info(
                f"x.{name}", TensorProto.FLOAT, (1, array.shape[1], SIZE, SIZE)
            )
            for name, array in arrays.items()
        ],
        [helper.make_empty_tensor_value_info(f"y.{name}") for name in arrays],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path)
    return path


def filters(nb: Path) -> list[Value]:
    """The filters of a file's convolutions, in the order of its outputs."""
    return [
        output.producer.input("Filter")
        for output in opt_tool.load(nb).outputs
        if output.producer is not None
    ]


@pytest.mark.parametrize(("mode", "steps"), [("int8", 127), ("int16", 32767)])
def test_integers_and_scales_are_those_of_the_official_converter(
    tmp_path: Path, mode: str, steps: int
) -> None:
    arrays = weights(steps)
    official = official_quantized(arrays, f"QUANT_{mode.upper()}", tmp_path)
    source, nb = onnx_model(arrays, tmp_path / "m.onnx"), tmp_path / "ours.nb"
    options = QuantizationOptions(mode=mode, method="parity")
    opt_tool.quantize(source, nb, options=options, target="x86", verify=False)
    theirs, ours = filters(official), filters(nb)
    assert len(theirs) == len(ours) == len(arrays) > 10
    for name, a, b in zip(arrays, ours, theirs, strict=True):
        assert a.data is not None
        assert b.data is not None
        assert a.data.dtype == b.data.dtype == np.dtype(mode)
        assert a.data.tobytes() == b.data.tobytes(), name
        assert a.quantization is not None
        assert b.quantization is not None
        assert a.quantization.scales.tobytes() == b.quantization.scales.tobytes(), name
    assert {1, -1} <= set(np.sign(ours[-1].array()).reshape(-1).tolist())
