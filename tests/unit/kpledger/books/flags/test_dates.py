"""F16 looks at every date that a statement names, before and after its recording."""

import typing
from collections.abc import Iterator

import msgspec
import pytest
from flagging import Trader
from founding import make_confirmation, make_decision, vary

from kpledger.base.units import TimeMs, start_of_day_ms
from kpledger.books.projections.dates import DATES
from kpledger.scheme.event import Body
from kpledger.scheme.v1.catalogue import CATALOGUE
from kpledger.scheme.v1.events.certificate import (
    CertificateReturnedUnused,
    CertificateValidated,
    ExportNotified,
    TransitNoted,
)
from kpledger.scheme.v1.events.governance import NumberRange, NumberRangeAllocated
from kpledger.scheme.v1.events.importing import (
    ArrivalRecorded,
    CaseKind,
    CaseOpened,
    DiscrepancyCause,
    HoldReason,
    ImportConfirmedDiscrepant,
    ImportRefusedReturned,
    ReturnReceived,
    ShipmentDiverted,
)
from kpledger.scheme.v1.events.life import (
    AnnualReportFiled,
    ConcernRaised,
    MeetingAnnounced,
    MeetingKind,
)
from kpledger.scheme.v1.events.statistics import CountStatisticsSubmitted
from kpledger.scheme.v1.quantities import Day

ISSUED, LATE, NEAR = "2026-03-02", "2027-03-01", "2026-03-09"
PERIODS = {"year", "quarter", "half_year"}
LEFT_OUT = {
    ("suspect_reported", "claimed_issue"),  # what a paper says that nobody trusts
    ("key_revoked", "suspect_since"),  # looks back by its nature
    ("key_added", "valid_from"),  # 0 is at once; a key counts from its recording on at the earliest
    ("key_rotated", "valid_from"),
    ("certificate_format_notified", "valid_from"),  # likewise
    ("chair_rotated", "year"),  # the rules bound it
    ("chair_recovered", "year"),
    ("review_reported", "recommendations.due_on"),  # the calendar shows what is overdue
}


def find_dates(kind: type[msgspec.Struct], before: str = "") -> Iterator[str]:
    for name, hint in typing.get_type_hints(kind, include_extras=True).items():
        if name in kind.__struct_fields__:
            if name in PERIODS or hint in {Day, Day | None, TimeMs, TimeMs | None}:
                yield before + name
            inner = (hint, *typing.get_args(hint))
            for one in (*inner, *(part for arg in inner for part in typing.get_args(arg))):
                if isinstance(one, type) and issubclass(one, msgspec.Struct):
                    yield from find_dates(one, f"{before}{name}.")


def test_every_date_of_the_catalogue_is_compared_or_left_out_with_a_reason() -> None:
    named = {(body.TYPE, date) for body in CATALOGUE for date in find_dates(body)}
    compared = {(type_, path) for type_, dates in DATES.items() for path in dates}
    assert named - LEFT_OUT == compared
    assert named >= LEFT_OUT


def passed(day: str) -> TransitNoted:
    return TransitNoted(entered_on=day, left_on=None, seals_intact=True, remarks="")


def notify(day: str) -> ExportNotified:
    return ExportNotified(
        exported_on=day, carrier="Air", transport_document="1", expected_on=None, transit=()
    )


def arrived(day: str) -> ArrivalRecorded:
    return ArrivalRecorded(
        arrived_on=day, seals_intact=True, opened=True, found_carat_thousandths=None, remarks=""
    )


SENT_BACK = ImportRefusedReturned(reason=HoldReason.ORDER, technical_certificate=None, remarks="a")
BEFORE: dict[type[Body], tuple[Body, ...]] = {
    ShipmentDiverted: (notify(ISSUED),),
    ReturnReceived: (arrived(ISSUED), SENT_BACK),
}


@pytest.mark.parametrize(
    ("body", "field", "days"),
    [
        pytest.param(passed(ISSUED), "entered on", 364, id="transit"),
        pytest.param(notify(ISSUED), "exported on", 364, id="export"),
        pytest.param(
            CertificateValidated(validated_at=start_of_day_ms(ISSUED), seals=()),
            "validated at",
            364,
            id="sealing",
        ),
        pytest.param(CertificateReturnedUnused(returned_on=ISSUED), "returned on", 364),
        pytest.param(
            ShipmentDiverted(place="Antwerp", found_on=ISSUED, reason="a"), "found on", 364
        ),
        pytest.param(
            ReturnReceived(received_on=ISSUED, carat_thousandths=100_000, condition="a"),
            "received on",
            364,
        ),
        pytest.param(passed("2027-03-20"), "entered on", 19, id="a transit to come"),
        pytest.param(notify("2031-03-20"), "exported on", 1480, id="an export years ahead"),
    ],
)
def test_f16_a_date_of_a_certificates_way(
    trader: Trader, body: Body, field: str, days: int
) -> None:
    certificate = trader.draw_up(ISSUED)
    if isinstance(body, CertificateValidated):
        certificate = vary(certificate, validated_at=None)
    trader.issue(certificate)
    for before in BEFORE.get(type(body), ()):
        trader.show(ISSUED, "EU/antwerp", before, certificate.number)
    trader.show(LATE, "BW/gaborone", body, certificate.number)
    [found] = trader.flags("F16", LATE)
    assert (found.subject, found.day, found.measure) == (certificate.number, LATE, days)
    assert f"({field})" in found.explanation


