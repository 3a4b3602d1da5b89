"""What kernels of older versions cannot do, or get wrong, and newer ones can.

The versions are those of the release tags that mended lite/operators/cumsum_op.cc,
lite/operators/expand_v2_op.cc, lite/operators/grid_sampler_op.cc,
lite/kernels/host/topk_v2_compute.cc, lite/kernels/host/cast_compute.cc and
lite/backends/x86/math/interpolate.cc.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from opt_tool.ir import DType, Node, Operation, Value
from opt_tool.ir.operations.data_movement import ExpandV2
from opt_tool.ir.operations.elementwise import Cast
from opt_tool.ir.operations.interpolation import BilinearInterp
from opt_tool.ir.operations.reduction import CumSum, TopKV2
from opt_tool.ir.operations.sampling import GridSampler
from opt_tool.targets import LiteVersion, Target


class VersionLimit(NamedTuple):
    """What versions before ``since`` do to the nodes that ``concerns`` picks, on a target."""

    since: LiteVersion
    concerns: Callable[[Node], bool]
    fact: str
    targets: frozenset[Target] = frozenset(Target)


def version_limit_of(node: Node, target: Target, version: LiteVersion) -> str | None:
    """Why a version cannot run a node though it has a kernel for it, if it cannot."""
    for limit in LIMITS.get(type(node.op), ()):
        if version < limit.since and target in limit.targets and limit.concerns(node):
            return f"Paddle Lite {version} {limit.fact}; {newer(limit.since)}"
    return None


def newer(version: LiteVersion) -> str:
    """What helps where only a newer version can run a node."""
    return f"--lite-version {version} can be used where the device runs it"


def _sums_backwards(node: Node) -> bool:
    return isinstance(node.op, CumSum) and node.op.reverse


def _leaves_itself_out(node: Node) -> bool:
    return isinstance(node.op, CumSum) and node.op.exclusive


def _expands_a_scalar(node: Node) -> bool:
    return node.input("X").rank == 0


def _sorts_planes(node: Node) -> bool:
    """Whether more than one element stands at each place of the axis."""
    assert isinstance(node.op, TopKV2)
    x = node.input("X")
    behind = x.shape[node.op.axis % x.rank + 1 :]
    return any(dim != 1 for dim in behind)


def _grows_from_the_corner(node: Node) -> bool:
    """Whether planes of open sizes are misread, of which known ones have become products."""
    op = node.op
    assert isinstance(op, BilinearInterp)
    if op.align_corners or op.align_mode == 0 or (_known(node.output) and _known(node.input("X"))):
        return False
    return bool(node.inputs["OutSize"]) or not op.scale or max(op.scale) > 1


def _asks_floats(node: Node) -> bool:
    """Whether numbers that need not be whole become truth values."""
    assert isinstance(node.op, Cast)
    return node.op.out_dtype is DType.BOOL and node.op.in_dtype in (DType.FLOAT32, DType.BOOL)


def _samples_another_size(node: Node) -> bool:
    return node.input("X").shape[2:] != node.input("Grid").shape[1:3]


def _known(planes: Value) -> bool:
    return all(isinstance(dim, int) for dim in planes.shape[2:])


LIMITS: Mapping[type[Operation], tuple[VersionLimit, ...]] = {
    BilinearInterp: (
        VersionLimit(
            LiteVersion.V2_11,
            _grows_from_the_corner,
            "reads beyond planes of open sizes that grow and whose positions count from the corner",
            frozenset({Target.X86}),
        ),
    ),
    Cast: (
        VersionLimit(LiteVersion.V2_12, _asks_floats, "has no cast from float32 or bool to bool"),
    ),
    CumSum: (
        VersionLimit(LiteVersion.V2_10, _leaves_itself_out, "sums no elements but each itself too"),
        VersionLimit(LiteVersion.V2_11, _sums_backwards, "sums forwards only"),
    ),
    ExpandV2: (VersionLimit(LiteVersion.V2_11, _expands_a_scalar, "does not expand scalars"),),
    GridSampler: (
        VersionLimit(
            LiteVersion.V2_13, _samples_another_size, "samples planes by grids of their size only"
        ),
    ),
    TopKV2: (VersionLimit(LiteVersion.V2_11, _sorts_planes, "sorts along the last axis only"),),
}
