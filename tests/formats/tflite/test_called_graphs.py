from __future__ import annotations

import dataclasses
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flatbuffers import flexbuffers

import opt_tool
from opt_tool.errors import DamagedFileError, UnsupportedModelError
from opt_tool.formats.tflite.decode import decode
from opt_tool.formats.tflite.float_form import float_form
from opt_tool.formats.tflite.schema import Quantization, TensorType
from opt_tool.formats.tflite.twin import twin
from opt_tool.ir.operations.activation import Tanh
from tflite_models import Made, Op, Stored, assert_same, ints, normal

X = normal(2, 3)


def inner(*ops: Op, **more: object) -> Made:
    """A graph from ``a`` (2, 3) to ``b``, whose tensors have those names in every such graph."""
    made = Made(ops, {"a": np.zeros((2, 3), np.float32)}, outputs=("b",), shapes={"b": (2, 3)})
    return dataclasses.replace(made, **more)  # type: ignore[arg-type]


def call(code: str, x: str, y: str, graph: int) -> Op:
    if code == "CALL":
        return Op(code, [x], [y], {"subgraph": graph})
    return Op(code, [x], [y], composed_of(graph))


def composed_of(graph: int) -> dict[str, Any]:
    return {
        "name": "odml.norm",
        "decomposition_subgraph_index": graph,
        "composite_attributes": flexbuffers.Dumps({"epsilon": 1e-6}),
    }


def composite(x: str, y: str, graph: int) -> Op:
    return call("STABLEHLO_COMPOSITE", x, y, graph)


def calling(*branches: Made, ops: tuple[Op, ...] = (composite("x", "y", 1),)) -> Made:
    return Made(ops, {"x": X}, shapes={"y": (2, 3), "m": (2, 3)}, branches=branches)


ROOT_MEAN_SQUARE = inner(
    Op("MUL", ["a", "a"], ["s"]),
    Op("MEAN", ["s", "axes"], ["m"], {"keep_dims": True}),
    Op("RSQRT", ["m"], ["r"]),
    Op("MUL", ["a", "r"], ["n"]),
    Op("MUL", ["n", "w"], ["b"]),
    constants={"axes": ints(1), "w": normal(3)},
    shapes={"s": (2, 3), "m": (2, 1), "r": (2, 1), "n": (2, 3), "b": (2, 3)},
)


def test_a_composite_is_what_its_graph_computes(tmp_path: Path) -> None:
    assert_same(calling(ROOT_MEAN_SQUARE), tmp_path)


def test_a_call_is_what_its_graph_computes() -> None:
    """LiteRT has no kernel for CALL."""
    made = calling(inner(Op("TANH", ["a"], ["b"])), ops=(call("CALL", "x", "y", 1),))
    graph = made.read()
    assert [(type(node.op), node.output.name) for node in graph.nodes] == [(Tanh, "y")]


def test_a_graph_may_be_called_again_and_from_another_one(tmp_path: Path) -> None:
    twice = inner(
        composite("a", "m", 1), Op("NEG", ["m"], ["b"]), shapes={"m": (2, 3), "b": (2, 3)}
    )
    ops = (composite("x", "m", 1), composite("m", "y", 2))
    graph = assert_same(calling(ROOT_MEAN_SQUARE, twice, ops=ops), tmp_path)
    weights = [value for value in graph.constants if value.shape == (3,)]
    assert len(weights) == 1


def test_a_branch_may_call_a_graph(tmp_path: Path) -> None:
    options = {"then_subgraph_index": 1, "else_subgraph_index": 2}
    plain = inner(Op("NEG", ["a"], ["b"]))
    made = Made(
        [Op("IF", ["c", "x"], ["y"], options)],
        {"c": np.array([True]), "x": X},
        shapes={"y": (2, 3)},
        branches=(inner(composite("a", "b", 3)), plain, ROOT_MEAN_SQUARE),
    )
    assert_same(made, tmp_path)


