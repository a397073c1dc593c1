"""Certificates: lists are what a filter by hand gives, page by page; a history is in order."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import product

import pytest
from booked import open_booked_trade
from flagging import OFFICE, Trader
from founding import vary
from hypothesis import HealthCheck, given, settings, strategies as st

from kpledger.base.codec import encode
from kpledger.books import certificates
from kpledger.books.certificates import (
    CERTIFICATE,
    CERTIFICATES,
    HISTORY,
    CertificateQuestion,
    CertificatesQuestion,
    HistoryAnswer,
)
from kpledger.books.database import Books
from kpledger.books.query import NotOnLedgerError, Query
from kpledger.books.question import QuestionError
from kpledger.scheme.v1.events.certificate import (
    CertificateIssued,
    CertificateReplaced,
    CertificateVoided,
    ReplacementReason,
    VoidReason,
)
from kpledger.scheme.v1.events.governance import NumberRange, NumberRangeAllocated
from kpledger.scheme.v1.lifecycles import CertificateState
from kpledger.scheme.v1.records import CertificateRecord

AnyCertificateQuery = (
    Query[CertificateQuestion, CertificateRecord] | Query[CertificateQuestion, HistoryAnswer]
)
CODES = ("BW", "EU", "ZA")
FILTERS = tuple(product((None, *CODES), (None, *CODES)))
Row = tuple[str, CertificateState, str, str]
"""Number, state, issuer and destination."""


@pytest.fixture(scope="module")
def world() -> Books:
    """Books of a ledger with one certificate, whose row and record others are made like."""
    trader = Trader()
    trader.issue(trader.draw_up("2026-03-02"))
    return trader.ledger.books


def fill(connection: sqlite3.Connection, rows: list[Row]) -> None:
    """Put certificates in the place of those that there are."""
    ((_, record),) = Books(connection).records(CertificateRecord.key_for(""), CertificateRecord)
    connection.execute("CREATE TEMP TABLE one AS SELECT * FROM certificates")
    connection.execute("DELETE FROM certificates")
    for issue, (number, state, issuer, destination) in enumerate(rows):
        connection.execute(
            "UPDATE one SET issue = ?, number = ?, state = ?, issuer = ?, destination = ?",
            (issue, number, state, issuer, destination),
        )
        connection.execute("INSERT INTO certificates SELECT * FROM one")
        said = vary(record, number=number, state=state, issuer=issuer, destination=destination)
        connection.execute(
            "REPLACE INTO records VALUES (?, ?)", (CertificateRecord.key_for(number), encode(said))
        )


def read_all(
    books: Books,
    state: str | None = None,
    issuer: str | None = None,
    destination: str | None = None,
    *,
    limit: int = 2,
) -> list[str]:
    found: list[str] = []
    after = ""
    while True:
        question = CertificatesQuestion(
            state=state or "",
            issuer=issuer or "",
            destination=destination or "",
            after=after,
            limit=limit,
        )
        page = CERTIFICATES.respond(books, question)
        assert len(page.certificates) <= limit
        found += [one.number for one in page.certificates]
        if page.next is None:
            return found
        assert after < page.next
        after = page.next


def fits(codes: list[str], *wanted: str | None) -> bool:
    return all(want in {None, one} for want, one in zip(wanted, codes, strict=True))


states_strategy = st.lists(st.sampled_from(CertificateState), max_size=3)
"""One of them twice asks for no more than once."""


rows_strategy = st.lists(
    st.tuples(
        # EC is a prefix of the European Union, too.
        st.builds("{}{:02}".format, st.sampled_from((*CODES, "EC")), st.integers(0, 20)),
        st.sampled_from(CertificateState),
        st.sampled_from(CODES),
        st.sampled_from(CODES),
    ),
    unique_by=lambda row: row[0],
)


@pytest.fixture
def listed(world: Books) -> Iterator[sqlite3.Connection]:
    """A copy of the world."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
        world.connection.backup(copy)
        yield copy


