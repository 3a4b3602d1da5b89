from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from opt_tool.errors import UnsupportedError, UnsupportedModelError
from opt_tool.formats.tflite.schema import TensorType
from tflite_models import Made, Op, assert_same, ints, normal

COMPLEX = TensorType.COMPLEX64


def spectrum(code: str, shape: tuple[int, ...], length: int, *steps: Op) -> Made:
    """A signal's transform, what is done with it, and what is taken of it."""
    last = steps[-1].outputs[0] if steps else "z"
    ops = [Op("RFFT2D", ["x", "n"], ["z"]), *steps, Op(code, [last], ["y"])]
    types = {"z": COMPLEX, **{step.outputs[0]: COMPLEX for step in steps}}
    shapes = {"z": (*shape[:-1], length // 2 + 1)}
    return Made(ops, {"x": normal(*shape)}, {"n": ints(1, length)}, types=types, shapes=shapes)


@pytest.mark.parametrize("code", ["REAL", "IMAG", "COMPLEX_ABS", "CAST"])
@pytest.mark.parametrize("length", [16, 32, 8])
def test_spectrum(tmp_path: Path, code: str, length: int) -> None:
    assert_same(spectrum(code, (3, 1, 16), length), tmp_path, atol=1e-4)


def test_a_spectrum_is_moved_in_both_parts(tmp_path: Path) -> None:
    made = spectrum("COMPLEX_ABS", (2, 3, 1, 16), 16, Op("RESHAPE", ["z", "s"], ["r"]))
    made = Made(
        made.ops, made.inputs, {**made.constants, "s": ints(2, 3, 9)}, types=made.types,
        shapes=made.shapes,
    )  # fmt: skip
    assert_same(made, tmp_path, atol=1e-4)


def test_other_arithmetic_on_a_spectrum_is_refused() -> None:
    made = spectrum("REAL", (1, 8), 8, Op("MUL", ["z", "z"], ["m"]))
    with pytest.raises(UnsupportedModelError, match="complex numbers"):
        made.read()


def test_a_spectrum_is_no_output() -> None:
    ops = [Op("RFFT2D", ["x", "n"], ["y"])]
    made = Made(ops, {"x": normal(1, 8)}, {"n": ints(1, 8)}, types={"y": COMPLEX})
    with pytest.raises(UnsupportedError, match="--output"):
        made.read()


def test_the_part_of_what_is_real_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="FLOAT32"):
        Made([Op("REAL", ["x"])], {"x": normal(2, 3)}).read()


@pytest.mark.parametrize(
    ("shape", "lengths", "problem"),
    [
        ((2, 8), (2, 8), "along two axes"),
        ((1, 8), (1, 1 << 20), "writes as a matrix"),
        ((8,), (1, 8), "of lengths"),
    ],
)
def test_other_transforms_are_refused(
    shape: tuple[int, ...], lengths: tuple[int, int], problem: str
) -> None:
    ops = [Op("RFFT2D", ["x", "n"], ["z"]), Op("REAL", ["z"])]
    made = Made(
        ops, {"x": np.zeros(shape, np.float32)}, {"n": ints(*lengths)}, types={"z": COMPLEX}
    )
    with pytest.raises(UnsupportedModelError, match=problem):
        made.read()
