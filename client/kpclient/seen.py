"""What was last seen of each ledger, so that no node can show an older or another one unnoticed.

For each chain id the furthest position is kept. A later answer may lag behind it, for nodes do,
but it must not contradict it: one height has one head, one tree size has one root, and a ledger
that grew in blocks did not shrink in events. It is a memory and no proof: between two different
sizes only a consistency proof or an audit decides.
"""

from pathlib import Path
from typing import ClassVar, Final

import msgspec

from kpclient.errors import ClientError, FileError
from kpclient.files import make_private_directory, read_bounded, write_durably
from kpledger.base.ids import Digest32
from kpledger.command import EXIT_REFUSED

_MAX_FILE_BYTES: Final = 4096


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
        """Say who shows what, and what was seen before."""
        super().__init__(f"{node} shows {_describe(shown)}, but seen before was {_describe(seen)}")


class DamagedMemoryError(FileError):
    """The file of what was seen cannot be understood."""

    TROUBLE: ClassVar[str] = " is damaged"


class Memory:
    """The furthest position seen of one ledger, in a file of its own."""

    def __init__(self, directory: Path, chain: bytes) -> None:
        """Look at the file of this ledger; it is made when something is seen."""
        self._path = directory / f"{chain.hex()}.json"

    def load(self) -> Position | None:
        """Give the furthest position seen, None if there is none yet.

        Raises:
            DamagedMemoryError: the file cannot be understood.
        """
        if not self._path.exists():
            return None
        try:
            content = read_bounded(self._path, max_bytes=_MAX_FILE_BYTES)
            return msgspec.json.decode(content, type=Position)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DamagedMemoryError(self._path, str(error)) from None

    def accept(self, shown: Position, *, node: str) -> None:
        """Compare a position with the furthest one, and keep it if it is further.

        Raises:
            ContradictionError: the two cannot both be true.
            DamagedMemoryError: the file cannot be understood.
        """
        seen = self.load()
        if seen is not None and _contradict(seen, shown):
            raise ContradictionError(node, seen, shown)
        if seen is None or shown.height > seen.height:
            make_private_directory(self._path.parent)
            write_durably(self._path, msgspec.json.encode(shown), replace=True)


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
