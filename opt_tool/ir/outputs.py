"""The outputs of a graph, a list that knows without a search whether a value is in it."""

from __future__ import annotations

from collections.abc import Iterable, MutableSequence
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from opt_tool.ir.graph import Value


class Outputs(MutableSequence["Value"]):
    """Values in order; graphs with thousands of outputs ask for each value whether it is one."""

    __hash__ = None  # type: ignore[assignment]  # it changes, and is equal to lists

    def __init__(self, values: Iterable[Value] = ()) -> None:
        self._values = list(values)
        self._known: set[Value] | None = None

    def __repr__(self) -> str:
        return repr(self._values)

    def __eq__(self, other: object) -> bool:
        return self._values == (other._values if isinstance(other, Outputs) else other)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, value: object) -> bool:
        if self._known is None:
            self._known = set(self._values)
        return value in self._known

    @overload
    def __getitem__(self, index: int) -> Value: ...
    @overload
    def __getitem__(self, index: slice) -> Outputs: ...
    def __getitem__(self, index: int | slice) -> Value | Outputs:
        found = self._values[index]
        return Outputs(found) if isinstance(found, list) else found

    @overload
    def __setitem__(self, index: int, value: Value) -> None: ...
    @overload
    def __setitem__(self, index: slice, value: Iterable[Value]) -> None: ...
    def __setitem__(self, index: int | slice, value: Value | Iterable[Value]) -> None:
        self._values[index] = value  # type: ignore[index,assignment]  # as the two overloads say
        self._known = None

    def __delitem__(self, index: int | slice) -> None:
        del self._values[index]
        self._known = None

    def replace(self, old: Value, new: Value) -> None:
        """Let a value stand wherever another one stood."""
        self._values = [new if value is old else value for value in self._values]
        if self._known is not None:
            self._known.discard(old)
            self._known.add(new)

    def insert(self, index: int, value: Value) -> None:
        self._values.insert(index, value)
        if self._known is not None:
            self._known.add(value)
