"""The outbox keeps what is signed until the ledger has it."""

from pathlib import Path

import pytest
from founding import NOW_MS, make_certificate, make_event, number_of
from msgspec.structs import replace

from kpclient.errors import ClientError
from kpclient.outbox import Outbox, TypedStatement, state
from kpledger.api.answers import Problem
from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.event import SignedEvent
from kpledger.scheme.v1.events.certificate import CertificateIssued


def event(serial: int, *, occurred_at: int, validated_at: int = NOW_MS) -> SignedEvent:
    certificate = make_certificate(number_of("BW", serial))
    body = CertificateIssued(certificate=replace(certificate, validated_at=validated_at))
    return decode_envelope(make_event("BW/gaborone", body, occurred_at=occurred_at))


FIRST = event(2, occurred_at=1000)
SECOND = event(1, occurred_at=20_000)
REFUSAL = Problem(type="", title="", detail="it was used before", rule="E3", status=422)


def test_events_wait_in_the_order_they_were_made(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox", warn=pytest.fail)
    for one in (SECOND, FIRST, SECOND):
        outbox.put(one)
    assert [one.event for one in Outbox(tmp_path / "outbox", warn=pytest.fail).waiting()] == [
        FIRST,
        SECOND,
    ]


def test_an_outbox_that_was_never_used_is_empty(tmp_path: Path) -> None:
    assert Outbox(tmp_path / "none", warn=pytest.fail).waiting() == ()


def test_what_is_on_the_ledger_leaves(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox", warn=pytest.fail)
    outbox.put(FIRST)
    outbox.put(SECOND)
    outbox.remove(outbox.waiting()[0])
    assert [one.event for one in outbox.waiting()] == [SECOND]


def test_what_was_refused_is_kept_with_the_reason_and_sent_no_more(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox", warn=pytest.fail)
    outbox.put(FIRST)
    outbox.set_aside(outbox.waiting()[0], REFUSAL)
    assert outbox.waiting() == ()
    assert [(one.event, one.problem) for one in outbox.refused()] == [(FIRST, REFUSAL)]


def test_what_was_refused_before_reasons_were_kept_is_still_shown(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox", warn=pytest.fail)
    path = outbox.put(FIRST).path
    path.replace(path.with_suffix(".refused"))
    assert [(one.event, one.problem) for one in outbox.refused()] == [(FIRST, None)]


def test_a_reason_that_is_damaged_is_named(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox", warn=pytest.fail)
    path = outbox.put(FIRST).path
    outbox.set_aside(outbox.waiting()[0], REFUSAL)
    path.with_suffix(".problem").write_bytes(b"{")
    told: list[str] = []
    assert Outbox(tmp_path / "outbox", warn=told.append).refused() == ()
    assert "why it was refused" in told[0]


def test_the_same_statement_is_found_whenever_it_was_made(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox", warn=pytest.fail)
    outbox.put(FIRST)
    again = event(2, occurred_at=5000)
    assert again.event_id != FIRST.event_id
    found = outbox.find_same(state(again))
    assert found is not None
    assert found.event == FIRST
    assert outbox.find_same(state(SECOND)) is None


def test_what_the_clock_gave_is_the_same_and_what_was_typed_is_not(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox", warn=pytest.fail)
    outbox.put(event(1, occurred_at=NOW_MS, validated_at=NOW_MS - 20))
    later = NOW_MS + 10_000_000
    assert outbox.find_same(state(event(1, occurred_at=later, validated_at=later - 500)))
    assert not outbox.find_same(state(event(1, occurred_at=later, validated_at=NOW_MS + 1_000_000)))


def test_what_was_signed_is_not_signed_again_though_its_text_was_not_forgotten(
    tmp_path: Path,
) -> None:
    """A command may be killed between the two."""
    outbox = Outbox(tmp_path / "outbox", warn=pytest.fail)
    typed = TypedStatement(
        command="note",
        type="note_filed",
        subject="BW",
        fields={"text": "seen"},
        given={},
        author="BW/gaborone",
        keys=("gaborone",),
        yes=False,
        at_ms=NOW_MS,
    )
    outbox.put_typed(typed)
    assert outbox.typed() == (typed,)
    outbox.put(FIRST, typed=typed.entry_id)
    assert outbox.typed() == ()
    outbox.put(FIRST, sent_at=NOW_MS)
    (entry,) = outbox.waiting()
    outbox.remove(entry)
    assert (outbox.typed(), list((tmp_path / "outbox").iterdir())) == ((), [])


def test_only_one_command_signs_what_was_typed(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox", warn=pytest.fail)
    with outbox.signing(), pytest.raises(ClientError, match="another command"):
        outbox.signing().__enter__()
    with outbox.signing():
        pass


def test_any_event_can_be_dropped_even_a_damaged_one(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox", warn=pytest.fail)
    outbox.put(FIRST)
    outbox.set_aside(outbox.waiting()[0], REFUSAL)
    outbox.put(SECOND).path.write_bytes(b"")
    assert not outbox.drop("*")
    assert outbox.drop(FIRST.event_id.hex())
    assert not outbox.drop(FIRST.event_id.hex())
    assert outbox.drop(SECOND.event_id.hex())
    assert list((tmp_path / "outbox").iterdir()) == []


def test_a_damaged_file_is_named_once_with_what_forgets_it_and_stops_nothing(
    tmp_path: Path,
) -> None:
    told: list[str] = []
    outbox = Outbox(tmp_path / "outbox", warn=told.append)
    outbox.put(FIRST).path.write_bytes(FIRST.encoded[:-1])
    outbox.put(SECOND)
    (tmp_path / "outbox" / f"{0:016d}-{'ab' * 32}.typed").touch()
    for _ in range(2):
        assert [one.event for one in outbox.waiting()] == [SECOND]
        assert outbox.typed() == ()
    assert [one.rpartition(" ")[2] for one in told] == [FIRST.event_id.hex(), "ab" * 32]
