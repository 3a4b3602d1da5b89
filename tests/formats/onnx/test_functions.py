"""Functions: the model's own, and ONNX's definitions of operators by others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, parser

from onnx_models import assert_reads, node_model, read_model, reference
from opt_tool.errors import UnsupportedModelError
from opt_tool.formats.onnx.refusals import STANDARD, refusal_of
from opt_tool.formats.onnx.registry import IMPORTERS, supported_operators
from opt_tool.formats.onnx.standard_functions import newest
from opt_tool.runtime.executor import Executor

RNG = np.random.default_rng(0)

AFFINE = """
<domain: "local", opset_import: ["" : 17]>
Affine <slope: float = 2.0, shift> (x, offset) => (y)
{
    factor = Constant <value_float: float = @slope> ()
    scaled = Mul (x, factor)
    leaky = LeakyRelu <alpha: float = @shift> (scaled)
    y = Add (leaky, offset)
}
"""
TWICE = """
<domain: "local", opset_import: ["" : 17, "local" : 1]>
Twice (x, offset) => (y)
{
    scaled = local.Affine <slope = 3.0> (x, offset)
    y = local.Affine (scaled, offset)
}
"""


def _model(nodes: Sequence[onnx.NodeProto], functions: Sequence[str]) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "test",
        [
            helper.make_tensor_value_info("scaled", TensorProto.FLOAT, [2, 3]),
            helper.make_tensor_value_info("offset", TensorProto.FLOAT, [3]),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 3])],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    model.functions.extend(parser.parse_function(text) for text in functions)
    return model


def _assert_computes(model: onnx.ModelProto) -> None:
    feeds = {
        "scaled": RNG.standard_normal((2, 3)).astype(np.float32),
        "offset": RNG.standard_normal(3).astype(np.float32),
    }
    (actual,) = Executor(read_model(model)).run(feeds).values()
    np.testing.assert_allclose(actual, reference(model, feeds)[0], rtol=1e-5, atol=1e-6)


def test_the_callers_attributes_take_the_place_of_defaults() -> None:
    call = helper.make_node("Affine", ["scaled", "offset"], ["y"], domain="local", slope=-1.5)
    _assert_computes(_model([call], [AFFINE]))


def test_an_attribute_that_is_not_given_has_the_inner_operators_default() -> None:
    given = helper.make_node(
        "Affine", ["scaled", "offset"], ["h"], domain="local", slope=-1.0, shift=0.5
    )
    left_out = helper.make_node("Affine", ["h", "offset"], ["y"], domain="local", slope=-1.0)
    _assert_computes(_model([given, left_out], [AFFINE]))


def test_functions_call_functions_and_their_names_do_not_mix() -> None:
    call = helper.make_node("Twice", ["scaled", "offset"], ["y"], domain="local", name="call")
    model = _model([call], [TWICE, AFFINE])
    _assert_computes(model)
    names = {source.name for node in read_model(model).nodes for source in node.sources}
    assert names == {"call"}


def test_a_function_that_calls_itself_is_refused() -> None:
    call = helper.make_node("Twice", ["scaled", "offset"], ["y"], domain="local")
    with pytest.raises(UnsupportedModelError, match="calls itself"):
        read_model(_model([call], [TWICE.replace("Affine", "Twice").replace("<slope = 3.0>", "")]))


def test_an_operand_that_is_left_out_has_no_name_inside() -> None:
    bounded = """
    <domain: "local", opset_import: ["" : 17]>
    Bounded (x, lower, upper) => (y) { y = Clip (x, lower, upper) }
    """
    call = helper.make_node("Bounded", ["scaled"], ["h"], domain="local")
    add = helper.make_node("Add", ["h", "offset"], ["y"])
    _assert_computes(_model([call, add], [bounded]))


def test_an_operand_may_be_left_out_in_the_middle() -> None:
    bounded = """
    <domain: "local", opset_import: ["" : 17]>
    Bounded (x, lower, upper) => (y) { y = Clip (x, lower, upper) }
    """
    most = helper.make_node("Constant", [], ["most"], value_float=0.5)
    call = helper.make_node("Bounded", ["scaled", "", "most"], ["h"], domain="local")
    add = helper.make_node("Add", ["h", "offset"], ["y"])
    _assert_computes(_model([most, call, add], [bounded]))


def test_attributes_reach_into_branches() -> None:
    chosen = """
    <domain: "local", opset_import: ["" : 17]>
    Chosen <slope: float = 2.0> (x, offset) => (y)
    {
        known = Constant <value = bool {1}> ()
        y = If (known) <
            then_branch = yes () => (float[2, 3] a) { a = LeakyRelu <alpha: float = @slope> (x) },
            else_branch = no () => (float[2, 3] a) { a = Add (x, offset) }
        >
    }
    """
    call = helper.make_node("Chosen", ["scaled", "offset"], ["y"], domain="local", slope=0.7)
    model = _model([call], [chosen])
    x = RNG.standard_normal((2, 3)).astype(np.float32)
    feeds = {"scaled": x, "offset": np.zeros(3, np.float32)}
    (actual,) = Executor(read_model(model)).run(feeds).values()
    np.testing.assert_allclose(actual, np.where(x < 0, np.float32(0.7) * x, x), rtol=1e-6)


def test_a_function_has_opsets_of_its_own() -> None:
    old = """
    <domain: "local", opset_import: ["" : 11]>
    Old (x) => (y) { y = Softmax <axis = 0> (x) }
    """
    call = helper.make_node("Old", ["scaled"], ["h"], domain="local")
    add = helper.make_node("Add", ["h", "offset"], ["y"])
    x = RNG.standard_normal((2, 3)).astype(np.float32)
    feeds = {"scaled": x, "offset": np.zeros(3, np.float32)}
    (actual,) = Executor(read_model(_model([call, add], [old]))).run(feeds).values()
    np.testing.assert_allclose(actual, np.exp(x) / np.exp(x).sum(), rtol=1e-5)


@pytest.mark.parametrize(("opset", "version"), [(17, 13), (18, 18), (21, 18), (12, 13)])
def test_takes_the_newest_definition_that_the_model_may_have_meant(
    opset: int, version: int
) -> None:
    assert newest((13, 18), opset) == version


def test_a_problem_in_a_models_function_is_named_inside_of_it() -> None:
    random = """
    <domain: "local", opset_import: ["" : 17]>
    Noisy (x) => (y) { y = RandomNormalLike (x) }
    """
    call = helper.make_node("Noisy", ["scaled"], ["y"], domain="local", name="noise")
    with pytest.raises(UnsupportedModelError, match=r"RandomNormalLike \(node 'noise/y'\): it dra"):
        read_model(_model([call], [random]))


def test_a_problem_in_a_definition_is_the_operators_own() -> None:
    operands = {name: np.zeros((1, 3, 2), np.float32) for name in ("q", "k", "v")}
    model = node_model(
        "LinearAttention",
        operands,
        outputs=("y", "state"),
        q_num_heads=1,
        kv_num_heads=1,
        update_rule="linear",
        dynamic=True,
        opset=27,
    )
    with pytest.raises(UnsupportedModelError, match="made of other operators, of which") as error:
        read_model(model)
    (problem,) = error.value.problems
    assert problem.operator == "LinearAttention"


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("ignored", [None, 1])
def test_negative_log_likelihood(reduction: str, ignored: int | None) -> None:
    scores = RNG.standard_normal((3, 4, 2)).astype(np.float32)
    labels = RNG.integers(0, 4, (3, 2))
    weights = RNG.uniform(0.5, 1.5, 4).astype(np.float32)
    assert_reads(
        "NegativeLogLikelihoodLoss",
        {"x": scores, "labels": labels, "weights": weights},
        reduction=reduction,
        ignore_index=ignored,
        opset=13,
    )


def test_softmax_cross_entropy_with_both_outputs() -> None:
    scores = RNG.standard_normal((3, 4)).astype(np.float32)
    labels = RNG.integers(0, 4, 3)
    assert_reads(
        "SoftmaxCrossEntropyLoss",
        {"x": scores, "labels": labels},
        outputs=("y", "log_prob"),
        opset=13,
    )


@pytest.mark.parametrize("operator", ["HannWindow", "HammingWindow", "BlackmanWindow"])
@pytest.mark.parametrize("periodic", [None, 0])
def test_windows_are_constants(operator: str, periodic: int | None) -> None:
    size = np.array(7, np.int64)
    model = node_model(operator, {"size": size}, constants=("size",), periodic=periodic, opset=17)
    (actual,) = Executor(read_model(model)).run({}).values()
    np.testing.assert_allclose(actual, reference(model, {})[0], atol=1e-6)


@pytest.mark.parametrize("causal", [0, 1])
def test_attention(causal: int) -> None:
    query = RNG.standard_normal((2, 4, 8)).astype(np.float32)
    key, value = (RNG.standard_normal((2, 5, 4)).astype(np.float32) for _ in range(2))
    graph = assert_reads(
        "Attention",
        {"q": query, "k": key, "v": value},
        q_num_heads=4,
        kv_num_heads=2,
        is_causal=causal,
        opset=23,
    )
    assert {source.operator for node in graph.nodes for source in node.sources} == {"Attention"}


def test_no_operator_is_both_refused_and_read() -> None:
    assert not {("", operator) for operator in STANDARD}.intersection(IMPORTERS)


def test_lists_definitions_that_are_not_refused() -> None:
    listed = supported_operators()
    assert ("", "RotaryEmbedding") in listed
    assert ("", "Bernoulli") not in listed


@pytest.mark.parametrize(
    ("domain", "operator", "word"),
    [
        ("", "Multinomial", "random"),
        ("", "StringNormalizer", "text"),
        ("ai.onnx.preview.training", "Adam", "training"),
        ("ai.onnx.ml", "ZipMap", "map"),
        ("ai.onnx.ml", "TreeEnsemble", "classical"),
        ("ai.onnx.ml", "LabelEncoder", "text"),
    ],
)
def test_what_can_never_be_converted_says_why(domain: str, operator: str, word: str) -> None:
    reason = refusal_of(domain, operator)
    assert reason is not None
    assert word in reason


def test_an_operator_that_nobody_knows_is_not_in_the_table() -> None:
    assert refusal_of("com.example", "Adam") is None


def test_names_what_to_cut_a_model_at() -> None:
    model = parser.parse_model(
        """
        <ir_version: 8, opset_import: ["" : 19]>
        agraph (float[3, 3] x) => (float y)
        {
            matrix = Exp (x)
            y = Det (matrix)
        }
        """
    )
    with pytest.raises(UnsupportedModelError, match="with --output matrix"):
        read_model(model)
