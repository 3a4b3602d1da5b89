from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from opt_tool.errors import DamagedFileError, OptError, UsageError
from opt_tool.formats.tflite import read
from opt_tool.formats.tflite.decode import decode
from opt_tool.formats.tflite.reader import GraphReader
from opt_tool.formats.tflite.schema import Quantization, TensorType
from tflite_models import Made, Op, Stored

RNG = np.random.default_rng(0)
CONV = {"padding": 1, "stride_h": 2, "stride_w": 3, "dilation_h_factor": 1, "dilation_w_factor": 1}


def model() -> Made:
    weights = RNG.integers(-127, 128, (4, 3, 3, 2)).astype(np.int8)
    rule = Quantization((0.1, 0.2, 0.3, 0.4), (0, 0, 0, 0), 0)
    return Made(
        [Op("CONV_2D", ["x", "w", None], ["c"], CONV), Op("RESHAPE", ["c", "s"], ["y"])],
        {"x": RNG.standard_normal((1, 7, 7, 2)).astype(np.float32)},
        {"w": Stored.of(weights, quantization=rule), "s": np.array([1, -1], np.int32)},
    )


def decoded(data: bytes) -> object:
    return decode(memoryview(data), Path("test.tflite"))


def test_all_that_a_file_says_is_there() -> None:
    found = decode(memoryview(model().data()), Path("test.tflite"))
    conv, reshape = found.operators
    assert (conv.code, reshape.code) == ("CONV_2D", "RESHAPE")
    assert conv.inputs == (0, 1, -1)
    assert conv.options["stride_h"] == 2
    assert conv.options["stride_w"] == 3
    assert conv.options["dilation_h_factor"] == 1
    assert [tensor.name for tensor in found.tensors] == ["x", "w", "s", "c", "y"]
    weights = found.tensors[1]
    assert (weights.type, weights.shape) == (TensorType.INT8, (4, 3, 3, 2))
    assert weights.quantization is not None
    assert weights.quantization.scale == pytest.approx((0.1, 0.2, 0.3, 0.4))
    assert found.operator_name(0) == "c"


def test_a_file_that_is_cut_off_anywhere_is_damaged() -> None:
    data = model().data()
    for end in range(0, len(data) - 16, 13):
        with pytest.raises(DamagedFileError):
            decoded(data[:end])


def test_no_change_of_a_byte_is_more_than_an_error_of_the_user() -> None:
    data = model().data()
    rng = np.random.default_rng(1)
    for _ in range(1500):
        changed = bytearray(data)
        for place in rng.integers(0, len(data), rng.integers(1, 4)):
            changed[place] = rng.integers(0, 256)
        try:
            found = decode(memoryview(bytes(changed)), Path("test.tflite"))
            GraphReader(found, Path("test.tflite")).read({}, ())
        except OptError:
            continue


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(OptError, match="cannot be read"):
        read(tmp_path / "none.tflite")


def test_an_unknown_input_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(model().data())
    with pytest.raises(UsageError, match=r"no input is called 'z'; there are 'x'"):
        read(path, input_shapes={"z": [1, 7, 7, 2]})
    with pytest.raises(UsageError, match="4 dimensions"):
        read(path, input_shapes={"x": [1, 7, 7]})
    with pytest.raises(UsageError, match="no tensor is called 'nothing'"):
        read(path, outputs=["nothing"])


def test_another_input_shape_takes_the_place_of_the_files(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(model().data())
    graph = read(path, input_shapes={"x": [1, 9, 9, 2]})
    assert graph.outputs[0].shape == (1, 48)


def test_what_nothing_makes_is_damaged() -> None:
    made = Made([Op("RELU", ["z"], ["y"])], {"x": np.zeros((2,), np.float32)})
    with pytest.raises(DamagedFileError, match="nothing makes"):
        decoded(made.data())


def test_what_two_operators_make_is_damaged() -> None:
    made = Made([Op("RELU", ["x"]), Op("TANH", ["x"])], {"x": np.zeros((2,), np.float32)})
    with pytest.raises(DamagedFileError, match="two operators make"):
        decoded(made.data())


def test_scales_that_do_not_fit_are_damaged() -> None:
    rule = Quantization((0.1, 0.2, 0.3), (0, 0, 0), 0)
    stored = Stored.of(np.zeros((4, 2), np.int8), quantization=rule)
    made = Made([Op("ADD", ["x", "w"])], {"x": np.zeros((4, 2), np.float32)}, {"w": stored})
    with pytest.raises(DamagedFileError, match="3 scales"):
        decoded(made.data())


def test_a_weight_of_the_wrong_size_is_damaged() -> None:
    stored = Stored(np.zeros(3, np.float32), (4, 2), TensorType.FLOAT32)
    made = Made([Op("ADD", ["x", "w"])], {"x": np.zeros((4, 2), np.float32)}, {"w": stored})
    with pytest.raises(DamagedFileError, match="constant 'w'"):
        made.read()
