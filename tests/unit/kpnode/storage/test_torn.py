"""A torn end is dropped, damage before it is refused, and the two are told apart."""

import struct
from pathlib import Path

import pytest
from leveldb_files import copy_directory, record_ends

from kpnode.raft import Entry, EntryKind, HardState, Index, Term
from kpnode.storage.errors import StorageCorruptError
from kpnode.storage.leveldb import LevelStorage
from kpnode.storage.torn import _crc32c, find_damage

CHAIN = bytes(range(32))
SAVES = 8
WHOLE = (Index(1), Index(1 << 40), 1 << 40)


def entry(index: int, size: int = 20) -> Entry:
    return Entry(Index(index), Term(index), EntryKind.BLOCK, b"payload"[: index % 7 + 1] * size)


def fill(storage: LevelStorage, size: int = 20) -> bytes:
    """Save eight entries and give the write-ahead log, closed."""
    for index in range(1, SAVES + 1):
        storage.save(HardState(Term(index), None), (entry(index, size),))
    storage.close()
    (log,) = storage.directory.glob("*.log")
    return log.read_bytes()


def open_with(directory: Path, log: bytes, name: str) -> LevelStorage:
    """Open a copy of a directory with another write-ahead log."""
    copy = copy_directory(directory, directory.with_name(name))
    (file,) = copy.glob("*.log")
    file.write_bytes(log)
    return LevelStorage(copy, chain=CHAIN, create=False)


def entries_in(storage: LevelStorage) -> tuple[Entry, ...]:
    found = storage.entries(*WHOLE)
    storage.close()
    return found


def starts_of(log: bytes) -> list[int]:
    """Say where the record of each save starts; the first record of the log is the founding."""
    return record_ends(log)[:SAVES]


def test_last_record_cut_anywhere_is_dropped_and_nothing_else(
    storage: LevelStorage, directory: Path
) -> None:
    log = fill(storage)
    for cut in range(starts_of(log)[-1], len(log)):
        again = open_with(directory, log[:cut], f"cut-{cut}")
        assert again.hard_state == HardState(Term(SAVES - 1), None)
        assert entries_in(again) == tuple(entry(index) for index in range(1, SAVES))


@pytest.mark.parametrize("size", [20, 1500])
def test_wrong_length_before_the_last_record_is_refused(
    storage: LevelStorage, directory: Path, size: int
) -> None:
    """With 1,500 the log has two blocks; LevelDB itself refuses such damage in the first."""
    log = fill(storage, size)
    assert (len(log) > 32768) == (size == 1500)
    for start in starts_of(log)[:-1]:
        for bit in range(16):
            damaged = bytearray(log)
            damaged[start + 4 + bit // 8] ^= 1 << bit % 8
            with pytest.raises(StorageCorruptError):
                open_with(directory, bytes(damaged), f"length-{start}-{bit}")


def test_refusal_of_a_wrong_length_names_file_and_place(
    storage: LevelStorage, directory: Path
) -> None:
    log = fill(storage)
    start = starts_of(log)[2]
    damaged = bytearray(log)
    damaged[start + 5] ^= 0x80
    with pytest.raises(StorageCorruptError) as caught:
        open_with(directory, bytes(damaged), "damaged")
    finding = f"the record at byte {start} is not whole, and yet 5 whole ones follow"
    assert caught.value.finding == f"000003.log: {finding}"


def test_every_changed_bit_but_the_length_of_the_last_is_noticed(
    storage: LevelStorage, directory: Path
) -> None:
    log = fill(storage, 1)
    unnoticed = set()
    for position in range(starts_of(log)[0], len(log)):
        damaged = bytearray(log)
        damaged[position] ^= 0x80
        try:
            open_with(directory, bytes(damaged), f"bit-{position}").close()
        except StorageCorruptError:
            continue
        unnoticed.add(position)
    last = starts_of(log)[-1]
    assert unnoticed <= {last + 4, last + 5}


def test_whole_batch_behind_a_lost_one_is_damage(storage: LevelStorage, directory: Path) -> None:
    """No write begins before the one before it is synced, so no crash leaves that."""
    log = fill(storage)
    before_last, last = starts_of(log)[-2:]
    lost = log[:before_last] + bytes([0xFF]) * (last - before_last) + log[last:]
    with pytest.raises(StorageCorruptError):
        open_with(directory, lost, "lost")


@pytest.mark.parametrize("size", [1, 1500])
def test_no_torn_end_is_taken_for_damage(storage: LevelStorage, size: int, tmp_path: Path) -> None:
    log = fill(storage, size)
    file = tmp_path / "torn"
    for cut in range(0, len(log), size):
        file.write_bytes(log[:cut])
        assert find_damage(file) is None


def test_damaged_list_of_tables_is_refused(storage: LevelStorage) -> None:
    fill(storage)
    (manifest,) = storage.directory.glob("MANIFEST-*")
    (log,) = storage.directory.glob("*.log")
    content = manifest.read_bytes()
    wrong = struct.pack("<IHB", 0, 60_000, 1)
    manifest.write_bytes(content + wrong + log.read_bytes())
    with pytest.raises(StorageCorruptError, match="MANIFEST-000002: the record at byte"):
        LevelStorage(storage.directory, chain=CHAIN, create=False)


def test_checksum_is_the_one_of_the_standard() -> None:
    assert _crc32c(b"123456789") == 0xE3069283
