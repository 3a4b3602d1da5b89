from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from onnxruntime import InferenceSession

from make_imagenet_models import make
from synthetic_pictures import photo


@pytest.fixture(scope="module")
def shufflenet() -> onnx.ModelProto:
    """A small one with group convolutions, batch norms and a Gemm."""
    return make("shufflenet")


def test_gives_the_same_bytes_again(shufflenet: onnx.ModelProto) -> None:
    again = make("shufflenet")
    assert again.SerializeToString(deterministic=True) == shufflenet.SerializeToString(
        deterministic=True
    )


def test_different_pictures_get_different_scores(shufflenet: onnx.ModelProto) -> None:
    scores = [_scores(shufflenet, seed) for seed in (10, 11, 12)]
    assert all(score.std() > 1 for score in scores)
    assert np.corrcoef(scores)[0, 1] < 0.9
    assert len({int(score.argmax()) for score in scores}) > 1


def test_every_batch_norm_changes_what_it_reads(shufflenet: onnx.ModelProto) -> None:
    stored = {t.name: numpy_helper.to_array(t) for t in shufflenet.graph.initializer}
    norms = [n for n in shufflenet.graph.node if n.op_type == "BatchNormalization"]
    assert norms
    for node in norms:
        gamma, beta, mean, variance = (stored[name] for name in node.input[1:])
        scale = gamma / np.sqrt(variance)
        assert np.ptp(scale) > 0.1
        assert np.abs(beta - mean * scale).max() > 0.1


def _scores(model: onnx.ModelProto, seed: int) -> np.ndarray:
    """The logits of a picture: what the final softmax reads."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    logits = copy.graph.node[-1].input[0]
    copy.graph.output.append(helper.make_tensor_value_info(logits, 1, None))
    session = InferenceSession(copy.SerializeToString(), providers=["CPUExecutionProvider"])
    picture = photo(seed, 224, 224).transpose(2, 0, 1)[None] / np.float32(127.5) - 1
    name = session.get_inputs()[0].name
    return np.asarray(session.run([logits], {name: picture})[0]).ravel()
