"""Indexes: named, ordered maps of bytes that are derived from the events and kept beside the state.

A projection writes through :class:`IndexChanges`, which is a layer over what was there, as a
change-set is over the state. An index's name has no slash; what the keys mean is the business of
the module that writes them.
"""

import heapq
from collections.abc import Iterator
from itertools import islice
from typing import Protocol

from kpledger.analysis.sorted_keys import SortedKeys

Place = tuple[bytes, bytes]
"""Name of an index, and a key in it."""


class IndexReader(Protocol):
    """Where indexes are read."""

    def get(self, name: bytes, key: bytes) -> bytes | None:
        """Give the value under a key of an index, or None."""
        ...

    def scan(
        self,
        name: bytes,
        prefix: bytes = b"",
        *,
        start: bytes | None = None,
        limit: int | None = None,
        reverse: bool = False,
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield keys with the prefix and their values, in byte order or against it.

        It begins at ``start``, itself included, or else at the first, in reverse the last, of all.
        """
        ...


class IndexChanges:
    """What the events of a block change in the indexes, over what was there before."""

    __slots__ = ("_base", "_keys", "written")

    def __init__(self, base: IndexReader) -> None:
        """Start without changes."""
        self._base = base
        self._keys: dict[bytes, SortedKeys] = {}
        self.written: dict[Place, bytes | None] = {}
        """None: the key is removed."""

    def get(self, name: bytes, key: bytes) -> bytes | None:
        """Give the value under a key as this layer sees it, or None."""
        place = (name, key)
        return self.written[place] if place in self.written else self._base.get(name, key)

    def put(self, name: bytes, key: bytes, value: bytes = b"") -> None:
        """Write a value under a key."""
        self._write(name, key, value)

    def delete(self, name: bytes, key: bytes) -> None:
        """Remove a key, if it is there."""
        self._write(name, key, None)

    def _write(self, name: bytes, key: bytes, value: bytes | None) -> None:
        place = (name, key)
        if place not in self.written:
            keys = self._keys.get(name)
            if keys is None:
                keys = self._keys[name] = SortedKeys()
            keys.add(key)
        self.written[place] = value

    def scan(
        self, name: bytes, prefix: bytes = b"", *, limit: int | None = None
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield keys with the prefix as this layer sees them, in byte order.

        What is written in the meantime may be left out.
        """
        keys = self._keys.get(name)
        if keys is None:
            yield from self._base.scan(name, prefix, limit=limit)
            return
        mine = [(key, self.written[name, key]) for key in keys.walk(prefix)]
        hidden = {key for key, _ in mine}
        below = (pair for pair in self._base.scan(name, prefix) if pair[0] not in hidden)
        # Of two keys none are equal, so that values are never compared.
        merged = heapq.merge(mine, below)
        yield from islice(((key, value) for key, value in merged if value is not None), limit)


class MemoryIndex:
    """All indexes in memory, for replay and tests."""

    __slots__ = ("_keys", "values")

    def __init__(self) -> None:
        """Start empty."""
        self.values: dict[bytes, dict[bytes, bytes]] = {}
        """Keys and values of each index."""
        self._keys: dict[bytes, SortedKeys] = {}

    def get(self, name: bytes, key: bytes) -> bytes | None:
        """Give the value under a key of an index, or None."""
        return self.values.get(name, {}).get(key)

    def scan(
        self,
        name: bytes,
        prefix: bytes = b"",
        *,
        start: bytes | None = None,
        limit: int | None = None,
        reverse: bool = False,
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield keys with the prefix and their values, in byte order; ``start`` is included."""
        keys = self._keys.get(name)
        if keys is not None:
            values = self.values[name]
            for key in islice(keys.walk(prefix, start=start, reverse=reverse), limit):
                yield key, values[key]

    def apply(self, changes: IndexChanges) -> None:
        """Take over what a layer says."""
        for (name, key), value in changes.written.items():
            values = self.values.setdefault(name, {})
            keys = self._keys.setdefault(name, SortedKeys())
            if value is not None:
                if key not in values:
                    keys.add(key)
                values[key] = value
            elif values.pop(key, None) is not None:
                keys.remove(key)
