"""Flags and refusals know which participant a territory belongs to."""

import msgspec
import pytest
from booked import open_booked_trade
from flagging import Trader
from founding import make_certificate, make_event, open_trade

from kpledger.books.calendar import CALENDAR, CalendarQuestion
from kpledger.books.flags.search import FLAGS, FlagsQuestion
from kpledger.books.mirror import MIRROR, MirrorQuestion
from kpledger.books.participants import PARTICIPANT, ParticipantQuestion
from kpledger.books.query import NotOnLedgerError, Query
from kpledger.books.question import QuestionError
from kpledger.books.statistics import ANNEX3, Annex3Question
from kpledger.scheme.event import Body
from kpledger.scheme.v1.events.certificate import CertificateIssued, Origin, OriginKind
from kpledger.scheme.v1.events.governance import (
    ParticipantStatusChanged,
    Standing,
)
from kpledger.scheme.v1.events.life import (
    BodyComposed,
    BodyKind,
    ConcernRaised,
    NoteFiled,
    ReviewKind,
    ReviewRequested,
)
from kpledger.scheme.v1.events.statistics import AnomalyQuestioned, Series
from kpledger.scheme.v1.territories import TERRITORIES

GREENLAND = Origin(kind=OriginKind.SINGLE, countries=("GL",))
DENMARK = "DK is part of EU; use EU"


def export_greenland(trader: Trader, carats: int = 1_400_000) -> None:
    for month in ("07", "09", "11"):
        trader.issue(
            trader.draw_up(f"2026-{month}-03", "EU", "BW", carats=carats, origin=GREENLAND)
        )


@pytest.mark.parametrize(("mined", "raised"), [(10_000, False), (1_000, True)])
def test_f6_stones_of_greenland_are_mined_by_the_union(
    trader: Trader, mined: int, *, raised: bool
) -> None:
    export_greenland(trader)
    trader.mine("2027-02-01", "EU", "2026H2", mined)
    found = trader.flags("F6", "2027-03-01")
    assert [one.subject for one in found] == (["EU"] if raised else [])
    # The report, and all three certificates.
    assert all(len(one.evidence) == 4 for one in found)


def test_f6_stones_of_greenland_came_in_as_stones_of_the_union(trader: Trader) -> None:
    came = trader.draw_up("2026-07-03", "EU", "BW", carats=2_000_000, origin=GREENLAND)
    trader.issue(came)
    trader.confirm(came, "2026-07-10")
    danish = Origin(kind=OriginKind.SINGLE, countries=("DK",))
    trader.issue(trader.draw_up("2026-12-03", "BW", "ZA", carats=1_500_000, origin=danish))
    assert [one for one in trader.flags("F6", "2027-01-15") if one.participant == "BW"] == []


@pytest.mark.parametrize(("origin", "raised"), [("GL", False), ("BW", True)])
def test_f17_the_union_is_silent_if_it_exports_none_of_its_own(
    trader: Trader, origin: str, *, raised: bool
) -> None:
    exported = Origin(kind=OriginKind.SINGLE, countries=(origin,))
    for day in ("2026-07-06", "2026-12-01", "2027-02-01", "2027-06-01"):
        trader.issue(trader.draw_up(day, "EU", "BW", origin=exported))
    trader.mine("2027-05-01", "EU", "2026H2", 20_000)
    trader.mine("2027-08-01", "EU", "2027H1", 20_000)
    found = [one for one in trader.flags("F17", "2027-08-02") if one.day == "2027-06-30"]
    assert [one.subject for one in found] == (["EU"] if raised else [])


def test_every_territory_belongs_to_somebody_who_is_none() -> None:
    assert not set(TERRITORIES) & set(TERRITORIES.values())
    homes = {code: TERRITORIES.get(code) for code in ("GL", "DK", "GF", "HK", "MO", "LI", "PR")}
    assert list(homes.values()) == ["EU", "EU", "EU", "CN", "CN", "CH", "US"]
    assert "TW" not in TERRITORIES


@pytest.mark.parametrize(
    ("author", "subject", "body"),
    [
        pytest.param(
            "DK/copenhagen", "DK/copenhagen", NoteFiled(text="a", references=(), document=None)
        ),
        pytest.param(
            "BW/gaborone",
            "",
            CertificateIssued(certificate=make_certificate(destination="DK")),
            id="destination",
        ),
        pytest.param(
            "EU/antwerp", "", CertificateIssued(certificate=make_certificate("DK000001", "BW"))
        ),
        pytest.param(
            "BW/root",
            "DK/concern/a",
            ConcernRaised(participant="DK", text="a", document=None, answer_due_on=None),
        ),
        pytest.param(
            "KPCS/chair",
            "DK/review/a",
            ReviewRequested(participant="DK", kind=ReviewKind.VISIT, reason="a"),
        ),
        pytest.param(
            "KPCS/chair",
            "KPCS/body/wgs",
            BodyComposed(
                name="wgs",
                title="Statistics",
                kind=BodyKind.WORKING_GROUP,
                chair="DK",
                members=("DK",),
                observers=(),
                dissolved=False,
            ),
        ),
        pytest.param(
            "KPCS/chair",
            "",
            ParticipantStatusChanged(
                code="DK",
                status=Standing.SUSPENDED,
                effective_from=0,
                decision="AD-2026-1",
            ),
        ),
        pytest.param(
            "KPCS/secretariat",
            "DK/anomaly/a",
            AnomalyQuestioned(
                participant="DK",
                series=Series.TRADE,
                period="2026Q1",
                question="a",
                answer_due_on=None,
            ),
        ),
    ],
)
def test_a_refusal_says_whose_territory_it_is(author: str, subject: str, body: Body) -> None:
    ledger = open_trade()
    event = make_event(author, body, subject=subject or None)
    refused = ledger.attempt(event)
    assert refused is not None
    assert DENMARK in refused.problem


@pytest.mark.parametrize(
    ("query", "question"),
    [
        (FLAGS, FlagsQuestion(participant="DK")),
        (FLAGS, FlagsQuestion(settings="stock.DK=1")),
        (MIRROR, MirrorQuestion(one="DK", other="BW", period="2026Q1")),
        (ANNEX3, Annex3Question(participant="DK", period="2026Q1")),
        (CALENDAR, CalendarQuestion(participant="DK")),
        (PARTICIPANT, ParticipantQuestion(code="DK")),
    ],
)
def test_an_answer_says_whose_territory_it_is(
    query: Query[msgspec.Struct, msgspec.Struct], question: msgspec.Struct
) -> None:
    with pytest.raises((QuestionError, NotOnLedgerError), match=DENMARK):
        open_booked_trade().ask(query, question)