def test_what_a_graph_hands_on_and_what_it_holds_are_results() -> None:
    pair = Made([], {"a": X}, {"w": normal(2)}, outputs=("a", "w"))
    ops = [Op("STABLEHLO_COMPOSITE", ["x"], ["p", "w"], composed_of(1)), Op("NEG", ["p"], ["y"])]
    made = Made(
        ops, {"x": X}, outputs=("y", "w"), shapes={"p": (2, 3), "y": (2, 3), "w": (2,)},
        branches=(pair,),
    )  # fmt: skip
    graph = made.read()
    assert [value.name for value in graph.outputs] == ["y", "w"]


def test_names_within_a_graph_do_not_take_those_of_the_model() -> None:
    """The model's ``m`` is made behind the composite, in which another tensor is called so."""
    made = calling(ROOT_MEAN_SQUARE, ops=(composite("x", "n", 1), Op("TANH", ["n"], ["m"])))
    made = dataclasses.replace(made, outputs=("m",), shapes={"n": (2, 3), "m": (2, 3)})
    graph = made.read()
    assert graph.outputs[0].producer is not None
    assert isinstance(graph.outputs[0].producer.op, Tanh)
    assert "n/m" in graph.values


INTEGERS = Quantization((0.05,), (-3,), 0)


def converted(made: Made, folder: Path) -> str | None:
    """What the written file was verified with."""
    source = folder / "model.tflite"
    source.write_bytes(made.data())
    report = opt_tool.convert(source, folder / "model.nb")
    assert report.verification.status == "passed"
    return report.verification.reference


def test_quantized_graphs_are_the_float_ones_that_they_stand_for(tmp_path: Path) -> None:
    """LiteRT verifies the float form, whose tensors are floats in both graphs."""
    weights = Stored.of(
        np.array([[3, -5, 7], [11, 2, -1]], np.int8), quantization=Quantization((0.1,), (0,), 0)
    )
    rules = {"a": INTEGERS, "b": Quantization((0.1,), (0,), 0)}
    graph = Made(
        [Op("FULLY_CONNECTED", ["a", "w"], ["b"])], {"a": np.zeros((2, 3), np.int8)},
        {"w": weights}, ("b",), {"b": TensorType.INT8}, {"b": (2, 2)}, rules=rules,
    )  # fmt: skip
    ops = (
        Op("QUANTIZE", ["x"], ["q"]), composite("q", "p", 1), Op("DEQUANTIZE", ["p"], ["y"]),
    )  # fmt: skip
    made = Made(
        ops, {"x": X}, types={"q": TensorType.INT8, "p": TensorType.INT8},
        shapes={"q": (2, 3), "p": (2, 2), "y": (2, 2)},
        rules={"q": INTEGERS, "p": rules["b"]}, branches=(graph,),
    )  # fmt: skip
    assert converted(made, tmp_path) == "litert"
    (y,) = opt_tool.Session(tmp_path / "model.nb").run({"x": X}).values()
    np.testing.assert_allclose(y, X @ (weights.array * np.float32(0.1)).T, rtol=1e-5, atol=1e-6)


def test_integers_may_go_through_a_graph_without_operators(tmp_path: Path) -> None:
    nothing = Made([], {"a": np.zeros((2, 3), np.int8)}, outputs=("a",), rules={"a": INTEGERS})
    ops = (
        Op("QUANTIZE", ["x"], ["q"]), composite("q", "p", 1), Op("DEQUANTIZE", ["p"], ["y"]),
    )  # fmt: skip
    made = Made(
        ops, {"x": X}, types={"q": TensorType.INT8, "p": TensorType.INT8},
        shapes={"q": (2, 3), "p": (2, 3), "y": (2, 3)}, rules={"q": INTEGERS, "p": INTEGERS},
        branches=(nothing,),
    )  # fmt: skip
    assert converted(made, tmp_path) == "litert"
    path, data = Path("test.tflite"), made.data()
    model = decode(memoryview(data), path)
    form = float_form(model, path)
    written = decode(memoryview(twin(data, model, form, path)), path)
    assert written.branches[1].tensors == form.branches[1].tensors


