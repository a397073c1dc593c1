"""The synthetic year: every event of it is accepted, and it holds what was published."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from random import Random

import pytest
from lab.year.books import write_books
from lab.year.flows import Flows, Plan
from lab.year.planted import Fraud, PlantedCase
from lab.year.published import YEAR_CERTIFICATES
from lab.year.signer import TimedEvent
from lab.year.tables import OTHERS, load_tables
from lab.year.year import CERTIFICATES_MIN, Year, make_year

from kpledger.books.calendar import CALENDAR, CalendarQuestion, DueKind
from kpledger.books.database import Books, open_books
from kpledger.books.flags.search import FlagsQuestion, find_flags, prepare_search
from kpledger.books.numbers import NUMBERS, NumbersQuestion
from kpledger.books.participants import PARTICIPANTS, ParticipantsQuestion
from kpledger.books.subject import SUBJECT, SubjectQuestion
from kpledger.books.trace import TRACE, TraceQuestion
from kpledger.scheme.envelope import decode_envelope, verify_envelope
from kpledger.scheme.v1.catalogue import CATALOGUE
from kpledger.scheme.v1.events.statistics import ProductionStatisticsSubmitted

TABLES = load_tables()

# What no honest year and no fraud of this one calls for.
UNUSED = {
    "authority_closed",
    "case_opened",
    "chair_recovered",
    "correction_made",
    "event_countersigned",
    "observer_withdrawn",
    "opening_withdrawn",
    "participant_recovered",
    "position_taken",
    "restriction_lifted",
    "rules_activated",
    "shipment_declined",
    "vice_chair_elected",
}


def make(*, seed: int = 2022, fraud: bool = True) -> Year:
    return make_year(TABLES, certificates=CERTIFICATES_MIN, seed=seed, fraud=fraud)


@cache
def live() -> tuple[tuple[TimedEvent, ...], tuple[PlantedCase, ...]]:
    year = make()
    events = tuple(year.events())
    return events, year.cases.listed()


@pytest.fixture(scope="module")
def refusals() -> list[str]:
    """What the rules refuse of the year."""
    return []


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory, refusals: list[str]) -> Iterator[Books]:
    """The books of the year."""
    file = tmp_path_factory.mktemp("year") / "books.sqlite"
    write_books(
        make(),
        file,
        refused=lambda entry, why: refusals.append(f"{entry.type} {entry.subject}: {why}"),
    )
    with (
        closing(open_books(str(file), read_only=True)) as connection,
        Books(connection).reading() as found,
    ):
        yield found


def test_the_rules_accept_every_event_of_the_year(books: Books, refusals: list[str]) -> None:
    assert refusals == []
    (count,) = books.connection.execute("SELECT count(*) FROM events").fetchone()
    assert count == len(live()[0])


def test_what_is_flagged_for_one_participant_is_a_part_of_all(books: Books) -> None:
    everything = list(find_flags(prepare_search(books, FlagsQuestion())))
    assert {one.flag for one in everything} >= {"F1", "F4", "F5", "F7", "F8", "F9", "F16"}
    for code in ("AE", "BW", "CF", "EU", "RU", "TG"):
        for mine in find_flags(prepare_search(books, FlagsQuestion(participant=code))):
            assert mine in everything


def test_every_number_that_was_used_is_in_a_range(books: Books) -> None:
    numbers = [one.subject for one in live()[0] if one.type == "certificate_issued"]
    used = 0
    for member in PARTICIPANTS.respond(books, ParticipantsQuestion()).participants:
        answer = NUMBERS.respond(books, NumbersQuestion(participant=member.code))
        used += sum(one.used for one in answer.ranges)
    assert used >= len(set(numbers))


def test_the_calendar_of_everybody_is_that_of_each_together(books: Books) -> None:
    together = CALENDAR.respond(books, CalendarQuestion(from_day="2022-01-01")).entries
    assert {one.kind for one in together} >= {DueKind.STATISTICS}
    for code in ("BW", "CF", "KPCS"):
        question = CalendarQuestion(from_day="2022-01-01", participant=code)
        mine = CALENDAR.respond(books, question).entries
        assert mine == tuple(one for one in together if one.participant == code)


def test_each_event_of_the_year_is_about_something_that_can_be_shown(books: Books) -> None:
    for subject in {one.subject for one in live()[0]}:
        assert SUBJECT.respond(books, SubjectQuestion(subject=subject)).events


def test_every_step_of_the_goods_is_told_at_both_its_ends(books: Books) -> None:
    numbers = [one.subject for one in live()[0] if one.type == "certificate_issued"]
    told = {number: TRACE.respond(books, TraceQuestion(subject=number)) for number in numbers}
    steps = [(number, link) for number in numbers for link in told[number].back]
    assert steps
    for number, link in steps:
        if link.later == number and link.earlier in told:
            assert link in told[link.earlier].forward


def test_every_signature_of_the_year_verifies() -> None:
    events, _ = live()
    for entry in Random(1).sample(events, 300):
        verify_envelope(decode_envelope(entry.envelope))


def test_time_never_goes_back() -> None:
    times = [entry.time_ms for entry in live()[0]]
    assert times == sorted(times)


def test_the_same_seed_lives_the_same_year_and_another_seed_another() -> None:
    events, cases = live()
    again = make()
    assert tuple(again.events()) == events
    assert again.cases.listed() == cases
    assert tuple(make(seed=1).events()) != events


def test_the_year_calls_for_the_catalogue() -> None:
    types = {entry.type for entry in live()[0]}
    assert {body.TYPE for body in CATALOGUE} - types <= UNUSED


def test_every_kind_of_fraud_is_planted() -> None:
    kinds = Counter(case.kind for case in live()[1])
    assert set(kinds) == {fraud.name for fraud in Fraud}
    assert min(kinds.values()) >= 2


def test_an_honest_year_has_no_planted_case() -> None:
    year = make(fraud=False)
    assert sum(1 for _ in year.events()) > 0
    assert year.cases.listed() == ()


def test_planted_certificates_are_on_the_ledger() -> None:
    events, cases = live()
    subjects = {entry.subject for entry in events}
    for case in cases:
        assert [one for one in case.subjects if one in subjects] != [], case


def test_production_is_submitted_as_it_was_published() -> None:
    """A real year has the published figures to the carat; the others share theirs."""
    year = make_year(TABLES, certificates=YEAR_CERTIFICATES, seed=1, fraud=False)
    plan = Plan(YEAR_CERTIFICATES, idle=frozenset(), stops={})
    production = Flows(TABLES, year.shipments, plan, Random(1)).production
    named = {code: amount for code, amount in production.items() if code in TABLES.production}
    assert named == {code: one for code, one in TABLES.production.items() if code != OTHERS}
    others = [amount for code, amount in production.items() if code not in TABLES.production]
    assert sum(one.carat_thousandths for one in others) == (
        TABLES.production[OTHERS].carat_thousandths
    )
    assert sum(one.value_usd_cents for one in others) == TABLES.production[OTHERS].value_usd_cents


def test_half_years_add_up_to_the_production_of_the_year() -> None:
    year = make()
    plan = Plan(CERTIFICATES_MIN, idle=frozenset(), stops={})
    production = Flows(TABLES, year.shipments, plan, Random(1)).production
    submitted: Counter[str] = Counter()
    for entry in live()[0]:
        body = decode_envelope(entry.envelope).body
        if isinstance(body, ProductionStatisticsSubmitted):
            submitted[entry.subject[:2]] += body.carat_thousandths
    assert {code: carats for code, carats in submitted.items() if carats} == {
        code: amount.carat_thousandths for code, amount in production.items()
    }


def test_too_small_a_year_is_refused() -> None:
    with pytest.raises(ValueError, match="599 certificates: not from 600 to 1000000"):
        make_year(TABLES, certificates=CERTIFICATES_MIN - 1, seed=1, fraud=True)
