"""The outbox keeps what is signed until the ledger has it."""

from pathlib import Path

import pytest
from founding import make_certificate, make_event, number_of

from kpclient.outbox import Outbox
from kpledger.base.errors import LedgerError
from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.event import SignedEvent
from kpledger.scheme.v1.events.certificate import CertificateIssued


def event(serial: int, *, occurred_at: int) -> SignedEvent:
    body = CertificateIssued(certificate=make_certificate(number_of("BW", serial)))
    return decode_envelope(make_event("BW/gaborone", body, occurred_at=occurred_at))


FIRST = event(2, occurred_at=1000)
SECOND = event(1, occurred_at=20_000)


def test_events_wait_in_the_order_they_were_made(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox")
    for one in (SECOND, FIRST, SECOND):
        outbox.put(one)
    assert [one.event for one in Outbox(tmp_path / "outbox").waiting()] == [FIRST, SECOND]


def test_an_outbox_that_was_never_used_is_empty(tmp_path: Path) -> None:
    assert Outbox(tmp_path / "none").waiting() == ()


def test_what_is_on_the_ledger_leaves(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox")
    outbox.put(FIRST)
    outbox.put(SECOND)
    outbox.remove(outbox.waiting()[0])
    assert [one.event for one in outbox.waiting()] == [SECOND]


def test_what_was_refused_is_kept_and_sent_no_more(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox")
    outbox.put(FIRST)
    refused = outbox.set_aside(outbox.waiting()[0])
    assert outbox.waiting() == ()
    assert refused.read_bytes() == FIRST.encoded


def test_a_damaged_event_is_refused(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox")
    outbox.put(FIRST).write_bytes(FIRST.encoded[:-1])
    with pytest.raises(LedgerError):
        outbox.waiting()
