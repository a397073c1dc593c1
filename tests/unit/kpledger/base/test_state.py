"""State and change-sets: layers that are read through, applied or dropped."""

import pytest
from hypothesis import given, strategies as st

from kpledger.base.codec import encode
from kpledger.base.multiset import MultisetHash
from kpledger.base.state import ChangeSet, MemoryState, StateReader, lay_over, read_record
from kpledger.scheme.v1.events.governance import ParticipantKind, Standing
from kpledger.scheme.v1.measures import StandingSince
from kpledger.scheme.v1.records import (
    AuthorityRecord,
    CertificateRecord,
    EventRecord,
    KeyRecord,
    ParticipantRecord,
    RangesRecord,
)


def make_record(index: int, height: int) -> EventRecord:
    return EventRecord(
        index=index,
        height=height,
        type="note_filed",
        participant="BW",
        authority="root",
        subject="BW",
    )


keys = st.sampled_from([b"event/a", b"event/b", b"event/c", b"event/d"])
records = st.builds(make_record, st.integers(0, 3), st.integers(1, 3))
Layer = list[tuple[bytes, EventRecord]]
writes = st.lists(st.tuples(keys, records), max_size=8)


def _digest(state: MemoryState) -> MultisetHash:
    return MultisetHash().exchange(removed=(), added=tuple(state.pairs.items()))


@given(st.lists(writes, max_size=4))
def test_layers_read_and_digest_as_if_each_were_applied(
    layers: list[Layer],
) -> None:
    applied = MemoryState()
    top: MemoryState | ChangeSet = MemoryState()
    digest = MultisetHash()
    for layer in layers:
        changes = ChangeSet(top)
        for key, record in layer:
            changes.put(key, record)
        digest = changes.digest_over(digest)
        applied.apply(changes)
        top = changes
        assert {key: top.get(key) for key in applied.pairs} == applied.pairs
    assert digest == _digest(applied)


@given(st.lists(st.tuples(writes, st.booleans()), max_size=20))
def test_layers_on_layers_read_as_if_each_were_applied(layers: list[tuple[Layer, bool]]) -> None:
    bottom = MemoryState()
    before = make_record(0, 1)
    bottom.pairs[b"event/d"] = encode(before)
    top: StateReader = bottom
    expected = [dict(bottom.pairs)]
    seen = [top]
    for layer, is_rival in layers:
        # A rival of the newest block follows the same one as that.
        below = seen[-2] if is_rival and len(seen) > 1 else seen[-1]
        pairs = expected[-2] if is_rival and len(seen) > 1 else expected[-1]
        changes = ChangeSet(below)
        for key, record in layer:
            changes.put(key, record)
        seen.append(lay_over(below, changes))
        expected.append({**pairs, **changes.written})
    for state, pairs in zip(seen, expected, strict=True):
        assert {key: state.get(key) for key in pairs} == pairs
        assert state.get(b"event/e") is None


class Sought(bytes):
    """A key that counts in how many dictionaries it is looked for."""

    times = 0

    def __hash__(self) -> int:
        type(self).times += 1
        return super().__hash__()


@pytest.mark.parametrize(("blocks", "most"), [(1, 2), (7, 4), (1_000, 11), (5_000, 14)])
def test_a_look_up_through_many_blocks_costs_few_steps(blocks: int, most: int) -> None:
    top: StateReader = MemoryState()
    for number in range(blocks):
        changes = ChangeSet(top)
        changes.put(b"event/%d" % number, make_record(number, 1))
        top = lay_over(top, changes)
    Sought.times = 0
    assert top.get(Sought(b"event/none")) is None
    assert Sought.times <= most
    assert top.get(b"event/0") == encode(make_record(0, 1))


def test_dropped_layer_leaves_no_trace() -> None:
    base = MemoryState()
    ChangeSet(base).put(b"event/a", make_record(0, 1))
    assert (base.pairs, ChangeSet(base).get(b"event/a")) == ({}, None)


def test_record_is_decoded_where_there_is_one() -> None:
    changes = ChangeSet(MemoryState())
    record = make_record(7, 2)
    changes.put(b"event/a", record)
    assert changes.get(b"event/a") == encode(record)
    assert read_record(changes, b"event/a", EventRecord) == record
    assert read_record(changes, b"event/b", EventRecord) is None


def test_keys_of_records_are_pinned() -> None:
    assert [
        ParticipantRecord.key_for("BW"),
        AuthorityRecord.key_for("BW", "gaborone"),
        RangesRecord.key_for("BW"),
        KeyRecord.key_for(b"\xab" * 32),
        CertificateRecord.key_for("BW000001"),
        EventRecord.key_for(b"\x01" * 32),
    ] == [
        b"participant/BW",
        b"authority/BW/gaborone",
        b"ranges/BW",
        b"key/" + b"ab" * 32,
        b"certificate/BW000001",
        b"event/" + b"01" * 32,
    ]


def _participant(*steps: tuple[Standing, int]) -> ParticipantRecord:
    return ParticipantRecord(
        code="BW",
        name="Botswana",
        kind=ParticipantKind.STATE,
        standings=tuple(
            StandingSince(status=status, effective_from=since, decision="D")
            for status, since in steps
        ),
        authority_count=0,
    )


@pytest.mark.parametrize(
    ("time_ms", "expected"),
    [
        (9, None),
        (10, Standing.ACTIVE),
        (19, Standing.ACTIVE),
        (20, Standing.SUSPENDED),
        (25, Standing.ACTIVE),
    ],
)
def test_standing_begins_at_its_very_instant(time_ms: int, expected: Standing | None) -> None:
    record = _participant((Standing.ACTIVE, 10), (Standing.SUSPENDED, 20), (Standing.ACTIVE, 25))
    assert record.standing_at(time_ms) is expected


def test_newest_decision_counts_where_two_begin_together() -> None:
    record = _participant((Standing.ACTIVE, 10), (Standing.SUSPENDED, 30), (Standing.REMOVED, 30))
    assert [record.standing_at(29), record.standing_at(30)] == [Standing.ACTIVE, Standing.REMOVED]


def test_record_that_was_read_is_seen_anew_after_it_is_written() -> None:
    changes = ChangeSet(MemoryState())
    assert changes.read(b"event/a", EventRecord) is None
    for index in (7, 8):
        record = make_record(index, 2)
        changes.put(b"event/a", record)
        assert [changes.read(b"event/a", EventRecord) for _ in range(2)] == [record, record]


def test_record_below_is_seen_through_a_layer_that_has_not_written_it() -> None:
    below = ChangeSet(MemoryState())
    below.put(b"event/a", make_record(7, 2))
    assert ChangeSet(below).read(b"event/a", EventRecord) == make_record(7, 2)
