"""The files of a LevelDB database, for tests that damage them."""

import struct
from pathlib import Path


def record_ends(log: bytes) -> list[int]:
    """Return where each record of a LevelDB log ends (`doc/log_format.md` of LevelDB)."""
    ends = []
    position = 0
    while position < len(log):
        left_in_block = 32768 - position % 32768
        if left_in_block < 7:
            position += left_in_block
            continue
        _, length, kind = struct.unpack_from("<IHB", log, position)
        position += 7 + length
        if kind in {1, 4}:  # FULL or LAST
            ends.append(position)
    return ends


def copy_directory(source: Path, target: Path) -> Path:
    target.mkdir()
    for file in source.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    return target
