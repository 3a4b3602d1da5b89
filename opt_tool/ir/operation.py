"""What every operation of the graph is: a frozen class with operand slots and a shape rule.

Operations are Paddle Lite's: ``type`` is its operator name, the slots are its slots and
the fields are its attributes, by the same names, so that the file format can be written
from the class alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import FrozenInstanceError
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar

if sys.version_info >= (3, 11):
    from typing import Self, dataclass_transform
else:
    from typing_extensions import Self, dataclass_transform

from opt_tool.ir.types import Dim, TensorType

if TYPE_CHECKING:
    from opt_tool.ir.graph import Value

T = TypeVar("T")
U = TypeVar("U")

UNKNOWN = "?"
"""A dimension that only the run knows; the graph gives each its own symbol."""


class ShapeError(ValueError):
    """Operands that do not fit the operation; readers say which node it was."""


class Slot(NamedTuple):
    """One named place for operands."""

    name: str
    optional: bool = False
    variadic: bool = False


def slots(text: str) -> tuple[Slot, ...]:
    """Slots from a line: ``X`` one value, ``Bias?`` at most one, ``X*`` any number, ``X+`` some."""
    return tuple(
        Slot(
            word.rstrip("?*+"),
            optional=word.endswith(("?", "*")),
            variadic=word.endswith(("*", "+")),
        )
        for word in text.split()
    )


class Operands(Mapping[str, tuple[T, ...]], Generic[T]):
    """What stands in the slots of one operation: values, types or arrays."""

    __slots__ = ("_slots",)

    def __init__(self, slots: Mapping[str, tuple[T, ...]]) -> None:
        self._slots = {name: operands for name, operands in slots.items() if operands}

    def __getitem__(self, slot: str) -> tuple[T, ...]:
        return self._slots.get(slot, ())

    def __contains__(self, slot: object) -> bool:
        return slot in self._slots

    def __iter__(self) -> Iterator[str]:
        return iter(self._slots)

    def __len__(self) -> int:
        return len(self._slots)

    def __repr__(self) -> str:
        return f"Operands({self._slots!r})"

    def one(self, slot: str) -> T:
        """The operand of a slot that must hold one; raises KeyError when it is empty."""
        operands = self._slots.get(slot)
        if operands is None:
            raise KeyError(slot)
        return operands[0]

    def maybe(self, slot: str) -> T | None:
        """The operand of an optional slot."""
        operands = self._slots.get(slot)
        return None if operands is None else operands[0]

    def flat(self) -> Iterator[T]:
        """All operands, slot by slot."""
        return chain.from_iterable(self._slots.values())

    def map(self, function: Callable[[T], U]) -> Operands[U]:
        """The same slots with ``function`` applied to every operand."""
        mapped: Operands[U] = Operands.__new__(Operands)  # no slot gets empty
        mapped._slots = {slot: tuple(map(function, of)) for slot, of in self._slots.items()}
        return mapped


REQUIRED = object()
"""The default of an attribute that has none."""


@dataclass_transform(frozen_default=True)
class Operation:
    """The base of all operations.

    A subclass is a frozen dataclass: its docstring is its specification, the fields that it
    annotates are the attributes, and ``infer`` is its shape rule. What the decorator of the
    standard library compiles for each class, a millisecond of every start, stands here once.

    Attributes:
        type: Paddle Lite's name of the operator.
        inputs: The slots of the operands.
        outputs: The slots of the results.
        defaults: The attributes and what each is where nothing is said, or ``REQUIRED``.
    """

    type: ClassVar[str]
    inputs: ClassVar[tuple[Slot, ...]]
    outputs: ClassVar[tuple[Slot, ...]] = slots("Out")
    defaults: ClassVar[Mapping[str, object]] = {}

    def __init_subclass__(cls) -> None:
        cls.defaults = {**cls.defaults, **dict(_own_attributes(cls))}
        if "type" not in cls.__dict__:
            return
        known = OPERATIONS.setdefault(cls.type, cls)
        if known is not cls:
            raise TypeError(f"{cls.__name__} and {known.__name__} are both {cls.type!r}")

    def __init__(self, *values: Any, **attributes: Any) -> None:
        unknown = [*values[len(self.defaults) :], *(attributes.keys() - self.defaults.keys())]
        if unknown:
            raise TypeError(f"{type(self).__name__} has no attribute for {unknown[0]!r}")
        given = {**self.defaults, **dict(zip(self.defaults, values, strict=False)), **attributes}
        missing = [name for name, value in given.items() if value is REQUIRED]
        if missing:
            raise TypeError(f"{type(self).__name__} needs the attribute {missing[0]!r}")
        self.__dict__.update(given)

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError(f"{type(self).__name__} is frozen: {name!r} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"{type(self).__name__} is frozen: {name!r} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values()))

    def __repr__(self) -> str:
        attributes = ", ".join(f"{name}={value!r}" for name, value in self.attributes.items())
        return f"{type(self).__name__}({attributes})"

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The value of each attribute."""
        return MappingProxyType(self.__dict__)

    def replaced(self, **changes: object) -> Self:
        """The same operation with some attributes of other values."""
        return type(self)(**{**self.__dict__, **changes})

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        """The types of the outputs, in the order of the output slots.

        Raises:
            ShapeError: when the operands do not fit.
        """
        raise NotImplementedError(f"{type(self).__name__} has no shape rule")

    def infer_elements(self, inputs: Operands[Value]) -> tuple[Dim, ...] | None:  # noqa: ARG002
        """The elements of the one output where it is shape arithmetic, else None."""
        return None


def _own_attributes(kind: type[Operation]) -> Iterator[tuple[str, object]]:
    """The attributes that a class itself annotates, with their defaults."""
    for name, annotation in kind.__annotations__.items():
        if not annotation.startswith("ClassVar"):  # annotations are texts
            yield name, kind.__dict__.get(name, REQUIRED)


OPERATIONS: dict[str, type[Operation]] = {}
"""Every operation class by Paddle Lite's name for it."""
