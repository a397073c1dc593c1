"""What is stored for signed consensus: generations, certificates, term proofs, evidence."""

import time
from pathlib import Path

import pytest
from leveldb_files import copy_directory, record_ends

from kpledger.log import layout
from kpnode.raft import Entry, EntryKind, HardState, Index, NodeId, Term
from kpnode.storage.errors import StorageCorruptError
from kpnode.storage.leveldb import LevelStorage

CHAIN = bytes(range(32))


def reopen(directory: Path) -> LevelStorage:
    return LevelStorage(directory, chain=CHAIN, create=False)


def log_of(directory: Path) -> bytes:
    (file,) = directory.glob("*.log")
    return file.read_bytes()


def stored_hard_state(directory: Path) -> layout.StoredHardState:
    """Read what a crash would leave: the files as they are, below a running storage."""
    copy = copy_directory(directory, directory.with_name(f"{time.monotonic_ns()}"))
    storage = reopen(copy)
    found = layout.decode_hard_state(storage.get(layout.HARD_STATE_KEY) or b"")
    storage.close()
    return found


def test_founding_takes_its_generation_from_the_clock(tmp_path: Path) -> None:
    """A storage that is founded anew has a higher one than that which was lost."""
    before = int(time.time())
    storage = LevelStorage(tmp_path / "ledger", chain=CHAIN, create=True)
    assert before <= storage.generation <= time.time()
    storage.close()


@pytest.mark.parametrize("create", [False, True])
def test_every_start_has_a_generation_of_its_own(
    storage: LevelStorage, directory: Path, *, create: bool
) -> None:
    storage.close()
    for start in range(1, 4):
        again = LevelStorage(directory, chain=CHAIN, create=create)
        assert again.generation >= storage.generation + start
        again.close()


def test_backup_that_comes_back_speaks_with_another_number_than_any_start_before(
    storage: LevelStorage, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.close()
    backup = copy_directory(directory, directory.with_name("backup"))
    again = reopen(directory)
    again.close()
    monkeypatch.setattr(time, "time", lambda: again.generation + 1.5)
    restored = reopen(backup)
    assert restored.generation > again.generation
    restored.close()


@pytest.mark.parametrize("now_s", [2**32 - 1, 2**32, 2**40])
def test_a_clock_that_was_centuries_ahead_leaves_a_ledger_that_starts(
    storage: LevelStorage, directory: Path, monkeypatch: pytest.MonkeyPatch, now_s: int
) -> None:
    """Generations have 32 bits, and never fall."""
    storage.close()
    with monkeypatch.context() as ahead:
        ahead.setattr(time, "time", lambda: now_s)
        for _ in range(3):
            reopen(directory).close()
    before = reopen(directory)
    before.close()
    after = reopen(directory)
    assert before.generation < after.generation < 2**32
    after.close()


def test_generation_is_on_the_disk_before_anything_else(
    storage: LevelStorage, directory: Path
) -> None:
    storage.save(HardState(Term(3), NodeId("bw-1"), Index(1)), (entry(1),))
    storage.close()
    again = reopen(directory)
    # The copy, opened, is a start of its own.
    assert stored_hard_state(directory).generation > again.generation
    again.save(HardState(Term(4), None), ())
    stored = stored_hard_state(directory)
    assert (stored.term, stored.voted_for, stored.acknowledged) == (4, None, 0)
    assert stored.generation > again.generation
    again.close()


def entry(index: int) -> Entry:
    return Entry(Index(index), Term(1), EntryKind.BLOCK, b"p")


def test_what_is_acknowledged_is_stored_with_the_entries(
    storage: LevelStorage, directory: Path
) -> None:
    hard_state = HardState(Term(3), NodeId("bw-1"), Index(2))
    storage.save(hard_state, (entry(1), entry(2)))
    assert len(record_ends(log_of(directory))) == 2
    storage.close()
    again = reopen(directory)
    assert again.hard_state == hard_state
    again.close()


def test_newest_certificate_of_each_term_is_kept(storage: LevelStorage, directory: Path) -> None:
    assert storage.read_certificates() == ()
    for term, encoded in ((300, b"a"), (2, b"b"), (2, b"c"), (1 << 40, b"d")):
        storage.put_certificate(term, encoded)
    expected = (b"c", b"a", b"d")
    assert storage.read_certificates() == expected
    storage.close()
    again = reopen(directory)
    assert again.read_certificates() == expected
    # They stand behind the entries, and the end of the log is found all the same.
    assert again.last_index() == 0
    again.save(None, (entry(1),))
    again.close()
    again = reopen(directory)
    assert again.last_index() == 1
    again.close()


def test_certificate_costs_no_write_of_its_own(storage: LevelStorage, directory: Path) -> None:
    storage.put_certificate(2, b"certificate of 2")
    assert b"certificate of 2" not in log_of(directory)
    storage.save(None, (entry(1),))
    assert b"certificate of 2" in log_of(directory)
    assert len(record_ends(log_of(directory))) == 2


def test_term_proof_is_in_the_batch_that_saves_the_term(
    storage: LevelStorage, directory: Path
) -> None:
    assert storage.term_proof == b""
    storage.keep_term_proof(b"proof of term 2")
    assert storage.term_proof == b"proof of term 2"
    storage.save(HardState(Term(2), None), ())
    log = log_of(directory)
    founded, saved = record_ends(log)
    storage.close()
    for cut, proof, term in ((saved - 1, b"", 0), (saved, b"proof of term 2", 2)):
        assert founded < cut
        copy = copy_directory(directory, directory.with_name(f"cut-{cut}"))
        (file,) = copy.glob("*.log")
        file.write_bytes(log[:cut])
        again = reopen(copy)
        assert (again.term_proof, again.hard_state.term) == (proof, term)
        again.close()


def test_evidence_is_written_at_once_and_kept(storage: LevelStorage, directory: Path) -> None:
    assert storage.read_evidence() == ()
    storage.put_evidence(b"\x02" * 32, b"evidence two")
    assert b"evidence two" in log_of(directory)
    storage.put_evidence(b"\x01" * 32, b"evidence one")
    storage.close()
    again = reopen(directory)
    assert again.read_evidence() == (b"evidence one", b"evidence two")
    again.close()


def test_damaged_height_is_refused(storage: LevelStorage) -> None:
    storage._write(((layout.SIGNED_KEY, b"7"),))
    with pytest.raises(StorageCorruptError, match="stored height is malformed: 1 bytes"):
        _ = storage.unsigned_until
