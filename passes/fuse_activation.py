"""Let a convolution or a matrix product apply the activation that follows it.

Before::

    y = relu(conv2d(x, w, b))

After::

    y = conv2d(x, w, b, activation=relu)

Which activations a kernel honours differs by target and is data here. What it does not
honour it drops without a word or aborts on, so nothing else is ever fused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias, get_args

from opt_tool.ir import Graph, Node, Operation
from opt_tool.ir.operations.activation import Activation, HardSwish, LeakyRelu, Relu, Relu6
from opt_tool.ir.operations.convolution import Conv2D, Conv2DTranspose, DepthwiseConv2D
from opt_tool.ir.operations.matmul import Fc
from opt_tool.passes.rewrite import Kept, Rewrite
from opt_tool.targets import LiteVersion, Target

Layer: TypeAlias = Conv2D | DepthwiseConv2D | Conv2DTranspose | Fc

RELUS = (Relu, Relu6, LeakyRelu)

HONOURED: Mapping[Target, Mapping[type[Operation], tuple[type[Operation], ...]]] = {
    Target.ARM: {
        Conv2D: (*RELUS, HardSwish),
        DepthwiseConv2D: (*RELUS, HardSwish),
        Conv2DTranspose: RELUS,
        Fc: (Relu, Relu6),
    },
    Target.X86: {
        Conv2D: (*RELUS, HardSwish),
        DepthwiseConv2D: (*RELUS, HardSwish),
        Conv2DTranspose: RELUS,
        Fc: (Relu,),
    },
}
"""What float32 kernels apply, by target and operation.

lite/kernels/{arm,x86}/{conv,fc}_compute.cc, lite/operators/conv_transpose_op.cc,
lite/backends/x86/math/fill_bias_activate.cc.
"""

SINCE: Mapping[tuple[Target, type[Operation], type[Operation]], LiteVersion] = {
    (Target.ARM, Fc, Relu6): LiteVersion.V2_11,  # fc reads no threshold before
    (Target.X86, Conv2D, HardSwish): LiteVersion.V2_11,  # as old as x86's own hard_swish
    (Target.X86, DepthwiseConv2D, HardSwish): LiteVersion.V2_11,
}
"""The versions before which the table above does not hold."""


class ActivatedLayer(NamedTuple):
    """A layer and the activation that alone reads it."""

    layer: Node
    activation: Node
    fused: Layer


class FuseActivation(Rewrite[ActivatedLayer]):
    """Fuses activations into the layers in front of them, as far as a target honours it."""

    roots = get_args(Activation)

    def __init__(self, target: Target, version: LiteVersion) -> None:
        self.target = target
        self.version = version

    def match(self, graph: Graph, node: Node) -> ActivatedLayer | Kept | None:
        assert isinstance(node.op, get_args(Activation))
        layer = node.input("X").producer
        if layer is None or not isinstance(layer.op, get_args(Layer)):
            return None
        if layer.op.activation is not None:
            return Kept(f"{layer.name!r} has an activation already")
        if not self._honours(layer.op, node.op):
            return Kept(f"{layer.op.type} cannot apply {node.op.type} on {self.target.value}")
        exception = self._exception(layer, node.op)
        if exception is not None:
            return Kept(exception)
        if not graph.read_once(layer.output):
            return Kept(f"{layer.name!r} is read by something else too")
        return ActivatedLayer(layer, node, layer.op.replaced(activation=node.op))

    def _honours(self, layer: Layer, activation: Activation) -> bool:
        row = (self.target, type(layer), type(activation))
        known = type(activation) in HONOURED[self.target][type(layer)]
        return known and self.version >= SINCE.get(row, self.version)

    def _exception(self, layer: Node, activation: Activation) -> str | None:
        """Why the table does not hold for one layer, if so."""
        if not (isinstance(layer.op, Conv2D) and is_depthwise(layer)):
            return None
        if self.target is Target.ARM and isinstance(activation, HardSwish):
            # conv3x3s1p01_depthwise_fp32.cc aborts
            return "depthwise convolution cannot apply hard_swish on arm"
        if (
            self.target is Target.X86
            and isinstance(activation, Relu6)
            and activation.threshold != 6
        ):
            # conv_depthwise_3x3.cc has 6 written into it
            return "depthwise convolution has relu6's threshold fixed at 6 on x86"
        return None

    def rewrite(self, graph: Graph, match: ActivatedLayer) -> Node:
        return graph.fuse((match.layer, match.activation), match.fused, match.layer.inputs)


def is_depthwise(conv: Node) -> bool:
    """Whether the kernels take a convolution for a depthwise one, whatever it is called."""
    out_channels, group_channels = conv.input("Filter").shape[:2]
    assert isinstance(conv.op, Conv2D)
    return group_channels == 1 and out_channels == conv.op.groups
