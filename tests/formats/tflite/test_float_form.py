from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import opt_tool
from opt_tool.api.litert_runner import interpreter_module
from opt_tool.errors import DamagedFileError, UnsupportedError, UnsupportedModelError
from opt_tool.formats.tflite.decode import decode
from opt_tool.formats.tflite.float_form import float_form, interface_notes
from opt_tool.formats.tflite.schema import Model, Quantization, TensorType
from opt_tool.formats.tflite.tensors import to_array
from opt_tool.formats.tflite.twin import twin
from tflite_models import Made, Op, Stored, assert_same, need_litert

RNG = np.random.default_rng(0)
PATH = Path("test.tflite")

X = Quantization((0.05,), (-3,), 0)
Y = Quantization((0.25,), (5,), 0)
PER_FILTER = Quantization((0.01, 0.02, 0.005, 0.03), (0, 0, 0, 0), 0)
WINDOW = {"padding": 0, "stride_w": 1, "stride_h": 1}


def integers(*shape: int) -> np.ndarray:
    return RNG.integers(-127, 128, shape).astype(np.int8)


def bias(count: int, x: Quantization, weights: Quantization) -> Stored:
    """Numbers between -2 and 2 in steps of the products'."""
    steps = x.scale[0] * np.array(weights.scale)
    array = np.round(RNG.uniform(-2, 2, count) / steps).astype(np.int32)
    rule = Quantization(tuple(map(float, steps)), (0,) * len(steps), 0)
    return Stored(array, (count,), TensorType.INT32, quantization=rule)


def convolution(type: TensorType = TensorType.INT8) -> Made:
    """y = relu(x * w + b), everything in integers."""
    x = X if type is TensorType.INT8 else Quantization((0.05,), (0,), 0)
    y = Y if type is TensorType.INT8 else Quantization((0.001,), (0,), 0)
    array = RNG.integers(-128, 128, (1, 6, 6, 3)).astype(np.int8)
    stored = bias(4, x, PER_FILTER)
    if type is TensorType.INT16:
        array = array.astype(np.int16)
        wide = stored.array.astype(np.int64)
        stored = Stored(wide, (4,), TensorType.INT64, quantization=stored.quantization)
    options = {**WINDOW, "fused_activation_function": 1}
    return Made(
        [Op("CONV_2D", ["x", "w", "b"], ["y"], options)],
        {"x": array},
        {"w": Stored.of(integers(4, 3, 3, 3), quantization=PER_FILTER), "b": stored},
        types={"y": type},
        shapes={"y": (1, 6, 6, 4)},
        rules={"x": x, "y": y},
    )


def fully_connected() -> Made:
    """q = quantized(x); y = numbers of q * w + b, requantized once between."""
    weights = Quantization((0.02,), (0,), 0)
    return Made(
        [
            Op("QUANTIZE", ["x"], ["q"]),
            Op("QUANTIZE", ["q"], ["r"]),
            Op("FULLY_CONNECTED", ["r", "w", "b"], ["s"]),
            Op("DEQUANTIZE", ["s"], ["y"]),
        ],
        {"x": RNG.uniform(-5, 5, (2, 8)).astype(np.float32)},
        {"w": Stored.of(integers(3, 8), quantization=weights), "b": bias(3, X, weights)},
        types={"q": TensorType.INT8, "r": TensorType.INT8, "s": TensorType.INT8},
        shapes={"q": (2, 8), "r": (2, 8), "s": (2, 3), "y": (2, 3)},
        rules={"q": Quantization((0.04,), (2,), 0), "r": X, "s": Y},
    )


def decoded(made: Made) -> Model:
    return decode(memoryview(made.data()), PATH)


def form_of(made: Made) -> Model:
    return float_form(decoded(made), PATH)


def numbers(array: np.ndarray, rule: Quantization) -> np.ndarray:
    return (array.astype(np.float32) - rule.zero_point[0]) * np.float32(rule.scale[0])


def as_floats(made: Made) -> Mapping[str, np.ndarray]:
    return {
        name: numbers(array, made.rules[name]) if name in made.rules else array
        for name, array in made.inputs.items()
    }


def in_integers(made: Made) -> np.ndarray:
    """What LiteRT computes of the file itself, as the numbers that its result stands for."""
    need_litert()
    module = interpreter_module()
    assert module is not None
    interpreter: Any = module.Interpreter(model_content=made.data())
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], made.inputs[detail["name"]])
    interpreter.invoke()
    result = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return numbers(result, made.rules["y"]) if "y" in made.rules else np.asarray(result)


def converted(made: Made, folder: Path) -> np.ndarray:
    """What the written file computes on the numbers that the inputs stand for."""
    source, nb = folder / "model.tflite", folder / "model.nb"
    source.write_bytes(made.data())
    report = opt_tool.convert(source, nb)
    assert report.verification.status == "passed"
    assert report.verification.reference == "litert"
    (y,) = opt_tool.Session(nb).run(as_floats(made)).values()
    return y