@given(rows_strategy, states_strategy, st.sampled_from(FILTERS), st.integers(1, 5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_pages_hold_what_meets_all_filters(
    listed: sqlite3.Connection,
    rows: list[Row],
    states: list[CertificateState],
    wanted: tuple[str | None, str | None],
    limit: int,
) -> None:
    listed.execute("BEGIN")
    try:
        fill(listed, rows)
        every = states or list(CertificateState)
        expected = sorted(
            number for number, state, *rest in rows if state in every and fits(rest, *wanted)
        )
        assert read_all(Books(listed), ",".join(states), *wanted, limit=limit) == expected
    finally:
        listed.execute("ROLLBACK")


def test_filters_that_seldom_meet_are_read_in_several_pages(
    listed: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificates, "MAX_SCANNED", 3)
    held, clean = CertificateState.DETAINED, CertificateState.CONFIRMED
    rows = [
        (f"BW{number:02}", held if number % 2 else clean, "BW", "ZA" if number % 2 else "EU")
        for number in range(40)
    ]
    rows.append(("BW99", clean, "BW", "ZA"))
    fill(listed, rows)
    question = CertificatesQuestion(state=clean, destination="ZA", limit=9)
    first = CERTIFICATES.respond(Books(listed), question)
    assert (first.certificates, first.next) == ((), "BW05")
    assert read_all(Books(listed), clean, None, "ZA") == ["BW99"]


def test_a_certificate_is_listed_under_what_it_has_become() -> None:
    trader = Trader()
    spoilt, wrong, right = (trader.draw_up("2026-03-02") for _ in range(3))
    trader.issue(spoilt)
    trader.issue(wrong)
    both = [spoilt.number, wrong.number]
    assert read_all(trader.ledger.books, CertificateState.VALIDATED) == both
    void = CertificateVoided(reason=VoidReason.ERROR, remarks="")
    trader.say("2026-03-03", OFFICE["BW"], void, spoilt.number)
    replace = CertificateReplaced(reason=ReplacementReason.ERROR, certificate=right)
    trader.say("2026-03-03", OFFICE["BW"], replace, wrong.number)
    books = trader.ledger.books
    assert read_all(books, CertificateState.VALIDATED) == [right.number]
    assert read_all(books, CertificateState.VOIDED, "BW", "EU") == [spoilt.number]
    assert read_all(books, destination="EU") == [*both, right.number]
    assert read_all(books, issuer="ZA") == []


def test_a_number_with_another_prefix_is_listed_under_its_issuer() -> None:
    trader = Trader()
    run = NumberRange(
        prefix="EC", width=8, first=1, last=99, use_from="2026-01-01", use_until="2026-12-31"
    )
    trader.say("2026-03-02", "EU/root", NumberRangeAllocated(authority="antwerp", range=run))
    certificate = vary(trader.draw_up("2026-03-02", "EU", "ZA"), number="EC00000001")
    trader.say("2026-03-02", OFFICE["EU"], CertificateIssued(certificate=certificate))
    assert read_all(trader.ledger.books, issuer="EU") == [certificate.number]
    assert read_all(trader.ledger.books, issuer="ZA") == []


def test_what_is_no_certificate_is_not_listed() -> None:
    assert read_all(open_booked_trade().books) == []


@pytest.mark.parametrize(
    ("ask", "field"),
    [
        (lambda: CertificatesQuestion(state="SUNK"), "state"),
        (lambda: CertificatesQuestion(issuer="bw"), "issuer"),
        (lambda: CertificatesQuestion(issuer="XX"), "issuer"),
        (lambda: CertificatesQuestion(after="1"), "after"),
    ],
)
def test_a_filter_that_is_none_is_refused_by_name(
    world: Books, ask: Callable[[], CertificatesQuestion], field: str
) -> None:
    with pytest.raises(QuestionError) as refused:
        CERTIFICATES.respond(world, ask())
    assert refused.value.field == field


def test_a_history_has_the_events_on_a_certificate_in_order() -> None:
    trader = Trader()
    certificate = trader.draw_up("2026-03-02")
    events = [
        trader.issue(certificate),
        trader.arrive(certificate, "2026-03-05"),
        trader.confirm(certificate, "2026-03-06"),
    ]
    trader.issue(trader.draw_up("2026-03-06"))
    question = CertificateQuestion(number=certificate.number)
    found = trader.ledger.ask(HISTORY, question).events
    assert [one.id for one in found] == events
    assert [one.type for one in found] == [
        "certificate_issued",
        "arrival_recorded",
        "import_confirmed",
    ]
    last, tip = found[-1], trader.ledger.tip
    assert (last.height, last.index) == (tip.height - 1, tip.tree.size - 2)
    assert (last.author.participant, last.author.authority) == ("EU", "antwerp")
    assert last.block_time_ms == last.occurred_at
    assert trader.ledger.ask(CERTIFICATE, question).state is CertificateState.CONFIRMED


@pytest.mark.parametrize("query", [CERTIFICATE, HISTORY])
def test_a_certificate_has_to_be_on_the_ledger(world: Books, query: AnyCertificateQuery) -> None:
    with pytest.raises(NotOnLedgerError, match="there is no certificate BW099999"):
        query.respond(world, CertificateQuestion(number="BW099999"))
    with pytest.raises(QuestionError, match="number: "):
        query.respond(world, CertificateQuestion(number="99"))
