"""Officers sign what their own office has recorded before: each once, and nobody else."""

from typing import Final

import pytest
from founding import (
    CHAIR,
    FOUNDED_MS,
    MemoryLedger,
    event_id_of,
    issue,
    make_certificate,
    make_event,
    open_trade,
    signing_key,
    vary,
)
from judging import Judgement, judgement
from scheme_statements import POLICY

from kpledger.base.state import ChangeSet
from kpledger.scheme.outcome import Rule
from kpledger.scheme.v1.events.decisions import PolicyValues
from kpledger.scheme.v1.events.governance import KeyAdded
from kpledger.scheme.v1.events.life import EventCountersigned, NoteFiled
from kpledger.scheme.v1.records import Countersignature, CountersignaturesRecord
from kpledger.scheme.v1.rules.notes import MAX_COUNTERSIGNATURES

NUMBER: Final = "BW000001"
OFFICE: Final = "BW/gaborone"
FIRST: Final = "BW/gaborone"
SECOND: Final = "BW/gaborone#2"
"""Two keys of one office."""


def _open() -> tuple[MemoryLedger, bytes]:
    """Give a ledger on which one of two officers has issued a certificate, and the event."""
    ledger = open_trade()
    added = KeyAdded(
        authority="gaborone", key=signing_key(SECOND).public_key, valid_from=FOUNDED_MS
    )
    ledger.record(make_event("BW/root", added))
    return ledger, event_id_of(issue(ledger, make_certificate(NUMBER)))


def _countersign(
    event: bytes,
    *signers: str,
    author: str = OFFICE,
    subject: str = NUMBER,
    nonce: int = 0,
) -> bytes:
    body = EventCountersigned(event=event)
    return make_event(author, body, signers=signers or (SECOND,), subject=subject, nonce=nonce)


def _judge(ledger: MemoryLedger, encoded: bytes) -> Judgement:
    return judgement(ledger.attempt(encoded))


def test_a_signature_is_added_and_kept_beside_the_event() -> None:
    ledger, event = _open()
    encoded = _countersign(event)
    ledger.record(encoded)
    key = signing_key(SECOND).public_key
    assert ledger.read(
        CountersignaturesRecord.key_for(event), CountersignaturesRecord
    ) == CountersignaturesRecord(
        countersignatures=(Countersignature(key=key, event=event_id_of(encoded)),)
    )


def test_it_moves_nothing_and_holds_for_a_certificate_that_moved_on() -> None:
    ledger, event = _open()
    before = ledger.certificate(NUMBER)
    ledger.record(_countersign(event))
    assert ledger.certificate(NUMBER) == before


def test_each_key_countersigns_once() -> None:
    ledger, event = _open()
    ledger.record(_countersign(event))
    assert _judge(ledger, _countersign(event, nonce=1)) == (Rule.E6, "signatures")
    assert _judge(ledger, _countersign(event, FIRST, SECOND, nonce=1)) == (Rule.E6, "signatures")


@pytest.mark.parametrize(
    ("author", "signer", "rule", "field"),
    [
        ("BW/root", "BW/root", Rule.E2, "author"),
        ("ZA/joburg", "ZA/joburg", Rule.E2, "author"),
        (CHAIR, CHAIR, Rule.E2, "author"),
        (OFFICE, "ZA/joburg", Rule.E1, "signatures"),
        (OFFICE, "stranger", Rule.E1, "signatures"),
    ],
)
def test_nobody_else_signs_it(author: str, signer: str, rule: Rule, field: str) -> None:
    ledger, event = _open()
    assert _judge(ledger, _countersign(event, signer, author=author)) == (rule, field)


def test_it_names_an_event_and_its_subject() -> None:
    ledger, event = _open()
    assert _judge(ledger, _countersign(bytes(32))) == (Rule.E6, "body.event")
    assert _judge(ledger, _countersign(event, subject="BW000002")) == (Rule.E5, "subject")


def test_a_countersignature_is_not_countersigned() -> None:
    ledger, event = _open()
    encoded = _countersign(event)
    ledger.record(encoded)
    again = _countersign(event_id_of(encoded), FIRST)
    assert _judge(ledger, again) == (Rule.E6, "body.event")


def test_a_single_officer_countersigns_where_several_must_sign() -> None:
    ledger, event = _open()
    ledger.record(make_event("BW/root", vary(POLICY, values=PolicyValues(officers=2))))
    note = NoteFiled(text="Seen.", references=(), document=None)
    alone = make_event(OFFICE, note, signers=(SECOND,), subject=NUMBER)
    assert _judge(ledger, alone) == (Rule.E1, "signatures")
    assert _judge(ledger, _countersign(event)) is None


@pytest.mark.parametrize(
    ("count", "expected"),
    [(MAX_COUNTERSIGNATURES - 1, None), (MAX_COUNTERSIGNATURES, (Rule.E6, "signatures"))],
)
def test_a_bounded_number_of_keys_countersign(count: int, expected: Judgement) -> None:
    ledger, event = _open()
    known = tuple(Countersignature(key=bytes([one]) * 32, event=bytes(32)) for one in range(count))
    changes = ChangeSet(ledger.state)
    key = CountersignaturesRecord.key_for(event)
    changes.put(key, CountersignaturesRecord(countersignatures=known))
    ledger.state.apply(changes)
    assert _judge(ledger, _countersign(event)) == expected
