"""What is raised, and what falls due, at the edges of the days asked for."""

from flagging import Trader
from founding import CHAIR, DECISION, decide, signing_key, vary
from scheme_statements import RESTRICTION

from kpledger.base.units import start_of_day_ms
from kpledger.books.calendar import CALENDAR, CalendarQuestion, DueKind
from kpledger.books.flags.catalogue import read_flags
from kpledger.books.flags.search import FlagsQuestion, find_flags, prepare_search
from kpledger.books.numbers import NUMBERS, NumbersQuestion
from kpledger.books.subject import SUBJECT, SubjectQuestion
from kpledger.scheme.v1.events.decisions import Mode
from kpledger.scheme.v1.events.governance import KeyRevoked, RevocationReason
from kpledger.scheme.v1.events.importing import SuspectReported

DAY = "2026-03-04"


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
    books = trader.ledger.books
    states = [
        SUBJECT.respond(books, SubjectQuestion(subject=f"BW/restriction/{name}")).state
        for name in ("first", "second", "third")
    ]
    assert states == ["TO_COME", "TO_COME", None]
    entries = CALENDAR.respond(books, CalendarQuestion(participant="BW")).entries
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
    asked = FlagsQuestion(from_day="2026-01-01", until="2026-01-31", at="2026-05-20")
    search = prepare_search(trader.ledger.books, asked)
    assert list(find_flags(search, tuple(read_flags()))) == []


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
    entries = CALENDAR.respond(trader.ledger.books, question).entries
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
    asked = FlagsQuestion(from_day="2026-07-01", until="2026-09-01", at="2026-09-01")
    search = prepare_search(trader.ledger.books, asked)
    assert list(find_flags(search, ("F16",))) == []


def test_numbers_as_of_a_day_before_the_first_certificate() -> None:
    question = NumbersQuestion(participant="BW", at="2025-12-31")
    assert NUMBERS.respond(Trader().ledger.books, question).at == "2025-12-31"
