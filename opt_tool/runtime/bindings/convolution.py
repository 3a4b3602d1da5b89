"""Binds convolutions and transposed ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import numpy as np

from opt_tool.ir import Node
from opt_tool.ir.operations import convolution as ops
from opt_tool.kernels import convolution as kernels
from opt_tool.kernels import depthwise, winograd
from opt_tool.kernels.planes import InPlace
from opt_tool.runtime.binding import Arrays, Out, Settings, computes, prepares
from opt_tool.runtime.bindings.activation import apply, in_place
from opt_tool.runtime.convolution_plan import TRANSFORMS, Layer, choose

Preparation: TypeAlias = Callable[[np.ndarray], np.ndarray]

Way: TypeAlias = tuple[str, np.ndarray | None]
"""An algorithm, and the weights as it takes them if that is not as they are."""


class Convolution:
    """One convolution, ready to run; weights are made ready once for each way to compute it."""

    def __init__(self, node: Node, settings: Settings) -> None:
        assert isinstance(node.op, ops.Conv2D)
        self.op = node.op
        self.settings = settings
        self._activate = in_place(node.op.activation)
        self._constant = node.input("Filter").is_constant
        self._ways: dict[tuple[int, ...], Way] = {}
        self._ready: dict[object, np.ndarray] = {}
        if self._constant and node.input("Input").type.is_static:
            self._way(node.input("Input").type.static_shape, node.input("Filter").array())

    @property
    def prepared_bytes(self) -> int:
        return sum(array.nbytes for array in self._ready.values())

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
        algorithm, ready = self._way(x.shape, weight)
        if algorithm in TRANSFORMS:
            assert ready is not None
            return winograd.conv2d(
                x,
                ready,
                bias,
                transform=TRANSFORMS[algorithm],
                paddings=self.op.paddings,
                activate=activate,
                out=out,
            )
        convolve: Callable[..., np.ndarray] = partial(kernels.conv2d, ready=ready)
        if algorithm == "direct":
            convolve = kernels.direct_conv2d
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

    def _way(self, shape: tuple[int, ...], weight: np.ndarray) -> Way:
        """The choice for an input's shape; weights that are computed are taken as they are."""
        if shape not in self._ways:
            layer = Layer.of(self.op, shape, weight.shape)
            algorithm = choose(layer, self.settings) if self._constant else "im2col"
            as_it_is = algorithm in ("direct", "pointwise") or not self._constant
            ready = None if as_it_is else self._made_ready(algorithm, layer, weight)
            self._ways[shape] = algorithm, ready
        return self._ways[shape]

    def _made_ready(self, algorithm: str, layer: Layer, weight: np.ndarray) -> np.ndarray:
        """The weights as an algorithm takes them; made once for all shapes that it is alike for."""
        key, make = self._preparation(algorithm, layer)
        if key not in self._ready:
            self._ready[key] = make(weight)
        return self._ready[key]

    def _preparation(self, algorithm: str, layer: Layer) -> tuple[object, Preparation]:
        """How weights are made ready, and what that depends on."""
        groups, places = layer.groups, layer.size[1]
        if algorithm in TRANSFORMS:
            transform = TRANSFORMS[algorithm]
            return algorithm, lambda w: winograd.transform_weights(w, transform, groups=groups)
        if algorithm == "depthwise":
            at_once = depthwise.places_at_once(places, layer.channels)
            return at_once, lambda w: depthwise.written_out(w, at_once)
        by_rows = kernels.goes_by_rows(layer.channels, places, layer.dilations, groups)
        return by_rows, lambda w: kernels.filter_matrix(w, groups=groups, by_rows=by_rows)


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
