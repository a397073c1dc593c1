"""Flags look at the whole way of a shipment, and at everybody whose goods it carries."""

import pytest
from flagging import OFFICE, Trader
from founding import make_confirmation, vary

from kpledger.books.flags.search import Finding, FlagsQuestion, find_flags, prepare_search
from kpledger.scheme.event import Body
from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateIssued,
    Origin,
    OriginKind,
    Source,
    TransitNoted,
)
from kpledger.scheme.v1.events.importing import (
    ArrivalRecorded,
    DiscrepancyCause,
    HoldReason,
    ImportRefusedReturned,
    ShipmentDetained,
    ShipmentSeized,
)

UNLISTED = Origin(kind=OriginKind.MIXED, countries=())
RUSSIAN = Origin(kind=OriginKind.SINGLE, countries=("RU",))
RECORDED = "2026-03-02"


def ship(trader: Trader, certificate: Certificate, received_on: str = "") -> None:
    """Show a shipment of the past to the books, and that it was received, if it was."""
    issued = CertificateIssued(certificate=certificate)
    trader.show(RECORDED, OFFICE[certificate.number[:2]], issued, certificate.number)
    if received_on:
        found = vary(make_confirmation(certificate), received_on=received_on)
        trader.show(RECORDED, OFFICE[certificate.destination], found, certificate.number)


def find(trader: Trader, flag: str, at: str, participant: str = "") -> list[Finding]:
    question = FlagsQuestion(from_day="2023-06-01", until=at, at=at, participant=participant)
    return list(find_flags(prepare_search(trader.ledger.books, question), (flag,)))


@pytest.mark.parametrize(
    ("origin", "since"), [(UNLISTED, "2025-03-01"), (RUSSIAN, "2024-03-01")], ids=["EU", "G7"]
)
@pytest.mark.parametrize(
    ("days", "raised"),
    [
        pytest.param(("02-27", "03-11", "03-20"), True, id="under way on the day"),
        pytest.param(("02-27", "03-01", "03-20"), True, id="received on the day"),
        pytest.param(("02-10", "02-28", "03-20"), False, id="received before the day"),
        pytest.param(("02-27", "", "03-20"), True, id="still under way"),
        pytest.param(("02-27", "", "02-28"), False, id="the day is still to come"),
        pytest.param(("03-02", "", "03-20"), True, id="issued since"),
    ],
)
def test_f11_judges_by_each_day_of_the_way(
    trader: Trader,
    origin: Origin,
    since: str,
    days: tuple[str, str, str],
    *,
    raised: bool,
) -> None:
    (issued, received, at), year = days, since[:4]
    certificate = trader.draw_up(f"{year}-{issued}", origin=origin)
    ship(trader, certificate, received and f"{year}-{received}")
    found = find(trader, "F11", f"{year}-{at}")
    assert [one.subject for one in found] == ([certificate.number] if raised else [])
    assert [one.day for one in found] == ([max(since, f"{year}-{issued}")] if raised else [])
    # What was issued before names the import as well, as soon as there is one.
    assert all(len(one.evidence) == 1 + bool(received) for one in found)


def test_f11_is_listed_once_whatever_days_are_asked_for(trader: Trader) -> None:
    ship(trader, trader.draw_up("2025-02-27", origin=UNLISTED), "2025-03-11")
    for first, last, count in [
        ("2024-01-01", "2026-03-02", 1),
        ("2025-03-01", "2025-03-01", 1),
        ("2025-03-02", "2026-03-02", 0),
        ("2024-01-01", "2025-02-28", 0),
    ]:
        question = FlagsQuestion(from_day=first, until=last, at=RECORDED)
        found = find_flags(prepare_search(trader.ledger.books, question), ("F11",))
        assert len(list(found)) == count, (first, last)


@pytest.mark.parametrize("participant", ["", "BW", "ZA", "EU", "IN"])
@pytest.mark.parametrize("origin", ["IN", "NA"])
def test_f4_is_listed_under_the_producer(trader: Trader, origin: str, participant: str) -> None:
    came = trader.draw_up("2026-03-02", "ZA", "EU")
    trader.issue(came)
    trader.confirm(came, "2026-03-09")
    went = trader.draw_up(
        "2026-04-01",
        "EU",
        "BW",
        cents=7_500_000,
        sources=(Source(number=came.number, carat_thousandths=100_000),),
        origin=Origin(kind=OriginKind.MIXED, countries=(origin, "RU")),
    )
    trader.issue(went)
    found = find(trader, "F4", "2026-12-01", participant)
    # Whose stones they are is concerned, whoever issued the source.
    concerned = participant in {"", "BW", "EU", "ZA", origin}
    assert [one.subject for one in found] == ([went.number] if concerned else [])


