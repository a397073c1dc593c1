"""Projections stand every statement, also one that no rule would have let in."""

import pytest
from booked import open_booked_trade
from flagging import Trader
from founding import CHAIR, DECISION, decide, signing_key, vary
from scheme_statements import RESTRICTION
from statements import SOUND

from kpledger.analysis.agenda import CALENDAR, CalendarQuestion, DueKind
from kpledger.analysis.flags.registry import Flag
from kpledger.analysis.flags.topic import find_flags, look_at
from kpledger.analysis.subject import SUBJECT, SubjectQuestion
from kpledger.base.units import start_of_day_ms
from kpledger.scheme.v1.events.governance import KeyRevoked, RevocationReason
from kpledger.scheme.v1.events.importing import SuspectReported
from kpledger.scheme.v1.events.restrictions import Mode

DAY = "2026-03-04"


@pytest.mark.parametrize("name", sorted(SOUND))
def test_statement_on_what_is_not_there_is_stood(name: str) -> None:
    author, body = SOUND[name]
    ledger = open_booked_trade()
    ledger.project(author, body, subject="BW099999")
    found = list(find_flags(look_at(ledger.book, at="2026-12-31"), tuple(Flag)))
    assert all(one.explanation for one in found)


def test_suspect_paper_without_a_number_is_on_no_list_of_numbers() -> None:
    trader = Trader()
    body = SuspectReported(
        claimed_issuer="BW", claimed_number="", claimed_issue=None, image=None, remarks=""
    )
    trader.say(DAY, "EU/antwerp", body, "EU/suspect/1")
    assert trader.flags("F7", "2026-06-01") == []


def test_restriction_that_ends_is_shown_and_on_the_calendar() -> None:
    trader = Trader()
    trader.ledger.wait_until("2026-03-03")
    decide(trader.ledger)
    for name, until in (("first", "2026-04-10"), ("second", "2026-05-10")):
        restriction = vary(
            RESTRICTION,
            restriction=name,
            mode=Mode.PROHIBITED,
            approver=None,
            zones=(),
            effective_from=start_of_day_ms(DAY),
            effective_until=start_of_day_ms(until),
            decision=DECISION,
        )
        trader.say("2026-03-03", CHAIR, restriction, f"BW/restriction/{name}")
    book = trader.ledger.book
    states = [
        SUBJECT.respond(book, SubjectQuestion(subject=f"BW/restriction/{name}")).state
        for name in ("first", "second", "third")
    ]
    assert states == ["TO_COME", "TO_COME", None]
    entries = CALENDAR.respond(book, CalendarQuestion(participant="BW")).entries
    ends = [(one.day, one.subject) for one in entries if one.kind is DueKind.END]
    assert ends == [
        ("2026-04-10", "BW/restriction/first"),
        ("2026-05-10", "BW/restriction/second"),
    ]


def test_destination_that_forgets_twice_is_flagged_twice() -> None:
    trader = Trader()
    certificates = (trader.draw_up(DAY), trader.draw_up(DAY))
    for certificate in certificates:
        trader.issue(certificate)
    for certificate in certificates:
        trader.arrive(certificate, "2026-03-10")
    assert len(trader.flags("F9", "2026-05-20")) == 2
    look = look_at(trader.ledger.book, from_day="2026-01-01", until="2026-01-31", at="2026-05-20")
    assert list(find_flags(look, tuple(Flag))) == []


def test_flags_that_read_the_same_sums_read_them_once() -> None:
    trader = Trader()
    trader.issue(trader.draw_up(DAY))
    look = look_at(trader.ledger.book, at="2026-12-31")
    twice = [list(find_flags(look, (Flag.F5, Flag.F6, Flag.F17))) for _ in range(2)]
    assert twice[0] == twice[1]


def test_interim_restriction_that_lapses_is_on_the_calendar() -> None:
    trader = Trader()
    trader.ledger.wait_until("2026-03-03")
    restriction = vary(
        RESTRICTION,
        mode=Mode.PROHIBITED,
        approver=None,
        zones=(),
        effective_from=start_of_day_ms(DAY),
        effective_until=None,
        decision="N-1",
        interim=True,
    )
    trader.say("2026-03-03", CHAIR, restriction, "BW/restriction/zones")
    question = CalendarQuestion(participant="BW", until_day="2026-12-31")
    entries = CALENDAR.respond(trader.ledger.book, question).entries
    lapses = [one.day for one in entries if one.kind is DueKind.LAPSE]
    assert lapses == ["2026-06-02"]


def test_what_a_compromised_key_signed_before_the_days_asked_for_is_left_out() -> None:
    trader = Trader()
    trader.issue(trader.draw_up(DAY))
    trader.ledger.wait_until("2026-08-01")
    body = KeyRevoked(
        key=signing_key("BW/gaborone").public_key,
        reason=RevocationReason.COMPROMISED,
        suspect_since=start_of_day_ms("2026-03-01"),
    )
    trader.say("2026-08-01", "BW/root", body, body.key.hex())
    assert trader.flags("F16", "2026-09-01") != []
    look = look_at(trader.ledger.book, from_day="2026-07-01", until="2026-09-01", at="2026-09-01")
    assert list(find_flags(look, (Flag.F16,))) == []
