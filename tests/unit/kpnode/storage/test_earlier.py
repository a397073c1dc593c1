"""A ledger of the earlier version is refused with a sentence, converted, and goes on."""

import time
from pathlib import Path

import pytest
from earlier_ledger import TERM, earlier_records, read_records, write_records
from fullness import files_limited_to
from leveldb_files import copy_directory, record_ends

from kpledger.log import layout
from kpnode.raft import Entry, EntryKind, HardState, Index, NodeId, Term
from kpnode.storage.earlier import Conversion, convert_ledger
from kpnode.storage.errors import StorageCorruptError, StorageError
from kpnode.storage.leveldb import LevelStorage

CHAIN = bytes(range(32))
LAST, VOTELESS = 20, 19
WHOLE = (Index(1), Index(1 << 40), 1 << 40)


@pytest.fixture
def earlier(directory: Path) -> Path:
    return write_records(directory, earlier_records(CHAIN, LAST))


def convert(directory: Path, until: int | None = None) -> Conversion:
    return convert_ledger(directory, chain=CHAIN, until=until)


def test_ledger_of_the_earlier_version_is_refused_with_what_to_do(earlier: Path) -> None:
    before = read_records(earlier)
    for create in (False, True):
        with pytest.raises(StorageError) as caught:
            LevelStorage(earlier, chain=CHAIN, create=create)
        said = "made by an earlier version; kpnode migrate --config FILE makes it one of this"
        assert str(caught.value) == f"{earlier}: {said}"
    assert read_records(earlier) == before


def test_converted_ledger_differs_in_the_memory_of_the_node_alone(earlier: Path) -> None:
    before, then = read_records(earlier), int(time.time())
    assert convert(earlier) == Conversion(converted=True, last=LAST, unsigned_until=LAST)
    after = read_records(earlier)
    changed = {key: value for key, value in after.items() if before.get(key) != value}
    hard_state = changed.pop(b"h")
    assert changed == {b"m/format": b"\x02", b"m/signed": LAST.to_bytes(8)}
    assert before.keys() <= after.keys()
    assert hard_state[:17] + hard_state[21:] == b"\x02" + TERM.to_bytes(8) + bytes(8) + b"bw-1"
    assert then <= int.from_bytes(hard_state[17:21]) <= time.time()


@pytest.mark.parametrize(("vote", "name"), [(b"bw-1", NodeId("bw-1")), (b"", None)])
def test_converted_ledger_opens_and_goes_on(
    directory: Path, vote: bytes, name: NodeId | None
) -> None:
    write_records(directory, earlier_records(CHAIN, LAST, vote))
    convert(directory)
    storage = LevelStorage(directory, chain=CHAIN, create=False)
    assert storage.hard_state == HardState(Term(TERM), name)
    assert (storage.last_index(), storage.unsigned_until) == (LAST, LAST)
    assert storage.get(b"sfile") == b"derived too"
    more = Entry(Index(LAST + 1), Term(TERM), EntryKind.BLOCK, b"more")
    storage.save(HardState(Term(TERM), name, Index(LAST + 1)), (more,))
    entries = storage.entries(*WHOLE)
    storage.close()
    again = LevelStorage(directory, chain=CHAIN, create=False)
    assert again.entries(*WHOLE) == entries
    assert entries[-1] == more
    assert [entry.kind for entry in entries[:3]] == [EntryKind.NOOP, *[EntryKind.BLOCK] * 2]
    assert again.hard_state == HardState(Term(TERM), name, Index(LAST + 1))
    again.close()


def test_converting_again_changes_nothing(earlier: Path) -> None:
    convert(earlier, 25)
    before = read_records(earlier)
    assert convert(earlier) == Conversion(converted=False, last=LAST, unsigned_until=25)
    assert read_records(earlier) == before


@pytest.mark.parametrize("until", [VOTELESS, LAST, LAST + 5])
@pytest.mark.parametrize("before", [None, LAST, 12_000])
def test_height_can_be_set_right_afterwards(earlier: Path, before: int | None, until: int) -> None:
    """A greater one that another voter told, asked later; or a lower one after a slip."""
    convert(earlier, before)
    corrected = Conversion(converted=False, last=LAST, unsigned_until=until)
    assert convert(earlier, until) == convert(earlier) == corrected
    storage = LevelStorage(earlier, chain=CHAIN, create=False)
    assert storage.unsigned_until == until
    storage.close()


