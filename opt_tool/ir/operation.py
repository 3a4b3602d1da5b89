"""What every operation of the graph is: a frozen class with slots and a shape rule.

Operations are Paddle Lite's: ``type`` is its operator name, the slots are its slots and
the fields are its attributes, by the same names, so that the file format can be written
from the class alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, ClassVar, Generic, NamedTuple, TypeVar

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


@dataclass(frozen=True, slots=True)
class Operation:
    """The base of all operations.

    A subclass is a frozen dataclass. Its docstring is its specification, its fields are
    the attributes, and ``infer`` is its shape rule. One that adds no field needs no
    decorator, which takes a millisecond of every start, but empty ``__slots__``.
    """

    type: ClassVar[str]
    inputs: ClassVar[tuple[Slot, ...]]
    outputs: ClassVar[tuple[Slot, ...]] = slots("Out")

    def __init_subclass__(cls) -> None:
        if "type" not in cls.__dict__:
            return
        known = OPERATIONS.get(cls.type)
        # dataclass(slots=True) makes the class a second time
        if known is not None and known.__name__ != cls.__name__:
            raise TypeError(f"{cls.__name__} and {known.__name__} are both {cls.type!r}")
        OPERATIONS[cls.type] = cls

    def infer(self, inputs: Operands[Value]) -> tuple[TensorType, ...]:
        """The types of the outputs, in the order of the output slots.

        Raises:
            ShapeError: when the operands do not fit.
        """
        raise NotImplementedError(f"{type(self).__name__} has no shape rule")

    def infer_elements(self, inputs: Operands[Value]) -> tuple[Dim, ...] | None:  # noqa: ARG002
        """The elements of the one output where it is shape arithmetic, else None."""
        return None


OPERATIONS: dict[str, type[Operation]] = {}
"""Every operation class by Paddle Lite's name for it."""
