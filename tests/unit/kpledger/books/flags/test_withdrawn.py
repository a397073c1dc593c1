"""What was opened by mistake and withdrawn accuses nobody any more, and is still told."""

import pytest
from flagging import Trader
from founding import vary

from kpledger.base.units import quarter_of
from kpledger.scheme.event import Body
from kpledger.scheme.v1.events.certificate import CertificateVoided, ExportNotified, VoidReason
from kpledger.scheme.v1.events.importing import (
    ArrivalRecorded,
    DiscrepancyCause,
    HoldReason,
    ImportRefusedReturned,
    Seizure,
    ShipmentDiverted,
    ShipmentReleased,
    ShipmentSeized,
    SuspectReported,
)
from kpledger.scheme.v1.events.life import OpeningWithdrawn

DAY = "2026-03-02"
MISTAKE = OpeningWithdrawn(reason="typed the wrong number")
SEIZED = ShipmentSeized(
    reason=HoldReason.ORDER,
    legal_reference="Order 7",
    custody="Customs",
    carat_thousandths=1,
    seizure=Seizure.SEIZED,
)

REFUSED = ImportRefusedReturned(
    reason=HoldReason.CONTENTS_DIFFER, technical_certificate=None, remarks=""
)
NOTICE = ExportNotified(
    exported_on=DAY, carrier="Air", transport_document="1", expected_on=None, transit=()
)


def suspect(number: str) -> SuspectReported:
    return SuspectReported(
        claimed_issuer="BW", claimed_number=number, claimed_issue=None, image=None, remarks=""
    )


@pytest.mark.parametrize("used", [True, False], ids=["used", "voided"])
def test_f8_tells_of_a_case_that_was_opened_by_mistake(trader: Trader, *, used: bool) -> None:
    certificate = trader.draw_up(DAY)
    issue = trader.issue(certificate)
    if used:
        trader.confirm(certificate, "2026-03-10")
    else:
        body = CertificateVoided(reason=VoidReason.ERROR, remarks="")
        trader.say(DAY, "BW/gaborone", body, certificate.number)
    again = trader.arrive(certificate, "2026-03-20")
    [accused] = trader.flags("F8", "2026-03-20")
    assert accused.measure == 1
    withdrawn = trader.say("2026-03-21", "EU/antwerp", MISTAKE, f"{certificate.number}/1")
    [found] = trader.flags("F8", "2026-03-21")
    assert (found.measure, found.evidence) == (0, (issue, again, withdrawn))
    assert "opened in EU by mistake and withdrawn" in found.explanation
    # The next one is looked at for itself.
    further = trader.arrive(certificate, "2026-03-25")
    assert [one.evidence[-1] for one in trader.flags("F8", "2026-03-25") if one.measure] == [
        further
    ]


@pytest.mark.parametrize("flag", ["F7", "F8"])
def test_report_of_a_suspect_paper_that_was_withdrawn_is_no_finding(
    trader: Trader, flag: str
) -> None:
    certificate = trader.draw_up(DAY)
    trader.issue(certificate)
    number = certificate.number if flag == "F8" else "BW099998"
    body = CertificateVoided(reason=VoidReason.ERROR, remarks="")
    trader.say(DAY, "BW/gaborone", body, certificate.number)
    trader.say(DAY, "EU/antwerp", suspect(number), "EU/suspect/a")
    assert trader.subjects(flag, DAY) == [number]
    trader.say("2026-03-03", "EU/antwerp", MISTAKE, "EU/suspect/a")
    assert trader.flags(flag, "2026-03-03") == []


def test_f2_a_discrepancy_that_was_withdrawn_counts_as_declared(trader: Trader) -> None:
    certificate = trader.draw_up(DAY)
    trader.issue(certificate)
    trader.confirm_otherwise(certificate, "2026-03-10", carat_thousandths=10_000)
    assert trader.subjects("F2", "2026-03-10") == [certificate.number] * 2
    trader.say("2026-03-11", "EU/antwerp", MISTAKE, certificate.number)
    assert trader.flags("F2", "2026-03-11") == []
    counted = trader.ledger.books.connection.execute(
        "SELECT carat_thousandths FROM trade WHERE reporter = 'EU' AND quarter = ?"
        " AND known_until IS NULL",
        (quarter_of(DAY),),
    )
    assert counted.fetchall() == [(certificate.carat_thousandths,)]
    fates = trader.ledger.books.connection.execute("SELECT DISTINCT * FROM parties").fetchall()
    assert {one[-2:] for one in fates} == {(1, 0)}


SETBACKS: list[tuple[str, Body]] = [
    ("EU/antwerp", SEIZED),
    ("EU/antwerp", REFUSED),
]


