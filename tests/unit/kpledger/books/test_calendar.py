"""The calendar: each thing that is due stands on its day, until it is done."""

import pytest
from booked import BookedLedger, open_booked_trade
from founding import (
    CHAIR,
    DECISION,
    NOW_MS,
    TODAY,
    decide,
    make_certificate,
    signing_key,
    vary,
)
from scheme_statements import ADMISSION, POLICY, RESTRICTION, STATUS

from kpledger.base.units import DAY_MS, start_of_day_ms
from kpledger.books.calendar import CALENDAR, CalendarEntry, CalendarQuestion, DueKind
from kpledger.books.question import QuestionError
from kpledger.books.subject import SUBJECT, SubjectQuestion
from kpledger.scheme.v1.events.certificate import CertificateIssued
from kpledger.scheme.v1.events.decisions import DecisionRecorded, Mode, Procedure
from kpledger.scheme.v1.events.governance import (
    AuthorityClosed,
    KeyAdded,
    ParticipantStatusChanged,
    Standing,
)
from kpledger.scheme.v1.events.life import (
    AnnualReportFiled,
    ConcernAnswered,
    ConcernRaised,
    MeetingAnnounced,
    MeetingKind,
    Recommendation,
    ReviewCarriedOut,
    ReviewConsented,
    ReviewKind,
    ReviewReported,
    ReviewRequested,
)
from kpledger.scheme.v1.events.statistics import (
    CountStatisticsSubmitted,
    ProductionStatisticsSubmitted,
)


@pytest.fixture
def ledger() -> BookedLedger:
    """A ledger on which trade began before 2026."""
    ledger = open_booked_trade()
    ledger.say("BW/gaborone", CertificateIssued(certificate=make_certificate()))
    return ledger


def ask(ledger: BookedLedger, **question: str) -> tuple[CalendarEntry, ...]:
    return ledger.ask(CALENDAR, CalendarQuestion(**question)).entries


def days(
    ledger: BookedLedger, kind: DueKind, code: str = "BW", until: str = "2027-12-31"
) -> object:
    found = ask(ledger, participant=code, until_day=until)
    return [(one.day, one.subject) for one in found if one.kind is kind]


def test_statistics_are_due_two_months_after_their_period_until_they_come(
    ledger: BookedLedger,
) -> None:
    ledger.wait_until("2026-08-15")
    body = CountStatisticsSubmitted(quarter="2026Q2", edition=1, rows=(), remarks="")
    ledger.say("BW/root", body, subject="BW/counts/2026Q2")
    assert days(ledger, DueKind.STATISTICS, until="2026-11-30") == [
        ("2026-08-31", "BW/trade/2026Q2"),
        ("2026-11-30", "BW/counts/2026Q3"),
        ("2026-11-30", "BW/trade/2026Q3"),
    ]
    assert ask(ledger, participant="ZA", until_day="2026-08-31")[0].overdue is False
    ledger.wait_until("2026-09-01")
    ledger.say("ZA/root", body, subject="ZA/counts/2026Q2")
    (late,) = ask(ledger, participant="ZA", until_day="2026-08-31")
    assert (late.day, late.subject, late.overdue) == ("2026-08-31", "ZA/trade/2026Q2", True)


def test_production_is_due_from_whoever_has_mined(ledger: BookedLedger) -> None:
    ledger.wait_until("2026-08-15")
    body = ProductionStatisticsSubmitted(
        half_year="2026H1", edition=1, carat_thousandths=1, value_usd_cents=1, remarks=""
    )
    ledger.say("BW/root", body, subject="BW/production/2026H1")
    due = [one.subject for one in ask(ledger, until_day="2027-02-28")]
    assert "BW/production/2026H2" in due
    assert not [one for one in due if "production" in one and "H1" in one]
    assert not [one for one in due if one.startswith("ZA/production")]


def test_an_annual_report_is_due_at_the_end_of_march(ledger: BookedLedger) -> None:
    assert days(ledger, DueKind.ANNUAL_REPORT) == [("2027-03-31", "BW/report/2026")]
    body = AnnualReportFiled(year=2026, document=bytes(32), remarks="")
    ledger.say("BW/root", body, subject="BW/report/2026")
    assert days(ledger, DueKind.ANNUAL_REPORT) == []


