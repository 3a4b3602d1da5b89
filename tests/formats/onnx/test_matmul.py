from __future__ import annotations

import numpy as np
import pytest

from graphs import ops
from onnx_models import assert_reads, node_model, read_model
from opt_tool.errors import UnsupportedModelError
from opt_tool.ir.operations.elementwise import ElementwiseAdd
from opt_tool.ir.operations.matmul import Fc, MatMulV2

RNG = np.random.default_rng(0)
MICROSOFT = "com.microsoft"


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ((3, 4), (4, 5)),
        ((2, 3, 4), (4, 5)),
        ((3, 4), (2, 4, 5)),
        ((2, 3, 4), (2, 4, 5)),
        ((2, 1, 3, 4), (5, 4, 2)),
        ((4,), (4, 5)),
        ((4,), (2, 4, 5)),
        ((2, 3, 4), (4,)),
        ((4,), (4,)),
    ],
    ids=str,
)
@pytest.mark.parametrize("constants", [["b"], []], ids=["constant", "computed"])
@pytest.mark.parametrize("dynamic", [False, True])
def test_matmul(
    x: tuple[int, ...], y: tuple[int, ...], constants: list[str], dynamic: bool
) -> None:
    inputs = {"a": normal(*x), "b": normal(*y)}
    graph = assert_reads("MatMul", inputs, constants=constants, dynamic=dynamic)
    assert MatMulV2 in ops(graph)


def test_matmul_that_does_not_fit_is_refused() -> None:
    model = node_model("MatMul", {"a": normal(3, 4), "b": normal(5, 6)})
    with pytest.raises(UnsupportedModelError, match="4 columns meet 5 rows"):
        read_model(model)


def test_matmul_of_integers_is_refused() -> None:
    model = node_model("MatMul", {"a": np.ones((2, 2), np.int32), "b": np.ones((2, 2), np.int32)})
    with pytest.raises(UnsupportedModelError, match="multiplies float32"):
        read_model(model)


@pytest.mark.parametrize("trans_a", [0, 1])
@pytest.mark.parametrize("trans_b", [0, 1])
@pytest.mark.parametrize(
    ("alpha", "beta"), [(1.0, 1.0), (0.5, 2.0), (1.0, 0.0)], ids=["plain", "scaled", "no_c"]
)
@pytest.mark.parametrize("c", [None, (5,), (1, 5), (3, 5), (3, 1), (1,), ()], ids=str)
@pytest.mark.parametrize("constants", [["b", "c"], ["b"], []], ids=["bc", "b", "none"])
def test_gemm(
    trans_a: int,
    trans_b: int,
    alpha: float,
    beta: float,
    c: tuple[int, ...] | None,
    constants: list[str],
) -> None:
    inputs = {
        "a": normal(4, 3) if trans_a else normal(3, 4),
        "b": normal(5, 4) if trans_b else normal(4, 5),
        "c": None if c is None else np.array(normal(*c)),
    }
    known = [name for name in constants if inputs[name] is not None]
    assert_reads(
        "Gemm", inputs, constants=known, transA=trans_a, transB=trans_b, alpha=alpha, beta=beta
    )


@pytest.mark.parametrize("opset", [7, 9, 11, 13])
def test_gemm_with_constant_weights_is_one_fc(opset: int) -> None:
    inputs = {"a": normal(3, 4), "b": normal(5, 4), "c": normal(5)}
    graph = assert_reads("Gemm", inputs, constants=["b", "c"], transB=1, opset=opset, dynamic=True)
    assert ops(graph) == [Fc]


def test_gemm_adds_what_differs_by_row() -> None:
    inputs = {"a": normal(3, 4), "b": normal(4, 5), "c": normal(3, 5)}
    graph = assert_reads("Gemm", inputs, constants=["b", "c"])
    assert ops(graph) == [Fc, ElementwiseAdd]


@pytest.mark.parametrize("trans", [(0, 0), (1, 0), (0, 1), (1, 1)], ids=str)
def test_fused_matmul(trans: tuple[int, int]) -> None:
    a = normal(2, 4, 3) if trans[0] else normal(2, 3, 4)
    b = normal(2, 5, 4) if trans[1] else normal(2, 4, 5)
    attributes = {"transA": trans[0], "transB": trans[1], "alpha": 0.25}
    assert_reads("FusedMatMul", {"a": a, "b": b}, domain=MICROSOFT, **attributes)


def test_fused_matmul_of_moved_batches_is_refused() -> None:
    inputs = {"a": normal(2, 3, 4), "b": normal(2, 4, 5)}
    with pytest.raises(UnsupportedModelError, match="transBatchA"):
        read_model(node_model("FusedMatMul", inputs, domain=MICROSOFT, transBatchA=1))


@pytest.mark.parametrize("activation", ["Relu", "LeakyRelu", "Sigmoid", "Tanh"])
def test_fused_gemm(activation: str) -> None:
    inputs = {"a": normal(3, 4), "b": normal(4, 5), "c": normal(5)}
    alpha = 0.25 if activation == "LeakyRelu" else None
    assert_reads(
        "FusedGemm",
        inputs,
        constants=["b", "c"],
        domain=MICROSOFT,
        activation=activation,
        activation_alpha=alpha,
    )


def test_det_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="no determinants"):
        read_model(node_model("Det", {"x": normal(2, 2)}))
