"""Operations on shapes: what asks for one and what changes one, moving no element.

Paddle-Lite: lite/operators/shape_op.cc, reshape_op.cc, flatten_op.cc, squeeze_op.cc,
unsqueeze_op.cc.
"""

from __future__ import annotations

from typing import ClassVar

from opt_tool.ir.graph import Value
from opt_tool.ir.operation import UNKNOWN, Operands, Operation, ShapeError, slots
from opt_tool.ir.types import Dim, DType, TensorType, divide_products, product

KEEP = 0
"""In reshape2's shape: the dimension of the same index of X."""

INFER = -1
"""In reshape2's shape: what the other dimensions leave of X's elements."""


def checked_axis(axis: int, rank: int) -> int:
    """An axis counted from the front; raises ShapeError for one that the rank does not have."""
    if not -rank <= axis < rank:
        raise ShapeError(f"axis {axis} does not exist in a tensor of rank {rank}")
    return axis % rank


def shape_elements(shape: Value | None, parts: tuple[Value, ...]) -> tuple[Dim, ...] | None:
    """The dimensions that a shape operand, given whole or in parts, holds; None without one.

    Raises:
        ShapeError: when not even the number of dimensions is known.
    """
    if parts:
        known = (part.elements for part in parts)
        return tuple(UNKNOWN if elements is None else _first(elements) for elements in known)
    if shape is None:
        return None
    if shape.elements is not None:
        return shape.elements
    if shape.rank != 1 or not isinstance(shape.shape[0], int):
        raise ShapeError(f"the shape operand {shape.type} must be a vector of known length")
    return (UNKNOWN,) * shape.shape[0]


def _first(elements: tuple[Dim, ...]) -> Dim:
    if not elements:
        raise ShapeError("a part of the shape operand is empty")
    return elements[0]


def small_elements(x: Value, result: TensorType) -> tuple[Dim, ...] | None:
    """The elements of x where its reshaped result is still a scalar or a vector."""
    return x.elements if result.rank <= 1 else None


class Shape(Operation):
    """The dimensions of Input, int32 (rank,)."""

    type: ClassVar[str] = "shape"
    inputs = slots("Input")

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        return (TensorType(DType.INT32, (inputs.one("Input").rank,)),)

    def infer_elements(self, inputs: Operands[Value]) -> tuple[Dim, ...] | None:
        return inputs.one("Input").shape


class Reshape2(Operation):
    """The elements of X in another shape.

    A 0 in ``shape`` copies the dimension of that index, one -1 is what remains. The
    operands ShapeTensor (one int32 tensor for each dimension) and Shape (int32) take the
    place of the attribute, in this order. An attribute without numbers is no shape to the
    runtime: squeeze2 makes scalars.
    """

    type: ClassVar[str] = "reshape2"
    inputs = slots("X Shape? ShapeTensor*")

    shape: tuple[int, ...] = ()

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x = inputs.one("X").type
        given = shape_elements(inputs.maybe("Shape"), inputs["ShapeTensor"])
        if given is None and not self.shape:
            raise ShapeError(f"{x} does not reshape to a scalar; squeeze2 makes one")
        return (x.with_shape(reshaped(x.shape, self.shape if given is None else given)),)

    def infer_elements(self, inputs: Operands[Value]) -> tuple[Dim, ...] | None:
        return small_elements(inputs.one("X"), self.infer(inputs)[0])


def reshaped(old: tuple[Dim, ...], wanted: tuple[Dim, ...]) -> tuple[Dim, ...]:
    """The shape that reshape2 gives; raises ShapeError when the elements do not fit."""
    if sum(dim == INFER for dim in wanted) > 1:
        raise ShapeError(f"shape {list(wanted)} leaves more than one dimension open")
    if any(isinstance(dim, int) and dim < INFER for dim in wanted):
        raise ShapeError(f"shape {list(wanted)} has a negative dimension")
    new: list[Dim] = []
    for index, dim in enumerate(wanted):
        if dim == KEEP and index >= len(old):
            raise ShapeError(f"shape {list(wanted)} copies dimension {index} of {list(old)}")
        new.append(old[index] if dim == KEEP else dim)
    if UNKNOWN in new:
        return tuple(UNKNOWN if dim == INFER else dim for dim in new)
    if INFER in new:
        others = [dim for dim in new if dim != INFER]
        try:
            rest = divide_products(old, others)
        except ValueError:
            raise ShapeError(f"{list(old)} does not reshape to {list(wanted)}") from None
        return tuple(rest if dim == INFER else dim for dim in new)
    sizes = product(old), product(new)
    if all(isinstance(size, int) for size in sizes) and sizes[0] != sizes[1]:
        raise ShapeError(f"{list(old)} does not reshape to {list(wanted)}")
    return tuple(new)


