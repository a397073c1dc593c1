"""A synthetic year as the directory of a node: real rules, real storage, real indexes, no network.

Every event is executed by the rules and every block is signed, stored and applied as a node does
it; what is left out is the agreement with other nodes. `kpnode run` starts on what is written here.
"""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab.year.blocks import TERM, Refused, cut_blocks, execute_block
from lab.year.books import stop_at_refusal
from lab.year.files import PLANTED_NAME, write_planted, write_seed
from lab.year.participants import NODE, NODE_KEYS
from lab.year.year import Year

from kpledger.base.keys import SigningKey
from kpledger.log import layout
from kpledger.log.chain import execute_noop, seal_block
from kpledger.log.genesis import parse_genesis
from kpnode.config import Address, NodeConfig, format_config, load_config
from kpnode.founding import GENESIS_NAME, PlannedNode, found_storage, make_config
from kpnode.ledger import Ledger
from kpnode.raft import Entry as LogEntry, EntryKind, HardState, Index, NodeId, Term
from kpnode.storage.leveldb import LevelStorage

_TERM: Final = Term(TERM)
_SAVED_AT_ONCE: Final = 64
_REPORT_EVENTS: Final = 50_000
_REMEMBERED: Final = 1_000_000
_EVERYTHING: Final = 2**62


@dataclass(frozen=True, slots=True)
class Built:
    """What a ledger came to."""

    events: int
    height: int
    seconds: float


def found_directory(year: Year, directory: Path, port: int) -> NodeConfig:
    """Write genesis file, keys and configuration of the one node."""
    place = directory / NODE
    place.mkdir(parents=True)
    (directory / GENESIS_NAME).write_bytes(year.genesis.encoded)
    for kind in NODE_KEYS:
        write_seed(place / f"{kind}.seed", year.participants.seed_of(f"{NODE}/{kind}"))
    peers = Address(f"127.0.0.1:{port + 100}")
    planned = PlannedNode(NODE, "BW", Address(f"127.0.0.1:{port}"), peers)
    config = make_config(planned, {NODE: peers}, genesis=Path("..") / GENESIS_NAME, api_tls=False)
    (place / "node.toml").write_text(format_config(config), encoding="utf-8")
    resolved = config.resolve(place)
    found_storage(resolved, year.genesis)
    return resolved


class Recalling:
    """A store that remembers what was read and written lately; everything is written through."""

    def __init__(self, storage: LevelStorage) -> None:
        """Remember nothing yet."""
        self._storage = storage
        self._known: dict[bytes, bytes | None] = {}

    def get(self, key: bytes) -> bytes | None:
        """Give the value under a key."""
        if key in self._known:
            return self._known[key]
        value = self._known[key] = self._storage.get(key)
        return value

    def scan(
        self, prefix: bytes, *, limit: int, start: bytes | None = None, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Read from the storage, which has everything."""
        return self._storage.scan(prefix, limit=limit, start=start, reverse=reverse)

    def apply(self, puts: Iterable[tuple[bytes, bytes]], deletes: Iterable[bytes] = ()) -> None:
        """Write through."""
        changed, removed = tuple(puts), tuple(deletes)
        self._storage.apply(changed, removed)
        if len(self._known) > _REMEMBERED:
            self._known.clear()
        self._known.update(dict.fromkeys(removed))
        self._known.update(changed)


def build(
    year: Year, directory: Path, *, port: int = 7600, refused: Refused = stop_at_refusal
) -> Built:
    """Live a year and write its ledger into a new directory."""
    started = time.perf_counter()
    config = found_directory(year, directory, port)
    storage = LevelStorage.open(config.node.database, chain=year.genesis.chain, create=False)
    ledger = Ledger(year.genesis, Recalling(storage))
    try:
        _write(year, storage, ledger, refused)
    finally:
        storage.close()
    write_planted(directory / PLANTED_NAME, year.cases.listed())
    tip = ledger.tip
    return Built(tip.tree.size, tip.height, time.perf_counter() - started)


def _write(year: Year, storage: LevelStorage, ledger: Ledger, refused: Refused) -> None:
    key = SigningKey.from_seed(year.participants.seed_of(f"{NODE}/consensus"))
    opening = execute_noop(year.genesis, ledger.tip, ledger.state, _TERM)
    first = LogEntry(Index(1), _TERM, EntryKind.NOOP, b"")
    storage.save(HardState(_TERM, NodeId(NODE)), (first,))
    ledger.commit(opening)
    waiting: list[LogEntry] = []
    reported = 0
    for block in cut_blocks(year.events()):
        execution = execute_block(year.genesis, ledger.tip, ledger.state, block, refused)
        if execution is None:
            continue
        payload = seal_block(execution, key)
        index = Index(execution.tip.height)
        waiting.append(LogEntry(index, _TERM, EntryKind.BLOCK, payload))
        ledger.commit(execution)
        # The log may follow what is derived from it here, because nobody starts in between.
        if len(waiting) >= _SAVED_AT_ONCE:
            storage.save(None, tuple(waiting))
            waiting.clear()
        if ledger.tip.tree.size - reported >= _REPORT_EVENTS:
            reported = ledger.tip.tree.size
            sys.stderr.write(f"{reported} events\n")
    storage.save(None, tuple(waiting))


class StoredLedger:
    """The ledger of a node that is not running.

    Attributes:
        ledger: the book.
    """

    def __init__(self, directory: Path) -> None:
        """Open it; nobody else may while it is open."""
        config = load_config(directory / NODE / "node.toml")
        genesis = parse_genesis((directory / GENESIS_NAME).read_bytes())
        self._storage = LevelStorage.open(config.node.database, chain=genesis.chain, create=False)
        self.ledger = Ledger(genesis, self._storage)

    def close(self) -> None:
        """Let others open it."""
        self._storage.close()

    def certificates(self) -> list[str]:
        """Give the number of every certificate on it."""
        prefix = layout.state_key(b"certificate/")
        return [
            key[len(prefix) :].decode() for key, _ in self._storage.scan(prefix, limit=_EVERYTHING)
        ]


@contextmanager
def open_ledger(directory: Path) -> Iterator[StoredLedger]:
    """Open the ledger in a directory that :func:`build` has written."""
    stored = StoredLedger(directory)
    try:
        yield stored
    finally:
        stored.close()
