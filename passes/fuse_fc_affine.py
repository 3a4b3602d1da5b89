"""Fold constants that scale and shift the columns of an fc into its weight and bias.

Before::

    y = fc(x, w, b) * s + t        # Mul, Add, Sub, Div, scale, or a batch norm of rows

After::

    y = fc(x, w * s, b * s + t)

``s`` and ``t`` are one number for each column or one for all. An Add alone is how
exporters write a bias.
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


class AffineFc(NamedTuple):
    """An fc and the affine map that alone reads it."""

    fc: Node
    node: Node
    affine: Affine


class FuseFcAffine(Rewrite[AffineFc]):
    """Folds constant arithmetic and batch norms into the fc in front of them."""

    roots = (BatchNorm, *ARITHMETIC)

    def match(self, graph: Graph, node: Node) -> AffineFc | Kept | None:
        affine = _read(node)
        if affine is None:
            return None
        fc = affine.x.producer
        if fc is None or not isinstance(fc.op, Fc):
            return None
        if not graph.read_once(fc.output):
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
        return AffineFc(fc, node, affine)

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
        return graph.fuse((fc, match.node), fc.op, inputs)


def _read(node: Node) -> Affine | None:
    rank = node.output.rank
    affine = read_arithmetic(node, rank - 1)
    if affine is None and rank - 1 == CHANNELS:
        affine = read_batch_norm(node)
    return affine