class Flatten2(Operation):
    """X as a matrix: the dimensions before ``axis`` by the others."""

    type: ClassVar[str] = "flatten2"
    inputs = slots("X")

    axis: int = 1

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x = inputs.one("X").type
        if not 0 <= self.axis <= x.rank:
            raise ShapeError(f"axis {self.axis} is not in {x}")
        return (x.with_shape((product(x.shape[: self.axis]), product(x.shape[self.axis :]))),)


class FlattenContiguousRange(Operation):
    """X with the dimensions from ``start_axis`` to ``stop_axis``, both included, as one."""

    type: ClassVar[str] = "flatten_contiguous_range"
    inputs = slots("X")

    start_axis: int = 1
    stop_axis: int = -1

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x = inputs.one("X").type
        start, stop = checked_axis(self.start_axis, x.rank), checked_axis(self.stop_axis, x.rank)
        if start > stop:
            raise ShapeError(f"the range from axis {start} to axis {stop} is empty")
        flat = product(x.shape[start : stop + 1])
        return (x.with_shape((*x.shape[:start], flat, *x.shape[stop + 1 :])),)


class Squeeze2(Operation):
    """X without the dimensions ``axes``, all of size 1; without all of them when empty."""

    type: ClassVar[str] = "squeeze2"
    inputs = slots("X")

    axes: tuple[int, ...] = ()

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x = inputs.one("X").type
        if not self.axes and not x.is_static:
            raise ShapeError(f"which dimensions of {x} are 1 is known only at run time")
        axes = {checked_axis(axis, x.rank) for axis in self.axes} or {
            axis for axis, dim in enumerate(x.shape) if dim == 1
        }
        for axis in axes:
            if isinstance(x.shape[axis], int) and x.shape[axis] != 1:
                raise ShapeError(f"dimension {axis} of {x} is not 1")
        return (x.with_shape(dim for axis, dim in enumerate(x.shape) if axis not in axes),)

    def infer_elements(self, inputs: Operands[Value]) -> tuple[Dim, ...] | None:
        return inputs.one("X").elements


class Unsqueeze2(Operation):
    """X with dimensions of size 1 put in at ``axes``, one after the other.

    Each axis is a place in the shape as it is when its turn comes.
    """

    type: ClassVar[str] = "unsqueeze2"
    inputs = slots("X AxesTensor? AxesTensorList*")

    axes: tuple[int, ...] = ()

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        x = inputs.one("X").type
        given = shape_elements(inputs.maybe("AxesTensor"), inputs["AxesTensorList"])
        shape = list(x.shape)
        for axis in self.axes or given or ():
            if not isinstance(axis, int):
                raise ShapeError("the axes are known only at run time")
            shape.insert(checked_axis(axis, len(shape) + 1), 1)
        return (x.with_shape(shape),)

    def infer_elements(self, inputs: Operands[Value]) -> tuple[Dim, ...] | None:
        return small_elements(inputs.one("X"), self.infer(inputs)[0])


def reshape_attribute(old: tuple[Dim, ...], new: tuple[Dim, ...]) -> tuple[int, ...] | None:
    """The numbers by which reshape2 makes ``new`` of ``old``, whatever the symbols are.

    A symbol is written as 0 where it is the dimension of the same index, else as -1; None
    when that would leave more than one dimension open.
    """
    attribute = tuple(
        dim if isinstance(dim, int) else KEEP if _same_at(old, index, dim) else INFER
        for index, dim in enumerate(new)
    )
    return attribute if attribute.count(INFER) <= 1 else None


def _same_at(shape: tuple[Dim, ...], index: int, dim: Dim) -> bool:
    return index < len(shape) and shape[index] == dim
