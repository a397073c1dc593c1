"""The database of a node as the version before signed consensus left it, byte by byte."""

from collections.abc import Mapping
from pathlib import Path

import plyvel

TERM = 7


def earlier_records(chain: bytes, last: int, vote: bytes = b"bw-1") -> Mapping[bytes, bytes]:
    """Give the records: term 7, a vote in it, and entries that open a term or carry a payload."""
    entries = {
        b"b" + height.to_bytes(8): b"\x01"
        + (b"\x00" if height % 3 == 1 else b"\x01")
        + min(height, TERM).to_bytes(8)
        + (b"" if height % 3 == 1 else b"block %d" % height)
        for height in range(1, last + 1)
    }
    return {
        **entries,
        b"h": b"\x01" + TERM.to_bytes(8) + vote,
        b"m/applied": b"derived",
        b"m/chain": chain,
        b"m/format": b"\x01",
        b"sfile": b"derived too",
    }


def write_records(directory: Path, records: Mapping[bytes, bytes]) -> Path:
    """Write a database of these records alone."""
    directory.parent.mkdir(exist_ok=True, parents=True)
    with plyvel.DB(str(directory), create_if_missing=True, compression=None) as database:
        for key, value in records.items():
            database.put(key, value)
    return directory


def read_records(directory: Path) -> dict[bytes, bytes]:
    """Read all records of a database."""
    with plyvel.DB(str(directory), compression=None) as database:
        return dict(database)
