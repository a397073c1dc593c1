"""Whether the files of a LevelDB database are all of one moment (`doc/impl.md` of LevelDB).

A copy that was made while its node went on may hold the manifest of one moment and the write-ahead
logs of another. LevelDB opens that without a word, and what was written in between is not there.
Every write has a sequence number: the manifest says which was the newest when it was written last,
and from which log on writes are still to be taken in. So what is missing in between shows.
LevelDB itself verifies the checksums of what these files hold.
"""

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_BLOCK_BYTES: Final = 32 << 10
_HEADER: Final = struct.Struct("<IHB")
"""Of a piece of a record: checksum, length, kind (`doc/log_format.md`)."""
_LAST_PIECES: Final = (1, 4)
_MOST: Final = 0x7F
_BATCH: Final = struct.Struct("<QI")
"""How a record of a write-ahead log begins: sequence number of its first write, how many."""
_TORN: Final = "its files are of different moments"
_LOG_NUMBER, _LAST_SEQUENCE = 2, 4
_FIELDS: Final = {1: "t", 2: "n", 3: "n", 4: "n", 5: "nt", 6: "nn", 7: "nnntt", 9: "n"}
"""What a record of the manifest holds by its tags: numbers and texts (`db/version_edit.cc`)."""
_PUT: Final = re.compile(
    rb"(?:\x01\x09|\x00\x11[\x80-\xff]{0,4}[\x00-\x7f](?=.{9}\x01))b\0{4}(.{4})", re.DOTALL
)
"""How the key of a block is written in a log, and in a table, at the start of one of its blocks."""


def find_highest_block(directory: Path) -> int:
    """Give the greatest height of which a block left a trace, be it readable or not; 0 for none."""
    files = (one for one in directory.iterdir() if one.suffix in {".log", ".ldb", ".sst"})
    found = (height for one in files for height in _PUT.findall(one.read_bytes()))
    return max((int.from_bytes(height, "big") for height in found), default=0)


def find_tear(directory: Path) -> str:
    """Say what is missing between the manifest and the logs; empty if nothing is, or who knows."""
    try:
        return _compare(directory)
    except (OSError, ValueError, struct.error):
        return ""  # LevelDB will say what is wrong with them


def _compare(directory: Path) -> str:
    manifest = directory / (directory / "CURRENT").read_text().strip()
    said: dict[int, int] = {}
    for record in _read_records(manifest.read_bytes()):
        said |= _read_edit(iter(record))
    first, expected = said.get(_LOG_NUMBER, 0), said.get(_LAST_SEQUENCE, 0) + 1
    numbers = {int(one.stem): one for one in directory.glob("*.log") if one.stem.isdecimal()}
    if first and first not in numbers:
        return f"{_TORN}: the manifest names log {first:06}, which is not there"
    for number in sorted(one for one in numbers if one >= first):
        for record in _read_records(numbers[number].read_bytes()):
            sequence, count = _BATCH.unpack_from(record)
            if sequence > expected:
                lost = f"writes {expected} to {sequence - 1} are missing before log {number:06}"
                return f"{_TORN}: {lost}"
            expected = max(expected, sequence + count)
    return ""


def _read_records(content: bytes) -> Iterator[bytes]:
    at, record = 0, b""
    while at + _HEADER.size <= len(content):
        left = _BLOCK_BYTES - at % _BLOCK_BYTES
        if left < _HEADER.size:
            at += left
            continue
        _, length, kind = _HEADER.unpack_from(content, at)
        at += _HEADER.size
        record += content[at : at + length]
        at += length
        if at <= len(content) and kind in _LAST_PIECES:
            yield record
            record = b""


def _read_edit(record: Iterator[int]) -> dict[int, int]:
    """Give the numbers in a record of the manifest by their tags."""
    said = {}
    for tag in record:
        for kind in _FIELDS.get(tag, ""):
            number = _read_number(record)
            if kind == "t":
                for _ in range(number):
                    next(record, None)
            said[tag] = number
    return said


def _read_number(record: Iterator[int]) -> int:
    """Read a number of seven bits a byte, the lowest first."""
    number = 0
    for position, byte in enumerate(record):
        number |= (byte & _MOST) << 7 * position
        if byte <= _MOST:
            return number
    raise ValueError("a record of the manifest ends within a number")
