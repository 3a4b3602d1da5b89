"""Fold constants that scale and shift the columns of an fc into its weight and bias.

Before::

    y = fc(x, w, b) * s + t        # Mul, Add, Sub, Div, scale, or a batch norm of rows

After::

    y = fc(x, w * s, b * s + t)

``s`` and ``t`` are one number for each column or one for all. An Add alone is how
exporters write a bias. A reshape that keeps the columns may stand in between: batch norms
take rows of two dimensions only.
"""

from __future__ import annotations

from typing import NamedTuple

from opt_tool.ir import Graph, Node
from opt_tool.ir.operations.matmul import Fc
from opt_tool.ir.operations.normalization import BatchNorm
from opt_tool.passes.affine import (
    ARITHMETIC,
    CHANNELS,
    Affine,
    is_parameter,
    read_arithmetic,
    read_batch_norm,
    scaled_bias,
)
from opt_tool.passes.rewrite import Kept, Rewrite
from opt_tool.passes.shape_change import is_shape_change


class AffineFc(NamedTuple):
    """An fc, a reshape behind it if there is one, and the affine map that alone reads it."""

    fc: Node
    reshape: Node | None
    node: Node
    affine: Affine


class FuseFcAffine(Rewrite[AffineFc]):
    """Folds constant arithmetic and batch norms into the fc in front of them."""

    roots = (BatchNorm, *ARITHMETIC)

    def match(self, graph: Graph, node: Node) -> AffineFc | Kept | None:
        affine = _read(node)
        if affine is None:
            return None
        reshape = _reshape_of_rows(affine.x.producer)
        fc = affine.x.producer if reshape is None else reshape.input("X").producer
        if fc is None or not isinstance(fc.op, Fc):
            return None
        if not (graph.read_once(fc.output) and graph.read_once(affine.x)):
            return Kept(f"{fc.name!r} is read by something else too")
        if fc.op.activation is not None:
            return Kept(f"{fc.name!r} applies an activation first")
        if not is_parameter(fc.inputs.maybe("Bias")):
            return Kept(f"{fc.name!r} has a bias that is computed")
        if not affine.is_finite:
            return Kept("its factors are not finite")
        weight = fc.input("W")
        if not affine.keeps_scale and not (is_parameter(weight) and graph.read_once(weight)):
            return Kept(f"{fc.name!r} has a weight that is quantized or shared")
        return AffineFc(fc, reshape, node, affine)

    def rewrite(self, graph: Graph, match: AffineFc) -> Node:
        fc, affine = match.fc, match.affine
        weight = fc.input("W")
        columns = weight.type.static_shape[1]
        if not affine.keeps_scale:
            scaled = (weight.array() * affine.scale).astype(weight.dtype.numpy)
            weight = graph.add_constant(f"{fc.name}.weight", scaled)
        bias = scaled_bias(fc.inputs.maybe("Bias"), columns, affine)
        inputs = {
            "Input": fc.input("Input"),
            "W": weight,
            "Bias": graph.add_constant(f"{fc.name}.bias", bias),
        }
        if match.reshape is None:
            return graph.fuse((fc, match.node), fc.op, inputs)
        made = graph.replace(fc, fc.op, inputs)
        graph.rename(made.output, graph.unique_name(f"{made.output.name}.scaled"))
        graph.fuse((match.reshape, match.node), match.reshape.op, match.reshape.inputs)
        return made


def _reshape_of_rows(node: Node | None) -> Node | None:
    """The node, if all that it does is to lay out rows of the same columns in another way."""
    if node is None or not is_shape_change(node):
        return None
    old, new = node.input("X").shape, node.output.shape
    return node if old and new and old[-1] == new[-1] else None


def _read(node: Node) -> Affine | None:
    rank = node.output.rank
    affine = read_arithmetic(node, rank - 1)
    if affine is None and rank - 1 == CHANNELS:
        affine = read_batch_norm(node)
    return affine
