"""Reads Resize and Upsample.

Paddle Lite resizes planes in three ways of counting. What counts alike becomes one of its
operators; any other resizing of known sizes is what ``resampling`` computes: indices to
gather, or a matrix for each axis to multiply with.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from opt_tool.errors import UnsupportedOperatorError
from opt_tool.formats.casting import as_int32, carried
from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.formats.onnx.planes import from_planes, to_planes
from opt_tool.formats.onnx.registry import onnx_op
from opt_tool.formats.onnx.resampling import (
    COORDINATES,
    ROUNDINGS,
    Axis,
    Rule,
    matrix,
    nearest_indices,
    outside,
)
from opt_tool.formats.resizing import (
    bilinear_operator,
    check_axis,
    multiplied_along,
    nearest_operator,
    taken_along,
)
from opt_tool.ir import Dim, DType, Value
from opt_tool.ir.operations.data_movement import Slice
from opt_tool.ir.operations.elementwise import ElementwiseAdd
from opt_tool.ir.operations.interpolation import BilinearInterp, Interpolation, NearestInterp
from opt_tool.kernels.interpolation import LARGEST_MATRIX

OPSET_10 = Rule(coordinates="asymmetric", rounding="simple")
"""How Upsample and the first Resize find elements."""

SAMPLE_SIZES = (2, 3, 4, 5, 7, 8, 13, 16, 32, 57, 100)
"""Sizes on which two ways of counting are compared where the size is not known.

