"""Binds convolutions and transposed ones."""

from __future__ import annotations

import numpy as np

from opt_tool.ir import Node
from opt_tool.ir.operations import convolution as ops
from opt_tool.kernels import convolution as kernels
from opt_tool.kernels import depthwise, winograd
from opt_tool.kernels.planes import InPlace
from opt_tool.runtime.binding import Arrays, Out, Settings, computes, prepares
from opt_tool.runtime.bindings.activation import apply, in_place
from opt_tool.runtime.convolution_plan import TRANSFORMS, Layer, choose


class Convolution:
    """One convolution, ready to run; weights are transformed once for each algorithm."""

    def __init__(self, node: Node, settings: Settings) -> None:
        assert isinstance(node.op, ops.Conv2D)
        self.op = node.op
        self.settings = settings
        self._activate = in_place(node.op.activation)
        self._constant = node.input("Filter").is_constant
        self._algorithms: dict[tuple[int, ...], str] = {}
        self._transformed: dict[str, np.ndarray] = {}
        self._bands: dict[int, np.ndarray] = {}
        if self._constant and node.input("Input").type.is_static:
            weight = node.input("Filter").array()
            algorithm = self._algorithm(node.input("Input").type.static_shape, weight)
            if algorithm in TRANSFORMS:
                self._weights_for(algorithm, weight)
            elif algorithm == "depthwise":
                self._bands_for(node.output.type.static_shape[3], weight)

    def __call__(self, arrays: Arrays, out: Out) -> np.ndarray:
        residual = arrays.maybe("ResidualData")
        if residual is None:
            return self._convolve(arrays, self._activate, out)
        y = self._convolve(arrays, None, out)
        np.add(y, residual, out=y)
        if self._activate is not None:
            self._activate(y)
        return y

    def _convolve(self, arrays: Arrays, activate: InPlace | None, out: Out) -> np.ndarray:
        x, weight, bias = arrays.one("Input"), arrays.one("Filter"), arrays.maybe("Bias")
        algorithm = self._algorithm(x.shape, weight)
        if algorithm in TRANSFORMS:
            return winograd.conv2d(
                x,
                self._weights_for(algorithm, weight),
                bias,
                transform=TRANSFORMS[algorithm],
                paddings=self.op.paddings,
                activate=activate,
                out=out,
            )
        if algorithm == "depthwise":
            return self._convolve_depthwise(arrays, activate, out)
        convolve = kernels.direct_conv2d if algorithm == "direct" else kernels.conv2d
        return convolve(
            x,
            weight,
            bias,
            strides=self.op.strides,
            paddings=self.op.paddings,
            dilations=self.op.dilations,
            groups=self.op.groups,
            activate=activate,
            out=out,
        )

    def _convolve_depthwise(self, arrays: Arrays, activate: InPlace | None, out: Out) -> np.ndarray:
        x, weight, op = arrays.one("Input"), arrays.one("Filter"), self.op
        padded = x.shape[3] + sum(op.paddings[2:])
        columns = (padded - op.dilations[1] * (weight.shape[3] - 1) - 1) // op.strides[1] + 1
        return depthwise.depthwise_conv2d(
            x,
            weight,
            arrays.maybe("Bias"),
            strides=op.strides,
            paddings=op.paddings,
            dilations=op.dilations,
            bands=self._bands_for(columns, weight),
            activate=activate,
            out=out,
        )

    def _bands_for(self, columns: int, weight: np.ndarray) -> np.ndarray:
        block = depthwise.block_width(columns)
        if block not in self._bands:
            self._bands[block] = depthwise.band_matrices(
                weight, block, stride=self.op.strides[1], dilation=self.op.dilations[1]
            )
        return self._bands[block]

    def _algorithm(self, shape: tuple[int, ...], weight: np.ndarray) -> str:
        """The choice for an input's shape; weights that are computed are not transformed."""
        if shape not in self._algorithms:
            layer = Layer.of(self.op, shape, weight.shape)
            self._algorithms[shape] = choose(layer, self.settings) if self._constant else "im2col"
        return self._algorithms[shape]

    def _weights_for(self, algorithm: str, weight: np.ndarray) -> np.ndarray:
        if algorithm not in self._transformed:
            self._transformed[algorithm] = winograd.transform_weights(
                weight, TRANSFORMS[algorithm], groups=self.op.groups
            )
        return self._transformed[algorithm]


prepares(ops.Conv2D)(Convolution)
prepares(ops.DepthwiseConv2D)(Convolution)


@computes(ops.Conv2DTranspose)
def conv2d_transpose(op: ops.Conv2DTranspose, arrays: Arrays) -> np.ndarray:
    y = kernels.conv2d_transpose(
        arrays.one("Input"),
        arrays.one("Filter"),
        arrays.maybe("Bias"),
        strides=op.strides,
        paddings=op.paddings,
        dilations=op.dilations,
        groups=op.groups,
        output_padding=op.output_padding,
    )
    return apply(op.activation, y)
