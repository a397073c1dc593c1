"""A database that is not what the node left is refused, with the place and the reason."""

from collections.abc import Callable
from pathlib import Path

import plyvel
import pytest

from kpledger.log import layout
from kpnode.raft import Entry, EntryKind, HardState, Index, NodeId, Term
from kpnode.storage.errors import (
    StorageCorruptError,
    StorageError,
)
from kpnode.storage.leveldb import TAIL_ENTRIES, LevelStorage

CHAIN = bytes(range(32))
LAST = 3 * TAIL_ENTRIES


def payload(height: int) -> bytes:
    return b"payload %d " % height * 20


@pytest.fixture
def filled(storage: LevelStorage, directory: Path) -> Path:
    """A directory with a log longer than its tail, nobody using it."""
    for height in range(1, LAST + 1):
        entry = Entry(Index(height), Term(height), EntryKind.BLOCK, payload(height))
        storage.save(HardState(Term(height), NodeId("bw-1")), (entry,))
    storage.close()
    return directory


def change(directory: Path, key: bytes, value: bytes | None) -> None:
    """Change one record behind the node's back."""
    with plyvel.DB(str(directory)) as database:
        if value is None:
            database.delete(key)
        else:
            database.put(key, value)


def flip_byte(file: Path, needle: bytes) -> None:
    content = bytearray(file.read_bytes())
    content[content.index(needle)] ^= 1
    file.write_bytes(content)


def refusal(directory: Path) -> StorageError:
    """Return the error with which the directory is refused, and that it is so every time."""
    with pytest.raises(StorageError) as first:
        LevelStorage(directory, chain=CHAIN, create=False)
    with pytest.raises(type(first.value)) as second:
        LevelStorage(directory, chain=CHAIN, create=True)
    assert str(first.value) == str(second.value)
    return first.value


def test_whole_database_is_not_refused(filled: Path) -> None:
    storage = LevelStorage(filled, chain=CHAIN, create=False)
    assert storage.last_index() == LAST
    storage.close()


