"""A directory as an auditor gets it: the blocks of a ledger in memory, and its genesis file."""

from collections.abc import Iterable
from pathlib import Path

import plyvel
from founding import make_genesis

from kpledger.log import layout
from kpledger.log.layout import StoredEntry, encode_stored_entry

NOOP, BLOCK = 0, 1


def store(block: int | bytes) -> bytes:
    """Give a block of a memory ledger as a node stores it."""
    if isinstance(block, int):
        return encode_stored_entry(StoredEntry(kind=NOOP, term=block, payload=b""))
    return encode_stored_entry(StoredEntry(kind=BLOCK, term=1, payload=block))


def write_copy(directory: Path, chain: Iterable[bytes]) -> Path:
    """Write stored blocks into a database, as in a copy of a node's directory."""
    database = plyvel.DB(str(directory / layout.DATABASE_DIRECTORY), create_if_missing=True)
    database.put(layout.FORMAT_KEY, layout.STORE_FORMAT)
    for height, stored in enumerate(chain, start=1):
        database.put(layout.block_key(height), stored)
    database.close()
    return directory


def write_genesis(directory: Path) -> Path:
    """Write the genesis file of the small world."""
    file = directory / "genesis.json"
    file.write_bytes(make_genesis().encoded)
    return file
