"""Whether the attributes and results of an operation are of their types and in their ranges.

Readers make operations of numbers that files hold, so that this is checked before a shape
rule or a kernel divides by one of them.
"""

from __future__ import annotations

import functools
import math
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias, get_args, get_origin, get_type_hints

from opt_tool.ir.operation import Operation, ShapeError
from opt_tool.ir.types import TensorType

POSITIVE: Mapping[str, tuple[str, ...]] = {
    "conv2d": ("strides", "dilations", "groups"),
    "deformable_conv": ("strides", "dilations", "groups", "deformable_groups", "im2col_step"),
    "conv2d_transpose": ("strides", "dilations", "groups"),
    "depthwise_conv2d": ("strides", "dilations", "groups"),
    "group_norm": ("groups",),
    "one_hot_v2": ("depth",),
    "pool2d": ("strides",),
    "rnn": ("num_layers", "input_size", "hidden_size"),
    "roi_align": ("pooled_height", "pooled_width"),
    "shuffle_channel": ("group",),
    "top_k_v2": ("k",),
}
"""Fields of numbers that are 1 at least."""

CHOICES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "grid_sampler": {
        "mode": ("bilinear", "nearest"),
        "padding_mode": ("zeros", "border", "reflection"),
    },
    "pad2d": {"mode": ("constant", "reflect", "edge")},
    "pool2d": {"pooling_type": ("max", "avg")},
}
"""Fields of texts that are one of a few."""

Test: TypeAlias = Callable[[object], bool]

TYPES: Mapping[type, tuple[type, ...]] = {float: (float, int)}
"""What may stand for a type besides itself."""


MAX_RANK = 32
"""More dimensions than any tensor has, and what every NumPy can hold."""

MAX_ELEMENTS = 1 << 40
"""More elements than this no memory holds, and products of their sizes stay in 64 bits."""


def check_attributes(op: Operation) -> None:
    """Check an operation's own fields, without its operands.

    Raises:
        ShapeError: naming the field that has a value which it cannot have.
    """
    for fact in _faults(op):
        raise ShapeError(fact)


def check_results(op: Operation, results: Iterable[TensorType]) -> None:
    """Check that what an operation makes has sizes at all, and such as a memory could hold.

    Raises:
        ShapeError: naming the result that has not.
    """
    for result in results:
        try:
            check_sizes(result)
        except ShapeError as error:
            raise ShapeError(f"{op.type} would make {error}") from None


def check_sizes(type: TensorType) -> None:
    """Check that a tensor has sizes at all, and such as a memory could hold.

    Raises:
        ShapeError: naming the type and what is too large of it.
    """
    numbers = [dim for dim in type.shape if isinstance(dim, int)]
    if min(numbers, default=0) < 0:
        raise ShapeError(f"{type}")
    if type.rank > MAX_RANK:
        raise ShapeError(f"{type}, more than {MAX_RANK} dimensions")
    if math.prod(numbers) > MAX_ELEMENTS:
        raise ShapeError(f"{type}, more than {MAX_ELEMENTS} elements")


def _faults(op: Operation) -> Iterator[str]:
    kind = type(op)
    for name, hint, fits in _fields(kind):  # type: ignore[arg-type]  # a class has a hash
        value = getattr(op, name)
        if not fits(value):
            yield f"{name} is {value!r}, which is not of the type {_text(hint)}"
    for name in POSITIVE.get(getattr(kind, "type", ""), ()):
        value = getattr(op, name)
        if min(value, default=1) < 1 if isinstance(value, tuple) else value < 1:
            yield f"{name} is {value!r}, not positive"
    for name, choices in CHOICES.get(getattr(kind, "type", ""), {}).items():
        if getattr(op, name) not in choices:
            yield f"{name} is {getattr(op, name)!r}, none of {', '.join(choices)}"


@functools.cache
def _fields(kind: type[Operation]) -> tuple[tuple[str, Any, Test], ...]:
    """The name of each field, its type, and what tells whether a value is of it."""
    hints = get_type_hints(kind)
    return tuple((name, hints[name], _test_of(hints[name])) for name in kind.defaults)


def _test_of(hint: Any) -> Test:  # a type of any kind
    """What tells whether a value is of a type; types are taken apart here, once."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is types.UnionType:
        choices = tuple(map(_test_of, arguments))
        return lambda value: any(fits(value) for fits in choices)
    if origin is not tuple:
        kinds = TYPES.get(hint, hint)
        if hint is bool:
            return lambda value: isinstance(value, bool)
        return lambda value: (
            type(value) is hint or (isinstance(value, kinds) and not isinstance(value, bool))
        )
    assert len({*arguments} - {Ellipsis}) == 1, "a field is a tuple of one type"
    item, count = _test_of(arguments[0]), len(arguments)
    if arguments[-1] is Ellipsis:
        return lambda value: isinstance(value, tuple) and all(map(item, value))
    return lambda value: isinstance(value, tuple) and len(value) == count and all(map(item, value))


def _text(hint: Any) -> str:  # likewise
    return getattr(hint, "__name__", str(hint)) if get_origin(hint) is None else str(hint)