Planes of one row or column are not among them: nobody resizes these at run time.
"""


@dataclass(frozen=True, slots=True)
class Target:
    """The wanted size of one axis; by ``scale`` unless that is None."""

    axis: int
    size: Dim
    count: Dim
    scale: float | None


# ---- the node


@onnx_op("Upsample", since=7)
def upsample(node: OnnxNode) -> Value:
    return _resized_by_scales(node)


@onnx_op("Resize", since=10)
def resize_10(node: OnnxNode) -> Value:
    return _resized_by_scales(node)


def _resized_by_scales(node: OnnxNode) -> Value:
    x = node.input(0)
    if node.maybe(1) is None:
        scales = node.reals("scales")
    else:
        scales = tuple(float(scale) for scale in node.constant(1, "scales").reshape(-1))
    rule = OPSET_10._replace(mode=node.text("mode", "nearest"))
    return _resized(node, x, _by_scales(node, x, range(x.rank), scales), rule)


@onnx_op("Resize", since=11)
def resize(node: OnnxNode) -> Value:
    x = node.input(0)
    rule = Rule(
        node.text("mode", "nearest"),
        node.text("coordinate_transformation_mode", "half_pixel"),
        node.text("nearest_mode", "round_prefer_floor"),
        node.real("cubic_coeff_a", -0.75),
        bool(node.integer("exclude_outside", 0)),
        bool(node.integer("antialias", 0)),
    )
    axes = tuple(node.axis(axis, x.rank) for axis in node.integers("axes", tuple(range(x.rank))))
    scales = node.maybe_constant(2, "scales")
    if scales is not None and scales.size:
        factors = tuple(float(scale) for scale in scales.reshape(-1))
        return _resized(node, x, _by_scales(node, x, axes, factors), rule)
    sizes = node.input(3)
    if sizes.elements is None:
        counts: tuple[Dim, ...] = tuple(f"{sizes.name}.{index}" for index in range(len(axes)))
    else:
        counts = sizes.elements
    return _resized(node, x, _by_sizes(node, x, axes, counts), rule)


def _by_scales(
    node: OnnxNode, x: Value, axes: Sequence[int], scales: Sequence[float]
) -> list[Target]:
    if len(scales) != len(axes) or not all(0 < scale <= LARGEST_MATRIX for scale in scales):
        raise node.unsupported(f"scales {list(scales)} are not positive ones for {len(axes)} axes")
    return [
        Target(axis, x.shape[axis], _scaled(x.shape[axis], scale), scale)
        for axis, scale in zip(axes, scales, strict=True)
    ]


def _scaled(size: Dim, scale: float) -> Dim:
    if scale == 1:
        return size
    return f"{size}*{scale}" if isinstance(size, str) else int(np.float32(scale) * np.float32(size))


def _by_sizes(node: OnnxNode, x: Value, axes: Sequence[int], counts: Sequence[Dim]) -> list[Target]:
    if len(counts) != len(axes):
        raise node.unsupported(f"{len(counts)} sizes for {len(axes)} axes")
    policy = node.text("keep_aspect_ratio_policy", "stretch")
    if policy == "stretch":
        return [
            Target(axis, x.shape[axis], count, None)
            for axis, count in zip(axes, counts, strict=True)
        ]
    sizes = [x.shape[axis] for axis in axes]
    ratios = [
        np.float32(count) / np.float32(size)
        for size, count in zip(sizes, counts, strict=True)
        if isinstance(size, int) and isinstance(count, int) and size
    ]
    if len(ratios) != len(axes) or policy not in ("not_larger", "not_smaller"):
        raise node.unsupported(
            f"keep_aspect_ratio_policy {policy!r} of {sizes} to {list(counts)}; give the input's "
            "shape with --input-shape"
        )
    scale = min(ratios) if policy == "not_larger" else max(ratios)
    return [
        Target(axis, size, int(np.floor(scale * np.float32(size) + np.float32(0.5))), float(scale))
        for axis, size in zip(axes, sizes, strict=True)
        if isinstance(size, int)
    ]


def _roi(node: OnnxNode, targets: Sequence[Target]) -> dict[int, tuple[float, float]]:
    """Start and end of the cropped region on each axis, as parts of it."""
    if node.text("coordinate_transformation_mode", "half_pixel") != "tf_crop_and_resize":
        return {}
    roi = [float(bound) for bound in node.constant(1, "region of interest").reshape(-1)]
    count = len(targets)
    if len(roi) != 2 * count:
        raise node.unsupported(f"a region of interest of {len(roi)} bounds for {count} axes")
    return {target.axis: (roi[i], roi[i + count]) for i, target in enumerate(targets)}


# ---- the rule


def _resized(node: OnnxNode, x: Value, targets: Sequence[Target], rule: Rule) -> Value:
    _check(node, rule)
    roi = _roi(node, targets)
    changed = [target for target in targets if target.count != target.size or not _keeps(target)]
    for target in changed:
        if isinstance(target.size, str) or isinstance(target.count, str):
            if roi:
                raise _open_sizes(node, "tf_crop_and_resize of a size known only at run time")
            return _resized_at_run_time(node, x, changed, rule)
    axes = {
        target.axis: Axis(
            int(target.size),
            int(target.count),
            target.scale or float(np.float32(target.count) / np.float32(max(int(target.size), 1))),
            *roi.get(target.axis, (0.0, 1.0)),
        )
        for target in changed
    }
    return _resized_statically(node, x, axes, rule)


def _keeps(target: Target) -> bool:
    """Whether an axis whose size stays keeps its elements."""
    return target.scale is None or target.scale == 1


def _check(node: OnnxNode, rule: Rule) -> None:
    known = {
        "mode": ("nearest", "linear", "cubic"),
        "coordinates": tuple(COORDINATES),
        "rounding": tuple(ROUNDINGS),
    }
    for name, values in known.items():
        value = getattr(rule, name)
        if value not in values:
            raise node.unsupported(f"{name} {value!r}; there are {', '.join(values)}")


# ---- known sizes


def _resized_statically(node: OnnxNode, x: Value, axes: dict[int, Axis], rule: Rule) -> Value:
    if any(min(axis.size, axis.count) < 1 for axis in axes.values()):
        raise node.unsupported("the input is, or the output would be empty")
    for axis in axes.values():
        check_axis(node, axis.size, axis.count, weighted=rule.mode != "nearest")
    if rule.mode == "nearest" and not any(outside(axis, rule).any() for axis in axes.values()):
        planar = _planar(x, axes) and x.dtype is DType.FLOAT32
        op = _nearest_operator(axes.values(), rule) if planar else None
        if op is not None:
            return _with_operator(node, x, axes, op)
        return carried(node, [x], lambda value: _gathered(node, value, axes, rule))
    if x.dtype is not DType.FLOAT32:
        raise node.unsupported(f"{rule.mode} resizing of {x.dtype.value}; only float is supported")
    filled = node.real("extrapolation_value", 0.0) != 0 and any(
        outside(axis, rule).any() for axis in axes.values()
    )
    linear = _linear_operator(axes.values(), rule) if _planar(x, axes) and not filled else None
    if linear is not None:
        return _with_operator(node, x, axes, linear)
    return _multiplied(node, x, axes, rule)


def _planar(x: Value, axes: Iterable[int]) -> bool:
    """Whether the axes are among those that Paddle Lite resizes."""
    return x.rank in (3, 4) and min(axes, default=0) >= 2


def _with_operator(node: OnnxNode, x: Value, axes: dict[int, Axis], op: Interpolation) -> Value:
    planes = to_planes(node, x)
    counts: list[Dim] = list(planes.shape[2:])
    for axis, sizes in axes.items():
        counts[axis - x.rank] = sizes.count
    height, width = counts
    if isinstance(height, int) and isinstance(width, int):
        sized = op.replaced(out_h=height, out_w=width)
        return from_planes(node, node.add(sized, X=planes), x)
    raise node.unsupported(
        f"it resizes one axis of {x.type}, of which another is known only at run time; give the "
        "input's shape with --input-shape"
    )


def _nearest_operator(axes: Iterable[Axis], rule: Rule) -> NearestInterp | None:
    return nearest_operator((axis.size, nearest_indices(axis, rule)) for axis in axes)


def _linear_operator(axes: Iterable[Axis], rule: Rule) -> BilinearInterp | None:
    return bilinear_operator([matrix(axis, rule) for axis in axes])


def _gathered(node: OnnxNode, x: Value, axes: dict[int, Axis], rule: Rule) -> Value:
    for axis, sizes in axes.items():
        x = taken_along(node, x, axis, nearest_indices(sizes, rule))
    return x


def _multiplied(node: OnnxNode, x: Value, axes: dict[int, Axis], rule: Rule) -> Value:
    """Multiply each axis by its matrix; outside of a crop stands extrapolation_value."""
    y = x
    value = node.real("extrapolation_value", 0.0)
    blank = np.zeros((1,) * x.rank, np.bool_)
    for axis, sizes in axes.items():
        y = multiplied_along(node, y, axis, matrix(sizes, rule))
        blank = blank | outside(sizes, rule).reshape((-1,) + (1,) * (x.rank - axis - 1))
    if value and blank.any():
        fill = node.new_constant(np.where(blank, np.float32(value), np.float32(0)), "outside")
        y = node.add(ElementwiseAdd(), X=y, Y=fill)
    return y


# ---- sizes known only at run time


def _resized_at_run_time(node: OnnxNode, x: Value, targets: Sequence[Target], rule: Rule) -> Value:
    planar = _planar(x, [target.axis for target in targets]) and x.dtype is DType.FLOAT32
    if not planar or rule.mode == "cubic":
        raise _open_sizes(
            node,
            f"{rule.mode} resizing of {x.type} to sizes known only at run time; Paddle Lite "
            "resizes planes of float32. Give the input's shape with --input-shape",
        )
    samples = [_samples(target) for target in targets]
    operator = _nearest_operator if rule.mode == "nearest" else _linear_operator
    op = operator([axis for axes in samples for axis in axes], rule) if all(samples) else None
    if op is None:
        raise _open_sizes(
            node,
            f"{rule.mode} resizing by {rule.coordinates} coordinates (nearest_mode "
            f"{rule.rounding}) to sizes known only at run time; Paddle Lite counts otherwise. "
            "Give the input's shape with --input-shape",
        )
    planes = to_planes(node, x)
    scales = {target.axis: target.scale for target in targets}
    if None not in scales.values():
        pair = tuple(scales.get(axis - 4 + x.rank) or 1.0 for axis in (2, 3))
        scaled = op.replaced(scale=pair)
        return from_planes(node, node.add(scaled, X=planes), x)
    return from_planes(node, node.add(op, X=planes, OutSize=_out_size(node, x)), x)


def _open_sizes(node: OnnxNode, problem: str) -> UnsupportedOperatorError:
    sizes = node.maybe(3)
    return node.unsupported(problem) if sizes is None else node.open(sizes, "sizes", problem)


def _samples(target: Target) -> list[Axis]:
    """Sizes that stand for all that an axis may have."""
    if target.scale is not None:
        pairs = [(size, int(_scaled(size, target.scale))) for size in SAMPLE_SIZES]
        return [Axis(size, count, target.scale) for size, count in pairs if count > 1]
    wanted = [target.count] if isinstance(target.count, int) else SAMPLE_SIZES
    pairs = [
        (size, int(count))
        for count in wanted
        for size in (
            [target.size]
            if isinstance(target.size, int)
            else {max(int(count) // part, 2) for part in (1, 2, 3, 4)} | {int(count) // 2 + 1}
        )
    ]
    return [Axis(size, count, float(np.float32(count) / np.float32(size))) for size, count in pairs]


def _out_size(node: OnnxNode, x: Value) -> Value:
    """Height and width as the runtime takes them, from the operand ``sizes``."""
    sizes = node.input(3)
    axes = tuple(node.axis(axis, x.rank) for axis in node.integers("axes", tuple(range(x.rank))))
    if x.rank != 4 or axes[-2:] != (2, 3):
        raise _open_sizes(
            node,
            f"sizes of the axes {list(axes)} of {x.type} that are known only at run time; give "
            "the input's shape with --input-shape",
        )
    count = len(axes)
    cut = Slice(axes=(0,), starts=(count - 2,), ends=(count,), infer_flags=(1,))
    return as_int32(node, sizes if count == 2 else node.add(cut, Input=sizes))
