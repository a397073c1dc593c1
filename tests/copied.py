"""A directory as an auditor gets it: the blocks of a ledger in memory, and its genesis file."""

from collections.abc import Iterable
from pathlib import Path

import plyvel
from founding import make_genesis

from kpclient.replay.copied_chain import StoredBlock
from kpledger.base.codec import encode
from kpledger.log import layout
from kpledger.log.certificates import CommitCertificate
from kpledger.log.layout import StoredEntry, encode_stored_entry

NOOP, BLOCK = 0, 1
LAST = 60


def store(block: int | bytes) -> bytes:
    """Give a block of a memory ledger as a node stores it."""
    if isinstance(block, int):
        return encode_stored_entry(StoredEntry(kind=NOOP, term=block, payload=b""))
    return encode_stored_entry(StoredEntry(kind=BLOCK, term=1, payload=block))


def write_copy(
    directory: Path, chain: Iterable[bytes], certificates: Iterable[CommitCertificate] = ()
) -> Path:
    """Write stored blocks into a database, as in a copy of a node's directory."""
    database = plyvel.DB(str(directory / layout.DATABASE_DIRECTORY), create_if_missing=True)
    database.put(layout.FORMAT_KEY, layout.STORE_FORMAT)
    for height, stored in enumerate(chain, start=1):
        database.put(layout.block_key(height), stored)
    for certificate in certificates:
        database.put(layout.certificate_key(certificate.term), encode(certificate))
    database.close()
    return directory


def write_genesis(directory: Path) -> Path:
    """Write the genesis file of the small world."""
    file = directory / "genesis.json"
    file.write_bytes(make_genesis().encoded)
    return file


def payload(height: int) -> bytes:
    """Return bytes found nowhere else, from tens of bytes to more than LevelDB's log block."""
    size = 40_000 if height == 30 else 20 + height * 97 % 3000
    return (b"<%d>" % height * size)[:size]


BLOCKS = [
    StoredBlock(height, layout.encode_stored_entry(StoredEntry(1, height, payload(height))))
    for height in range(1, LAST + 1)
]


def write_node(directory: Path, *, batch: int = 1, compact: bool = False) -> Path:
    """Write a node's directory: some blocks per batch, in the log or in a table."""
    database_directory = directory / layout.DATABASE_DIRECTORY
    database_directory.mkdir(parents=True)
    with plyvel.DB(str(database_directory), create_if_missing=True, compression=None) as database:
        database.put(layout.FORMAT_KEY, layout.STORE_FORMAT)
        for first in range(0, LAST, batch):
            with database.write_batch(sync=False) as changes:
                changes.put(layout.HARD_STATE_KEY, b"hard state")
                for block in BLOCKS[first : first + batch]:
                    changes.put(layout.block_key(block.height), block.stored)
                    changes.put(layout.state_key(b"%d" % block.height), b"derived")
        if compact:
            database.compact_range()
    return directory


def find_file(directory: Path, pattern: str) -> Path:
    """Give the one file of a database whose name is of a form."""
    (file,) = (directory / layout.DATABASE_DIRECTORY).glob(pattern)
    return file
