"""Indexes: named, ordered maps of bytes that are derived from the events and kept beside the state.

A projection writes through :class:`IndexChanges`, which is a layer over what was there, as a
change-set is over the state. An index's name has no slash; what the keys mean is the business of
the module that writes them.
"""

import bisect
from collections.abc import Iterator
from typing import Protocol

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
        """Yield keys with the prefix and their values, in byte order; ``start`` is included."""
        ...


class IndexChanges:
    """What the events of a block change in the indexes, over what was there before."""

    __slots__ = ("_base", "written")

    def __init__(self, base: IndexReader) -> None:
        """Start without changes."""
        self._base = base
        self.written: dict[Place, bytes | None] = {}
        """None: the key is removed."""

    def get(self, name: bytes, key: bytes) -> bytes | None:
        """Give the value under a key as this layer sees it, or None."""
        place = (name, key)
        return self.written[place] if place in self.written else self._base.get(name, key)

    def put(self, name: bytes, key: bytes, value: bytes = b"") -> None:
        """Write a value under a key."""
        self.written[name, key] = value

    def delete(self, name: bytes, key: bytes) -> None:
        """Remove a key, if it is there."""
        self.written[name, key] = None

    def scan(
        self, name: bytes, prefix: bytes = b"", *, limit: int | None = None
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield keys with the prefix as this layer sees them, in byte order."""
        mine = {
            key: value
            for (index, key), value in self.written.items()
            if index == name and key.startswith(prefix)
        }
        below = {key: value for key, value in self._base.scan(name, prefix) if key not in mine}
        merged = {**below, **{key: value for key, value in mine.items() if value is not None}}
        for count, key in enumerate(sorted(merged)):
            if limit is not None and count >= limit:
                return
            yield key, merged[key]


class MemoryIndex:
    """All indexes in memory, for replay and tests."""

    __slots__ = ("_keys", "_values")

    def __init__(self) -> None:
        """Start empty."""
        self._values: dict[bytes, dict[bytes, bytes]] = {}
        self._keys: dict[bytes, list[bytes]] = {}

    def get(self, name: bytes, key: bytes) -> bytes | None:
        """Give the value under a key of an index, or None."""
        return self._values.get(name, {}).get(key)

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
        values, keys = self._values.get(name, {}), self._sorted(name)
        first = bisect.bisect_left(keys, max(prefix, start or b""))
        last = first
        while last < len(keys) and keys[last].startswith(prefix):
            last += 1
        found = keys[first:last]
        for key in (found[::-1] if reverse else found)[:limit]:
            yield key, values[key]

    def apply(self, changes: IndexChanges) -> None:
        """Take over what a layer says."""
        for (name, key), value in changes.written.items():
            values = self._values.setdefault(name, {})
            if value is None:
                if values.pop(key, None) is not None:
                    self._forget(name, key)
            else:
                if key not in values:
                    self._remember(name, key)
                values[key] = value

    # Once an index was scanned its keys stay sorted: sorting them anew after each block would
    # make a replay take a time that grows with the square of the ledger.

    def _remember(self, name: bytes, key: bytes) -> None:
        keys = self._keys.get(name)
        if keys is not None:
            bisect.insort(keys, key)

    def _forget(self, name: bytes, key: bytes) -> None:
        keys = self._keys.get(name)
        if keys is not None:
            del keys[bisect.bisect_left(keys, key)]

    def _sorted(self, name: bytes) -> list[bytes]:
        keys = self._keys.get(name)
        if keys is None:
            keys = self._keys[name] = sorted(self._values.get(name, {}))
        return keys
