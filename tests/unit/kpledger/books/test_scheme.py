"""The scheme at a date: standings, restrictions, policy and the Chair, as they held then."""

import pytest
from booked import BookedLedger, open_booked_trade
from founding import CHAIR, NOW_MS, make_decision, make_genesis, signing_key, vary
from scheme_statements import ADMISSION

from kpledger.base.units import DAY_MS, day_of, start_of_day_ms
from kpledger.books.question import QuestionError
from kpledger.books.scheme import SCHEME, MemberAt, SchemeAnswer, SchemeQuestion
from kpledger.books.statistics import ANNEX3, SUMMARY, Annex3Question, SummaryQuestion
from kpledger.scheme.v1.events.decisions import (
    ChairRotated,
    ExpiryMeaning,
    Mode,
    PolicySet,
    PolicyValues,
    RestrictionSet,
    Scope,
    ViceChairElected,
)
from kpledger.scheme.v1.events.governance import ParticipantStatusChanged, Standing

DECISION = make_decision().decision


@pytest.fixture
def ledger() -> BookedLedger:
    """From 12 March: ZA is suspended, BW restricted, its policy another, IN in the chair."""
    ledger = open_booked_trade()
    ledger.say(CHAIR, make_decision())
    later = NOW_MS + 10 * DAY_MS
    status = ParticipantStatusChanged(
        code="ZA", status=Standing.SUSPENDED, effective_from=later, decision=DECISION
    )
    ledger.say(CHAIR, status)
    restriction = RestrictionSet(
        restriction="zones",
        participant="BW",
        scope=Scope.ORIGIN,
        mode=Mode.PROHIBITED,
        zones=("BW/orapa",),
        approver=None,
        effective_from=later,
        effective_until=later + 10 * DAY_MS,
        decision=DECISION,
    )
    ledger.say(CHAIR, restriction, subject="BW/restriction/zones")
    policy = PolicySet(
        participant="BW",
        values=PolicyValues(expiry=ExpiryMeaning.JOURNEY),
        effective_from=later,
        decision=None,
    )
    ledger.say("BW/root", policy, subject="BW/policy")
    ledger.wait_until("2026-03-12")
    elected = ViceChairElected(vice_chair="IN", decision=DECISION)
    ledger.say(CHAIR, elected, subject="KPCS/chair")
    key = "KPCS/next"
    hand_over = ChairRotated(
        year=2027,
        chair="IN",
        key=signing_key(key).public_key,
        vice_chair=None,
        decision=DECISION,
    )
    ledger.say(CHAIR, hand_over, subject="KPCS/chair", signers=(CHAIR, key))
    return ledger


def ask(ledger: BookedLedger, at: str = "") -> SchemeAnswer:
    return SCHEME.respond(ledger.books, SchemeQuestion(at=at))


def member(found: SchemeAnswer, code: str) -> MemberAt:
    (one,) = [one for one in found.participants if one.code == code]
    return one


def test_before_a_decision_takes_effect_everything_is_as_it_was(ledger: BookedLedger) -> None:
    found = ask(ledger, "2026-03-11")
    assert (member(found, "ZA").status, member(found, "ZA").may_trade) == (Standing.ACTIVE, True)
    assert (found.restrictions, found.chair, found.vice_chair) == ((), None, None)
    (own,) = found.own_policies
    assert (own.participant, own.policy) == ("BW", found.policy)


def test_at_the_end_of_its_day_a_decision_holds(ledger: BookedLedger) -> None:
    found = ask(ledger, "2026-03-12")
    suspended = member(found, "ZA")
    assert (suspended.status, suspended.may_trade) == (Standing.SUSPENDED, False)
    assert (suspended.since, suspended.decision) == ("2026-03-12", DECISION)
    (one,) = found.restrictions
    assert (one.participant, one.zones, one.since, one.until) == (
        "BW",
        ("BW/orapa",),
        "2026-03-12",
        "2026-03-22",
    )
    assert (found.chair, found.vice_chair, found.year) == ("IN", None, 2027)
    (own,) = found.own_policies
    assert own.policy.expiry is ExpiryMeaning.JOURNEY
    assert found.policy.expiry is ExpiryMeaning.EXPORT_BY


def test_a_restriction_that_has_ended_is_gone(ledger: BookedLedger) -> None:
    assert ask(ledger, "2026-03-22").restrictions == ()


def test_without_a_day_it_is_the_scheme_of_the_newest_block(ledger: BookedLedger) -> None:
    found = ask(ledger)
    assert (found.day, found.chair) == ("2026-03-12", "IN")


def test_a_day_has_to_be_one(ledger: BookedLedger) -> None:
    with pytest.raises(QuestionError) as caught:
        ask(ledger, "2026-02-30")
    assert caught.value.field == "at"


def test_before_the_ledger_began_nothing_is_said(ledger: BookedLedger) -> None:
    day = day_of(make_genesis().file.created_at)
    assert ask(ledger, day).participants
    with pytest.raises(QuestionError, match=f"1990-01-01 is before the ledger began, on {day}"):
        ask(ledger, "1990-01-01")


def test_what_was_known_before_the_ledger_began_is_not_asked(ledger: BookedLedger) -> None:
    day = "1990-01-01"
    with pytest.raises(QuestionError, match="before the ledger began") as annex3:
        ANNEX3.respond(
            ledger.books, Annex3Question(participant="BW", period="2026Q1", known_at=day)
        )
    with pytest.raises(QuestionError, match="before the ledger began") as summary:
        SUMMARY.respond(ledger.books, SummaryQuestion(year="2026", known_at=day))
    assert (annex3.value.field, summary.value.field) == ("known_at", "known_at")


def test_who_is_admitted_from_a_later_day_on_is_to_come() -> None:
    ledger = open_booked_trade()
    ledger.say(CHAIR, make_decision())
    assert ask(ledger).awaited == ()
    ledger.say(CHAIR, vary(ADMISSION, effective_from=start_of_day_ms("2026-03-20")))
    for day in ("", "2026-03-19"):
        assert ask(ledger, day).awaited == ("NA from 2026-03-20",)
    assert ask(ledger, "2026-03-20").awaited == ()
