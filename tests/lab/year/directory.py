"""A synthetic year as the directory of a node: real rules, real storage, no network.

Every event is executed by the rules and every block is signed, stored and applied as a node does
it; what is left out is the agreement with other nodes. `kpnode run` starts on what is written here.
"""

from pathlib import Path
from typing import Final

from lab.year.blocks import TERM, cut_blocks, execute_block
from lab.year.files import write_seed
from lab.year.participants import NODE, NODE_KEYS
from lab.year.year import Year

from kpledger.base.keys import SigningKey
from kpledger.log.chain import execute_noop, seal_block
from kpnode.addresses import LOOPBACK, Address
from kpnode.config import AccessSection, NodeConfig, format_config
from kpnode.founding import GENESIS_NAME, PlannedNode, make_config
from kpnode.ledger import Ledger
from kpnode.raft import Entry as LogEntry, EntryKind, HardState, Index, NodeId, Term
from kpnode.storage.leveldb import LevelStorage

_TERM: Final = Term(TERM)
_SAVED_AT_ONCE: Final = 64


def found_directory(year: Year, directory: Path, port: int) -> NodeConfig:
    """Write genesis file, keys and configuration of the one node."""
    place = directory / NODE
    place.mkdir(parents=True)
    (directory / GENESIS_NAME).write_bytes(year.genesis.encoded)
    for kind in NODE_KEYS:
        write_seed(place / f"{kind}.seed", year.participants.seed_of(f"{NODE}/{kind}"))
    peers = Address(f"127.0.0.1:{port + 100}")
    planned = PlannedNode(NODE, "BW", Address(f"127.0.0.1:{port}"), peers)
    config = make_config(
        planned,
        {NODE: peers},
        genesis=Path("..") / GENESIS_NAME,
        api_tls=False,
        access=AccessSection(addresses=LOOPBACK),
    )
    (place / "node.toml").write_text(format_config(config), encoding="utf-8")
    resolved = config.resolve(place)
    LevelStorage(resolved.node.database, chain=year.genesis.chain, create=True).close()
    return resolved


def build(year: Year, directory: Path, *, port: int = 7600) -> None:
    """Live a year by the rules, and write its ledger into a new directory."""
    config = found_directory(year, directory, port)
    storage = LevelStorage(config.node.database, chain=year.genesis.chain, create=False)
    try:
        _write(year, storage, Ledger(year.genesis, storage))
    finally:
        storage.close()


def _write(year: Year, storage: LevelStorage, ledger: Ledger) -> None:
    key = SigningKey.from_seed(year.participants.seed_of(f"{NODE}/consensus"))
    opening = execute_noop(year.genesis, ledger.tip, ledger.state, _TERM)
    first = LogEntry(Index(1), _TERM, EntryKind.NOOP, b"")
    storage.save(HardState(_TERM, NodeId(NODE)), (first,))
    ledger.commit(opening)
    waiting: list[LogEntry] = []
    for block in cut_blocks(year.events()):
        execution = execute_block(year.genesis, ledger.tip, ledger.state, block)
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
    storage.save(None, tuple(waiting))
