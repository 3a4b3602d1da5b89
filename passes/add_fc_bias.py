"""Give an fc with an activation a bias of zeros.

Before::

    y = fc(x, w, activation=relu)

After::

    y = fc(x, w, zeros, activation=relu)

The kernels apply the activation where they add the bias, and without a bias not at all:
on x86 always, on ARM where there are several rows (lite/kernels/{arm,x86}/fc_compute.cc).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from opt_tool.ir import Graph, Node
from opt_tool.ir.operations.matmul import Fc
from opt_tool.passes.rewrite import Rewrite


class FcWithoutBias(NamedTuple):
    """An fc that applies an activation and has no bias."""

    fc: Node


class AddFcBias(Rewrite[FcWithoutBias]):
    """Adds biases of zeros where the runtime would lose an activation."""

    roots = (Fc,)

    def match(self, graph: Graph, node: Node) -> FcWithoutBias | None:  # noqa: ARG002
        assert isinstance(node.op, Fc)
        if node.op.activation is None or node.inputs["Bias"]:
            return None
        return FcWithoutBias(node)

    def rewrite(self, graph: Graph, match: FcWithoutBias) -> Node:
        fc = match.fc
        columns = fc.input("W").type.static_shape[1]
        zeros = np.zeros(columns, fc.output.dtype.numpy)
        bias = graph.add_constant(f"{fc.name}.bias", zeros)
        return graph.replace(fc, fc.op, {**fc.inputs, "Bias": bias})
