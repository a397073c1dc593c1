"""Telling a torn end of a LevelDB log file from damage in the middle of it.

A file that a crash has torn ends with a record that is not whole: it was never promised, and is
dropped. LevelDB takes a record whose *length* was damaged for the same thing when it stands in the
last 32 KiB, and drops all that follows without a word, promised or not. What follows gives it away:
every write is synced before the next one begins (`kpnode.storage.database`), so that after a torn
end there are no whole records.

The format of the file is told in LevelDB's `doc/log_format.md`: blocks of 32 KiB, records with
checksum, length and kind, whole or in fragments.
"""

import struct
from pathlib import Path
from typing import Final

_BLOCK_BYTES: Final = 32768
_HEADER: Final = struct.Struct("<IHB")
_FULL, _LAST, _KIND_MAX = 1, 4, 4


def find_damage(file: Path) -> str | None:
    """Say what is wrong with a log file whose end is no torn one; None if LevelDB can judge it."""
    content = file.read_bytes()
    broken = _find_broken(content)
    if broken is None:
        return None
    whole = max(
        (_count_whole(content, start) for start in range(broken + 1, len(content))), default=0
    )
    if whole == 0:
        return None
    return (
        f"{file.name}: the record at byte {broken} is not whole, and yet {whole} whole ones follow"
    )


def _find_broken(content: bytes) -> int | None:
    """Find the record in the last block at which LevelDB would take the file to end."""
    position = len(content) - len(content) % _BLOCK_BYTES
    # A fragment of a record that began in an earlier block is a record of its own here.
    while len(content) - position >= _HEADER.size:
        _, length, kind = _HEADER.unpack_from(content, position)
        end = position + _HEADER.size + length
        if end > len(content) or (kind, length) == (0, 0):
            return position
        position = end
    return None


def _count_whole(content: bytes, position: int) -> int:
    """Count the batches that end in an unbroken row of whole records from a position on."""
    whole = 0
    while len(content) - position >= _HEADER.size:
        checksum, length, kind = _HEADER.unpack_from(content, position)
        end = position + _HEADER.size + length
        if not 1 <= kind <= _KIND_MAX or end > len(content):
            break
        if checksum != _mask(_crc32c(content[position + 6 : end])):
            break
        whole += kind in (_FULL, _LAST)
        position = end
    return whole


def _make_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


_TABLE: Final = _make_table()


def _crc32c(data: bytes) -> int:
    """Compute CRC-32C (RFC 3720, appendix B.4); slow, for the few bytes behind a broken record."""
    value = 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ _TABLE[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF


def _mask(checksum: int) -> int:
    """Change a checksum as LevelDB does, which stores checksums of data that holds checksums."""
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF
