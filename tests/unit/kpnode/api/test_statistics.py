"""GET /v1/statistics/...: Annex III and the annual summary, as a node answers."""

import pytest
from founding import (
    TODAY,
    event_id_of,
    make_certificate,
    make_confirmation,
    make_event,
)
from serving import Served

from kpledger.scheme.v1.events.certificate import CertificateIssued
from kpledger.scheme.v1.events.statistics import ProductionStatisticsSubmitted


async def trade(served: Served) -> None:
    """Issue and confirm one certificate, and submit a production."""
    await served.open_trade()
    certificate = make_certificate()
    issued = make_event("BW/gaborone", CertificateIssued(certificate=certificate))
    await served.record(issued)
    confirmation = make_confirmation(certificate)
    await served.record(make_event("EU/antwerp", confirmation, prev=event_id_of(issued)))
    body = ProductionStatisticsSubmitted(
        half_year="2025H2",
        edition=1,
        carat_thousandths=3_000,
        value_usd_cents=900,
        remarks="",
    )
    await served.record(make_event("BW/root", body, subject="BW/production/2025H2"))


async def test_annex3_of_all_is_answered_at_once(served: Served) -> None:
    await trade(served)
    reply = await served.get("/v1/statistics/annex3?participant=all&period=2026Q1")
    assert (reply.status, reply.json["participant"]) == (200, "all")
    counts = reply.json["counts"]
    assert isinstance(counts, list)
    told = [(row["participant"], row["partner"]) for row in counts]
    assert told == [("BW", "EU"), ("EU", "BW")]


async def test_annex3_is_answered_from_what_was_recorded(served: Served) -> None:
    await trade(served)
    reply = await served.get("/v1/statistics/annex3?participant=EU&period=2026Q1")
    assert reply.status == 200
    assert reply.json["known_at"] == TODAY
    assert reply.json["counts"] == [
        {
            "partner": "BW",
            "issued": 0,
            "received": 1,
            "submitted_issued": None,
            "submitted_received": None,
            "difference_issued": None,
            "difference_received": None,
        }
    ]
    assert "KP-Height" in reply.headers


async def test_what_was_submitted_is_kept_by_edition(served: Served) -> None:
    await trade(served)
    reply = await served.get("/v1/statistics/annex3?participant=BW&period=2025H2&source=submitted")
    assert reply.json["production"] == [
        {"half_year": "2025H2", "carat_thousandths": 3_000, "value_usd_cents": 900}
    ]
    submissions = reply.json["submissions"]
    assert isinstance(submissions, list)
    assert [(one["series"], one["edition"], one["late"]) for one in submissions] == [
        # There was no trade on the ledger yet; what was submitted all the same came late.
        ("TRADE", 0, False),
        ("TRADE", 0, False),
        ("COUNTS", 0, False),
        ("COUNTS", 0, False),
        ("PRODUCTION", 1, True),
    ]


async def test_the_summary_is_of_all_participants(served: Served) -> None:
    await trade(served)
    year = await served.get("/v1/statistics/summary?year=2026")
    before = await served.get("/v1/statistics/summary?year=2025")
    totals = year.json["totals"], before.json["totals"]
    assert [total["certificates_issued"] for total in totals] == [1, 0]  # type: ignore[index]
    assert [total["production_carat_thousandths"] for total in totals] == [0, 3_000]  # type: ignore[index]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("annex3?participant=XX&period=2026Q1", "participant"),
        ("annex3?participant=BW&period=2026Q9", "period"),
        ("annex3?participant=BW&period=2026Q1&source=guessed", "source"),
        ("annex3?participant=BW&period=2026Q1&partner=EU", "partner"),
        ("annex3?participant=BW&period=2026Q1&known_at=2026-13-01", "known_at"),
        ("summary", "year"),
        ("summary?year=2026&source=compared", "source"),
    ],
)
async def test_a_wrong_parameter_is_refused_by_its_name(
    served: Served, query: str, field: str
) -> None:
    reply = await served.get(f"/v1/statistics/{query}")
    assert (reply.status, reply.json["field"]) == (400, field)