def test_weights_are_restored_where_another_graph_computes_in_integers(tmp_path: Path) -> None:
    """DEQUANTIZE has one code in the file, so that it is the same thing in all its graphs."""
    rounding = inner(
        Op("QUANTIZE", ["a"], ["q"]), Op("DEQUANTIZE", ["q"], ["b"]),
        types={"q": TensorType.INT8}, shapes={"q": (2, 3), "b": (2, 3)}, rules={"q": INTEGERS},
    )  # fmt: skip
    weights = Stored.of(np.array([3, -5, 7], np.int8), quantization=INTEGERS)
    ops = (
        Op("DEQUANTIZE", ["w"], ["f"]), Op("MUL", ["x", "f"], ["m"]), composite("m", "y", 1),
    )  # fmt: skip
    made = dataclasses.replace(
        calling(rounding, ops=ops), constants={"w": weights},
        shapes={"f": (3,), "m": (2, 3), "y": (2, 3)},
    )  # fmt: skip
    assert converted(made, tmp_path) == "litert"


def test_a_graph_with_an_operator_that_litert_lacks_is_verified_without_it(tmp_path: Path) -> None:
    graph = Made(
        [
            Op(
                "CUSTOM", ["a", "w", "c"], ["b"], custom_code="Convolution2DTransposeBias",
                custom_options=struct.pack("<iii", 0, 1, 1),
            )
        ],
        {"a": normal(1, 4, 4, 2)}, {"w": normal(3, 1, 1, 2), "c": normal(3)}, ("b",),
        shapes={"b": (1, 4, 4, 3)},
    )  # fmt: skip
    made = Made(
        [composite("x", "y", 1)], {"x": normal(1, 4, 4, 2)}, shapes={"y": (1, 4, 4, 3)},
        branches=(graph,),
    )  # fmt: skip
    assert converted(made, tmp_path) != "litert"


def test_a_bias_in_integers_that_comes_from_outside_is_refused() -> None:
    graph = inner(Op("CAST", ["a"], ["b"]), rules={"a": INTEGERS})
    graph = dataclasses.replace(graph, inputs={"a": np.zeros((2, 3), np.int32)})
    made = dataclasses.replace(calling(graph), inputs={"x": np.zeros((2, 3), np.int32)})
    with pytest.raises(UnsupportedModelError, match="stand for other numbers"):
        made.read()


def test_what_cannot_be_read_within_is_named() -> None:
    with pytest.raises(UnsupportedModelError, match=r"UNIQUE \(node 'y/b'\): how many"):
        calling(inner(Op("UNIQUE", ["a"], ["b"]))).read()


@pytest.mark.parametrize("graph", [0, 1])
def test_graphs_that_call_themselves_are_refused(graph: int) -> None:
    with pytest.raises(UnsupportedModelError, match="calls itself"):
        calling(inner(composite("a", "b", graph))).read()


def test_graphs_within_graphs_without_end_are_refused() -> None:
    deep = [inner(composite("a", "b", number)) for number in range(2, 400)]
    with pytest.raises(UnsupportedModelError, match="the last of 32"):
        calling(*deep, inner(Op("TANH", ["a"], ["b"]))).read()


def test_graphs_with_other_interfaces_are_refused() -> None:
    two = dataclasses.replace(inner(Op("ADD", ["a", "z"], ["b"])), inputs={"a": X, "z": X})
    with pytest.raises(UnsupportedModelError, match="1 operands, but its graph has 2"):
        calling(two).read()
    more = inner(Op("NEG", ["a"], ["b"]), outputs=("b", "a"))
    with pytest.raises(UnsupportedModelError, match="1 results, but its graph has 2"):
        calling(more).read()


def test_a_graph_that_is_not_there_is_damage() -> None:
    with pytest.raises(DamagedFileError, match="graph 1 of 1"):
        calling().read()
