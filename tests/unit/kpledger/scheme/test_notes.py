"""Notes change nothing, and corrections describe anew what moved nothing by its contents."""

from typing import Final

import pytest
from founding import (
    CHAIR,
    MemoryLedger,
    event_id_of,
    make_event,
    open_trade,
    vary,
)
from journey import make_step, start_journey, travel
from judging import Judgement, judge, judgement
from scheme_statements import (
    NOTE,
    OBSERVER,
    STATEMENTS,
    correction_of,
    prepare,
    state,
)
from statements import NUMBER, SOUND

from kpledger.base.codec import encode
from kpledger.base.state import ChangeSet
from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.outcome import Rule
from kpledger.scheme.v1.events.certificate import CertificateVoided, TransitNoted, VoidReason
from kpledger.scheme.v1.events.governance import AuthorityClosed
from kpledger.scheme.v1.events.life import CorrectionMade, NoteFiled
from kpledger.scheme.v1.records import CorrectionRecord
from kpledger.scheme.v1.rules.notes import CORRECTABLE, MAX_CORRECTIONS

VOIDED: Final = CertificateVoided(reason=VoidReason.FRAUD, remarks="a slip")


@pytest.mark.parametrize("author", ["BW/root", "BW/gaborone", CHAIR, "KPCS/secretariat"])
def test_anybody_files_a_note_about_anything(author: str) -> None:
    assert judge(open_trade(), author, NOTE, "BW000001") is None


def test_note_changes_nothing() -> None:
    ledger = start_journey()
    before = ledger.certificate(NUMBER)
    ledger.record(make_event("BW/gaborone", NOTE, subject=NUMBER))
    assert ledger.certificate(NUMBER) == before


@pytest.mark.parametrize("author", ["XX/root", "BW/kasane", "KPCS/nobody", "KPCS/root"])
def test_strangers_file_no_notes(author: str) -> None:
    assert judge(open_trade(), author, NOTE, "BW") == (Rule.E1, "author")


def test_note_refers_to_events_on_the_ledger_once_each() -> None:
    ledger = open_trade()
    first = make_event("BW/root", NOTE, subject="BW")
    ledger.record(first)
    known = event_id_of(first)
    for references, expected in (
        ((known,), None),
        ((known, known), (Rule.E5, "body.references")),
        ((bytes(32), known), (Rule.E6, "body.references[0]")),
    ):
        body = NoteFiled(text="Again", references=references, document=None)
        assert judge(ledger, "BW/root", body, "BW") == expected
    event = make_event("BW/root", NOTE, subject="BW", prev=known, nonce=9)
    assert judgement(ledger.attempt(event)) == (Rule.E6, "prev")


def test_note_says_something_or_names_what_does() -> None:
    ledger = open_trade()
    first = make_event("BW/root", NOTE, subject="BW")
    ledger.record(first)
    known, paper = (event_id_of(first),), bytes(32)
    for text, references, document, expected in (
        ("", (), None, (Rule.E5, "body.text")),
        (" \t", (), None, (Rule.E5, "body.text")),
        ("", known, None, None),
        ("", (), paper, None),
    ):
        body = NoteFiled(text=text, references=references, document=document)
        assert judge(ledger, "BW/root", body, "BW") == expected


def _voided() -> tuple[MemoryLedger, bytes]:
    """Give a ledger on which BW voided its certificate, and that event."""
    ledger = start_journey()
    encoded = make_step(ledger, "certificate_voided", nonce=5)
    ledger.record(encoded)
    return ledger, encoded


def test_correction_is_kept_beside_what_it_corrects() -> None:
    ledger, voided = _voided()
    before = ledger.certificate(NUMBER)
    first = make_event("BW/root", correction_of(voided, VOIDED), subject=NUMBER)
    second = make_event("BW/gaborone", correction_of(voided, VOIDED), subject=NUMBER, nonce=1)
    ledger.record(first)
    ledger.record(second)
    assert ledger.certificate(NUMBER) == before
    assert ledger.read(
        CorrectionRecord.key_for(event_id_of(voided)), CorrectionRecord
    ) == CorrectionRecord(corrections=(event_id_of(first), event_id_of(second)))


@pytest.mark.parametrize(
    ("author", "changes", "subject", "expected"),
    [
        ("EU/antwerp", {}, NUMBER, (Rule.E2, "author")),
        (CHAIR, {}, NUMBER, (Rule.E2, "author")),
        ("BW/root", {"event": bytes(32)}, NUMBER, (Rule.E6, "body.event")),
        ("BW/root", {}, "BW000002", (Rule.E5, "subject")),
        ("BW/root", {"body": b"\x80"}, NUMBER, (Rule.E5, "body.body")),
        ("BW/root", {"body": b"\xff"}, NUMBER, (Rule.E5, "body.body")),
        ("BW/root", {"body": encode(NOTE)}, NUMBER, (Rule.E5, "body.body")),
        ("BW/root", {"body": encode(VOIDED) + b"\x00"}, NUMBER, (Rule.E5, "body.body")),
    ],
)
def test_unsound_correction_is_refused(
    author: str, changes: dict[str, object], subject: str, expected: Judgement
) -> None:
    ledger, voided = _voided()
    body = vary(correction_of(voided, VOIDED), **changes)
    assert judge(ledger, author, body, subject) == expected


