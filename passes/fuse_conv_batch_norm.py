"""Fold a batch norm into the convolution in front of it.

Before::

    y = batch_norm(conv2d(x, w, b), gamma, beta, mean, variance)

After, with ``s = gamma / sqrt(variance + epsilon)``::

    y = conv2d(x, w * s, b * s + beta - mean * s)
"""

from __future__ import annotations

from opt_tool.ir import Node
from opt_tool.ir.operations.normalization import BatchNorm
from opt_tool.passes.affine import Affine, read_batch_norm
from opt_tool.passes.fuse_conv_affine import FuseIntoConv


class FuseConvBatchNorm(FuseIntoConv):
    """Folds batch norms into the convolutions in front of them."""

    roots = (BatchNorm,)

    def read(self, node: Node) -> Affine | None:
        return read_batch_norm(node)