def test_an_answer_is_due_until_it_is_given(ledger: BookedLedger) -> None:
    body = ConcernRaised(participant="ZA", text="W", document=None, answer_due_on="2026-04-01")
    subject = "ZA/concern/1"
    raised = ledger.say("BW/root", body, subject=subject)
    assert days(ledger, DueKind.PROCEEDING, "ZA") == [("2026-04-01", subject)]
    ledger.say("ZA/root", ConcernAnswered(text="B", document=None), subject=subject, prev=raised)
    assert days(ledger, DueKind.PROCEEDING, "ZA") == []


def test_a_review_is_reported_in_three_weeks_and_followed_up_in_time(
    ledger: BookedLedger,
) -> None:
    subject = "ZA/review/2026-1"
    asked = ReviewRequested(participant="ZA", kind=ReviewKind.VISIT, reason="due")
    head = ledger.say(CHAIR, asked, subject=subject)
    consent = ReviewConsented(consented=True, remarks="")
    head = ledger.say("ZA/root", consent, subject=subject, prev=head)
    visit = ReviewCarriedOut(from_day="2026-02-23", until_day="2026-02-27", team=("BW",))
    head = ledger.say(CHAIR, visit, subject=subject, prev=head)
    assert days(ledger, DueKind.PROCEEDING, "ZA") == [("2026-03-20", subject)]
    first = Recommendation(name="seals", text="Seal", due_on="2026-06-30")
    report = ReviewReported(document=bytes(32), recommendations=(first,))
    ledger.say(CHAIR, report, subject=subject, prev=head)
    assert days(ledger, DueKind.PROCEEDING, "ZA") == []
    assert days(ledger, DueKind.RECOMMENDATION, "ZA") == [("2026-06-30", subject)]


def test_a_meeting_and_a_key_to_come_are_listed(ledger: BookedLedger) -> None:
    meeting = MeetingAnnounced(
        kind=MeetingKind.PLENARY, from_day="2026-11-09", until_day="2026-11-13", place="Dubai"
    )
    ledger.say(CHAIR, meeting, subject="KPCS/meeting/plenary")
    assert days(ledger, DueKind.PROCEEDING, "KPCS") == [("2026-11-13", "KPCS/meeting/plenary")]
    key = signing_key("BW/later").public_key
    body = KeyAdded(authority="gaborone", key=key, valid_from=NOW_MS + DAY_MS)
    ledger.say("BW/root", body)
    assert days(ledger, DueKind.KEY) == [("2026-03-03", key.hex())]
    ledger.say("BW/root", AuthorityClosed(authority="gaborone", reason="moved"))
    assert days(ledger, DueKind.KEY) == []


def test_an_interim_measure_is_listed_until_it_lapses(ledger: BookedLedger) -> None:
    notice = DecisionRecorded(
        decision="CN-1",
        title="Notice",
        document=bytes(32),
        procedure=Procedure.CHAIR_NOTICE,
        decided_on=TODAY,
        supports=(),
        objections=(),
        ratifies=(),
    )
    ledger.say(CHAIR, notice, subject="KPCS/decision/CN-1")
    body = ParticipantStatusChanged(
        code="ZA",
        status=Standing.SUSPENDED,
        effective_from=NOW_MS,
        decision="CN-1",
        interim=True,
    )
    ledger.say(CHAIR, body)
    assert days(ledger, DueKind.LAPSE, "ZA") == [("2026-05-31", "ZA")]
    ledger.wait_until("2026-06-01")
    ledger.say(
        "BW/root",
        AnnualReportFiled(year=2026, document=bytes(32), remarks=""),
        subject="BW/report/2026",
    )
    assert days(ledger, DueKind.LAPSE, "ZA") == []


