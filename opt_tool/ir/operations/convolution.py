"""Convolutions: conv2d, depthwise_conv2d, conv2d_transpose and deformable_conv.

Paddle-Lite: lite/operators/conv_op.cc, conv_transpose_op.cc, deformable_conv_op.cc.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from opt_tool.ir.graph import Value
from opt_tool.ir.operation import Operands, Operation, ShapeError, slots
from opt_tool.ir.operations.activation import Activation
from opt_tool.ir.types import Dim, TensorType, add, floor_divide, may_be_equal, multiply, subtract

Pair = tuple[int, int]
Pads = tuple[int, int, int, int]
"""top, bottom, left, right"""


def window_output(size: Dim, before: int, after: int, extent: int, stride: int) -> Dim:
    """How many windows of ``extent`` fit on a padded side at a stride."""
    return add(floor_divide(subtract(add(size, before + after), extent), stride), 1)


def _static(weight: TensorType) -> tuple[int, ...]:
    """The shape of a filter, which must be known."""
    if not weight.is_static or 0 in weight.shape:
        raise ShapeError(f"the filter is {weight}; its sizes must be known and positive")
    return weight.static_shape


def _not_empty(spatial: Iterable[Dim]) -> tuple[Dim, ...]:
    """The spatial dimensions of an output; raises ShapeError when one is less than 1."""
    dims = tuple(spatial)
    if any(isinstance(dim, int) and dim < 1 for dim in dims):
        raise ShapeError(f"the output would be empty: {list(dims)} in space")
    return dims


class Conv2D(Operation):
    """Convolution, NCHW.

    Inputs: Input (N, C, H, W), Filter (O, C / groups, R, S), Bias? (O,), ResidualData?
    (N, O, P, Q) added before the activation (x86 kernels only).
    Output: (N, O, P, Q) with P = (H + top + bottom - dilation * (R - 1) - 1) // stride + 1.
    """

    type: ClassVar[str] = "conv2d"
    inputs = slots("Input Filter Bias? ResidualData?")
    outputs = slots("Output")

    strides: Pair = (1, 1)
    paddings: Pads = (0, 0, 0, 0)
    dilations: Pair = (1, 1)
    groups: int = 1
    activation: Activation | None = None

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x, weight = inputs.one("Input").type, inputs.one("Filter").type
        if x.rank != 4 or weight.rank != 4:
            raise ShapeError(f"needs an input and a filter of 4 dimensions, found {x} and {weight}")
        out_channels, group_channels, *kernel = _static(weight)
        expected = group_channels * self.groups
        if isinstance(x.shape[1], int) and x.shape[1] != expected:
            raise ShapeError(
                f"the filter {weight} with {self.groups} groups takes {expected} channels, "
                f"the input has {x.shape[1]}"
            )
        if out_channels % self.groups:
            raise ShapeError(f"{out_channels} filters do not divide into {self.groups} groups")
        pads = (self.paddings[:2], self.paddings[2:])
        spatial = (
            window_output(size, *pad, dilation * (extent - 1) + 1, stride)
            for size, pad, extent, stride, dilation in zip(
                x.shape[2:], pads, kernel, self.strides, self.dilations, strict=True
            )
        )
        return (x.with_shape((x.shape[0], out_channels, *_not_empty(spatial))),)


class DepthwiseConv2D(Conv2D):
    """Convolution with one group for each input channel: groups = C, Filter (O, 1, R, S)."""

    type: ClassVar[str] = "depthwise_conv2d"


class Conv2DTranspose(Operation):
    """Transposed convolution, NCHW.

    Inputs: Input (N, C, H, W), Filter (C, O / groups, R, S), Bias? (O,).
    Output: (N, O, P, Q) with
    P = (H - 1) * stride - top - bottom + dilation * (R - 1) + 1 + output_padding.
    """

    type: ClassVar[str] = "conv2d_transpose"
    inputs = slots("Input Filter Bias?")
    outputs = slots("Output")

    strides: Pair = (1, 1)
    paddings: Pads = (0, 0, 0, 0)
    dilations: Pair = (1, 1)
    groups: int = 1
    output_padding: Pair = (0, 0)
    activation: Activation | None = None

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x, weight = inputs.one("Input").type, inputs.one("Filter").type
        if x.rank != 4 or weight.rank != 4:
            raise ShapeError(f"needs an input and a filter of 4 dimensions, found {x} and {weight}")
        in_channels, group_outputs, *kernel = _static(weight)
        if isinstance(x.shape[1], int) and x.shape[1] != in_channels:
            raise ShapeError(f"the filter {weight} does not fit the input {x}")
        pads = (self.paddings[:2], self.paddings[2:])
        spatial = (
            add(
                multiply(subtract(size, 1), stride),
                dilation * (extent - 1) + 1 + extra - sum(pad),
            )
            for size, pad, extent, stride, dilation, extra in zip(
                x.shape[2:],
                pads,
                kernel,
                self.strides,
                self.dilations,
                self.output_padding,
                strict=True,
            )
        )
        return (x.with_shape((x.shape[0], group_outputs * self.groups, *_not_empty(spatial))),)


class DeformableConv(Operation):
    """Convolution whose taps are moved and weighed, NCHW.

    Zhu et al., Deformable ConvNets v2, 2018, equation 1.

    Inputs: Input (N, C, H, W), Offset (N, 2 * D * R * S, P, Q) with how many rows and then how
    many columns each tap is moved by, Mask (N, D * R * S, P, Q) that weighs the taps, and
    Filter (O, C / groups, R, S). The D = ``deformable_groups`` parts of the channels have offsets
    and weights of their own; the runtime takes as many parts as ``groups``. Between elements the
    input is interpolated, outside of it 0. It is computed ``im2col_step`` images at a time.
    Output: (N, O, P, Q), as of conv2d with the same pads at both sides.
    """

    type: ClassVar[str] = "deformable_conv"
    inputs = slots("Input Offset Mask Filter")
    outputs = slots("Output")

    strides: Pair = (1, 1)
    paddings: Pair = (0, 0)
    dilations: Pair = (1, 1)
    groups: int = 1
    deformable_groups: int = 1
    im2col_step: int = 1

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        down, across = self.paddings
        bare = Conv2D(
            strides=self.strides,
            paddings=(down, down, across, across),
            dilations=self.dilations,
            groups=self.groups,
        )
        (made,) = bare.infer(inputs)
        *_, rows, columns = _static(inputs.one("Filter").type)
        taps = self.deformable_groups * rows * columns
        for slot, count in (("Offset", 2 * taps), ("Mask", taps)):
            type = inputs.one(slot).type
            if not may_be_equal(type.shape[1:], (count, *made.shape[2:])):
                raise ShapeError(f"{slot} is {type}; for {made} it needs {count} channels")
        return (made,)