@pytest.mark.parametrize(
    ("made", "step"),
    [
        pytest.param(convolution(), Y.scale[0], id="8 bits"),
        pytest.param(convolution(TensorType.INT16), 0.001, id="16 bits"),
        pytest.param(fully_connected(), Y.scale[0], id="between floats"),
    ],
)
def test_the_file_computes_what_the_integers_stand_for(
    tmp_path: Path, made: Made, step: float
) -> None:
    """LiteRT rounds its result to a step; it cuts off what its range does not reach."""
    expected = in_integers(made)
    assert np.ptp(expected) > 20 * step
    inside = (expected > expected.min()) & (expected < expected.max())
    difference = np.abs(converted(made, tmp_path) - expected)[inside]
    assert difference.max() <= (2.5 if made.inputs["x"].dtype == np.float32 else 1.1) * step


def test_the_twin_for_litert_is_the_float_form() -> None:
    for made in (convolution(), fully_connected()):
        model, form = decoded(made), form_of(made)
        written = decode(memoryview(twin(made.data(), model, form, PATH)), PATH)
        assert written.tensors == form.tensors
        assert [x.code for x in written.operators] == [x.code for x in form.operators]
        assert float_form(written, PATH) is written


def test_a_bias_has_the_steps_of_the_products_whatever_it_says() -> None:
    made = convolution()
    stored = made.constants["b"]
    assert isinstance(stored, Stored)
    silent = Stored(stored.array, stored.shape, stored.type)
    other = Made(**{**vars(made), "constants": {**made.constants, "b": silent}})
    for each in (made, other):
        (tensor,) = (t for t in form_of(each).tensors if t.name == "b")
        expected = stored.array * X.scale[0] * np.array(PER_FILTER.scale)
        np.testing.assert_allclose(to_array(tensor), expected, rtol=1e-6)


def test_a_bias_of_another_length_than_the_filters_is_damaged() -> None:
    made = convolution()
    short = Stored(np.zeros(3, np.int32), (3,), TensorType.INT32)
    broken = Made(**{**vars(made), "constants": {**made.constants, "b": short}})
    with pytest.raises(DamagedFileError, match="has 4 scales"):
        form_of(broken)


def test_a_bias_that_two_operators_read_differently_is_refused() -> None:
    made = fully_connected()
    second = Op("FULLY_CONNECTED", ["q", "w", "b"], ["t"])
    both = Made(
        **{
            **vars(made),
            "ops": [*made.ops, second],
            "types": {**made.types, "t": TensorType.INT8},
            "rules": {**made.rules, "t": Y},
        }
    )
    with pytest.raises(UnsupportedError, match="different numbers in two operators"):
        form_of(both)


def test_a_float_model_is_its_own_form() -> None:
    model = decoded(Made([Op("RELU", ["x"])], {"x": np.zeros((2, 2), np.float32)}))
    assert float_form(model, PATH) is model


def test_integers_that_stand_for_themselves_stay_integers(tmp_path: Path) -> None:
    """A picture in bytes that the model casts itself; its rule says one step for each."""
    made = Made(
        [Op("CAST", ["x"], ["f"]), Op("RELU", ["f"], ["y"])],
        {"x": np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3)},
        shapes={"f": (1, 2, 2, 3), "y": (1, 2, 2, 3)},
        rules={"x": Quantization((1.0,), (0,), 0)},
    )
    graph = assert_same(made, tmp_path)
    assert graph.inputs[0].dtype.value == "uint8"


def test_integers_that_are_read_as_such_but_stand_for_others_are_refused() -> None:
    made = Made(
        [Op("CAST", ["x"], ["y"])],
        {"x": np.zeros((1, 4), np.int8)},
        shapes={"y": (1, 4)},
        rules={"x": X},
    )
    with pytest.raises((UnsupportedError, UnsupportedModelError), match="stand for other numbers"):
        made.read()


def test_notes_say_what_the_integers_of_inputs_and_outputs_stand_for(tmp_path: Path) -> None:
    made = convolution()
    model = decoded(made)
    assert list(interface_notes(model, float_form(model, PATH))) == [
        "input 'x' holds numbers in float32; int8 q of the source stands for 0.05 * (q +3)",
        "output 'y' holds numbers in float32; int8 q of the source stands for 0.25 * (q -5)",
    ]
    (tmp_path / "model.tflite").write_bytes(made.data())
    report = opt_tool.convert(tmp_path / "model.tflite", tmp_path / "model.nb", verify=False)
    assert report.warnings[:2] == tuple(interface_notes(model, float_form(model, PATH)))


def test_the_weights_stay_integers_in_the_file(tmp_path: Path) -> None:
    source, nb = tmp_path / "model.tflite", tmp_path / "model.nb"
    source.write_bytes(convolution().data())
    opt_tool.convert(source, nb, verify=False)
    assert any(value.quantization for value in opt_tool.load(nb).constants)