@pytest.mark.parametrize("participant", ["ZA", "BW", "EU"])
def test_f8_is_listed_under_both_issuers_of_a_seal(trader: Trader, participant: str) -> None:
    trader.issue(trader.draw_up("2026-03-02", "ZA", "EU", seals=("X-1",)))
    again = trader.draw_up("2026-03-02", "BW", "EU", seals=("X-1",))
    trader.issue(again)
    assert [one.subject for one in find(trader, "F8", RECORDED, participant)] == [again.number]


def detained(reason: HoldReason) -> ShipmentDetained:
    return ShipmentDetained(reason=reason, legal_reference="A 1", remarks="a")


@pytest.mark.parametrize(
    ("author", "body", "kind"),
    [
        pytest.param(
            "ZA/joburg",
            TransitNoted(entered_on="2026-03-05", left_on=None, seals_intact=False, remarks=""),
            "seals",
            id="transit",
        ),
        pytest.param("EU/antwerp", detained(HoldReason.BROKEN_SEALS), "seals", id="detention"),
        pytest.param("ZA/joburg", detained(HoldReason.BROKEN_SEALS), "seals", id="on the way"),
        pytest.param("EU/antwerp", detained(HoldReason.CONTENTS_DIFFER), "contents", id="contents"),
        pytest.param(
            "EU/antwerp",
            ArrivalRecorded(
                arrived_on="2026-03-05",
                seals_intact=True,
                opened=True,
                found_carat_thousandths=60_000,
                remarks="",
            ),
            "contents",
            id="weighed at the arrival",
        ),
        pytest.param(
            "EU/antwerp",
            ImportRefusedReturned(
                reason=HoldReason.BROKEN_SEALS, technical_certificate=None, remarks="a"
            ),
            "seals",
            id="refusal",
        ),
        pytest.param(
            "EU/antwerp",
            ShipmentSeized(
                reason=HoldReason.CONTENTS_DIFFER,
                legal_reference="A 1",
                custody="EU",
                carat_thousandths=100_000,
            ),
            "contents",
            id="seizure",
        ),
    ],
)
def test_f2_seals_and_contents_wherever_they_are_noted(
    trader: Trader, author: str, body: Body, kind: str
) -> None:
    certificate = trader.draw_up("2026-03-02")
    issue = trader.issue(certificate)
    if isinstance(body, ImportRefusedReturned | ShipmentSeized):
        trader.arrive(certificate, "2026-03-05")
    told = trader.say("2026-03-06", author, body, certificate.number)
    found = find(trader, f"F2.{kind}", "2026-03-06", author[:2])
    assert [(one.subject, one.evidence) for one in found] == [(certificate.number, (told, issue))]
    assert find(trader, "F2", "2026-03-06") == found


@pytest.mark.parametrize(
    ("changes", "raised"),
    [
        ({"parcels": 3}, True),
        ({"cause": DiscrepancyCause.CONTENTS}, True),
        ({"value_usd_cents": 5_000_001}, False),
    ],
)
def test_f2_a_confirmation_of_other_contents(
    trader: Trader, changes: dict[str, object], *, raised: bool
) -> None:
    certificate = trader.draw_up("2026-03-02")
    trader.issue(certificate)
    trader.confirm_otherwise(certificate, "2026-03-06", **changes)
    assert bool(find(trader, "F2.contents", "2026-03-06")) is raised


def test_f2_what_an_authority_says_twice_is_flagged_once(trader: Trader) -> None:
    certificate = trader.draw_up("2026-03-02")
    trader.issue(certificate)
    trader.arrive(certificate, "2026-03-05", seals_intact=False)
    held = detained(HoldReason.BROKEN_SEALS)
    trader.say("2026-03-06", "EU/antwerp", held, certificate.number)
    assert len(find(trader, "F2", "2026-03-06")) == 1


def test_f2_a_transit_or_arrival_in_order_says_nothing(trader: Trader) -> None:
    certificate = trader.draw_up("2026-03-02")
    trader.issue(certificate)
    note = TransitNoted(entered_on="2026-03-05", left_on=None, seals_intact=True, remarks="")
    trader.show("2026-03-05", "ZA/joburg", note, certificate.number)
    trader.arrive(certificate, "2026-03-06")
    trader.confirm(certificate, "2026-03-07")
    assert find(trader, "F2", "2026-03-07") == []
    # A note of somebody else moves nothing: the certificate is confirmed, and counts as before.
    state = trader.ledger.books.connection.execute("SELECT state, ended FROM certificates")
    assert state.fetchone() == ("CONFIRMED", "import_confirmed")
