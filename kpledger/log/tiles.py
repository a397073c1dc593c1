"""Tiles: the Merkle tree as immutable files that anybody may fetch and keep (C2SP tlog-tiles).

A tile of level L holds up to 256 hashes, each the root over 256**L leaves; so the leaves are the
hashes of level 0, and one hash of a level stands for one full tile of the level below. Right of the
last full tile of a level stands at most one *partial* tile, whose width is part of its path. Every
proof follows from tiles, and from nothing else (:class:`TiledTree`).

The entries themselves stand in *bundles*, up to 256 of them, in the places of the tiles of level 0.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from kpledger.base.errors import MalformedError, OversizedError
from kpledger.base.hashing import Digest
from kpledger.log.merkle import Frontier, TreeOrderError, TreeSize, compute_root

TILE_WIDTH: Final = 256
"""The hashes of a full tile, and the entries of a full bundle."""

MAX_ENTRY_BYTES: Final = 2**16 - 1
"""The longest entry that a bundle can hold."""

_HEIGHT: Final = 8
"""How many levels of the tree one tile spans: 2**8 hashes."""
_LENGTH_BYTES: Final = 2
_GROUP: Final = 1_000
_PATH_PATTERN: Final = re.compile(
    # No leading zeros but those that fill a group of the index, and no more groups than a size has.
    r"(?:(?P<level>[0-9]|[1-5][0-9]|6[0-3])/)?"
    r"(?P<index>(?:x[0-9]{3}/){0,6}[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5]))?"
)


@dataclass(frozen=True, slots=True)
class Tile:
    """The place of a tile, or of a bundle if the level is 0."""

    level: int
    """0 for hashes of leaves; 63 at most."""
    index: int
    """Its 0-based place in the level, counted in full tiles."""
    width: int = TILE_WIDTH
    """How many hashes it holds, from 1 to 256; fewer than 256 make it a partial one."""

    @property
    def start(self) -> int:
        """The first hash of its level that it holds."""
        return self.index * TILE_WIDTH

    @property
    def end(self) -> int:
        """The first hash of its level after those that it holds."""
        return self.start + self.width

    def is_within(self, size: TreeSize) -> bool:
        """Tell whether all of it stands in a tree of that size.

        So do partial tiles of all widths that the tree had while it grew to that size.
        """
        return self.end <= size >> _HEIGHT * self.level


class HashReader(Protocol):
    """Whoever keeps the hashes of full subtrees: a node's storage, files of tiles, memory."""

    def read(self, level: int, start: int, end: int) -> Sequence[Digest]:
        """Give the hashes of a level from index ``start`` up to, and without, ``end``."""


@dataclass(frozen=True, slots=True)
class TiledTree:
    """A tree whose hashes somebody keeps as tiles have them: every eighth level, and no other."""

    reader: HashReader
    size: TreeSize

    def root_of(self, start: int, end: int) -> Digest:
        """Give the root over the leaves from ``start`` up to ``end``.

        Of full subtrees and of what stands at the right edge, that is of all that a proof names:
        ``start`` is a multiple of the smallest power of two that is not below their number.

        Raises:
            TreeOrderError: the leaves are not all in the tree, or do not begin at such a place.
        """
        count = end - start
        alignment = 1 << max(count - 1, 0).bit_length()
        if not 0 <= start <= end <= self.size or start % alignment:
            raise TreeOrderError(f"leaves {start} to {end} are no subtree at size {self.size}")
        peaks: list[Digest] = []
        while start < end:
            # The largest full subtree that begins here; what it leaves begins a smaller one.
            rise = (end - start).bit_length() - 1
            peaks.append(self._full_root(rise, start >> rise))
            start += 1 << rise
        return Frontier(TreeSize(count), tuple(peaks)).root()

    def _full_root(self, rise: int, index: int) -> Digest:
        """Give the root of one of the full subtrees of 2**rise leaves."""
        level, spread = divmod(rise, _HEIGHT)
        return compute_root(self.reader.read(level, index << spread, (index + 1) << spread))


def parse_tile_path(text: str, *, is_entries: bool) -> Tile:
    """Read what follows ``tile/`` in the address of a tile, or ``tile/entries/`` of a bundle.

    Raises:
        MalformedError: not such a path in its one spelling.
    """
    match = _PATH_PATTERN.fullmatch(text)
    if match is not None and (match["level"] is None) is is_entries:
        index = int(re.sub("[x/]", "", match["index"]))
        tile = Tile(int(match["level"] or 0), index, int(match["width"] or TILE_WIDTH))
        if format_tile_path(tile, is_entries=is_entries) == text:
            return tile
    raise MalformedError("tile path", f"{text[:80]!r} is not LEVEL/N, N, or one with .p/WIDTH")


def format_tile_path(tile: Tile, *, is_entries: bool) -> str:
    """Write the path of a tile after ``tile/``, or of a bundle after ``tile/entries/``."""
    index, last = divmod(tile.index, _GROUP)
    groups = [f"{last:03}"]
    while index:
        index, group = divmod(index, _GROUP)
        groups.insert(0, f"x{group:03}")
    level = "" if is_entries else f"{tile.level}/"
    width = "" if tile.width == TILE_WIDTH else f".p/{tile.width}"
    return level + "/".join(groups) + width


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """Write entries as a bundle: each with its length before it, 16 bits, big-endian.

    Raises:
        OversizedError: an entry is longer than ``MAX_ENTRY_BYTES``.
    """
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > MAX_ENTRY_BYTES:
            raise OversizedError("entry", size=len(entry), limit=MAX_ENTRY_BYTES)
        parts += (len(entry).to_bytes(_LENGTH_BYTES, "big"), entry)
    return b"".join(parts)
