"""The tail that is not durable yet, and what a report of durability covers."""

import pytest
from hypothesis import example, given, strategies as st
from memory_storage import MemoryStorage

from kpnode.raft import Entry, EntryKind, Index, InvariantError, Term, take_bytes
from kpnode.raft.log import RaftLog

LARGE = 1 << 20


def entry(index: int, term: int, payload: bytes = b"") -> Entry:
    return Entry(Index(index), Term(term), EntryKind.BLOCK, payload)


def run(first: int, *terms: int) -> tuple[Entry, ...]:
    return tuple(entry(index, term) for index, term in enumerate(terms, first))


def stored(*terms: int) -> MemoryStorage:
    storage = MemoryStorage()
    storage.save(None, run(1, *terms))
    return storage


def terms(log: RaftLog) -> list[int | None]:
    return [log.term_at(Index(index)) for index in range(1, log.last_index + 1)]


def test_prefix_that_fits_is_taken_and_at_least_one() -> None:
    entries = (entry(1, 1, b"123"), entry(2, 1, b"456"), entry(3, 1, b"7"))
    assert [len(take_bytes(entries, limit)) for limit in (1, 5, 6, 7)] == [1, 1, 2, 3]
    assert take_bytes((), 5) == ()


def test_tail_continues_what_is_stored() -> None:
    log = RaftLog(stored(1, 1), Index(0))
    log.append(run(3, 2, 2))
    assert (terms(log), log.last_term, log.persisted) == ([1, 1, 2, 2], 2, 2)
    assert log.term_at(Index(0)) == 0
    assert log.term_at(Index(5)) is None
    assert log.term_at(Index(-1)) is None


def test_entries_come_from_the_disk_or_the_tail() -> None:
    log = RaftLog(stored(1, 1), Index(0))
    log.append(run(3, 2, 2))
    assert log.entries(Index(2), Index(4), LARGE) == run(2, 1)
    assert log.entries(Index(3), Index(3), LARGE) == run(3, 2)
    assert log.entries(Index(4), Index(3), LARGE) == ()


def test_conflict_hides_what_is_stored() -> None:
    log = RaftLog(stored(1, 1, 1), Index(1))
    log.append(run(2, 2))
    assert (terms(log), log.persisted) == ([1, 2], 1)
    assert log.take_unsaved() == run(2, 2)


def test_conflict_in_the_tail_keeps_what_comes_before_it() -> None:
    log = RaftLog(stored(1, 1), Index(0))
    log.append(run(3, 1, 1, 1, 1))
    log.take_unsaved()
    log.append(run(5, 2))
    assert (terms(log), log.persisted) == ([1, 1, 1, 1, 2], 2)
    assert log.take_unsaved() == run(5, 2)


def test_what_was_overwritten_is_not_read_from_the_disk() -> None:
    """It stays there until the driver has saved what replaces it."""
    log = RaftLog(stored(1, 1, 1), Index(0))
    log.append(run(2, 2, 2))
    assert log.entries(Index(1), Index(3), LARGE) == run(1, 1)
    assert log.entries(Index(2), Index(3), LARGE) == run(2, 2, 2)


def test_each_entry_is_handed_out_once() -> None:
    log = RaftLog(stored(), Index(0))
    log.append(run(1, 1, 1))
    assert log.take_unsaved() == run(1, 1, 1)
    log.append(run(3, 1))
    assert log.take_unsaved() == run(3, 1)
    assert log.take_unsaved() == ()


@pytest.mark.parametrize("first", [2, 5])
def test_committed_entry_and_gap_are_refused(first: int) -> None:
    log = RaftLog(stored(1, 1, 1), Index(2))
    with pytest.raises(InvariantError, match=f"entry {first} does not fit"):
        log.append(run(first, 2))


def test_report_makes_entries_durable_up_to_it() -> None:
    storage = stored()
    log = RaftLog(storage, Index(0))
    log.append(run(1, 1, 1, 1))
    storage.save(None, log.take_unsaved())
    log.mark_persisted(Index(2), Term(1))
    assert log.persisted == 2
    log.mark_persisted(Index(3), Term(1))
    assert (log.persisted, terms(log)) == (3, [1, 1, 1])


def test_report_about_an_entry_never_handed_out_is_ignored() -> None:
    log = RaftLog(stored(), Index(0))
    log.append(run(1, 1))
    log.mark_persisted(Index(1), Term(1))
    assert log.persisted == 0
    assert log.take_unsaved() == run(1, 1)


def test_report_about_an_overwritten_entry_is_ignored() -> None:
    log = RaftLog(stored(), Index(0))
    log.append(run(1, 1, 1))
    log.take_unsaved()
    log.append(run(2, 2))
    log.mark_persisted(Index(2), Term(1))
    assert log.persisted == 1
    log.take_unsaved()
    log.mark_persisted(Index(2), Term(1))
    assert log.persisted == 1
    log.mark_persisted(Index(2), Term(2))
    assert log.persisted == 2


