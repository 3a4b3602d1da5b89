"""Whether the attributes of an operation are of its types and in their ranges.

Readers make operations of numbers that files hold, so that this is checked before a shape
rule or a kernel divides by one of them.
"""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin, get_type_hints

from opt_tool.ir.operation import Operation, ShapeError

POSITIVE: Mapping[str, tuple[str, ...]] = {
    "conv2d": ("strides", "dilations", "groups"),
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

TYPES: Mapping[type, tuple[type, ...]] = {float: (float, int)}
"""What may stand for a type besides itself."""


def check_attributes(op: Operation) -> None:
    """Check an operation's own fields, without its operands.

    Raises:
        ShapeError: naming the field that has a value which it cannot have.
    """
    for fact in _faults(op):
        raise ShapeError(fact)


def _faults(op: Operation) -> Iterator[str]:
    kind = type(op)
    for name, hint in _fields(kind):
        value = getattr(op, name)
        if not _fits(value, hint):
            yield f"{name} is {value!r}, which is not of the type {_text(hint)}"
    for name in POSITIVE.get(getattr(kind, "type", ""), ()):
        value = getattr(op, name)
        if min(value, default=1) < 1 if isinstance(value, tuple) else value < 1:
            yield f"{name} is {value!r}, not positive"
    for name, choices in CHOICES.get(getattr(kind, "type", ""), {}).items():
        if getattr(op, name) not in choices:
            yield f"{name} is {getattr(op, name)!r}, none of {', '.join(choices)}"


@functools.cache
def _fields(kind: type[Operation]) -> tuple[tuple[str, Any], ...]:
    if not dataclasses.is_dataclass(kind):
        return ()
    hints = get_type_hints(kind)
    return tuple((field.name, hints[field.name]) for field in dataclasses.fields(kind))


def _fits(value: object, hint: Any) -> bool:  # a type of any kind
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is types.UnionType:
        return any(_fits(value, choice) for choice in arguments)
    if origin is not tuple:
        return isinstance(value, TYPES.get(hint, hint)) and (
            hint is bool or not isinstance(value, bool)
        )
    if not isinstance(value, tuple):
        return False
    if arguments[-1] is Ellipsis:
        return all(_fits(item, arguments[0]) for item in value)
    return len(value) == len(arguments) and all(map(_fits, value, arguments))


def _text(hint: Any) -> str:  # likewise
    return getattr(hint, "__name__", str(hint)) if get_origin(hint) is None else str(hint)
