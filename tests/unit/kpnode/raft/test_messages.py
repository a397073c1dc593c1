"""An append that no log can continue with never comes to be."""

import pytest

from kpnode.raft import AppendRequest, Entry, EntryKind, Index, Term


def request(*slots: tuple[int, int], kind: EntryKind = EntryKind.BLOCK) -> AppendRequest:
    entries = tuple(Entry(Index(index), Term(term), kind, b"") for index, term in slots)
    return AppendRequest(Term(5), Index(3), Term(2), entries, Index(0))


def test_append_may_skip_terms() -> None:
    assert len(request((4, 2), (5, 4), (6, 5)).entries) == 3


@pytest.mark.parametrize(
    ("slots", "complaint"),
    [
        (((5, 2),), "entry 5 follows entry 3"),
        (((4, 2), (4, 2)), "entry 4 follows entry 4"),
        (((4, 1),), "term 1 after 2"),
        (((4, 3), (5, 2)), "term 2 after 3"),
        (((4, 6),), "term 6 after 2"),
    ],
)
def test_append_that_is_no_continuation_is_refused(
    slots: tuple[tuple[int, int], ...], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        request(*slots)


def test_append_with_a_broken_configuration_is_refused() -> None:
    with pytest.raises(ValueError, match="buffer"):
        request((4, 2), kind=EntryKind.CONFIG)