def _recorded(name: str) -> tuple[MemoryLedger, bytes]:
    """Give a ledger on which a statement was made, and that event."""
    if name in STATEMENTS:
        ledger = prepare(open_trade(), name)
        encoded = state(ledger, name)
    else:
        ledger = start_journey(*BEFORE.get(name, ()))
        encoded = make_step(ledger, name, nonce=77)
    ledger.record(encoded)
    return ledger, encoded


BEFORE: Final[dict[str, tuple[str, ...]]] = {
    "certificate_found": ("certificate_lost",),
    "shipment_released": ("shipment_detained",),
    "transit_noted": ("export_notified",),
    "shipment_diverted": ("export_notified",),
    "import_confirmed": ("arrival_recorded",),
}
MOVING: Final = (
    "arrival_recorded",
    "import_confirmed",
    "participant_admitted",
    "policy_set",
    "decision_recorded",
    "trade_statistics_submitted",
    "review_reported",
    "suspect_judged",
    "shipment_approved",
)


@pytest.mark.parametrize("name", [*CORRECTABLE, *MOVING])
def test_only_what_moved_nothing_by_its_contents_is_corrected(name: str) -> None:
    ledger, encoded = _recorded(name)
    header = decode_envelope(encoded).header
    correction = correction_of(encoded, SOUND[name][1])
    found = judge(ledger, str(header.author), correction, header.subject)
    assert found == (None if name in CORRECTABLE else (Rule.E6, "body.event"))


def test_correction_is_about_what_the_statement_was_about() -> None:
    ledger, encoded = _recorded("authority_closed")
    other = AuthorityClosed(authority="kasane", reason="")
    correction = correction_of(encoded, other)
    assert judge(ledger, "BW/root", correction, "BW/gaborone") == (Rule.E5, "body.body")


def test_offices_of_the_scheme_do_not_correct_each_other() -> None:
    ledger = open_trade()
    ledger.record(make_event(CHAIR, OBSERVER))
    note = make_event(CHAIR, NOTE, subject="KPCS")
    ledger.record(note)
    correction = correction_of(note, vary(NOTE, text="Not seen."))
    assert judge(ledger, "KPCS/wdc", correction, "KPCS") == (Rule.E2, "author")
    assert judge(ledger, CHAIR, correction, "KPCS") is None


def test_correction_is_not_corrected() -> None:
    ledger, voided = _voided()
    first = make_event("BW/root", correction_of(voided, VOIDED), subject=NUMBER)
    ledger.record(first)
    body = correction_of(first, correction_of(voided, VOIDED))
    assert isinstance(body, CorrectionMade)
    assert judge(ledger, "BW/root", body, NUMBER) == (Rule.E6, "body.event")


TRANSIT: Final = TransitNoted(entered_on="2026-03-01", left_on=None, seals_intact=True, remarks="")


def test_what_another_party_closed_is_not_described_anew() -> None:
    ledger, transit = _recorded("transit_noted")
    correction = correction_of(transit, TRANSIT)
    assert judge(ledger, "ZA/joburg", correction, NUMBER) is None
    travel(ledger, "arrival_recorded", "import_confirmed")
    assert judge(ledger, "ZA/joburg", correction, NUMBER) == (Rule.E6, "subject")


def test_what_was_closed_before_the_statement_does_not_stand_in_the_way() -> None:
    """A detention under a certificate that was taken back opens a case; the certificate stays."""
    ledger, _ = _voided()
    detention = make_step(ledger, "shipment_detained", nonce=77)
    ledger.record(detention)
    body = decode_envelope(detention).body
    assert judge(ledger, "EU/antwerp", correction_of(detention, body), NUMBER) is None


def test_closing_statement_itself_is_corrected_by_who_made_it() -> None:
    ledger, voided = _voided()
    assert judge(ledger, "BW/root", correction_of(voided, VOIDED), NUMBER) is None


def test_event_is_corrected_a_bounded_number_of_times() -> None:
    ledger, voided = _voided()
    key = CorrectionRecord.key_for(event_id_of(voided))
    changes = ChangeSet(ledger.state)
    for count, expected in (
        (MAX_CORRECTIONS - 1, None),
        (MAX_CORRECTIONS, (Rule.E6, "body.event")),
    ):
        changes.put(key, CorrectionRecord(corrections=(bytes(32),) * count))
        ledger.state.apply(changes)
        assert judge(ledger, "BW/root", correction_of(voided, VOIDED), NUMBER) == expected
