"""Reads attention as com.microsoft defines it, and the embedding in front of it.

Scores are softmax(scale * Q @ K' + bias) by heads; what a mask takes out gets a large
negative bias, as in onnxruntime.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from opt_tool.formats.broadcasting import compare
from opt_tool.formats.element_types import converted
from opt_tool.formats.elementary import add, scaled
from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.operators.fused import MICROSOFT, TINY_EPSILON, normalized
from opt_tool.formats.onnx.operators.indexing import gather
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.formats.picking import taken
from opt_tool.formats.shapes import reshape_to, stacked, transposed, unsqueezed
from opt_tool.ir import DType, Value
from opt_tool.ir.operations.comparison import GreaterEqual, GreaterThan
from opt_tool.ir.operations.data_movement import Concat, Slice, Split
from opt_tool.ir.operations.matmul import MatMulV2
from opt_tool.ir.operations.reduction import ReduceSum, Softmax
from opt_tool.ir.types import product

HIDDEN = -10000.0
"""The bias of what a mask takes out, if the node gives no other."""

FUTURE = -1e30
"""The bias of what comes later: nothing is left of it, and it can be added to other biases."""


class Heads(NamedTuple):
    """Queries (B, N, S, H), keys (B, N, T, H) and values (B, N, T, Hv)."""

    query: Value
    key: Value
    value: Value


def by_heads(node: OnnxNode, x: Value, heads: int) -> Value:
    """(B, S, N * H) as (B, N, S, H)."""
    batch, length, width = x.shape
    if not isinstance(width, int) or width % heads:
        raise node.unsupported(f"{x.type} does not divide into {heads} heads")
    return transposed(
        node, reshape_to(node, x, (batch, length, heads, width // heads)), (0, 2, 1, 3)
    )


def _attended(node: OnnxNode, heads: Heads, biases: Sequence[Value]) -> Value:
    """The attention's output (B, S, N * Hv)."""
    width = heads.query.type.shape[3]
    assert isinstance(width, int)
    scale = node.real("scale", 0.0) or 1 / math.sqrt(width)
    op = MatMulV2(trans_y=True, alpha=scale)
    scores = node.add(op, X=heads.query, Y=heads.key)
    for bias in biases:
        scores = add(node, scores, bias)
    weights = node.add(Softmax(axis=-1), X=scores)
    y = transposed(node, node.add(MatMulV2(), X=weights, Y=heads.value), (0, 2, 1, 3))
    return reshape_to(node, y, (*y.shape[:2], product(y.shape[2:])))


# ---- masks


def _biases(node: OnnxNode, heads: Heads, mask: Value | None, bias: Value | None) -> list[Value]:
    """All that is added to the scores (B, N, S, T)."""
    biases = [] if bias is None else [bias]
    if mask is not None:
        biases.append(_mask_bias(node, mask, heads))
    if node.integer("unidirectional", 0):
        biases.append(_causal_bias(node, heads))
    return biases


def _mask_bias(node: OnnxNode, mask: Value, heads: Heads) -> Value:
    """The bias of a mask: lengths (B,), or 1 for what stays as (B, T), (B, S, T), (B, 1, S, T)."""
    batch, length = heads.key.shape[0], heads.key.shape[2]
    number = converted(node.builder, mask, DType.FLOAT32)
    if mask.rank == 1:
        if mask.shape != (batch,) or not isinstance(length, int):
            raise node.unsupported(
                f"the mask {mask.type}; of the forms with one axis, lengths for each of a known "
                "batch are supported. Fix the input shapes with --input-shape, or export the "
                "mask as (batch, length)"
            )
        numbers = np.arange(*node.made_up(length), dtype=np.float32)
        place = node.new_constant(numbers[np.newaxis], "places")
        stays = compare(node.builder, GreaterThan(), unsqueezed(node, number, (1,)), place)
    else:
        zero = node.new_constant(np.zeros((1,) * mask.rank, np.float32), "zero")
        stays = compare(node.builder, GreaterThan(), number, zero)
    if mask.rank == 4 and mask.shape[2:] != (heads.query.shape[2], length):
        raise node.unsupported(f"the mask {mask.type} is larger than its scores")
    kept = converted(node.builder, stays, DType.FLOAT32)
    axes = {1: (1, 2), 2: (1, 2), 3: (1,), 4: ()}[mask.rank]
    hidden = node.real("mask_filter_value", HIDDEN)
    bias = scaled(node, kept, -hidden, hidden)
    return unsqueezed(node, bias, axes) if axes else bias


def _causal_bias(node: OnnxNode, heads: Heads) -> Value:
    """The bias that hides from each query the keys that come after it."""
    queries, keys = heads.query.shape[2], heads.key.shape[2]
    if not (isinstance(queries, int) and isinstance(keys, int)):
        raise node.unsupported(
            "a causal mask of a length known only at run time; give the input's shape with "
            "--input-shape"
        )
    later = np.triu(np.ones(node.made_up(queries, keys), np.float32), keys - queries + 1)
    return node.new_constant((later * np.float32(FUTURE))[np.newaxis, np.newaxis], "causal")


