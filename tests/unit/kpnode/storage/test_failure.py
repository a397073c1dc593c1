"""A write that fails is final: nothing more is written, reads go on, a restart loses nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fullness import enlarge, files_limited_to, small_disk_at

from kpledger.log.layout import state_key
from kpnode.raft import Entry, EntryKind, HardState, Index, Term
from kpnode.storage.errors import StorageError, StorageFailedError
from kpnode.storage.leveldb import LevelStorage

CHAIN = bytes(range(32))
WHOLE = (Index(1), Index(1 << 40), 1 << 40)


def save_until_failure(storage: LevelStorage) -> tuple[Entry, ...]:
    """Return the entries whose saving succeeded."""
    saved: list[Entry] = []
    for index in range(1, 10_000):
        entry = Entry(Index(index), Term(index), EntryKind.BLOCK, bytes(7000))
        try:
            storage.save(HardState(Term(index), None), (entry,))
        except StorageFailedError:
            return tuple(saved)
        saved.append(entry)
    pytest.fail("nothing stopped the saving")


def test_no_write_is_tried_after_one_that_failed(storage: LevelStorage) -> None:
    storage.apply([(state_key(b"x"), b"1")])
    with files_limited_to(100_000):
        saved = save_until_failure(storage)
    # The limit is gone; a retry would seem to succeed, and must not be tried.
    complaint = (
        f"{storage.directory}: storage has failed and takes no more writes: "
        f"IO error: {storage.directory}/000003.log: File too large"
    )
    assert str(storage.failed) == complaint
    later = Entry(Index(len(saved) + 1), Term(99), EntryKind.BLOCK, b"")
    with pytest.raises(StorageFailedError) as caught:
        storage.save(HardState(Term(99), None), (later,))
    assert str(caught.value) == complaint
    with pytest.raises(StorageFailedError) as caught:
        storage.apply([(state_key(b"x"), b"2")])
    assert str(caught.value) == complaint
    assert storage.hard_state == HardState(Term(len(saved)), None)
    assert storage.entries(*WHOLE) == saved
    assert storage.get(state_key(b"x")) == b"1"


def test_failed_apply_is_final_too(storage: LevelStorage) -> None:
    """What is derived waits for the next save, but not for ever."""
    with files_limited_to(1000), pytest.raises(StorageFailedError):
        storage.apply([(state_key(b"x"), bytes(5 << 20))])
    with pytest.raises(StorageFailedError):
        storage.save(HardState(Term(1), None), ())


def test_restart_after_a_failed_write_finds_all_that_was_saved(
    storage: LevelStorage, directory: Path
) -> None:
    with files_limited_to(100_000):
        saved = save_until_failure(storage)
        storage.close()
    again = LevelStorage(directory, chain=CHAIN, create=False)
    assert again.entries(*WHOLE) == saved
    assert again.hard_state == HardState(Term(len(saved)), None)
    again.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk_at(tmp_path, "2m"):
        yield tmp_path


def test_full_disk_stops_the_node_and_loses_nothing(small_disk: Path) -> None:
    directory = small_disk / "ledger"
    storage = LevelStorage(directory, chain=CHAIN, create=True)
    saved = save_until_failure(storage)
    assert "No space left on device" in str(storage.failed)
    assert storage.entries(*WHOLE) == saved
    storage.close()

    # While the disk is full the node refuses to start, and says so; it does not speak of damage.
    with pytest.raises(StorageError, match="No space left on device"):
        LevelStorage(directory, chain=CHAIN, create=False)
    enlarge(small_disk, "64m")
    again = LevelStorage(directory, chain=CHAIN, create=False)
    assert again.entries(*WHOLE) == saved
    assert again.hard_state == HardState(Term(len(saved)), None)
    again.save(None, (Entry(Index(len(saved) + 1), Term(1), EntryKind.NOOP, b""),))
    again.close()
