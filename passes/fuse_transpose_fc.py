"""Let an fc read its columns in the order in which they already stand.

Before::

    y = fc(transpose2(x, axis=p), w)          # p moves only what the fc takes as columns

After, with the rows of ``w`` in the order of x::

    y = fc(x, w)

TensorFlow flattens pictures with the channels last, Paddle with the channels first.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from opt_tool.ir import Graph, Node, Value
from opt_tool.ir.operations.data_movement import Transpose2
from opt_tool.ir.operations.matmul import Fc
from opt_tool.passes.affine import is_parameter
from opt_tool.passes.reorder import inverse
from opt_tool.passes.rewrite import Kept, Rewrite


class TransposedFc(NamedTuple):
    """An fc, what it reads before the transpose, the sizes of its columns and their order."""

    fc: Node
    x: Value
    sizes: tuple[int, ...]
    order: tuple[int, ...]


class FuseTransposeFc(Rewrite[TransposedFc]):
    """Takes transposes of an fc's columns into its weight."""

    roots = (Fc,)

    def match(self, graph: Graph, node: Node) -> TransposedFc | Kept | None:
        assert isinstance(node.op, Fc)
        transpose = node.input("Input").producer
        if transpose is None or not isinstance(transpose.op, Transpose2):
            return None
        rows, order = node.op.in_num_col_dims, transpose.op.axis
        if order[:rows] != tuple(range(rows)):
            return Kept(f"{transpose.name!r} moves the rows too")
        weight = node.input("W")
        if not is_parameter(weight) or not graph.read_once(weight):
            return Kept(f"{node.name!r} has a weight that is computed, quantized or shared")
        sizes = tuple(dim for dim in node.input("Input").shape[rows:] if isinstance(dim, int))
        if len(sizes) != len(order) - rows:
            return Kept("the sizes of the columns are known only at run time")
        columns = tuple(axis - rows for axis in order[rows:])
        return TransposedFc(node, transpose.input("X"), sizes, columns)

    def rewrite(self, graph: Graph, match: TransposedFc) -> Node:
        weight = match.fc.input("W").array()
        rows = weight.reshape(*match.sizes, -1)
        moved = rows.transpose(*inverse(match.order), len(match.sizes)).reshape(weight.shape)
        constant = graph.add_constant(f"{match.fc.name}.weight", np.ascontiguousarray(moved))
        inputs = {**match.fc.inputs, "Input": (match.x,), "W": (constant,)}
        return graph.replace(match.fc, match.fc.op, inputs)
