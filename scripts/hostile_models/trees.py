"""Changes one thing in a tree of messages, objects, lists and scalars.

The tree is whatever a format's own library parses a file to: protobuf messages, or objects
with attributes and lists. It stays well-formed, so that what comes out is a file that
parsers accept and that means something else than before.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, MutableSequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

Scalar: TypeAlias = "int | float | bool | str | bytes"

SCALARS = (bool, int, float, str, bytes)

INTEGERS = (
    *range(-4, 10), 16, 31, 32, 33, 64, 127, 128, 255, 256, 1000, 4096, 32767, 32768, 65535, 65536,
    10**6, 2**24, 2**30, 2**31 - 1, -(2**31), 2**31, 2**32 - 1, 2**32, 2**40, 2**62, 2**63 - 1,
    -(2**63),
)  # fmt: skip
REALS = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-30, 1e30, -1e30, 3.4e38, float("inf"), float("nan"))
TEXTS = ("", "x", "a/b", "../../etc/passwd", "\0", "é", "%s%n", "y" * 300, "1e999", "-", "Relu")
RAW = (b"", b"\0", b"\xff" * 7, b"\0" * 64, b"NOTSET", b"SAME_UPPER", b"bilinear", b"ij->ji")

REFUSALS = (ValueError, TypeError, OverflowError, AttributeError)
"""What libraries raise for a value that a field cannot hold."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One scalar and how to put another in its place."""

    value: Scalar
    assign: Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Branch:
    """A list of anything."""

    items: MutableSequence[Any]


Place: TypeAlias = "Leaf | Branch"


def places(tree: object) -> Iterator[Place]:
    """All that can be changed in a tree."""
    if isinstance(tree, Message):
        yield from _in_message(tree)
    elif isinstance(tree, list):
        yield from _in_list(tree)
    elif isinstance(tree, dict):
        for key in tree:
            yield from _in_slot(tree[key], _setter(tree, key))
    elif hasattr(tree, "__dict__"):
        for name, child in vars(tree).items():
            yield from _in_slot(child, _attribute_setter(tree, name))


def _in_slot(child: object, assign: Callable[[Any], None]) -> Iterator[Place]:
    if isinstance(child, SCALARS):
        yield Leaf(child, assign)
    else:
        yield from places(child)


def _in_message(message: Message) -> Iterator[Place]:
    for field, value in message.ListFields():
        if field.is_repeated:
            yield from _in_list(value)
        elif field.type in (FieldDescriptor.TYPE_MESSAGE, FieldDescriptor.TYPE_GROUP):
            yield from _in_message(value)
        else:
            yield Leaf(value, _attribute_setter(message, field.name))


def _in_list(items: MutableSequence[Any]) -> Iterator[Place]:
    yield Branch(items)
    if not items or isinstance(items[0], SCALARS):
        for index in range(min(len(items), 16)):
            yield Leaf(items[index], _setter(items, index))
        return
    for item in items:
        yield from places(item)


def _setter(container: Any, key: Any) -> Callable[[Any], None]:  # a list or a mapping
    def assign(value: object) -> None:
        container[key] = value

    return assign


def _attribute_setter(owner: object, name: str) -> Callable[[Any], None]:
    def assign(value: object) -> None:
        setattr(owner, name, value)

    return assign


def change(tree: object, rng: random.Random) -> None:
    """Change one thing in a tree, if a library lets it be changed at all."""
    found = list(places(tree))
    for _ in range(8):
        place = rng.choice(found)
        try:
            if isinstance(place, Leaf):
                place.assign(_other_value(place.value, found, rng))
            else:
                _rearrange(place.items, rng)
        except REFUSALS:
            continue
        return


def _other_value(value: Scalar, found: list[Place], rng: random.Random) -> Scalar:
    """A value of the same kind: a hostile one, one near by, or one from elsewhere in the tree."""
    same = [p.value for p in rng.sample(found, min(len(found), 64)) if isinstance(p, Leaf)]
    same = [other for other in same if type(other) is type(value) and other != value]
    if same and rng.random() < 0.4:
        return rng.choice(same)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return rng.choice((rng.choice(INTEGERS), value + 1, value - 1, value * 2, -value))
    if isinstance(value, float):
        return rng.choice((rng.choice(REALS), value * 2, -value, value + 1))
    if isinstance(value, str):
        return rng.choice((rng.choice(TEXTS), value + "x", value[:-1]))
    return rng.choice((rng.choice(RAW), value[: len(value) // 2], value + b"\1", value[:-1]))


def _rearrange(items: MutableSequence[Any], rng: random.Random) -> None:
    """Leave out, repeat, move or swap items."""
    if not items:
        return
    kept = [copy.deepcopy(item) for item in items]
    index, other = rng.randrange(len(kept)), rng.randrange(len(kept))
    action = rng.randrange(6)
    if action == 0:
        del kept[index]
    elif action == 1:
        kept.insert(other, copy.deepcopy(kept[index]))
    elif action == 2:
        kept.insert(other, kept.pop(index))
    elif action == 3:
        kept[index] = copy.deepcopy(kept[other])
    elif action == 4:
        kept = kept[: index or len(kept) // 2]
    else:
        kept += [copy.deepcopy(kept[index]) for _ in range(rng.choice((1, 2, 40)))]
    del items[:]
    items.extend(kept)
