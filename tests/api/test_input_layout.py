from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import opt_tool
from graphs import TestGraphs, feeds
from opt_tool.api.conversion import convert
from opt_tool.api.input_layout import channels_first, feed_channels_first, is_channels_last
from opt_tool.errors import UsageError
from opt_tool.formats import paddle_lite
from opt_tool.ir import verify
from opt_tool.ir.operations.activation import Relu
from opt_tool.ir.operations.data_movement import Concat, Transpose2
from opt_tool.runtime.executor import Executor
from small_models import classifier
from tf_models import SIZE, resnet


def test_drops_the_transpose_of_the_input(tmp_path: Path) -> None:
    report = convert(resnet(tmp_path / "m.onnx"), tmp_path / "m.nb", input_layout="nchw")
    assert report.verification.status == "passed"
    graph = paddle_lite.read(tmp_path / "m.nb")
    assert graph.inputs[0].shape == (1, 3, SIZE, SIZE)
    assert not any(isinstance(node.op, Transpose2) for node in graph.nodes)


def test_the_file_takes_the_channels_first(tmp_path: Path) -> None:
    model = resnet(tmp_path / "m.onnx")
    convert(model, tmp_path / "m.nb", input_layout="nchw", verify=False)
    picture = np.random.default_rng(0).random((1, SIZE, SIZE, 3), np.float32)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"input": picture})
    outputs = opt_tool.Session(tmp_path / "m.nb").run({"input": picture.transpose(0, 3, 1, 2)})
    np.testing.assert_allclose(next(iter(outputs.values())), expected, atol=1e-5)


def test_changes_every_reader_of_a_picture_and_nothing_else() -> None:
    b = TestGraphs()
    picture, other = b.input(2, 8, 8, 3), b.input(2, 8, 8, 3, name="same")
    table = b.input(4, 5, name="table")
    both = b.add(Concat(axis=3), X=[picture, other, picture])
    graph = b.build(both, b.add(Relu(), X=picture), b.add(Relu(), X=table))
    fed = feeds(graph)
    expected = Executor(graph).run(fed)
    names = feed_channels_first(graph)
    verify(graph)
    assert names == ("x", "same")
    assert [value.shape for value in graph.inputs] == [(2, 3, 8, 8), (2, 3, 8, 8), (4, 5)]
    for name, array in Executor(graph).run(channels_first(fed, names)).items():
        np.testing.assert_array_equal(array, expected[name])


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1, 8, 8, 3), True),
        (("n", "h", "w", 1), True),
        ((1, 3, 8, 8), False),
        ((1, 3, 8, 3), False),
        ((1, 8, 8, 64), False),
        ((8, 8, 3), False),
    ],
    ids=str,
)
def test_knows_pictures_with_the_channels_last(shape: tuple[int, ...], expected: bool) -> None:
    assert is_channels_last(TestGraphs().input(*shape)) is expected


def test_refuses_a_model_without_such_an_input(tmp_path: Path) -> None:
    model = classifier(tmp_path / "m.onnx")
    with pytest.raises(UsageError, match="no input has its channels last"):
        convert(model, tmp_path / "m.nb", input_layout="nchw")


def test_refuses_another_layout(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nhcw"):
        convert(tmp_path / "m.onnx", tmp_path / "m.nb", input_layout="nhcw")
