"""Which function reads which operator of a format, imported when an operator is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Registry(Mapping[K, V]):
    """What the modules of a package register when they are imported.

    They are imported in their order until one has what is asked for; all of them to know that
    none has, and to list what there is. Most models need a few of them.
    """

    def __init__(self, package: str, families: Sequence[str]) -> None:
        """Name the modules of a package, those first that most models need."""
        self._known: dict[K, V] = {}
        self._left = [f"{package}.{family}" for family in reversed(families)]

    def add(self, key: K, entry: V) -> V:
        """Register an entry, and return it or the one that is there already."""
        return self._known.setdefault(key, entry)

    def __getitem__(self, key: K) -> V:
        while key not in self._known and self._left:
            self._import_next()
        return self._known[key]

    def __iter__(self) -> Iterator[K]:
        while self._left:
            self._import_next()
        return iter(self._known)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _import_next(self) -> None:
        importlib.import_module(self._left[-1])
        self._left.pop()
