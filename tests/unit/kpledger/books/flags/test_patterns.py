"""Patterns of officers, exporters, licences and importers, and of hubs: by their case alone."""

import pytest
from flagging import Trader
from founding import signing_key, vary

from kpledger.scheme.event import Body
from kpledger.scheme.v1.events.certificate import (
    AmendableField,
    AmendmentEndorsed,
    Certificate,
    CertificateIssued,
    CertificateVoided,
    Origin,
    OriginKind,
    Party,
    Source,
    VoidReason,
)
from kpledger.scheme.v1.events.governance import KeyAdded

DAY, END = "2026-03-02", "2026-06-30"
BIG = Party(name="Big", address="Gaborone", licence="L-1")
SMALL = Party(name="Small", address="Gaborone", licence="L-2")


def confirm(trader: Trader, certificate: Certificate, *, discrepant: bool) -> None:
    if discrepant:
        trader.confirm_otherwise(certificate, DAY, parcels=certificate.parcels + 1)
    else:
        trader.confirm(certificate, DAY)


def issue_by(trader: Trader, officer: str, certificate: Certificate) -> str:
    body: Body = CertificateIssued(certificate=certificate)
    return trader.say(DAY, "BW/gaborone", body, "", officer)


def add_officers(trader: Trader, *officers: str) -> None:
    for officer in officers:
        key = signing_key(officer).public_key
        body = KeyAdded(authority="gaborone", key=key, valid_from=0, officer=officer)
        trader.say(DAY, "BW/root", body)