def test_report_counts_for_its_own_batch_only() -> None:
    """The slot is written with term 1, with term 2, and with term 1 again: an ABA."""
    log = RaftLog(stored(), Index(0))
    for term in (1, 2, 1):
        log.append(run(1, term))
        log.take_unsaved()
    log.mark_persisted(Index(1), Term(1))
    assert log.persisted == 0
    log.mark_persisted(Index(1), Term(2))
    assert log.persisted == 0
    log.mark_persisted(Index(1), Term(1))
    assert log.persisted == 1


def test_report_covers_the_batches_before_it() -> None:
    log = RaftLog(stored(), Index(0))
    for batch in (run(1, 1), run(2, 1, 1, 1)):
        log.append(batch)
        log.take_unsaved()
    log.mark_persisted(Index(4), Term(1))
    assert log.persisted == 4


def test_report_moves_entries_from_the_tail_to_the_disk_and_no_others() -> None:
    storage = stored(1, 1)
    log = RaftLog(storage, Index(0))
    log.append(run(3, 2, 2, 2, 2))
    storage.save(None, log.take_unsaved())
    for index in (3, 5):
        log.mark_persisted(Index(index), Term(2))
        assert (log.persisted, log.last_index) == (index, 6)
        assert log.entries(Index(index + 1), Index(6), LARGE) == run(index + 1, *[2] * (6 - index))


def test_report_about_a_batch_covers_what_no_later_batch_overwrites() -> None:
    log = RaftLog(stored(), Index(0))
    log.append(run(1, 1, 1, 1))
    log.take_unsaved()
    log.append(run(3, 2))
    log.take_unsaved()
    log.mark_persisted(Index(3), Term(1))
    assert log.persisted == 2


def test_report_about_part_of_a_batch_counts_once() -> None:
    """What was reported is no longer waited for when the slot is written again."""
    log = RaftLog(stored(), Index(0))
    log.append(run(1, 1, 1, 1))
    log.take_unsaved()
    log.mark_persisted(Index(2), Term(1))
    for term in (2, 1):
        log.append(run(2, term))
        log.take_unsaved()
    log.mark_persisted(Index(2), Term(1))
    assert log.persisted == 2


def test_log_that_lost_its_end_starts_with_a_lower_commit_index() -> None:
    log = RaftLog(stored(1, 1), Index(5))
    assert (log.commit, log.applied) == (2, 5)
    log.append(run(3, 2, 2, 2, 2))
    log.commit = Index(6)
    assert log.take_committed(LARGE) == run(6, 2)


def test_committed_entries_come_in_pages_without_gap_or_repeat() -> None:
    storage = MemoryStorage()
    entries = tuple(entry(index, 1, b"12345") for index in range(1, 6))
    storage.save(None, entries)
    log = RaftLog(storage, Index(0))
    log.commit = Index(5)
    pages = [log.take_committed(10) for _ in range(4)]
    assert [len(page) for page in pages] == [2, 2, 1, 0]
    assert sum(pages, ()) == entries


def test_only_what_is_missing_or_different_is_missing() -> None:
    log = RaftLog(stored(1, 1, 2), Index(0))
    assert log.missing(run(1, 1, 1)) == ()
    assert log.missing(run(2, 1, 3)) == run(3, 3)
    assert log.missing(run(3, 2, 2)) == run(4, 2)


def test_entries_of_one_term_are_told_apart_above_the_commit_index_if_asked() -> None:
    log = RaftLog(stored(1, 1), Index(0))
    log.append((entry(3, 1, b"own"),))
    others = tuple(entry(index, 1, b"other") for index in (1, 2, 3))
    assert log.missing(others) == ()
    for commit in range(4):
        log.commit = Index(commit)
        assert log.missing(others, compared=True) == others[commit:]
    log.commit = Index(0)
    assert log.missing((entry(3, 1, b"own"),), compared=True) == ()


def test_broken_storage_is_noticed() -> None:
    class Forgetful(MemoryStorage):
        def entries(self, first: Index, last: Index, max_bytes: int) -> tuple[Entry, ...]:
            return super().entries(Index(first + 1), last, max_bytes)

        def term_at(self, index: Index) -> Term | None:
            return None if index else super().term_at(index)

    storage = Forgetful()
    storage.save(None, run(1, 1, 1))
    log = RaftLog(storage, Index(0))
    with pytest.raises(InvariantError, match="does not return entry 1"):
        log.entries(Index(1), Index(2), LARGE)
    with pytest.raises(InvariantError, match="entry 2 has no term"):
        _ = log.last_term


@example([1, 2, 2], 0, 3, 1)
@example([1, 1, 1, 2], 0, 4, 1)
@given(
    st.lists(st.integers(1, 5), max_size=12).map(sorted),
    st.integers(0, 14),
    st.integers(0, 14),
    st.integers(0, 6),
)
def test_agreement_is_the_last_entry_that_is_not_younger(
    drawn: list[int], floor: int, ceiling: int, term: int
) -> None:
    log = RaftLog(stored(*drawn), Index(0))
    floor = min(floor, len(drawn))
    candidates = [
        index
        for index in range(floor + 1, min(ceiling, len(drawn)) + 1)
        if drawn[index - 1] <= term
    ]
    expected = max(candidates, default=floor)
    found = log.agreement(floor=Index(floor), ceiling=Index(ceiling), term=Term(term))
    assert found == expected
