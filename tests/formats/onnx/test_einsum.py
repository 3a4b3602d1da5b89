from __future__ import annotations

import numpy as np
import pytest

from graphs import ops
from onnx_models import assert_reads, node_model, read_model
from opt_tool.errors import UnsupportedModelError
from opt_tool.ir.operations.matmul import MatMulV2

RNG = np.random.default_rng(0)
SIZES = {"a": 2, "b": 3, "c": 4, "d": 5, "i": 3, "j": 4, "k": 5, "h": 2, "q": 3}


def operands(equation: str) -> dict[str, np.ndarray]:
    terms = equation.replace(" ", "").partition("->")[0].split(",")
    shapes = [[SIZES[label] for label in term.replace("...", "ab")] for term in terms]
    return {
        f"x{index}": RNG.standard_normal(shape).astype(np.float32)
        for index, shape in enumerate(shapes)
    }


@pytest.mark.parametrize(
    "equation",
    [
        "ij->ji",
        "ij,jk->ik",
        "ij,jk",
        "bij,bjk->bik",
        "bhqd,bhkd->bhqk",
        "abc,cd->abd",
        "abc,bcd->ad",
        "...ij,...jk->...ik",
        "...i,...i->...",
        "i,j->ij",
        "i,i->",
        "ij,ij->ij",
        "ij,j->ij",
        "ij->i",
        "ij->",
        "ba",
        "ii->i",
        "ii->",
        "aij,ajj->ai",
        "ij,jk,kd->id",
        "ij , ik -> jk",
        "aib,bc->aci",
        "a,b,c->cab",
        "iji->ij",
    ],
)
def test_einsum(equation: str) -> None:
    assert_reads("Einsum", operands(equation), equation=equation, rtol=1e-4)


@pytest.mark.parametrize("equation", ["bij,bjk->bik", "bhqd,bhkd->bhqk", "ij,j->ij"])
def test_einsum_of_open_sizes(equation: str) -> None:
    graph = assert_reads("Einsum", operands(equation), equation=equation, dynamic=True, rtol=1e-4)
    assert len(ops(graph)) <= 2


def test_attention_scores_are_one_matrix_product() -> None:
    graph = assert_reads("Einsum", operands("bhqd,bhkd->bhqk"), equation="bhqd,bhkd->bhqk")
    assert ops(graph) == [MatMulV2]


def test_dots_of_one_element_broadcast() -> None:
    inputs = {
        "a": RNG.standard_normal((2, 3, 4, 5)).astype(np.float32),
        "b": RNG.standard_normal((1, 3, 5, 2)).astype(np.float32),
    }
    assert_reads("Einsum", inputs, equation="...ij,...jk->...ik", rtol=1e-4)


@pytest.mark.parametrize("equation", ["ij->ik", "ij,jk->ik", "i*j->j"])
def test_an_equation_that_does_not_fit_is_refused(equation: str) -> None:
    with pytest.raises(UnsupportedModelError):
        read_model(node_model("Einsum", operands("ij"), equation=equation))


def test_integers_are_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="not float32"):
        read_model(node_model("Einsum", {"x": np.ones((2, 2), np.int64)}, equation="ij->ji"))
