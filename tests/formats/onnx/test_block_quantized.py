from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import opt_tool
from onnx_models import assert_reads, node_model, read_model
from opt_tool.errors import UnsupportedModelError
from opt_tool.formats.onnx.external_data import DataFolders
from opt_tool.formats.onnx.float_form import float_form
from opt_tool.formats.onnx.tensors import TensorReader

RNG = np.random.default_rng(0)
ROWS = 5
MICROSOFT: dict[str, Any] = {"domain": "com.microsoft", "opset": 17}


def operands(
    size: int = 48, block: int = 16, bits: int = 4, *, zeros: str = "", bias: bool = False
) -> dict[str, np.ndarray | None]:
    """The operands of a product of (3, size) with ROWS rows of weights."""
    blocks = -(-size // block)
    given: dict[str, np.ndarray | None] = {
        "a": RNG.standard_normal((3, size)).astype(np.float32),
        "b": RNG.integers(0, 256, (ROWS, blocks, block * bits // 8), np.uint8),
        "scales": RNG.uniform(0.05, 0.2, (ROWS, blocks)).astype(np.float32),
        "zeros": None,
        "order": None,
        "bias": RNG.standard_normal(ROWS).astype(np.float32) if bias else None,
    }
    if zeros == "packed":
        given["zeros"] = RNG.integers(0, 256, (ROWS, -(-blocks * bits // 8)), np.uint8)
    elif zeros == "floats":
        given["zeros"] = RNG.uniform(5, 9, (ROWS, blocks)).astype(np.float32)
    return given


def product(given: dict[str, np.ndarray | None], **attributes: int) -> dict[str, Any]:
    """The rest of what ``node_model`` takes."""
    a = given["a"]
    assert a is not None
    usual = {"K": a.shape[1], "N": ROWS, "bits": 4, "block_size": 16}
    known = [name for name, array in given.items() if array is not None and name != "a"]
    return {"constants": known, **MICROSOFT, **usual, **attributes}


@pytest.mark.parametrize("zeros", ["", "packed", "floats"])
@pytest.mark.parametrize("size", [48, 40, 16])
def test_weights_of_four_bits(size: int, zeros: str) -> None:
    given = operands(size, zeros=zeros)
    assert_reads("MatMulNBits", given, rtol=1e-4, atol=1e-4, **product(given))


def test_blocks_of_another_size_and_a_bias() -> None:
    given = operands(100, 32, bias=True)
    assert_reads("MatMulNBits", given, rtol=1e-4, atol=1e-4, **product(given, block_size=32))


@pytest.mark.parametrize("zeros", ["", "packed"])
def test_weights_of_eight_bits(zeros: str) -> None:
    given = operands(bits=8, zeros=zeros)
    assert_reads("MatMulNBits", given, rtol=1e-4, atol=1e-4, **product(given, bits=8))


def test_weights_of_two_bits() -> None:
    """The lowest bits come first; those of onnxruntime's oldest kernels are missing."""
    given = operands(16, 16, 2)
    given["b"] = np.full((ROWS, 1, 4), 0b11100100, np.uint8)
    given["scales"] = np.ones((ROWS, 1), np.float32)
    graph = read_model(node_model("MatMulNBits", given, **product(given, bits=2)))
    (weight,) = (value.array() for value in graph.constants)
    np.testing.assert_array_equal(weight[:, 0], [-2, -1, 0, 1] * 4)


def test_products_that_may_round_their_operand_are_verified_unrounded(tmp_path: Path) -> None:
    """onnxruntime would round activations to 8 bits as it runs, where its machine can."""
    given = operands(64, 32, bias=True)
    model = node_model("MatMulNBits", given, **product(given, block_size=32, accuracy_level=4))
    (node,) = float_form(model, TensorReader(DataFolders(tmp_path))).graph.node
    assert {attribute.name for attribute in node.attribute} == {"K", "N", "bits", "block_size"}
    onnx.save(model, tmp_path / "m.onnx")
    report = opt_tool.convert(tmp_path / "m.onnx", tmp_path / "m.nb")
    assert report.verification.reference == "onnxruntime (quantized activations in float32)"
    assert report.verification.status == "passed"


@pytest.mark.parametrize(
    ("attributes", "changes", "reason"),
    [
        ({"bits": 3}, {}, "weights of 3 bits"),
        ({"K": 0}, {}, "5 x 0 weights"),
        ({"N": 6}, {}, "hold no 6 x 48 weights"),
        ({"block_size": 3}, {}, "in blocks of 3"),
        ({}, {"scales": np.ones(3, np.float32)}, "scales of float32"),
        ({}, {"zeros": np.ones(3, np.uint8)}, "zero points of shape"),
        ({}, {"order": np.zeros(48, np.int32)}, "an order of their own"),
    ],
)
def test_what_does_not_fit_is_refused(
    attributes: dict[str, int], changes: dict[str, np.ndarray], reason: str
) -> None:
    given = operands() | changes
    model = node_model("MatMulNBits", given, **product(given, **attributes))
    with pytest.raises(UnsupportedModelError, match=reason):
        read_model(model)
