from __future__ import annotations

import pytest

from graphs import TestGraphs
from opt_tool.ir import DType, Operation
from opt_tool.ir.operations.activation import Gelu, LeakyRelu, Relu, Relu6
from opt_tool.ir.operations.convolution import Conv2D, Conv2DTranspose, DeformableConv, Pads
from opt_tool.ir.operations.elementwise import Cast, ElementwisePow
from opt_tool.ir.operations.interpolation import BilinearInterp
from opt_tool.ir.operations.matmul import Fc, MatMulV2
from opt_tool.ir.operations.normalization import BatchNorm
from opt_tool.ir.operations.pooling import Pool2D
from opt_tool.ir.operations.reduction import ReduceMax, ReduceMean, ReduceProd
from opt_tool.ir.operations.sampling import GridSampler
from opt_tool.passes.kernel_limits import limit_of
from opt_tool.targets import Target

ARM, X86 = Target.ARM, Target.X86
BOTH = (ARM, X86)
STATISTICS = ("Scale", "Bias", "Mean", "Variance")


def mean(paddings: Pads) -> Pool2D:
    """A mean that counts its pads."""
    return Pool2D(pooling_type="avg", ksize=(3, 3), paddings=paddings, exclusive=False)


def deformed(groups: int, parts: int) -> dict[str, tuple[int, ...]]:
    offset, mask = (1, parts * 8, 5, 4), (1, parts * 4, 5, 4)
    shapes = {"Input": (1, 4, 6, 5), "Filter": (2, 4 // groups, 2, 2)}
    return {**shapes, "Offset": offset, "Mask": mask}


@pytest.mark.parametrize(
    ("op", "shapes", "limited"),
    [
        (Cast(in_dtype=DType.FLOAT32, out_dtype=DType.INT8), {"X": (2,)}, BOTH),
        (Cast(in_dtype=DType.FLOAT32, out_dtype=DType.BOOL), {"X": (2,)}, ()),
        (Relu6(threshold=3.0), {"X": (2,)}, (ARM,)),
        (Relu6(), {"X": (2,)}, ()),
        (Gelu(approximate=True), {"X": (2,)}, (X86,)),
        (Gelu(), {"X": (2,)}, ()),
        (LeakyRelu(alpha=1.5), {"X": (2,)}, (X86,)),
        (LeakyRelu(alpha=-0.5), {"X": (2,)}, ()),
        (Fc(activation=Relu()), {"Input": (2, 3), "W": (3, 4)}, BOTH),
        (Fc(), {"Input": (2, 3), "W": (3, 4)}, ()),
        (ElementwisePow(), {"X": (1,), "Y": (2, 3)}, (ARM,)),
        (ElementwisePow(), {"X": (2, 3), "Y": (1,)}, ()),
        (MatMulV2(), {"X": (2, 3, 4), "Y": (2, 4, 5)}, ()),
        (MatMulV2(), {"X": (2, 3, 4), "Y": (4, 5)}, ()),
        (MatMulV2(), {"X": (3, 4), "Y": (2, 4, 5)}, ()),
        (MatMulV2(), {"X": (1, 2, 3, 4), "Y": (2, 4, 5)}, ()),
        (MatMulV2(), {"X": (2, 3, 4), "Y": (1, 4, 5)}, BOTH),
        (MatMulV2(), {"X": (2, 1, 3, 4), "Y": (1, 2, 4, 5)}, BOTH),
        (MatMulV2(), {"X": (4,), "Y": (2, 4, 5)}, BOTH),
        (MatMulV2(), {"X": (2, 3, 4), "Y": (4,)}, ()),
        (ReduceMean(dim=(2, 3)), {"X": (2, 3, 4, 5)}, ()),
        (ReduceMean(dim=(3, 2)), {"X": (2, 3, 4, 5)}, (ARM,)),
        (ReduceMean(dim=(-2, -1)), {"X": (2, 3, 4, 5)}, ()),
        (ReduceMean(dim=(1, 3)), {"X": (2, 3, 4, 5)}, (ARM,)),
        (ReduceMean(dim=(1, 2, 3)), {"X": (2, 3, 4, 5)}, (ARM,)),
        (ReduceMean(dim=(4,)), {"X": (2, 3, 4, 5, 6)}, BOTH),
        (ReduceMean(dim=(0, 1), reduce_all=True), {"X": (2, 3)}, (ARM,)),
        (ReduceMean(dim=(1, 2)), {"X": (2, 3, 4)}, ()),
        (ReduceMax(dim=(1, 2)), {"X": (2, 3, 4)}, (ARM,)),
        (ReduceProd(dim=(1,)), {"X": (2, 3, 4)}, (ARM,)),
        (Conv2D(), {"Input": (1, 2, 5, 5), "Filter": (3, 2, 3, 3)}, BOTH),
        (Conv2D(), {"Input": (1, 2, 5, 5), "Filter": (3, 2, 1, 1)}, (ARM,)),
        (Conv2DTranspose(), {"Input": (1, 2, 5, 5), "Filter": (2, 3, 3, 3)}, (ARM,)),
        (DeformableConv(), deformed(1, 1), ()),
        (DeformableConv(groups=2, deformable_groups=2), deformed(2, 2), (ARM,)),
        (DeformableConv(deformable_groups=2), deformed(1, 2), BOTH),
        (mean((1, 1, 0, 0)), {"X": (1, 2, 5, 6)}, ()),
        (mean((0, 1, 0, 0)), {"X": (1, 2, 5, 6)}, BOTH),
        (mean((0, 0, 1, 0)), {"X": (1, 2, 5, 6)}, BOTH),
        (mean((2, 2, 0, 0)).replaced(ksize=(5, 3)), {"X": (1, 2, 2, 6)}, (ARM,)),
        (mean((2, 2, 0, 0)).replaced(ksize=(5, 3)), {"X": (1, 2, 3, 6)}, ()),
        (mean((2, 2, 0, 0)).replaced(ksize=(5, 3)), {"X": (1, 2, 1, 6)}, ()),
        (mean((0, 1, 1, 0)).replaced(exclusive=True), {"X": (1, 2, 5, 6)}, ()),
        (mean((0, 1, 1, 0)).replaced(pooling_type="max"), {"X": (1, 2, 5, 6)}, ()),
        (BilinearInterp(out_h=1, out_w=4, align_corners=True), {"X": (1, 2, 5, 6)}, (ARM,)),
        (BilinearInterp(out_h=3, out_w=1, align_corners=True), {"X": (1, 2, 5, 6)}, (ARM,)),
        (BilinearInterp(out_h=1, out_w=4, align_corners=True), {"X": (1, 2, 1, 6)}, ()),
        (BilinearInterp(out_h=1, out_w=1), {"X": (1, 2, 5, 6)}, ()),
        (GridSampler(), {"X": (1, 2, 5, 6), "Grid": (1, 5, 6, 2)}, ()),
        (GridSampler(), {"X": (1, 2, 5, 6), "Grid": (1, 6, 5, 2)}, (ARM,)),
        (BatchNorm(), {"X": (1, 2), **dict.fromkeys(STATISTICS, (2,))}, (ARM,)),
    ],
    ids=str,
)
def test_knows_what_kernels_cannot_do(
    op: Operation, shapes: dict[str, tuple[int, ...]], limited: tuple[Target, ...]
) -> None:
    b = TestGraphs()
    b.add(op, **{slot: b.input(*shape) for slot, shape in shapes.items()})
    (node,) = b.graph.nodes
    assert tuple(target for target in BOTH if limit_of(node, target) is not None) == limited


def test_a_constant_filter_may_be_kept() -> None:
    b = TestGraphs()
    b.add(Conv2D(), Input=b.input(1, 2, 5, 5), Filter=b.weight(3, 2, 3, 3))
    (node,) = b.graph.nodes
    assert all(limit_of(node, target) is None for target in BOTH)


@pytest.mark.parametrize("target", list(Target))
def test_tensors_without_elements_end_the_runtime(target: Target) -> None:
    b = TestGraphs()
    graph = b.build(b.add(Relu(), X=b.input(0, 3)))
    (node,) = graph.nodes
    limit = limit_of(node, target)
    assert limit is not None
    assert "no elements" in limit