def test_days_before_the_first_that_is_asked_for_are_left_out(ledger: BookedLedger) -> None:
    ledger.wait_until("2026-12-01")
    ledger.say(
        "BW/root",
        AnnualReportFiled(year=2026, document=bytes(32), remarks=""),
        subject="BW/report/2026",
    )
    everything = ask(ledger)
    later = ask(ledger, from_day="2026-12-01")
    assert any(one.overdue for one in everything)
    assert not any(one.overdue for one in later)


@pytest.mark.parametrize(
    ("field", "day"),
    [
        ("from_day", "2026-02-30"),
        ("from_day", "2026-12-31"),
        ("until_day", "2026-02-30"),
        ("from_day", "9999-12-31"),
        ("until_day", "0001-01-01"),
        ("until_day", "2036-03-10"),
    ],
)
def test_a_day_has_to_be_one_within_reach(ledger: BookedLedger, field: str, day: str) -> None:
    """Further periods are counted one by one: a day of the year 9999 took half a minute."""
    with pytest.raises(QuestionError) as caught:
        ask(ledger, **{field: day})
    assert caught.value.field == field


def test_a_restriction_that_ends_is_shown_and_on_the_calendar(ledger: BookedLedger) -> None:
    ledger.wait_until("2026-03-03")
    decide(ledger)
    for name, until in (("first", "2026-04-10"), ("second", "2026-05-10")):
        restriction = vary(
            RESTRICTION,
            restriction=name,
            mode=Mode.PROHIBITED,
            approver=None,
            zones=(),
            effective_from=start_of_day_ms("2026-03-04"),
            effective_until=start_of_day_ms(until),
            decision=DECISION,
        )
        ledger.say(CHAIR, restriction, subject=f"BW/restriction/{name}")
    states = [
        ledger.ask(SUBJECT, SubjectQuestion(subject=f"BW/restriction/{name}")).state
        for name in ("first", "second", "third")
    ]
    assert states == ["TO_COME", "TO_COME", None]
    entries = ask(ledger, participant="BW")
    begins = [(one.day, one.what) for one in entries if one.kind is DueKind.BEGIN]
    assert begins == [("2026-03-04", f"restriction by {DECISION} begins")] * 2
    ends = [(one.day, one.subject) for one in entries if one.kind is DueKind.END]
    assert ends == [
        ("2026-04-10", "BW/restriction/first"),
        ("2026-05-10", "BW/restriction/second"),
    ]


def test_who_is_admitted_and_whose_standing_changes_from_a_day_on(ledger: BookedLedger) -> None:
    decide(ledger)
    first, second, third = (NOW_MS + days * DAY_MS for days in (5, 6, 7))
    ledger.say(CHAIR, vary(ADMISSION, effective_from=first))
    ledger.say(CHAIR, vary(STATUS, effective_from=second))
    ledger.say("ZA/root", vary(POLICY, participant="ZA", effective_from=third))
    begins = [one for one in ask(ledger) if one.kind is DueKind.BEGIN]
    assert [(one.day, one.participant, one.what) for one in begins] == [
        ("2026-03-07", "NA", f"takes part from this day on, by {DECISION}"),
        ("2026-03-08", "BW", f"is SUSPENDED from this day on, by {DECISION}"),
        ("2026-03-09", "ZA", "policy begins"),
    ]
    ledger.wait_until("2026-03-10")
    ledger.say("IN/root", vary(POLICY, participant="IN", effective_from=ledger.now_ms))
    assert [one for one in ask(ledger) if one.kind is DueKind.BEGIN] == []


def test_an_interim_restriction_that_lapses_is_on_the_calendar(ledger: BookedLedger) -> None:
    ledger.wait_until("2026-03-03")
    restriction = vary(
        RESTRICTION,
        mode=Mode.PROHIBITED,
        approver=None,
        zones=(),
        effective_from=start_of_day_ms("2026-03-04"),
        effective_until=None,
        decision="N-1",
        interim=True,
    )
    ledger.say(CHAIR, restriction, subject="BW/restriction/zones")
    entries = ask(ledger, participant="BW", until_day="2026-12-31")
    lapses = [one.day for one in entries if one.kind is DueKind.LAPSE]
    assert lapses == ["2026-06-02"]
