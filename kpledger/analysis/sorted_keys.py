"""Keys in byte order that go on growing: what an ordered map in memory needs beside a dictionary.

New keys wait unsorted until somebody asks for an order, so that a map that is only written costs
nothing. Sorted keys lie in chunks, so that putting one between others moves a chunk and not all.
"""

import bisect
from collections.abc import Iterator
from itertools import chain
from typing import Final

_CHUNK: Final = 512
_REBUILD_SHARE: Final = 4
"""Where a quarter or more is new, sorting everything is faster than inserting one by one."""


class SortedKeys:
    """A growing set of keys that can be walked from anywhere, in either direction."""

    __slots__ = ("_chunks", "_count", "_fresh", "_lasts")

    def __init__(self) -> None:
        """Start empty."""
        self._chunks: list[list[bytes]] = []
        self._lasts: list[bytes] = []
        self._fresh: list[bytes] = []
        self._count = 0

    def add(self, key: bytes) -> None:
        """Take in a key that is not there."""
        self._fresh.append(key)

    def remove(self, key: bytes) -> None:
        """Take out a key that is there."""
        self._settle()
        number = bisect.bisect_left(self._lasts, key)
        chunk = self._chunks[number]
        del chunk[bisect.bisect_left(chunk, key)]
        self._count -= 1
        if chunk:
            self._lasts[number] = chunk[-1]
        else:
            del self._chunks[number], self._lasts[number]

    def walk(
        self, prefix: bytes = b"", *, start: bytes | None = None, reverse: bool = False
    ) -> Iterator[bytes]:
        """Yield the keys with a prefix, from ``start`` on or, in reverse, from it down."""
        self._settle()
        low, high = prefix, _end_of(prefix)
        if start is not None and reverse:
            # The next possible key after ``start`` is ``start`` and a zero byte.
            high = start + b"\0" if high is None else min(high, start + b"\0")
        elif start is not None:
            low = max(low, start)
        first = bisect.bisect_left(self._lasts, low)
        last = len(self._chunks) if high is None else bisect.bisect_left(self._lasts, high) + 1
        numbers = range(first, min(last, len(self._chunks)))
        for number in reversed(numbers) if reverse else numbers:
            chunk = self._chunks[number]
            begin = bisect.bisect_left(chunk, low)
            end = len(chunk) if high is None else bisect.bisect_left(chunk, high)
            yield from chunk[begin:end][::-1] if reverse else chunk[begin:end]

    def _settle(self) -> None:
        if not self._fresh:
            return
        fresh, self._fresh = self._fresh, []
        if len(fresh) * _REBUILD_SHARE >= self._count:
            keys = sorted(chain(fresh, *self._chunks))
            self._chunks = [keys[at : at + _CHUNK] for at in range(0, len(keys), _CHUNK)]
            self._lasts = [chunk[-1] for chunk in self._chunks]
        else:
            for key in fresh:
                self._insert(key)
        self._count += len(fresh)

    def _insert(self, key: bytes) -> None:
        number = min(bisect.bisect_left(self._lasts, key), len(self._chunks) - 1)
        chunk = self._chunks[number]
        bisect.insort(chunk, key)
        if len(chunk) > 2 * _CHUNK:
            self._chunks[number : number + 1] = [chunk[:_CHUNK], chunk[_CHUNK:]]
            self._lasts[number : number + 1] = [chunk[_CHUNK - 1], chunk[-1]]
        else:
            self._lasts[number] = chunk[-1]


def _end_of(prefix: bytes) -> bytes | None:
    """Give the first key after all with a prefix; None if they are the last ones."""
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes([kept[-1] + 1]) if kept else None