@pytest.mark.parametrize("is_converted", [False, True])
@pytest.mark.parametrize("until", [0, VOTELESS - 1])
def test_height_cannot_be_below_what_the_log_needs(
    earlier: Path, until: int, *, is_converted: bool
) -> None:
    if is_converted:
        convert(earlier, 25)
    before = read_records(earlier)
    said = f"block {VOTELESS} opens a term without votes, and {until} is below it"
    with pytest.raises(StorageError, match=said):
        convert(earlier, until)
    assert read_records(earlier) == before


def test_opening_with_votes_needs_no_height(earlier: Path) -> None:
    convert(earlier, 30)
    opening = layout.encode_stored_entry(layout.StoredEntry(layout.NOOP_ENTRY, TERM, b"votes"))
    write_records(earlier, {layout.block_key(LAST + 1): opening})
    assert convert(earlier, LAST).unsigned_until == LAST


def test_log_that_cannot_be_read_keeps_its_height(earlier: Path) -> None:
    convert(earlier, 25)
    write_records(earlier, {layout.block_key(VOTELESS): b"\x07"})
    with pytest.raises(StorageCorruptError, match="stored entry"):
        convert(earlier, VOTELESS - 1)
    assert convert(earlier).unsigned_until == 25


def test_new_ledger_has_nothing_to_convert(storage: LevelStorage, directory: Path) -> None:
    assert storage.unsigned_until == 0
    storage.close()
    assert convert(directory) == Conversion(converted=False, last=0, unsigned_until=0)
    # A voter that begins anew beside others whose ledgers are old takes theirs.
    for height in (9, 0):
        assert convert(directory, height).unsigned_until == height


def test_conversion_is_one_write(earlier: Path) -> None:
    """A crash leaves it undone or done."""
    convert(earlier)
    (log,) = earlier.glob("*.log")
    written = log.read_bytes()
    assert record_ends(written) == [len(written)]
    for cut in range(len(written)):
        copy = copy_directory(earlier, earlier.with_name(f"cut-{cut}"))
        (copy / log.name).write_bytes(written[:cut])
        assert convert(copy).converted
    assert not convert(earlier).converted


REFUSED = {
    "no sign-state": ({b"h": None}, "log without sign-state: 20 entries"),
    "another chain": ({b"m/chain": bytes(32)}, "holds chain 0000"),
    "another format": ({b"m/format": b"\x03"}, "holds a ledger of no version that is known here"),
    "no format": ({b"m/format": None}, "holds a ledger of no version that is known here"),
}


@pytest.mark.parametrize(("change", "complaint"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_ledger_of_the_earlier_version_is_left_alone(
    directory: Path, change: dict[bytes, bytes | None], complaint: str
) -> None:
    records = {**earlier_records(CHAIN, LAST), **change}
    write_records(directory, {key: value for key, value in records.items() if value is not None})
    before = read_records(directory)
    with pytest.raises(StorageError) as caught:
        convert(directory)
    assert complaint in str(caught.value)
    assert read_records(directory) == before


@pytest.mark.parametrize("key", [b"h", b"m/signed"])
def test_damaged_record_is_refused(earlier: Path, key: bytes) -> None:
    write_records(earlier, {key: b"\x07"})
    with pytest.raises(StorageCorruptError):
        convert(earlier)


@pytest.mark.parametrize("key", [layout.SIGNED_KEY, layout.LAST_BLOCK_KEY])
def test_height_beyond_all_others_is_one(earlier: Path, key: bytes) -> None:
    write_records(earlier, {key: b"\xff" * 8})
    assert convert(earlier).unsigned_until == (1 << 64) - 1


def test_ledger_that_is_in_use_or_not_there_is_refused(earlier: Path, tmp_path: Path) -> None:
    convert(earlier)
    storage = LevelStorage(earlier, chain=CHAIN, create=False)
    with pytest.raises(StorageError, match="another kpnode is running"):
        convert(earlier)
    storage.close()
    with pytest.raises(StorageError, match="no ledger here"):
        convert(tmp_path / "nowhere")


def test_disk_that_is_full_leaves_the_ledger_as_it_was(earlier: Path) -> None:
    with files_limited_to(10), pytest.raises(StorageError):
        convert(earlier)
    assert convert(earlier).converted
