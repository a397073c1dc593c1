"""The state in memory says what the stored one says, and holds no more than it may."""

from random import Random

from kpledger.base.state import ChangeSet, MemoryState, RecentState, Record

LIMIT = 4


class Note(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    text: str


def test_reads_and_commits_in_any_order_agree_with_what_is_stored() -> None:
    random = Random(8)
    stored = MemoryState()
    recent = RecentState(stored, LIMIT)
    keys = [b"%d" % number for number in range(3 * LIMIT)]
    for number in range(2000):
        for key in random.choices(keys, k=random.randrange(4)):
            assert recent.get(key) == stored.get(key)
        changes = ChangeSet(recent)
        for key in random.sample(keys, random.randrange(3)):
            changes.put(key, Note(text=f"{number}"))
        stored.apply(changes)
        recent.apply(changes)
        assert len(recent._recent) <= LIMIT
        assert len(recent._older) <= LIMIT


def test_what_was_read_is_not_looked_for_again_and_clear_forgets_it() -> None:
    stored = MemoryState()
    recent = RecentState(stored, LIMIT)
    assert recent.get(b"x") is None
    # Behind its back, which only a state that begins anew may do.
    stored.pairs[b"x"] = b"1"
    assert recent.get(b"x") is None
    recent.clear()
    assert recent.get(b"x") == b"1"
