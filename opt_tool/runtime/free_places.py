"""The places of a stretch of memory that are free at the moment.

Neighbours that are free are one place. Finding, taking and giving back take time that grows
with the logarithm of how many there are.
"""

from __future__ import annotations

from bisect import bisect_left, insort


class FreePlaces:
    """Gives places out, the smallest that fits, and takes them back; grows where none fits.

    Attributes:
        size: How much memory was needed so far.
    """

    def __init__(self) -> None:
        self.size = 0
        self._by_size: list[tuple[int, int]] = []  # size and offset
        self._size_at: dict[int, int] = {}
        self._start_of: dict[int, int] = {}  # by where the place ends

    def take(self, size: int) -> int:
        """The offset of a place of this size."""
        index = bisect_left(self._by_size, (size, 0))
        if index < len(self._by_size):
            found, offset = self._by_size[index]
            self._forget(offset, found)
            if found > size:
                self._note(offset + size, found - size)
            return offset
        offset = self._start_of.get(self.size, self.size)  # a place at the end may be too small
        if offset < self.size:
            self._forget(offset, self.size - offset)
        self.size = offset + size
        return offset

    def give_back(self, offset: int, size: int) -> None:
        """Make a place free again, with those that it touches."""
        end = offset + size
        following = self._size_at.get(end)
        if following is not None:
            self._forget(end, following)
            end += following
        start = self._start_of.get(offset, offset)
        if start < offset:
            self._forget(start, offset - start)
        self._note(start, end - start)

    def _note(self, offset: int, size: int) -> None:
        insort(self._by_size, (size, offset))
        self._size_at[offset] = size
        self._start_of[offset + size] = offset

    def _forget(self, offset: int, size: int) -> None:
        del self._by_size[bisect_left(self._by_size, (size, offset))]
        del self._size_at[offset]
        del self._start_of[offset + size]