@pytest.mark.parametrize(
    ("recorded", "raised"), [(LATE, True), ("2026-03-10", True), ("2026-03-09", False)]
)
def test_f16_an_arrival_dated_back(trader: Trader, recorded: str, *, raised: bool) -> None:
    certificate = trader.draw_up(ISSUED)
    trader.issue(certificate)
    event = trader.say(recorded, "EU/antwerp", arrived(ISSUED), certificate.number)
    found = trader.flags("F16", recorded)
    assert [one.evidence for one in found] == ([(event,)] if raised else [])


@pytest.mark.parametrize("otherwise", [False, True])
@pytest.mark.parametrize(
    ("recorded", "raised"), [(LATE, True), ("2026-03-24", True), ("2026-03-23", False)]
)
def test_f16_a_confirmation_dated_back(
    trader: Trader, recorded: str, *, otherwise: bool, raised: bool
) -> None:
    certificate = trader.draw_up(ISSUED)
    trader.issue(certificate)
    body: Body = vary(make_confirmation(certificate), received_on=ISSUED)
    if otherwise:
        told = msgspec.structs.asdict(body) | {"cause": DiscrepancyCause.COUNT, "remarks": "a"}
        del told["exported_on"]
        body = ImportConfirmedDiscrepant(**told)
    event = trader.say(recorded, "EU/antwerp", body, certificate.number)
    found = trader.flags("F16", recorded)
    assert [one.evidence for one in found] == ([(event,)] if raised else [])
    assert trader.flags("F16", recorded, "F16.received_days=400") == []


def test_f16_a_departure_that_is_told_long_afterwards(trader: Trader) -> None:
    certificate = trader.draw_up(ISSUED)
    trader.issue(certificate)
    body = vary(make_confirmation(certificate), received_on=LATE, exported_on="2026-03-03")
    trader.say(LATE, "EU/antwerp", body, certificate.number)
    [found] = trader.flags("F16", LATE)
    assert (found.measure, "(exported on)" in found.explanation) == (363, True)


NOTE = "a"
DOCUMENT = bytes(32)


@pytest.mark.parametrize(
    ("author", "subject", "body", "measure"),
    [
        pytest.param(
            "BW/gaborone",
            "BW/case/a",
            CaseOpened(
                kind=CaseKind.NO_CERTIFICATE,
                opened_on=ISSUED,
                carat_thousandths=None,
                claimed_provenance=None,
                bound_for=None,
                remarks=NOTE,
            ),
            364,
            id="goods found",
        ),
        pytest.param(
            "KPCS/chair",
            "KPCS/decision/AD-1",
            vary(make_decision("AD-1"), decided_on=ISSUED),
            364,
            id="decision",
        ),
        pytest.param(
            "BW/root",
            "BW/report/2020",
            AnnualReportFiled(year=2020, document=DOCUMENT, remarks=""),
            2251,
            id="report of long ago",
        ),
        pytest.param(
            "BW/gaborone",
            "BW/counts/2027Q1",
            CountStatisticsSubmitted(quarter="2027Q1", edition=1, rows=(), remarks=""),
            30,
            id="figures of a quarter that is not over",
        ),
        pytest.param(
            "EU/root",
            "BW/concern/a",
            ConcernRaised(participant="BW", text=NOTE, document=None, answer_due_on=ISSUED),
            364,
            id="answer that was due before",
        ),
        pytest.param(
            "KPCS/chair",
            "KPCS/meeting/a",
            MeetingAnnounced(
                kind=MeetingKind.PLENARY, from_day="2031-01-01", until_day="2031-01-03", place="A"
            ),
            1404,
            id="meeting years ahead",
        ),
    ],
)
def test_f16_a_date_of_something_else(
    trader: Trader, author: str, subject: str, body: Body, measure: int
) -> None:
    trader.issue(trader.draw_up(ISSUED))
    trader.show(LATE, author, body, subject)
    [found] = [
        one for one in trader.flags("F16", LATE) if one.subject == subject and one.measure > 1
    ]
    assert (found.measure, found.day) == (measure, LATE)


def test_f16_nothing_where_all_is_told_at_once(trader: Trader) -> None:
    certificate = trader.draw_up(ISSUED)
    trader.issue(certificate)
    trader.say(NEAR, "BW/gaborone", notify(NEAR), certificate.number)
    trader.arrive(certificate, "2026-03-12")
    trader.confirm(certificate, "2026-03-20", exported_on=NEAR)
    assert trader.flags("F16", LATE) == []


@pytest.mark.parametrize(("last", "raised"), [("9999-12-31", False), ("2026-12-31", True)])
def test_f16_numbers_may_be_for_use_for_ever(trader: Trader, last: str, *, raised: bool) -> None:
    body = NumberRangeAllocated(
        authority="gaborone",
        range=NumberRange(
            prefix="BW", width=8, first=1, last=9, use_from="2026-12-01", use_until=last
        ),
    )
    trader.say(LATE, "BW/root", body)
    assert bool(trader.flags("F16", LATE)) is raised
