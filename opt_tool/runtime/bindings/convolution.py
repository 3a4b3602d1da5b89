"""Binds convolutions and transposed ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias  # Any: keyword arguments by name

import numpy as np

from opt_tool.ir import Node, Operands, TensorType
from opt_tool.ir.operations import convolution as ops
from opt_tool.kernels import convolution as kernels
from opt_tool.kernels import depthwise, pointwise, products, transposed_convolution, winograd
from opt_tool.kernels.calls import Call
from opt_tool.kernels.deformable_convolution import deformable_conv2d
from opt_tool.kernels.epilogue import Epilogue
from opt_tool.kernels.memory import channels_last, lies_channels_last
from opt_tool.kernels.planes import Geometry
from opt_tool.runtime.binding import Arrays, Out, Settings, computes, prepares, writes
from opt_tool.runtime.bindings.activation import in_a_row, in_place
from opt_tool.runtime.convolution_plan import TRANSFORMS, Layer, choose
from opt_tool.runtime.threads import multiplies_small

Preparation: TypeAlias = Callable[[np.ndarray], np.ndarray]

FLOAT32 = np.dtype(np.float32)

LITTLE_SPACE = 2 << 20
"""Layers that lay out more at once are not captured: they take long, and runs share the memory."""

Way: TypeAlias = tuple[str, np.ndarray | None]
"""An algorithm, and the weights as it takes them if that is not as they are."""


class Convolution:
    """One convolution, ready to run; weights are made ready once for each way to compute it."""

    def __init__(self, node: Node, settings: Settings) -> None:
        assert isinstance(node.op, ops.Conv2D)
        self.op = node.op
        self.settings = settings
        self._activate = in_place(node.op.activation)
        self._finish = self._constant_finish(node)
        self._small = multiplies_small(settings.threads)
        self._geometry: dict[str, Any] = {
            name: getattr(node.op, name) for name in ("strides", "paddings", "dilations", "groups")
        }
        self._constant = node.input("Filter").is_constant
        self._ways: dict[tuple[int, ...], Way] = {}
        self._ready: dict[object, np.ndarray] = {}
        self.prepared_bytes = 0
        self._has_one_width = isinstance(node.input("Input").shape[3], int)
        self._is_final = self._constant and node.input("Input").type.is_static
        if self._is_final:
            self._way(node.input("Input").type.static_shape, node.input("Filter").array())
        self._is_capturable = (
            self._constant
            and self._finish is not None
            and {node.input("Filter").dtype.numpy, node.output.dtype.numpy} == {FLOAT32}
        )

    def _constant_finish(self, node: Node) -> Epilogue | None:
        """What ends each run, if that is known now."""
        bias, activate = node.inputs.maybe("Bias"), in_a_row(self.op.activation)
        if bias is None:
            return Epilogue.of(None, activate)
        return Epilogue.of(bias.array(), activate) if bias.is_constant else None

    @property
    def replaced(self) -> tuple[str, ...]:
        return ("Filter",) if self._is_final and self.prepared_bytes else ()

    def __call__(self, arrays: Arrays, out: Out) -> np.ndarray:
        algorithm, ready = self._way(arrays.one("Input").shape, arrays.one("Filter"))
        residual = arrays.maybe("ResidualData")
        finish = self._finish
        if finish is None:
            finish = Epilogue.of(arrays.maybe("Bias"), self._activate)
        if algorithm == "direct":
            return self._directly(arrays, residual, out)
        if residual is None or algorithm != "depthwise":
            return self._convolve(arrays, algorithm, ready, finish, residual, out)
        y = self._convolve(arrays, algorithm, ready, finish.without_activation, None, None)
        return self._added(y, residual, out)

    def _convolve(
        self,
        arrays: Arrays,
        algorithm: str,
        ready: np.ndarray | None,
        finish: Epilogue,
        residual: np.ndarray | None,
        out: Out,
    ) -> np.ndarray:
        x = arrays.one("Input")
        if algorithm in TRANSFORMS:
            assert ready is not None
            return winograd.conv2d(
                x,
                ready,
                finish,
                transform=TRANSFORMS[algorithm],
                paddings=self.op.paddings,
                residual=residual,
                out=out,
            )
        return kernels.conv2d(
            x,
            arrays.one("Filter"),
            finish,
            **self._geometry,
            ready=ready,
            residual=residual,
            small=self._small,
            out=out,
        )

    def capture(
        self, arrays: Arrays, out: np.ndarray, workspace: np.ndarray
    ) -> Iterable[Call] | None:
        x, residual = arrays.one("Input"), arrays.maybe("ResidualData")
        algorithm, ready = self._way(x.shape, arrays.one("Filter"))
        assert ready is not None
        assert self._finish is not None
        planes = [one for one in (x, residual, out) if one is not None]
        in_rows = [out] if algorithm == "im2col" else planes
        if not all(map(lies_channels_last, in_rows)) or {one.dtype for one in planes} != {FLOAT32}:
            return None
        space, y = workspace.view(FLOAT32), channels_last(out)
        finish, small = self._finish, self._small
        layer = Layer.of(self.op, x.shape, arrays.one("Filter").shape)
        geometry = Geometry.of(layer.strides, layer.dilations, self.op.paddings)
        if algorithm == "depthwise":
            blocks = _blocks(layer)
            return depthwise.depthwise_calls(x, ready, finish, y, geometry, blocks, space)
        more: dict[str, Any] = {"residual": residual, "small": small, "space": space}
        if algorithm == "im2col":
            laid_out = _laid_out(layer, adds=residual is not None)
            return kernels.im2col_calls(x, ready, finish, y, geometry, laid_out, **more)
        return pointwise.pointwise_calls(x, ready, finish, y, **more)

    def workspace_bytes(self, types: Operands[TensorType]) -> int | None:
        if not self._is_capturable or not types.one("Input").is_static:
            return None
        shapes = (types.one(slot).static_shape for slot in ("Input", "Filter"))
        layer = Layer.of(self.op, *shapes)
        adds = "ResidualData" in types
        if layer.only_way == "depthwise" and not adds:
            return _blocks(layer).elements * FLOAT32.itemsize
        if layer.only_way == "pointwise" and layer.strides == (1, 1) and not any(self.op.paddings):
            places, filters = layer.batch * math.prod(layer.size), layer.out_channels
            return pointwise.space_bytes(places, filters, FLOAT32.itemsize) if adds else 0
        if choose(layer, self.settings) == "im2col":
            needed = _laid_out(layer, adds=adds).elements * FLOAT32.itemsize
            return needed if needed <= LITTLE_SPACE else None
        return None

    def _directly(self, arrays: Arrays, residual: np.ndarray | None, out: Out) -> np.ndarray:
        """By the definition, which takes a residual afterwards: ``out`` may be where it lies."""
        operands = arrays.one("Input"), arrays.one("Filter"), arrays.maybe("Bias")
        if residual is None:
            return kernels.direct_conv2d(
                *operands, **self._geometry, activate=self._activate, out=out
            )
        return self._added(kernels.direct_conv2d(*operands, **self._geometry), residual, out)

    def _added(self, y: np.ndarray, residual: np.ndarray, out: Out) -> np.ndarray:
        total = np.add(y, residual, out=y if out is None else out)
        if self._activate is not None:
            self._activate(total)
        return total

    def _way(self, shape: tuple[int, ...], weight: np.ndarray) -> Way:
        """The choice for an input's shape; weights that are computed are taken as they are."""
        if shape not in self._ways:
            layer = Layer.of(self.op, shape, weight.shape)
            algorithm = choose(layer, self.settings) if self._constant else "im2col"
            as_it_is = algorithm == "direct" or not self._constant
            ready = None if as_it_is else self._made_ready(algorithm, layer, weight)
            self._ways[shape] = algorithm, ready
        return self._ways[shape]

    def _made_ready(self, algorithm: str, layer: Layer, weight: np.ndarray) -> np.ndarray:
        """The weights as an algorithm takes them; made once for all shapes that it is alike for."""
        key, make = self._preparation(algorithm, layer)
        if key not in self._ready:
            made = self._ready[key] = make(weight)
            if not np.may_share_memory(made, weight):
                self.prepared_bytes += made.nbytes
        if algorithm == "depthwise":
            return self._ready[key][..., : layer.channels * _places_at_once(layer)]
        return self._ready[key]

    def _preparation(self, algorithm: str, layer: Layer) -> tuple[object, Preparation]:
        """How weights are made ready, and what that depends on."""
        groups, places = layer.groups, layer.size[1]
        if algorithm in TRANSFORMS:
            return self._transformation(algorithm, layer)
        if algorithm == "depthwise":
            longest = depthwise.most_places_at_once(layer.channels)
            at_once = _places_at_once(layer) if self._has_one_width else longest
            return at_once, lambda w: depthwise.written_out(w, at_once)
        by_rows = layer.kernel != (1, 1) and kernels.goes_by_rows(
            layer.channels, places, layer.dilations, groups
        )
        width = None
        if self._small and not by_rows and not self.settings.as_stored:
            depth = layer.channels // groups
            shape = (layer.out_channels, depth, *layer.kernel)
            width = kernels.width_of_pieces(shape, groups, layer.size)
        return (by_rows, width), lambda w: kernels.filter_matrix(
            w, groups=groups, by_rows=by_rows, width=width
        )

    def _transformation(self, algorithm: str, layer: Layer) -> tuple[object, Preparation]:
        """How weights are transformed, and into how wide strips."""
        transform, groups, filters = TRANSFORMS[algorithm], layer.groups, layer.out_channels
        strip = filters // groups
        if self._small:
            tiles = winograd.tiles_at_once(layer.channels, filters, layer.size, transform)
            strip = products.strip_width(tiles, layer.channels // groups, strip)
        return (algorithm, strip), lambda w: winograd.transform_weights(
            w, transform, groups=groups, strip=strip
        )


def _places_at_once(layer: Layer) -> int:
    return depthwise.places_at_once(layer.size[1], layer.channels)


def _blocks(layer: Layer) -> depthwise.Blocks:
    return depthwise.Blocks.of(
        layer.size, layer.channels, layer.kernel, layer.strides, layer.dilations
    )


def _laid_out(layer: Layer, *, adds: bool) -> kernels.Blocks:
    depth = layer.channels // layer.groups
    return kernels.Blocks.of(
        layer.size,
        (layer.out_channels, depth, *layer.kernel),
        Geometry.of(layer.strides, layer.dilations, (0, 0, 0, 0)),
        groups=layer.groups,
        adds=adds,
    )


prepares(ops.Conv2D, in_place=("ResidualData",))(Convolution)
prepares(ops.DepthwiseConv2D, in_place=("ResidualData",))(Convolution)


@computes(ops.DeformableConv)
def deformable_conv(op: ops.DeformableConv, arrays: Arrays) -> np.ndarray:
    return deformable_conv2d(
        arrays.one("Input"),
        arrays.one("Offset"),
        arrays.one("Mask"),
        arrays.one("Filter"),
        strides=op.strides,
        paddings=op.paddings,
        dilations=op.dilations,
        groups=op.groups,
        deformable_groups=op.deformable_groups,
    )


@writes(ops.Conv2DTranspose)
def conv2d_transpose(op: ops.Conv2DTranspose, arrays: Arrays, out: Out) -> np.ndarray:
    return transposed_convolution.conv2d_transpose(
        arrays.one("Input"),
        arrays.one("Filter"),
        Epilogue.of(arrays.maybe("Bias"), in_place(op.activation)),
        strides=op.strides,
        paddings=op.paddings,
        dilations=op.dilations,
        groups=op.groups,
        output_padding=op.output_padding,
        out=out,
    )
