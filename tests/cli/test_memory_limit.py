from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from command_line import opt, opt_process
from opt_tool.api.memory_limit import limited_memory
from opt_tool.errors import MemoryLimitError
from small_models import classifier, save


def hungry(path: Path) -> Path:
    """A small file whose convolution makes 8 GiB of a picture."""
    graph = helper.make_graph(
        [helper.make_node("Conv", ["image", "w"], ["y"], pads=[0, 0, 0, 0])],
        "hungry",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, 1024, 1024])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.ones((2048, 1, 1, 1), np.float32), "w")],
    )
    return save(graph, path)


def test_what_needs_more_memory_ends_with_a_sentence_and_no_file(tmp_path: Path) -> None:
    model = hungry(tmp_path / "hungry.onnx")
    output = tmp_path / "out.nb"
    result = opt_process("convert", model, "-o", output, "--max-memory", "2G")
    assert result.returncode in (4, 5)  # onnxruntime says it in its own words
    assert "Traceback" not in result.stderr
    assert not output.exists()


def test_without_a_run_the_same_model_converts(tmp_path: Path) -> None:
    model = hungry(tmp_path / "hungry.onnx")
    result = opt_process(
        "convert", model, "-o", tmp_path / "out.nb", "--max-memory", "2G", "--no-verify"
    )
    assert result.returncode == 0, result.stderr


def test_the_limit_is_named() -> None:
    fact = pytest.raises(MemoryLimitError, match=r"more memory than 4 GiB \(--max-memory\)")
    with fact, limited_memory(4 << 30):
        np.empty(6 << 30, np.uint8)


def test_the_limit_ends_with_the_block() -> None:
    with limited_memory(1 << 40):
        pass
    with pytest.raises(MemoryLimitError), limited_memory(2 << 30):
        np.empty(4 << 30, np.uint8)
    assert np.empty(4 << 30, np.uint8).size == 4 << 30


@pytest.mark.parametrize("size", ["0", "4T", "-1", "much"])
def test_a_limit_that_is_none_is_wrong_usage(tmp_path: Path, size: str) -> None:
    model = classifier(tmp_path / "model.onnx")
    result = opt("convert", model, "-o", tmp_path / "out.nb", "--max-memory", size)
    assert result.exit_code == 2


@pytest.mark.parametrize("size", ["none", "8g", "8000M", "8589934592"])
def test_limits_are_numbers_with_a_unit(tmp_path: Path, size: str) -> None:
    model = classifier(tmp_path / "model.onnx")
    result = opt("inspect", model, "--max-memory", size)
    assert result.exit_code == 0, result.stderr