@pytest.mark.parametrize(("office", "body"), SETBACKS)
def test_f9_goods_held_by_mistake_wait_for_a_confirmation_again(
    trader: Trader, office: str, body: Body
) -> None:
    certificate = trader.draw_up(DAY)
    trader.issue(certificate)
    trader.arrive(certificate, "2026-03-10")
    waiting = trader.subjects("F9", "2026-04-20")
    assert waiting == [certificate.number]
    trader.say("2026-03-11", office, body, certificate.number)
    assert trader.flags("F9", "2026-04-20") == []
    trader.say("2026-03-12", office, MISTAKE, certificate.number)
    trader.say("2026-03-13", office, ShipmentReleased(remedy="none needed"), certificate.number)
    assert trader.subjects("F9", "2026-04-20") == waiting


def test_f1_what_surfaced_elsewhere_by_mistake_waits_for_news_again(trader: Trader) -> None:
    certificate = trader.draw_up(DAY)
    trader.issue(certificate)
    trader.say(DAY, "BW/gaborone", NOTICE, certificate.number)
    body = ShipmentDiverted(place="Johannesburg", found_on="2026-03-09", reason="")
    trader.say("2026-03-09", "ZA/joburg", body, certificate.number)
    assert trader.flags("F1", "2026-06-30") == []
    trader.say("2026-03-10", "ZA/joburg", MISTAKE, certificate.number)
    assert trader.subjects("F1", "2026-06-30") == [certificate.number]


AGAIN = ArrivalRecorded(
    arrived_on="2026-03-05",
    seals_intact=False,
    opened=True,
    found_carat_thousandths=1_000,
    remarks="",
)


def test_second_presentation_that_was_withdrawn_accuses_by_no_flag(trader: Trader) -> None:
    certificate = trader.draw_up(DAY)
    trader.issue(certificate)
    trader.confirm(certificate, "2026-03-10")
    trader.say("2026-03-20", "EU/antwerp", AGAIN, certificate.number)
    before = [one for flag in ("F2", "F10", "F16") for one in trader.flags(flag, "2026-03-21")]
    assert [one.subject for one in before] == [certificate.number] * 3
    trader.say("2026-03-21", "EU/antwerp", MISTAKE, f"{certificate.number}/1")
    assert [trader.flags(flag, "2026-03-21") for flag in ("F2", "F10", "F16")] == [[], [], []]
    # What is seen in earnest afterwards is told.
    again = trader.say("2026-03-22", "EU/antwerp", AGAIN, certificate.number)
    for flag, count in (("F2", 2), ("F16", 1)):
        found = trader.flags(flag, "2026-03-22")
        assert [again in one.evidence for one in found] == [True] * count


SEEN_BY_MISTAKE: list[tuple[str, Body]] = [
    ("EU/antwerp", vary(SEIZED, reason=HoldReason.BROKEN_SEALS)),
    ("EU/antwerp", vary(SEIZED, reason=HoldReason.CONTENTS_DIFFER)),
    ("EU/antwerp", vary(REFUSED, reason=HoldReason.BROKEN_SEALS)),
    ("EU/antwerp", REFUSED),
]


@pytest.mark.parametrize(("office", "body"), SEEN_BY_MISTAKE)
def test_f2_what_was_held_by_mistake_was_not_seen(trader: Trader, office: str, body: Body) -> None:
    certificate = trader.draw_up(DAY)
    trader.issue(certificate)
    trader.arrive(certificate, "2026-03-10")
    trader.say("2026-03-11", office, body, certificate.number)
    assert trader.subjects("F2", "2026-03-11") == [certificate.number]
    trader.say("2026-03-12", office, MISTAKE, certificate.number)
    assert trader.flags("F2", "2026-03-12") == []
    trader.say("2026-03-13", office, body, certificate.number)
    assert trader.subjects("F2", "2026-03-13") == [certificate.number]


@pytest.mark.parametrize(
    "changes", [{"parcels": 9}, {"cause": DiscrepancyCause.CONTENTS}], ids=["parcels", "contents"]
)
def test_f2_goods_that_differed_by_mistake_are_as_declared(
    trader: Trader, changes: dict[str, object]
) -> None:
    certificate = trader.draw_up(DAY)
    trader.issue(certificate)
    trader.confirm_otherwise(certificate, "2026-03-10", **changes)
    assert trader.subjects("F2", "2026-03-10") == [certificate.number]
    trader.say("2026-03-11", "EU/antwerp", MISTAKE, certificate.number)
    assert trader.flags("F2", "2026-03-11") == []
