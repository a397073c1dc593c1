"""Listings: what a filter by hand over all certificates gives, page by page, in order."""

from itertools import product

import pytest
from booked import open_booked_trade
from flagging import OFFICE, Trader
from hypothesis import given
from hypothesis import strategies as st

from kpledger.analysis import listing
from kpledger.analysis.index import IndexChanges, MemoryIndex
from kpledger.analysis.listing import DESTINATIONS, LISTED, STATES, read_page
from kpledger.events.certificate import (
    CertificateReplaced,
    CertificateVoided,
    ReplacementReason,
    VoidReason,
)
from kpledger.lifecycle import CertificateState

CODES = ("BW", "EU", "ZA")
FILTERS = tuple(product((None, *CertificateState), (None, *CODES), (None, *CODES)))
Row = tuple[str, CertificateState, str]
"""Number, state and destination."""


def fill(rows: list[Row]) -> MemoryIndex:
    index = MemoryIndex()
    changes = IndexChanges(index)
    for number, state, destination in rows:
        changes.put(LISTED, number.encode(), f"{state}/{destination}".encode())
        changes.put(STATES, f"{state}/{number}".encode())
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
    number, state, destination = row
    has = (state, number[:2], destination)
    return all(want in {None, one} for want, one in zip(wanted, has, strict=True))


rows_strategy = st.lists(
    st.tuples(
        st.builds("{}{:02}".format, st.sampled_from(CODES), st.integers(0, 20)),
        st.sampled_from(CertificateState),
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
        (f"BW{number:02}", held if number % 2 else clean, "ZA" if number % 2 else "EU")
        for number in range(40)
    ]
    rows.append(("BW99", clean, "ZA"))
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


def test_what_is_no_certificate_is_not_listed() -> None:
    assert read_all(open_booked_trade().book.index) == []