@pytest.mark.parametrize("height", [1, LAST // 2 + 1, LAST - 1])
def test_missing_entry_is_refused_with_its_height(filled: Path, height: int) -> None:
    change(filled, layout.block_key(height), None)
    assert str(refusal(filled)) == f"{filled}: height {height} is damaged: there is no such entry"


@pytest.mark.parametrize("height", [1, LAST // 2 + 1, LAST - 1, LAST])
def test_entry_that_does_not_decode_is_refused_with_its_height(filled: Path, height: int) -> None:
    change(filled, layout.block_key(height), b"\x01\x07" + bytes(8))
    error = refusal(filled)
    assert isinstance(error, StorageCorruptError)
    assert error.height == height
    assert error.finding.startswith("stored entry is malformed at kind: 7 is not 0")


@pytest.mark.parametrize("height", [1, LAST // 2, LAST - 50])
def test_changed_byte_in_a_table_is_refused_with_a_height_close_by(
    filled: Path, height: int
) -> None:
    with plyvel.DB(str(filled), compression=None) as database:
        database.compact_range()
    (table,) = filled.glob("*.ldb")
    flip_byte(table, payload(height))
    error = refusal(filled)
    assert isinstance(error, StorageCorruptError)
    assert error.finding == "Corruption: block checksum mismatch"
    # LevelDB's checksum covers a block of 4 KiB, which holds a few entries.
    assert error.height is not None
    assert abs(error.height - height) < 4096 // len(payload(height))


def test_changed_byte_in_the_last_entries_is_not_taken_for_a_shorter_log(
    storage: LevelStorage, directory: Path
) -> None:
    """LevelDB's iterator skips a damaged block; at the end of a range nothing comes after it."""
    for height in range(1, 10):
        entry = Entry(Index(height), Term(1), EntryKind.BLOCK, payload(height) * 50)
        storage.save(None, (entry,))
    storage.close()
    with plyvel.DB(str(directory), compression=None) as database:
        database.compact_range()
    (table,) = directory.glob("*.ldb")
    flip_byte(table, payload(9) * 50)
    assert str(refusal(directory)) == (
        f"{directory}: the database is damaged: Corruption: block checksum mismatch"
    )


def test_changed_byte_at_the_end_of_a_scan_is_not_taken_for_its_end(
    storage: LevelStorage, directory: Path
) -> None:
    storage.apply([(layout.state_key(b"%d" % number), payload(number) * 50) for number in range(9)])
    storage.close()
    with plyvel.DB(str(directory), compression=None) as database:
        database.compact_range()
    (table,) = directory.glob("*.ldb")
    flip_byte(table, payload(8) * 50)
    again = LevelStorage(directory, chain=CHAIN, create=False)
    with pytest.raises(StorageCorruptError, match="checksum mismatch"):
        list(again.scan(layout.STATE_PREFIX, limit=99))
    again.close()


def test_changed_byte_in_the_write_ahead_log_is_refused(filled: Path) -> None:
    (log,) = filled.glob("*.log")
    flip_byte(log, payload(LAST // 2))
    assert str(refusal(filled)) == (
        f"{filled}: the database is damaged: Corruption: checksum mismatch"
    )


def test_read_meets_damage_that_came_later(filled: Path) -> None:
    with plyvel.DB(str(filled), compression=None) as database:
        database.compact_range()
    # Between two of the probes that are made at start.
    height = LAST // 3
    change(filled, layout.block_key(height), b"")
    storage = LevelStorage(filled, chain=CHAIN, create=False)
    for read in (
        lambda: storage.term_at(Index(height)),
        lambda: storage.entries(Index(height - 1), Index(height + 1), 1 << 20),
    ):
        with pytest.raises(StorageCorruptError) as caught:
            read()
        assert caught.value.height == height
    assert storage.term_at(Index(height - 1)) == height - 1
    storage.close()


def test_log_without_sign_state_is_refused(filled: Path) -> None:
    change(filled, layout.HARD_STATE_KEY, None)
    error = refusal(filled)
    assert isinstance(error, StorageError)
    assert str(error) == (
        f"{filled}: log without sign-state: {LAST} entries, but no record of term and vote; "
        "this node may only come back as a replica"
    )


@pytest.mark.parametrize(
    ("key", "value", "finding"),
    [
        (layout.HARD_STATE_KEY, b"\x01", "hard state is malformed: 1 bytes cannot hold"),
        (b"b" + b"\xff" * 9, b"", "block key is malformed: "),
    ],
)
def test_damaged_record_without_a_height_is_refused(
    filled: Path, key: bytes, value: bytes, finding: str
) -> None:
    change(filled, key, value)
    error = refusal(filled)
    assert isinstance(error, StorageCorruptError)
    assert error.height is None
    assert error.finding.startswith(finding)


@pytest.mark.parametrize("found", [None, b"\x03"])
def test_other_format_is_refused(filled: Path, found: bytes | None) -> None:
    change(filled, layout.FORMAT_KEY, found)
    error = refusal(filled)
    assert isinstance(error, StorageError)
    said = "no format record" if found is None else "format 03"
    assert str(error) == f"{filled}: {said}, where this program knows format 02"


def test_other_chain_is_refused_with_both(filled: Path) -> None:
    with pytest.raises(StorageError) as caught:
        LevelStorage(filled, chain=bytes(32), create=True)
    said = f"holds chain {CHAIN.hex()}, not chain {bytes(32).hex()}"
    assert str(caught.value) == f"{filled}: {said}"


def make_nothing(_directory: Path) -> None:
    """Leave the directory missing."""


def make_empty_directory(directory: Path) -> None:
    directory.mkdir()


def make_empty_database(directory: Path) -> None:
    plyvel.DB(str(directory), create_if_missing=True).close()


@pytest.mark.parametrize("make", [make_nothing, make_empty_directory, make_empty_database])
def test_absent_ledger_is_refused_unless_it_is_to_be_founded(
    directory: Path, make: Callable[[Path], None]
) -> None:
    make(directory)
    before = sorted(directory.parent.rglob("*"))
    with pytest.raises(StorageError, match="kpnode init founds"):
        LevelStorage(directory, chain=CHAIN, create=False)
    if make is not make_empty_database:
        assert sorted(directory.parent.rglob("*")) == before
    LevelStorage(directory, chain=CHAIN, create=True).close()
    LevelStorage(directory, chain=CHAIN, create=False).close()


def test_directory_that_cannot_be_opened_is_refused_with_the_reason(filled: Path) -> None:
    (filled / "CURRENT").write_bytes(b"no newline")
    error = refusal(filled)
    assert str(error).startswith(f"{filled}: ")
    assert "CURRENT" in str(error)


def test_directory_that_lost_its_entry_point_is_refused_and_kept(filled: Path) -> None:
    """LevelDB would found a new database there, and delete the tables."""
    (filled / "CURRENT").unlink()
    before = sorted(file.name for file in filled.iterdir())
    error = refusal(filled)
    assert isinstance(error, StorageCorruptError)
    assert "CURRENT is missing" in str(error)
    assert sorted(file.name for file in filled.iterdir()) == before