@pytest.mark.parametrize(
    ("bad", "others_bad", "raised"),
    [
        pytest.param(6, 0, True, id="the others' never are"),
        pytest.param(8, 2, True, id="far more often"),
        pytest.param(6, 6, False, id="as often as the others'"),
        pytest.param(3, 0, False, id="too few to tell"),
    ],
)
def test_f2_an_officer_whose_certificates_come_back_discrepant(
    trader: Trader, bad: int, others_bad: int, *, raised: bool
) -> None:
    add_officers(trader, "ann", "bob", "eve")
    evidence = []
    for number in range(36):
        officer = ("ann", "bob", "eve")[number % 3]
        certificate = trader.draw_up(DAY, exporter=(BIG, SMALL)[number % 2])
        issue = issue_by(trader, officer, certificate)
        turn = number // 3
        discrepant = turn < (bad if officer == "eve" else others_bad // 2)
        confirm(trader, certificate, discrepant=discrepant)
        if officer == "eve" and discrepant:
            evidence.append(issue)
    found = trader.flags("F2.party", END)
    assert [(one.subject, one.participant) for one in found] == (
        [("gaborone/eve", "BW")] if raised else []
    )
    assert [one.evidence for one in found] == ([tuple(evidence)] if raised else [])
    assert trader.flags("F2.party", END, "F2.party_count=13") == []


@pytest.mark.parametrize(
    ("part", "bad", "good", "subjects"),
    [
        # Its licence is its own, so that it is told of once.
        pytest.param("exporter", SMALL, BIG, ["Small"], id="exporter"),
        pytest.param("importer", SMALL, BIG, ["Small"], id="importer"),
        pytest.param(
            "exporter", vary(SMALL, name="Big"), BIG, ["L-2"], id="one licence of an exporter"
        ),
        pytest.param(
            "exporter", vary(SMALL, licence="L-1"), BIG, ["Small"], id="one name under a licence"
        ),
        pytest.param("exporter", vary(SMALL, licence=""), BIG, ["Small"], id="no licence"),
    ],
)
def test_f2_a_party_whose_shipments_come_back_discrepant(
    trader: Trader, part: str, bad: Party, good: Party, subjects: list[str]
) -> None:
    for number in range(24):
        is_bad = number % 2 == 0
        certificate = trader.draw_up(DAY, **{part: bad if is_bad else good})  # type: ignore[arg-type]
        trader.issue(certificate)
        confirm(trader, certificate, discrepant=is_bad)
    assert [one.subject for one in trader.flags("F2.party", END)] == subjects


def sell(trader: Trader, exporter: Party, cents: int, *, count: int = 12) -> list[Certificate]:
    sold = []
    for number in range(count):
        # Prices scatter by a fifth.
        price = cents * (100 + number % 3 * 10) // 100
        certificate = trader.draw_up(DAY, cents=price, exporter=exporter)
        trader.issue(certificate)
        sold.append(certificate)
    return sold


@pytest.mark.parametrize(
    ("percent", "raised"), [(50, True), (40, True), (250, True), (85, False), (100, False)]
)
def test_f3_an_exporter_at_other_prices_than_the_others(
    trader: Trader, percent: int, *, raised: bool
) -> None:
    sell(trader, BIG, 5_000_000, count=20)
    sell(trader, SMALL, 5_000_000 * percent // 100)
    found = [one for one in trader.flags("F3.party", END) if one.subject == "Small"]
    assert [one.participant for one in found] == (["BW"] if raised else [])
    assert all(len(one.evidence) == 10 for one in found)
    few = trader.flags("F3.party", END, "F3.party_samples=13")
    assert [one for one in few if one.subject == "Small"] == []


@pytest.mark.parametrize(
    ("cheap", "subject"),
    [
        (vary(BIG, licence="L-2"), "L-2"),
        (vary(SMALL, licence="L-1"), "Small"),
    ],
    ids=["licence", "name"],
)
def test_f3_likewise_a_licence_and_a_name(trader: Trader, cheap: Party, subject: str) -> None:
    sell(trader, BIG, 5_000_000, count=20)
    sell(trader, cheap, 2_500_000)
    assert subject in [one.subject for one in trader.flags("F3.party", END)]


def test_f3_prices_are_of_whom_an_amendment_names(trader: Trader) -> None:
    sell(trader, BIG, 5_000_000, count=20)
    for certificate in sell(trader, SMALL, 2_500_000):
        body = AmendmentEndorsed(
            field=AmendableField.EXPORTER_NAME, old="Small", new="Right", reason="a typing error"
        )
        trader.say(DAY, "BW/gaborone", body, certificate.number)
    subjects = {one.subject for one in trader.flags("F3.party", END)}
    assert ("Right" in subjects, "Small" in subjects) == (True, False)


def test_f3_what_was_voided_has_no_price(trader: Trader) -> None:
    sell(trader, BIG, 5_000_000, count=20)
    for certificate in sell(trader, SMALL, 2_500_000):
        body = CertificateVoided(reason=VoidReason.ERROR, remarks="")
        trader.say(DAY, "BW/gaborone", body, certificate.number)
    assert trader.flags("F3.party", END) == []
    left = "SELECT sum(count), sum(steps), sum(squares) FROM party_prices WHERE party = 'Small'"
    assert trader.ledger.books.connection.execute(left).fetchone() == (0, 0, 0)


FOREIGN = Origin(kind=OriginKind.MIXED, countries=())


@pytest.mark.parametrize(
    ("percent", "origin", "sourced", "raised"),
    [
        pytest.param(150, FOREIGN, False, True, id="a mark-up of half"),
        pytest.param(60, FOREIGN, False, True, id="a mark-down"),
        pytest.param(120, FOREIGN, False, False, id="a margin"),
        pytest.param(150, FOREIGN, True, False, id="with sources each is judged"),
        pytest.param(
            150, Origin(kind=OriginKind.SINGLE, countries=("GL",)), False, False, id="its own"
        ),
    ],
)
def test_f4_a_hub_that_marks_up_what_names_no_source(
    trader: Trader, percent: int, origin: Origin, *, sourced: bool, raised: bool
) -> None:
    for _ in range(10):
        came = trader.draw_up(DAY)
        trader.issue(came)
        trader.confirm(came, DAY)
        sources = (Source(number=came.number, carat_thousandths=came.carat_thousandths),)
        cents = 5_000_000 * percent // 100
        went = trader.draw_up(
            DAY,
            "EU",
            "ZA",
            cents=cents,
            origin=origin,
            sources=sources if sourced else (),
        )
        trader.issue(went)
    found = trader.flags("F4.hub", END)
    assert [(one.subject, one.day) for one in found] == ([("EU/710231", END)] if raised else [])
    assert all(len(one.evidence) == 10 for one in found)
    assert trader.flags("F4.hub", END, "F4.hub_count=11") == []
