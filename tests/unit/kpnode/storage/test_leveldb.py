"""LevelStorage keeps what it was given, and gives nothing it was not given."""

from pathlib import Path

import pytest

from kpledger.base.errors import OversizedError
from kpledger.log import layout
from kpnode.raft import Entry, EntryKind, HardState, Index, InvariantError, NodeId, Term
from kpnode.storage.leveldb import TAIL_ENTRIES, LevelStorage

CHAIN = bytes(range(32))
ALL = 1 << 40


def entry(index: int, *, term: int = 1, payload: bytes = b"p") -> Entry:
    return Entry(Index(index), Term(term), EntryKind.BLOCK, payload)


def test_new_ledger_has_no_entry_and_no_vote(storage: LevelStorage) -> None:
    assert storage.last_index() == 0
    assert storage.term_at(Index(0)) == 0
    assert storage.term_at(Index(1)) is None
    assert storage.entries(Index(1), Index(9), ALL) == ()
    assert storage.hard_state == HardState(Term(0), None)
    assert storage.failed is None


def test_everything_is_there_after_a_restart(storage: LevelStorage, directory: Path) -> None:
    hard_state = HardState(Term(7), NodeId("bw-1"))
    entries = tuple(
        Entry(Index(index), Term(index), EntryKind(index % 3), bytes(index))
        for index in range(1, 2 * TAIL_ENTRIES)
    )
    storage.save(hard_state, entries)
    storage.apply([(layout.state_key(b"x"), b"1")])
    storage.close()

    again = LevelStorage(directory, chain=CHAIN, create=False)
    assert again.hard_state == hard_state
    assert again.entries(Index(1), Index(ALL), ALL) == entries
    assert again.get(layout.state_key(b"x")) == b"1"
    again.close()


def test_none_keeps_the_hard_state_and_no_entries_keep_the_log(storage: LevelStorage) -> None:
    storage.save(HardState(Term(3), NodeId("a")), (entry(1),))
    storage.save(None, (entry(2),))
    storage.save(HardState(Term(4), None), ())
    storage.save(None, ())
    assert storage.hard_state == HardState(Term(4), None)
    assert storage.entries(Index(1), Index(9), ALL) == (entry(1), entry(2))


def test_saving_an_earlier_entry_discards_all_later_ones(
    storage: LevelStorage, directory: Path
) -> None:
    storage.save(None, tuple(entry(index) for index in range(1, 2 * TAIL_ENTRIES)))
    storage.save(None, (entry(3, term=2),))
    kept = (entry(1), entry(2), entry(3, term=2))
    assert storage.entries(Index(1), Index(ALL), ALL) == kept
    assert storage.term_at(Index(4)) is None
    storage.close()

    again = LevelStorage(directory, chain=CHAIN, create=False)
    assert again.entries(Index(1), Index(ALL), ALL) == kept
    again.close()


@pytest.mark.parametrize("first", [1, TAIL_ENTRIES + 1])
def test_reading_stops_at_the_byte_limit_but_not_before_one_entry(
    storage: LevelStorage, first: int
) -> None:
    entries = tuple(entry(index, payload=b"12345") for index in range(1, 2 * TAIL_ENTRIES))
    storage.save(None, entries)
    wanted = entries[first - 1 :]
    last = Index(first + 9)
    assert storage.entries(Index(first), last, 1) == wanted[:1]
    assert storage.entries(Index(first), last, 14) == wanted[:2]
    assert storage.entries(Index(first), last, 15) == wanted[:3]
    assert storage.entries(Index(first), last, ALL) == wanted[:10]
    assert storage.entries(last, Index(first), ALL) == ()


def test_old_entries_are_read_from_disk_across_the_border_of_the_tail(
    storage: LevelStorage,
) -> None:
    entries = tuple(entry(index, term=index) for index in range(1, TAIL_ENTRIES + 10))
    storage.save(None, entries)
    assert storage.entries(Index(5), Index(15), ALL) == entries[4:15]
    assert [storage.term_at(Index(index)) for index in range(1, 20)] == list(range(1, 20))


@pytest.mark.parametrize(
    ("indices", "complaint"),
    [
        ((3,), "entry 3 after a log of 1"),
        ((0,), "entry 0 after a log of 1"),
        ((2, 4), "entry 4 in the place of entry 3"),
        ((2, 2), "entry 2 in the place of entry 3"),
    ],
)
def test_gap_is_refused_before_anything_is_written(
    storage: LevelStorage, indices: tuple[int, ...], complaint: str
) -> None:
    storage.save(None, (entry(1),))
    with pytest.raises(InvariantError, match=f"^{complaint}$"):
        storage.save(HardState(Term(9), None), tuple(entry(index) for index in indices))
    assert storage.hard_state == HardState(Term(0), None)
    assert storage.entries(Index(1), Index(9), ALL) == (entry(1),)


def test_oversized_entry_is_refused_before_anything_is_written(storage: LevelStorage) -> None:
    with pytest.raises(OversizedError):
        storage.save(None, (entry(1, payload=bytes(layout.MAX_PAYLOAD_BYTES + 1)),))
    assert storage.last_index() == 0
    assert storage.failed is None


@pytest.mark.parametrize(
    "key", [layout.block_key(1), layout.HARD_STATE_KEY, layout.CHAIN_KEY, layout.FORMAT_KEY]
)
def test_derived_records_cannot_touch_what_the_node_promised(
    storage: LevelStorage, key: bytes
) -> None:
    with pytest.raises(InvariantError, match="not the key of a derived record"):
        storage.apply([(key, b"")])
    with pytest.raises(InvariantError, match="not the key of a derived record"):
        storage.apply([], [key])


def test_deletes_of_a_step_come_before_its_puts(storage: LevelStorage) -> None:
    storage.apply([(b"s1", b"a"), (b"s2", b"b")])
    storage.apply([(b"s1", b"c")], [b"s1", b"s2"])
    assert list(storage.scan(b"s", limit=9)) == [(b"s1", b"c")]


def test_scan_yields_the_first_of_the_prefix_in_order(storage: LevelStorage) -> None:
    keys = [b"sa", b"sb", b"sb\x00", b"sc", b"sd"]
    storage.apply([(key, key) for key in [b"m/x", *keys, b"v", b"s\xff\xff"]])

    def find(prefix: bytes, limit: int = 9) -> list[bytes]:
        return [key for key, _ in storage.scan(prefix, limit=limit)]

    assert find(b"s") == [*keys, b"s\xff\xff"]
    assert find(b"s", limit=2) == [b"sa", b"sb"]
    assert find(b"sb") == [b"sb", b"sb\x00"]
    assert find(b"v") == [b"v"]
    assert find(b"s\xff") == [b"s\xff\xff"]
    assert find(b"sx") == []


def test_scan_sees_one_moment(storage: LevelStorage) -> None:
    storage.apply([(b"s1", b"old"), (b"s2", b"old")])
    scan = storage.scan(b"s", limit=9)
    first = next(scan)
    storage.apply([(b"s2", b"new"), (b"s3", b"new")])
    assert [first, *scan] == [(b"s1", b"old"), (b"s2", b"old")]
