"""What was seen of each ledger, so that no node can show an older or another one unnoticed.

Two things are kept for each chain id, and they weigh differently. *Proven* is the furthest position
up to which this client has verified the chain itself. A later answer may lag behind it, for nodes
do, but it must not contradict it: one height has one head, one tree size has one root, and a ledger
that grew in blocks did not shrink in events. *Claimed* is what each node said last, in a status
that nobody signs. Where claims contradict each other the reader is told who says what, and nobody
is refused: otherwise whoever lies once would lock out every honest node.

Kept as well is who was waited for in vain a moment ago, so that not every command waits anew.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Final, TypeVar

import msgspec

from kpclient.errors import ClientError, FileError
from kpclient.files import UnwritableError, make_private_directory, read_bounded, write_durably
from kpledger.base.codec import DECODE_ERRORS
from kpledger.base.ids import Digest32
from kpledger.command import EXIT_REFUSED
from kpledger.reading import say_trouble

_MAX_FILE_BYTES: Final = 64 * 1024
_MAX_CLAIMS: Final = 64
"""Nodes whose claims are kept, those that were asked last."""
_HUNG_MS: Final = 600_000
"""So long a node that hung is asked last."""


V = TypeVar("V")


class Position(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far a ledger had grown."""

    height: int
    head: Digest32
    tree_size: int
    tree_root: Digest32


class ContradictionError(ClientError):
    """Two positions of one ledger that cannot both be true."""

    EXIT_CODE: ClassVar[int] = EXIT_REFUSED

    def __init__(self, node: str, seen: Position, shown: Position) -> None:
        super().__init__(f"{node} shows {_describe(shown)}, but seen before was {_describe(seen)}")


class DamagedMemoryError(FileError):
    """The file of what was seen cannot be understood."""

    TROUBLE: ClassVar[str] = " is damaged"


class Memory:
    """What was seen of one ledger, in files of its own."""

    def __init__(
        self, directory: Path, chain: bytes, *, warn: Callable[[str], None] | None = None
    ) -> None:
        """Look at the files of this ledger; without ``warn`` it is an error if none can be made."""
        self._warn = warn
        self._path = directory / f"{chain.hex()}.json"
        self._claims = directory / f"{chain.hex()}.claims.json"
        self._hung = directory / f"{chain.hex()}.hung.json"

    def load(self) -> Position | None:
        """Give the furthest position that was proven, None if there is none yet.

        Raises:
            DamagedMemoryError: the file cannot be understood.
        """
        if not self._path.exists():
            return None
        try:
            content = read_bounded(self._path, max_bytes=_MAX_FILE_BYTES)
            return msgspec.json.decode(content, type=Position)
        except DECODE_ERRORS as error:
            raise DamagedMemoryError(self._path, str(error)) from None

    def load_claims(self) -> dict[str, Position]:
        """Give what each node has claimed last, by its URL; worth nothing, so none if damaged."""
        return _load_by_node(self._claims, Position)

    def load_hung(self, *, now_ms: int) -> dict[str, int]:
        """Give the nodes that were waited for in vain lately, and when; worth nothing either."""
        hung = _load_by_node(self._hung, int)
        return {node: at_ms for node, at_ms in hung.items() if 0 <= now_ms - at_ms <= _HUNG_MS}

    def note_hung(self, nodes: Collection[str], *, answered: Collection[str], now_ms: int) -> None:
        """Keep who was waited for in vain now, and forget it of who has answered."""
        known = self.load_hung(now_ms=now_ms)
        found = {node: at_ms for node, at_ms in known.items() if node not in answered}
        found |= dict.fromkeys(nodes, now_ms)
        if found != known:
            self._try_to_write(self._hung, dict([*found.items()][-_MAX_CLAIMS:]))

    def accept(self, shown: Position, *, node: str) -> None:
        """Compare a position that was verified here with the furthest one; keep it if further.

        Raises:
            ContradictionError: the two cannot both be true.
            DamagedMemoryError: the file cannot be understood.
        """
        seen = self.load()
        if seen is not None and _contradict(seen, shown):
            raise ContradictionError(node, seen, shown)
        if seen is None or shown.height > seen.height:
            self._write(self._path, shown)
        claims = self.load_claims()
        open_still = {
            url: claim
            for url, claim in claims.items()
            if claim.height > shown.height and not _contradict(claim, shown)
        }
        if open_still != claims:
            self._write(self._claims, open_still)

    def hear(self, claim: Position, *, node: str) -> list[str]:
        """Take what a node claims; gives the claims of other nodes that contradict it, in words.

        Raises:
            ContradictionError: it contradicts what was proven.
            DamagedMemoryError: what was proven cannot be understood.
        """
        seen = self.load()
        if seen is not None and _contradict(seen, claim):
            raise ContradictionError(node, seen, claim)
        claims = self.load_claims()
        before = claims.pop(node, None)
        doubts = [
            f"{node} claims {_describe(claim)}, but {url} has claimed {_describe(other)}"
            for url, other in claims.items()
            if _contradict(claim, other)
        ]
        if before != claim:
            kept = [*claims.items(), (node, claim)][-_MAX_CLAIMS:]
            self._try_to_write(self._claims, dict(kept))
        return doubts

    def _try_to_write(self, path: Path, content: Mapping[str, Position | int]) -> None:
        """Write what a home that cannot be written may do without."""
        with suppress(FileError, OSError):
            self._write(path, content)

    def _write(self, path: Path, content: Position | Mapping[str, Position | int]) -> None:
        try:
            make_private_directory(path.parent)
            write_durably(path, msgspec.json.encode(content), replace=True)
        except (OSError, UnwritableError) as error:
            if self._warn is None:
                raise
            why = say_trouble(error) if isinstance(error, OSError) else error
            warn, self._warn = self._warn, lambda _: None  # once is enough
            warn(f"warning: what nodes claim and what is verified is not remembered: {why}")


def _load_by_node(path: Path, kind: type[V]) -> dict[str, V]:
    if not path.exists():
        return {}
    try:
        content = read_bounded(path, max_bytes=_MAX_FILE_BYTES)
        return msgspec.json.decode(content, type=dict[str, kind])  # type: ignore[valid-type]
    except DECODE_ERRORS:
        return {}


def _contradict(one: Position, other: Position) -> bool:
    older, newer = sorted((one, other), key=lambda position: position.height)
    return (
        (older.height == newer.height and older.head != newer.head)
        or (older.tree_size == newer.tree_size and older.tree_root != newer.tree_root)
        or older.tree_size > newer.tree_size
    )


def _describe(position: Position) -> str:
    return (
        f"height {position.height} with head {position.head.hex()}"
        f" and {position.tree_size} events under root {position.tree_root.hex()}"
    )