def _with_past(node: OnnxNode, past: Value | None, now: Value) -> Value:
    """Keys or values (B, N, T, H) behind those of earlier calls."""
    if past is None or past.shape[2] == 0:
        return now
    return node.add(Concat(axis=2), X=[past, now])


# ---- the operators


@onnx_op("Attention", since=1, domain=MICROSOFT)
def attention(node: OnnxNode) -> tuple[Value | None, ...]:
    if node.integer("do_rotary", 0) or node.maybe(6) is not None:
        raise node.unsupported("rotary embedding or shared buffers; export without them")
    count, x = node.integer("num_heads", 0), node.input(0)
    projected = node.add(MatMulV2(), X=x, Y=node.input(1))
    if node.maybe(2) is not None:
        projected = add(node, projected, node.input(2))
    sizes = node.integers("qkv_hidden_sizes")
    cut = Split(axis=2, sections=sizes) if sizes else Split(axis=2, num=3)
    query, key, value = (by_heads(node, part, count) for part in node.add_all(cut, X=projected))
    past = node.maybe(4)
    if past is not None:
        key = _with_past(node, taken(node, past, 0, 0), key)
        value = _with_past(node, taken(node, past, 1, 0), value)
    heads = Heads(query, key, value)
    y = _attended(node, heads, _biases(node, heads, node.maybe(3), node.maybe(5)))
    return y, stacked(node, [key, value], 0) if node.has_output(1) else None


@onnx_op("MultiHeadAttention", since=1, domain=MICROSOFT)
def multi_head_attention(node: OnnxNode) -> tuple[Value | None, ...]:
    if node.maybe(8) is not None or node.maybe(9) is not None or node.has_output(3):
        raise node.unsupported("shared buffers or its scores as an output; export without them")
    heads = _operands(node)
    heads = Heads(
        heads.query,
        _with_past(node, node.maybe(6), heads.key),
        _with_past(node, node.maybe(7), heads.value),
    )
    y = _attended(node, heads, _biases(node, heads, node.maybe(4), node.maybe(5)))
    return y, heads.key, heads.value


def _operands(node: OnnxNode) -> Heads:
    """Queries, keys and values by heads; keys and values may come so."""
    parts = [part for part in map(node.maybe, range(3)) if part is not None]
    if len(parts) < 3:
        raise node.unsupported("packed keys and values; export the model with them apart")
    count = node.integer("num_heads", 0)
    biases = _projection_biases(node, parts)
    query, key, value = (
        part if part.rank == 4 else by_heads(node, _plus(node, part, bias), count)
        for part, bias in zip(parts, biases, strict=True)
    )
    return Heads(query, key, value)


def _plus(node: OnnxNode, x: Value, bias: Value | None) -> Value:
    return x if bias is None else add(node, x, bias)


def _projection_biases(node: OnnxNode, parts: Sequence[Value]) -> Sequence[Value | None]:
    """What is added to queries, keys and values."""
    bias = node.maybe(3)
    if bias is None:
        return (None, None, None)
    widths = [part.shape[-1] for part in parts]
    sizes = tuple(width for width in widths if isinstance(width, int))
    if any(part.rank != 3 for part in parts) or len(sizes) != len(widths):
        raise node.unsupported(f"a bias for {[str(part.type) for part in parts]}")
    return node.add_all(Split(axis=0, sections=sizes), X=bias)


@onnx_op("EmbedLayerNormalization", since=1, domain=MICROSOFT)
def embed_layer_normalization(node: OnnxNode) -> tuple[Value | None, ...]:
    words = _embedded(node, 2, 0)
    if node.maybe(8) is not None:
        places = _embedded(node, 3, 8)
    else:
        length = node.input(0).shape[1]
        if not isinstance(length, int):
            raise node.unsupported(
                f"{length} positions, known only at run time; give the input's shape with "
                "--input-shape"
            )
        places = node.add(Slice(axes=(0,), starts=(0,), ends=(length,)), Input=node.input(3))
    total = add(node, words, places)
    if node.maybe(1) is not None:
        total = add(node, total, _embedded(node, 4, 1))
    epsilon = node.real("epsilon", TINY_EPSILON)
    y = normalized(node, total, node.input(5), node.input(6), epsilon)
    return y, _lengths(node) if node.has_output(1) else None, total


def _embedded(node: OnnxNode, table: int, index: int) -> Value:
    """The rows of one of the tables that one of the operands names."""
    operands = (node.input(table), node.input(index))
    return gather(OnnxNode(node.reader, node.proto, node.name, operands, node.scope))


def _lengths(node: OnnxNode) -> Value:
    """How many words of each row of the mask stay; 0 without a mask, as in onnxruntime."""
    mask, batch = node.maybe(7), node.input(0).shape[0]
    if mask is None:
        if not isinstance(batch, int):
            raise node.unsupported(f"its mask_index for {batch} rows, known only at run time")
        return node.new_constant(np.zeros(node.made_up(batch), np.int32), "mask_index")
    one = node.new_constant(np.ones((1, 1), np.float32), "one")
    stays = compare(node.builder, GreaterEqual(), converted(node.builder, mask, DType.FLOAT32), one)
    count = node.add(ReduceSum(dim=(1,)), X=converted(node.builder, stays, DType.FLOAT32))
    return converted(node.builder, count, DType.INT32)
