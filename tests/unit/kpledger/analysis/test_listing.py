"""Listings: what a filter by hand over all certificates gives, page by page, in order."""

from itertools import product

import pytest
from booked import open_booked_trade
from flagging import OFFICE, Trader
from founding import vary
from hypothesis import given, strategies as st

from kpledger.analysis import listing
from kpledger.analysis.index import IndexChanges, MemoryIndex
from kpledger.analysis.listing import DESTINATIONS, ISSUERS, LISTED, STATES, read_page
from kpledger.scheme.v1.events.certificate import (
    CertificateIssued,
    CertificateReplaced,
    CertificateVoided,
    ReplacementReason,
    VoidReason,
)
from kpledger.scheme.v1.events.governance import NumberRange, NumberRangeAllocated
from kpledger.scheme.v1.lifecycles.certificate import CertificateState

CODES = ("BW", "EU", "ZA")
FILTERS = tuple(product((None, *CertificateState), (None, *CODES), (None, *CODES)))
Row = tuple[str, CertificateState, str, str]
"""Number, state, issuer and destination."""


def fill(rows: list[Row]) -> MemoryIndex:
    index = MemoryIndex()
    changes = IndexChanges(index)
    for number, state, issuer, destination in rows:
        changes.put(LISTED, number.encode(), f"{state}/{destination}".encode())
        changes.put(STATES, f"{state}/{number}".encode())
        changes.put(ISSUERS, f"{issuer}/{number}".encode())
        changes.put(DESTINATIONS, f"{destination}/{number}".encode())
    index.apply(changes)
    return index


def read_all(
    index: MemoryIndex,
    state: CertificateState | None = None,
    issuer: str | None = None,
    destination: str | None = None,
    *,
    limit: int = 2,
) -> list[str]:
    found: list[str] = []
    after: str | None = None
    while True:
        page = read_page(
            index, state=state, issuer=issuer, destination=destination, after=after, limit=limit
        )
        assert len(page.numbers) <= limit
        found += page.numbers
        if page.next is None:
            return found
        assert after is None or after < page.next
        after = page.next


def fits(row: Row, *wanted: str | None) -> bool:
    return all(want in {None, one} for want, one in zip(wanted, row[1:], strict=True))


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


@given(rows_strategy, st.sampled_from(FILTERS), st.integers(1, 5))
def test_pages_hold_what_meets_all_filters(
    rows: list[Row],
    wanted: tuple[CertificateState | None, str | None, str | None],
    limit: int,
) -> None:
    expected = sorted(row[0] for row in rows if fits(row, *wanted))
    assert read_all(fill(rows), *wanted, limit=limit) == expected


def test_filters_that_seldom_meet_are_read_in_several_pages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listing, "MAX_STEPS", 3)
    held, clean = CertificateState.DETAINED, CertificateState.CONFIRMED
    rows = [
        (f"BW{number:02}", held if number % 2 else clean, "BW", "ZA" if number % 2 else "EU")
        for number in range(40)
    ]
    rows.append(("BW99", clean, "BW", "ZA"))
    index = fill(rows)
    first = read_page(index, state=clean, issuer=None, destination="ZA", after=None, limit=9)
    assert (first.numbers, first.next) == ((), "BW02")
    assert read_all(index, clean, None, "ZA") == ["BW99"]


def test_a_certificate_is_listed_under_what_it_has_become() -> None:
    trader = Trader()
    spoilt, wrong, right = (trader.draw_up("2026-03-02") for _ in range(3))
    trader.issue(spoilt)
    trader.issue(wrong)
    index = trader.ledger.book.index
    both = [spoilt.number, wrong.number]
    assert read_all(index, CertificateState.VALIDATED) == both
    void = CertificateVoided(reason=VoidReason.ERROR, remarks="")
    trader.say("2026-03-03", OFFICE["BW"], void, spoilt.number)
    replace = CertificateReplaced(reason=ReplacementReason.ERROR, certificate=right)
    trader.say("2026-03-03", OFFICE["BW"], replace, wrong.number)
    assert read_all(index, CertificateState.VALIDATED) == [right.number]
    assert read_all(index, CertificateState.VOIDED, "BW", "EU") == [spoilt.number]
    assert read_all(index, destination="EU") == [*both, right.number]
    assert read_all(index, issuer="ZA") == []


def test_a_number_with_another_prefix_is_listed_under_its_issuer() -> None:
    trader = Trader()
    run = NumberRange(
        prefix="EC", width=8, first=1, last=99, use_from="2026-01-01", use_until="2026-12-31"
    )
    trader.say("2026-03-02", "EU/root", NumberRangeAllocated(authority="antwerp", range=run))
    certificate = vary(trader.draw_up("2026-03-02", "EU", "ZA"), number="EC00000001")
    trader.say("2026-03-02", OFFICE["EU"], CertificateIssued(certificate=certificate))
    assert read_all(trader.ledger.book.index, issuer="EU") == [certificate.number]
    assert read_all(trader.ledger.book.index, issuer="ZA") == []


def test_what_is_no_certificate_is_not_listed() -> None:
    assert read_all(open_booked_trade().book.index) == []
