"""What kernels cannot do although they take the element types: the reasons to refuse.

These are the facts that the table of kernels does not hold. Where there is a way round
one, a lowering pass has taken it before; what is left would end the runtime's process or
give other numbers without a word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from opt_tool.ir import Node, Operation
from opt_tool.ir.operations.activation import Gelu, LeakyRelu, Relu6
from opt_tool.ir.operations.convolution import (
    Conv2D,
    Conv2DTranspose,
    DeformableConv,
    DepthwiseConv2D,
)
from opt_tool.ir.operations.elementwise import Cast, ElementwisePow
from opt_tool.ir.operations.interpolation import BilinearInterp
from opt_tool.ir.operations.matmul import Fc, MatMul, MatMulV2
from opt_tool.ir.operations.normalization import BatchNorm
from opt_tool.ir.operations.pooling import Pool2D
from opt_tool.ir.operations.recurrence import Rnn
from opt_tool.ir.operations.reduction import (
    ReduceMax,
    ReduceMean,
    ReduceMin,
    ReduceProd,
    ReduceSum,
)
from opt_tool.ir.operations.sampling import GridSampler
from opt_tool.passes.fold_pad import counts_its_pads, counts_pads_twice
from opt_tool.passes.lower_casts import is_direct
from opt_tool.passes.lower_matmul_broadcast import multiplies_directly
from opt_tool.passes.lower_reductions import reduces_directly
from opt_tool.passes.lower_relu6 import FIXED_THRESHOLD
from opt_tool.passes.lower_rnn import reads_state
from opt_tool.targets import Target


def limit_of(node: Node, target: Target) -> str | None:
    """Why a target's kernel cannot run a node, if it cannot."""
    for value in (*node.inputs.flat(), *node.outputs.flat()):
        if 0 in value.shape:
            return f"{value.name!r} has no elements, which ends the runtime's process"
    read = LIMITS.get(type(node.op))
    return None if read is None else read(node, target)


def _cast(node: Node, target: Target) -> str | None:  # noqa: ARG001
    assert isinstance(node.op, Cast)
    before, after = node.op.in_dtype, node.op.out_dtype
    if is_direct(before, after):
        return None
    return f"the runtime does not cast {before.value} to {after.value}"


def _reduction(node: Node, target: Target) -> str | None:
    if reduces_directly(node, target):
        return None
    return f"the kernel does not reduce {node.input('X').type} along these axes"


def _matmul(node: Node, target: Target) -> str | None:  # noqa: ARG001
    x, y = node.input("X"), node.input("Y")
    if multiplies_directly(x.shape, y.shape):
        return None
    return f"the kernel does not broadcast the batches of {x.type} and {y.type}"


def _relu6(node: Node, target: Target) -> str | None:
    assert isinstance(node.op, Relu6)
    if target is Target.X86 or node.op.threshold == FIXED_THRESHOLD:
        return None
    return f"the kernel computes with 6, not with {node.op.threshold}"


def _gelu(node: Node, target: Target) -> str | None:
    assert isinstance(node.op, Gelu)
    if target is Target.ARM or not node.op.approximate:
        return None
    return "the kernel computes the form by erf, not the one by tanh"


def _fc(node: Node, target: Target) -> str | None:  # noqa: ARG001
    assert isinstance(node.op, Fc)
    if node.op.activation is not None and not node.inputs["Bias"]:
        return "the kernel drops the activation where there is no bias"
    return None


def _pow(node: Node, target: Target) -> str | None:
    if target is Target.ARM and node.input("X").shape != node.output.shape:
        return "the kernel may swap the operands where the base is the one that is broadcast"
    return None


def _grid_sampler(node: Node, target: Target) -> str | None:
    x, grid = node.input("X"), node.input("Grid")
    if target is Target.X86 or x.shape[2:] == grid.shape[1:3]:
        return None
    return f"the kernel takes a position for each element of a plane, not {grid.type} of {x.type}"


def _leaky_relu(node: Node, target: Target) -> str | None:
    assert isinstance(node.op, LeakyRelu)
    if target is Target.X86 and node.op.alpha > 1:
        return "the kernel takes the larger of x and alpha * x"
    return None


def _bilinear(node: Node, target: Target) -> str | None:
    op = node.op
    assert isinstance(op, BilinearInterp)
    sizes = zip(node.input("X").shape[2:], node.output.shape[2:], strict=True)
    if target is Target.ARM and op.align_corners and any(n == 1 != size for size, n in sizes):
        return "the kernel writes behind its memory where an axis becomes one element"
    return None


def _pool(node: Node, target: Target) -> str | None:
    assert isinstance(node.op, Pool2D)
    if not counts_its_pads(node.op):
        return "the kernel counts as many pads behind the input as in front of it"
    if target is Target.ARM and counts_pads_twice(node.op, node.input("X").shape):
        return "the kernel counts pads twice in windows over the whole input"
    return None


def keeps_filter(node: Node, target: Target) -> bool:
    """Whether the kernel would use the filter of its first run, which is computed, ever after."""
    weight = node.input("Filter")
    return not (weight.is_constant or (target is Target.X86 and weight.shape[2:] == (1, 1)))


def _convolution(node: Node, target: Target) -> str | None:
    return _packed_once("filter") if keeps_filter(node, target) else None


def _transposed_convolution(node: Node, target: Target) -> str | None:
    if target is Target.X86 or node.input("Filter").is_constant:
        return None
    return _packed_once("filter")


def _deformable_convolution(node: Node, target: Target) -> str | None:
    assert isinstance(node.op, DeformableConv)
    if node.op.groups != node.op.deformable_groups:
        return "the kernel takes as many groups of offsets as of filters"
    if target is Target.ARM and node.op.groups > 1:
        return "the kernel finds the filters of the first group only"
    return None


def _batch_norm(node: Node, target: Target) -> str | None:
    parameters = (node.input(slot) for slot in ("Scale", "Bias", "Mean", "Variance"))
    if target is Target.X86 or all(value.is_constant for value in parameters):
        return None
    return _packed_once("statistics")


def _packed_once(what: str) -> str:
    return f"the kernel keeps the {what} of the first run, so they must not be computed"


def _rnn(node: Node, target: Target) -> str | None:
    assert isinstance(node.op, Rnn)
    assert node.graph is not None
    if target is Target.ARM or not reads_state(node.graph, node):
        return None
    return "the kernel leaves the last state empty; fix the length with --input-shape"


LIMITS: Mapping[type[Operation], Callable[[Node, Target], str | None]] = {
    BatchNorm: _batch_norm,
    BilinearInterp: _bilinear,
    Cast: _cast,
    Conv2D: _convolution,
    Conv2DTranspose: _transposed_convolution,
    DeformableConv: _deformable_convolution,
    DepthwiseConv2D: _convolution,
    ElementwisePow: _pow,
    Fc: _fc,
    Gelu: _gelu,
    GridSampler: _grid_sampler,
    LeakyRelu: _leaky_relu,
    MatMul: _matmul,
    MatMulV2: _matmul,
    Pool2D: _pool,
    ReduceMax: _reduction,
    ReduceMean: _reduction,
    ReduceMin: _reduction,
    ReduceProd: _reduction,
    ReduceSum: _reduction,
    Relu6: _relu6,
    Rnn: _rnn,
}
