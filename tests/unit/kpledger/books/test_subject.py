"""What is known about any subject: its kind, where it stands, its head, and its events."""

import msgspec
import pytest
from booked import BookedLedger, open_booked_trade
from founding import CHAIR, NOW_MS, TODAY, make_certificate, make_decision, signing_key, vary
from scheme_statements import BODY, HAND_OVER, NEW_KEY, RESTRICTION, ROTATION, STATUS

from kpledger.base.units import DAY_MS
from kpledger.books.question import QuestionError
from kpledger.books.subject import SUBJECT, SubjectAnswer, SubjectQuestion
from kpledger.scheme.v1.events.certificate import CertificateIssued, CertificateVoided, VoidReason
from kpledger.scheme.v1.events.decisions import Mode, PolicySet, PolicyValues
from kpledger.scheme.v1.events.governance import AuthorityClosed, KeyRevoked, RevocationReason
from kpledger.scheme.v1.events.importing import ArrivalRecorded
from kpledger.scheme.v1.events.life import (
    AnnualReportFiled,
    ConcernRaised,
    MeetingAnnounced,
    MeetingKind,
    NoteFiled,
)
from kpledger.scheme.v1.events.statistics import ProductionStatisticsSubmitted

ARRIVAL = ArrivalRecorded(
    arrived_on=TODAY, seals_intact=True, opened=False, found_carat_thousandths=None, remarks=""
)
NOTE = NoteFiled(text="seen", references=(), document=None)


def ask(ledger: BookedLedger, subject: str) -> SubjectAnswer:
    return SUBJECT.respond(ledger.books, SubjectQuestion(subject=subject))


@pytest.fixture
def ledger() -> BookedLedger:
    ledger = open_booked_trade()
    ledger.say("BW/gaborone", CertificateIssued(certificate=make_certificate()))
    ledger.say(CHAIR, make_decision())
    policy = PolicySet(
        participant="BW",
        values=PolicyValues(officers=1),
        effective_from=NOW_MS + 1,
        decision=None,
    )
    ledger.say("BW/root", policy, subject="BW/policy")
    meeting = MeetingAnnounced(
        kind=MeetingKind.PLENARY, from_day="2026-11-09", until_day="2026-11-13", place="Dubai"
    )
    ledger.say(CHAIR, meeting, subject="KPCS/meeting/plenary")
    concern = ConcernRaised(participant="ZA", text="Why", document=None, answer_due_on=None)
    ledger.say("BW/root", concern, subject="ZA/concern/1")
    report = AnnualReportFiled(year=2025, document=bytes(32), remarks="")
    ledger.say("BW/root", report, subject="BW/report/2025")
    production = ProductionStatisticsSubmitted(
        half_year="2025H2", edition=1, carat_thousandths=1, value_usd_cents=1, remarks=""
    )
    ledger.say("BW/root", production, subject="BW/production/2025H2")
    return ledger


@pytest.mark.parametrize(
    ("subject", "kind", "state"),
    [
        ("BW000001", "certificate", "VALIDATED"),
        ("BW", "participant", "ACTIVE"),
        ("BW/gaborone", "authority", "OPEN"),
        (signing_key("BW/gaborone").public_key.hex(), "key", "IN_FORCE"),
        ("KPCS/decision/" + make_decision().decision, "decision", None),
        ("BW/policy", "policy", None),
        ("KPCS/policy", "policy", None),
        ("KPCS/rules", "rules", None),
        ("KPCS/chair", "chair", None),
        ("KPCS/meeting/plenary", "meeting", "ANNOUNCED"),
        ("ZA/concern/1", "concern", "RAISED"),
        ("BW/report/2025", "report", None),
        ("BW/production/2025H2", "production", None),
    ],
)
def test_every_kind_of_subject_is_known(
    ledger: BookedLedger, subject: str, kind: str, state: str | None
) -> None:
    found = ask(ledger, subject)
    assert (found.kind, found.state) == (kind, state)
    assert isinstance(msgspec.json.decode(found.record), dict)


@pytest.mark.parametrize(
    "subject",
    [
        *("BW000404", "BW000001/1", "NA", "NA/root", "00" * 32, "KPCS/decision/NONE"),
        *("NA/policy", "BW/report/1999", "BW/report/soon", "BW/concern/1", "BW/restriction/none"),
        *("KPCS/body/wgs", "a/b/c", "BW/trade/2026Q1", "KPCS/meeting"),
    ],
)
def test_what_is_not_there_has_no_kind(ledger: BookedLedger, subject: str) -> None:
    found = ask(ledger, subject)
    assert (found.kind, found.state, found.head, found.events) == (None, None, None, ())
    assert found.record == msgspec.Raw(b"null")


