"""What a leader may send to a peer next."""

import pytest

from kpnode.raft import Entry, EntryKind, Index, Term
from kpnode.raft.progress import Progress


def entries(first: int, last: int) -> tuple[Entry, ...]:
    return tuple(
        Entry(Index(index), Term(1), EntryKind.BLOCK, b"") for index in range(first, last + 1)
    )


def probing(following: int, match: int = 0) -> Progress:
    return Progress(next=Index(following), recently_active=True, match=Index(match))


def streaming(match: int) -> Progress:
    progress = probing(match + 1)
    progress.accepted(Index(match))
    return progress


def wants(progress: Progress, *, last: int = 9, commit: int = 0, window: int = 2) -> bool:
    return progress.wants(last_index=Index(last), commit=Index(commit), window=window)


def test_probe_waits_for_an_answer() -> None:
    progress = probing(5)
    assert wants(progress)
    progress.sent(entries(5, 6), Index(0))
    assert not wants(progress)
    assert progress.next == 5


def test_accepted_probe_opens_the_stream() -> None:
    progress = probing(5)
    progress.sent(entries(5, 6), Index(0))
    progress.accepted(Index(6))
    assert (progress.probing, progress.match, progress.next) == (False, 6, 7)


def test_stream_stops_at_the_window_and_moves_with_answers() -> None:
    progress = streaming(1)
    progress.sent(entries(2, 3), Index(0))
    assert wants(progress)
    progress.sent(entries(4, 5), Index(0))
    assert not wants(progress)
    assert len(progress.in_flight) == 2
    progress.accepted(Index(3))
    assert wants(progress)
    assert (progress.next, list(progress.in_flight)) == (6, [5])


def test_stream_without_entries_moves_for_a_new_commit_index() -> None:
    progress = streaming(9)
    assert not wants(progress)
    assert wants(progress, commit=9)
    progress.sent((), Index(9))
    assert not wants(progress, commit=9)


def test_old_acceptance_changes_nothing() -> None:
    progress = streaming(5)
    progress.lost()
    progress.accepted(Index(3))
    assert (progress.probing, progress.match, progress.next) == (True, 5, 6)


def test_acceptance_of_what_is_known_reopens_the_stream() -> None:
    progress = streaming(5)
    progress.lost()
    progress.sent((), Index(0))
    progress.accepted(Index(5))
    assert (progress.probing, progress.next, wants(progress)) == (False, 6, True)


def test_late_acceptance_ends_the_search_where_it_says() -> None:
    progress = probing(9)
    progress.accepted(Index(3))
    assert (progress.probing, progress.held, progress.next) == (False, 3, 4)


def test_acceptance_answers_all_that_went_before_it() -> None:
    progress = streaming(1)
    progress.sent(entries(2, 3), Index(0))
    progress.sent(entries(4, 5), Index(0))
    progress.accepted(Index(5))
    assert list(progress.in_flight) == []


def test_stream_skips_what_the_peer_turns_out_to_have() -> None:
    progress = streaming(5)
    progress.accepted(Index(8))
    assert (progress.match, progress.held, progress.next) == (8, 8, 9)


def test_refused_probe_goes_back_to_where_the_logs_may_agree() -> None:
    progress = probing(9)
    progress.sent((), Index(0))
    progress.refused(Index(8), Index(4))
    assert (progress.next, wants(progress)) == (5, True)


def test_refusal_of_an_older_probe_is_ignored() -> None:
    progress = probing(9)
    progress.sent((), Index(0))
    for previous in (7, 9):
        progress.refused(Index(previous), Index(4))
        assert (progress.next, wants(progress)) == (9, False)


def test_refusal_of_an_append_of_an_earlier_term_is_ignored() -> None:
    """It carries index 0, where all logs agree; a new leader's peers hold nothing yet either."""
    progress = probing(9)
    progress.sent((), Index(0))
    progress.refused(Index(0), Index(0))
    assert (progress.next, wants(progress)) == (9, False)


@pytest.mark.parametrize("streamed", [True, False])
def test_refusal_of_what_was_acknowledged_begins_the_search_anew(*, streamed: bool) -> None:
    progress = streaming(5)
    if streamed:
        progress.sent(entries(6, 7), Index(0))
    else:
        progress.lost()
    progress.refused(Index(5), Index(2))
    assert (progress.match, progress.held, progress.next) == (5, 0, 3)
    assert (progress.probing, wants(progress), len(progress.in_flight)) == (True, True, 0)


def test_what_a_peer_lost_is_brought_back_like_anything_else() -> None:
    progress = streaming(5)
    progress.refused(Index(5), Index(2))
    progress.refused(Index(2), Index(1))
    progress.sent(entries(2, 2), Index(0))
    progress.accepted(Index(2))
    assert (progress.match, progress.held, progress.next, progress.probing) == (5, 2, 3, False)
    progress.sent(entries(3, 4), Index(0))
    progress.sent(entries(5, 6), Index(0))
    progress.refused(Index(4), Index(2))
    assert (progress.held, progress.next, progress.probing) == (2, 3, True)
    progress.accepted(Index(6))
    assert (progress.match, progress.held, progress.next) == (6, 6, 7)


def test_refusal_in_the_stream_restarts_after_the_match() -> None:
    progress = streaming(5)
    progress.sent(entries(6, 7), Index(0))
    progress.refused(Index(7), Index(2))
    assert (progress.probing, progress.match, progress.next) == (True, 5, 6)
    assert not progress.in_flight


def test_refusal_overtaken_by_an_acceptance_is_ignored() -> None:
    progress = streaming(5)
    progress.sent(entries(6, 7), Index(0))
    progress.refused(Index(4), Index(2))
    assert (progress.probing, progress.held, progress.next) == (False, 5, 8)


def test_heartbeat_answer_repeats_a_probe() -> None:
    progress = probing(5)
    progress.sent((), Index(0))
    progress.heard(behind=True)
    assert wants(progress)


def test_heartbeat_answer_pokes_a_stalled_stream_without_entries() -> None:
    progress = streaming(1)
    progress.sent(entries(2, 3), Index(0))
    progress.sent(entries(4, 5), Index(0))
    progress.heard(behind=True)
    assert wants(progress)
    assert len(progress.in_flight) == 2
    progress.sent((), Index(0))
    assert not wants(progress)
    progress.heard(behind=False)
    assert not wants(progress)


def test_poke_does_not_outlast_the_probe() -> None:
    progress = probing(5)
    progress.sent((), Index(0))
    progress.heard(behind=True)
    progress.accepted(Index(4))
    assert not wants(progress, last=4)


def test_lost_connection_ends_the_stream() -> None:
    progress = streaming(3)
    progress.sent(entries(4, 5), Index(0))
    progress.lost()
    assert (progress.probing, progress.next, list(progress.in_flight)) == (True, 4, [])


def test_lost_connection_does_not_repeat_a_probe() -> None:
    progress = probing(5)
    progress.sent((), Index(0))
    progress.lost()
    assert not wants(progress)
