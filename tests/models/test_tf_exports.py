"""What is left of the padding, the layout and the norms of models from TensorFlow."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import opt_tool
import tiers
from conversions import Conversions
from opt_tool.api import official_runtime
from opt_tool.formats import paddle_lite
from opt_tool.ir import Operation
from opt_tool.ir.operations.convolution import Conv2D
from opt_tool.ir.operations.data_movement import Transpose2
from opt_tool.ir.operations.elementwise import ElementwiseAdd, ElementwiseMul, ElementwiseSub
from opt_tool.ir.operations.normalization import BatchNorm
from opt_tool.ir.operations.padding import Pad2D
from real_models import REAL_MODELS, RealModel
from tf_models import SIZE, resnet

NAMES = (
    "mobilenet_v1_imagenet1001",
    "mobilenet_v2_op13",
    "mnasnet_op13",
    "blazeface",
    "facemesh",
    "handlandmark-lite",
    "mtcnn_pnet",
    "mtcnn_rnet",
    "mtcnn_onet",
)
FROM_TENSORFLOW = [model for model in REAL_MODELS if model.name in NAMES]

both_targets = pytest.mark.parametrize("target", ["arm", "x86"])


def written(nb: Path) -> Counter[type[Operation]]:
    return Counter(type(node.op) for node in paddle_lite.read(nb).nodes)


@pytest.mark.models
@both_targets
@pytest.mark.parametrize("model", FROM_TENSORFLOW, ids=lambda model: model.name)
def test_no_debris_is_left(conversions: Conversions, model: RealModel, target: str) -> None:
    model.need()
    conversion = conversions.of(model, target)
    ops = written(conversion.nb)
    assert conversion.status == "passed"
    assert not ops.keys() & {Pad2D, BatchNorm, ElementwiseMul, ElementwiseSub}
    graph = paddle_lite.read(conversion.nb)
    turned = [node.input("X") for node in graph.nodes if isinstance(node.op, Transpose2)]
    assert turned in ([], list(graph.inputs))
    sums = (node for node in graph.nodes if isinstance(node.op, ElementwiseAdd))
    assert not any(value.is_constant for node in sums for value in node.inputs.flat())


@both_targets
def test_a_resnet_is_convolutions_and_sums(tmp_path: Path, target: str) -> None:
    report = opt_tool.convert(resnet(tmp_path / "m.onnx"), tmp_path / "m.nb", target=target)
    ops = written(tmp_path / "m.nb")
    assert report.verification.status == "passed"
    assert not ops.keys() & {Pad2D, BatchNorm, ElementwiseMul, ElementwiseAdd}
    assert (ops[Conv2D], ops[Transpose2]) == (7, 1)
    assert ops[ElementwiseSub] == 1  # the mean of pictures: the zeros behind it are not shifted


@pytest.mark.official
def test_the_official_runtime_computes_the_resnet(tmp_path: Path) -> None:
    missing = official_runtime.available()
    if missing is not None:
        tiers.need(missing)
    model = resnet(tmp_path / "m.onnx")
    opt_tool.convert(model, tmp_path / "m.nb", target="x86", verify=False)
    picture = np.random.default_rng(0).random((1, SIZE, SIZE, 3), np.float32)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"input": picture})
    ((actual,),) = official_runtime.run(tmp_path / "m.nb", [[picture]])
    assert expected.max() < 0.999  # a saturated softmax would hide errors
    np.testing.assert_allclose(actual, expected, atol=1e-4)