def test_only_what_events_follow_has_a_head(ledger: BookedLedger) -> None:
    for subject in ("BW000001", "ZA/concern/1", "KPCS/meeting/plenary"):
        found = ask(ledger, subject)
        assert (found.head,) == found.events[-1:]
    assert ask(ledger, "BW/policy").head is None


def test_a_note_is_an_event_on_a_certificate_and_not_its_head(ledger: BookedLedger) -> None:
    before = ask(ledger, "BW000001")
    note = ledger.say("EU/root", NOTE, subject="BW000001")
    after = ask(ledger, "BW000001")
    assert (after.head, after.events) == (before.head, (*before.events, note.hex()))


def test_what_arrives_under_a_dead_certificate_is_on_its_case_as_well(
    ledger: BookedLedger,
) -> None:
    head = bytes.fromhex(ask(ledger, "BW000001").head or "")
    body = CertificateVoided(reason=VoidReason.ERROR, remarks="")
    dead = ledger.say("BW/gaborone", body, subject="BW000001", prev=head)
    first = ledger.say("EU/antwerp", ARRIVAL, subject="BW000001", prev=dead)
    ledger.say("EU/root", NOTE, subject="BW000001/1")
    found = ask(ledger, "BW000001/1")
    assert (found.kind, found.state, found.head) == ("case", "OPEN", first.hex())
    assert len(found.events) == 2
    assert first.hex() in ask(ledger, "BW000001").events
    assert ask(ledger, "BW000001").head == dead.hex()


def test_a_subject_has_to_be_named(ledger: BookedLedger) -> None:
    with pytest.raises(QuestionError):
        ask(ledger, "")


def test_keys_bodies_and_restrictions_stand_where_time_and_decisions_put_them(
    ledger: BookedLedger,
) -> None:
    body = vary(BODY, observers=())
    ledger.say(CHAIR, body, subject="KPCS/body/wgs")
    restriction = vary(
        RESTRICTION,
        mode=Mode.PROHIBITED,
        approver=None,
        zones=(),
        effective_from=NOW_MS + DAY_MS,
        effective_until=NOW_MS + 3 * DAY_MS,
        decision=make_decision().decision,
    )
    ledger.say(CHAIR, restriction, subject="BW/restriction/zones")
    key = signing_key("BW/gaborone").public_key
    subjects = ("KPCS/body/wgs", "BW/restriction/zones", key.hex())
    note = make_decision("AD-2026-2")
    states = [[ask(ledger, one).state for one in subjects]]
    ledger.say(CHAIR, vary(body, dissolved=True), subject="KPCS/body/wgs")
    revoke = KeyRevoked(key=key, reason=RevocationReason.RETIRED, suspect_since=None)
    ledger.now_ms += 2 * DAY_MS
    ledger.say("BW/root", revoke)
    states.append([ask(ledger, one).state for one in subjects])
    ledger.now_ms += 2 * DAY_MS
    ledger.say(CHAIR, note)
    states.append([ask(ledger, one).state for one in subjects])
    assert states == [
        ["AT_WORK", "TO_COME", "IN_FORCE"],
        ["DISSOLVED", "HOLDS", "REVOKED"],
        ["DISSOLVED", "ENDED", "REVOKED"],
    ]


def test_an_event_on_something_else_is_in_the_history_of_what_it_ends_or_begins(
    ledger: BookedLedger,
) -> None:
    old = signing_key("BW/gaborone").public_key.hex()
    rotated = ledger.say("BW/root", ROTATION).hex()
    closed = ledger.say("BW/root", AuthorityClosed(authority="gaborone", reason="moved")).hex()
    chairs = signing_key(CHAIR).public_key.hex()
    hand_over = vary(HAND_OVER, key=signing_key("the next chair's").public_key)
    handed = ledger.say(CHAIR, hand_over, signers=(CHAIR, "the next chair's")).hex()
    assert ask(ledger, old).events[-1] == rotated
    assert ask(ledger, NEW_KEY.hex()).events == (rotated, closed)
    assert ask(ledger, NEW_KEY.hex()).state == "OFFICE_CLOSED"
    assert ask(ledger, chairs).events == (handed,)
    assert ask(ledger, hand_over.key.hex()).events == (handed,)


def test_what_a_decision_makes_lasting_has_it_in_its_history(ledger: BookedLedger) -> None:
    notice = vary(STATUS, code="ZA", decision="NOTICE-1", interim=True)
    set_by = ledger.say(CHAIR, notice)
    decision = make_decision("AD-2026-3", ratifies=(set_by,))
    assert ask(ledger, "ZA").events[-1] == set_by.hex()
    ratified = ledger.say(CHAIR, decision).hex()
    assert ask(ledger, "ZA").events[-2:] == (set_by.hex(), ratified)
