"""What is put on file: annual reports, statistics as editions, bodies and their members."""

from typing import Final

import pytest
from founding import (
    CHAIR,
    NOW_MS,
    MemoryLedger,
    event_id_of,
    make_event,
    open_trade,
    signing_key,
    vary,
)
from judging import Judgement, judge
from scheme_statements import (
    BODY,
    COUNTS,
    OBSERVER,
    OFFICE,
    PAPER,
    PRODUCTION,
    STATUS,
    TRADE,
)

from kpledger.base.state import ChangeSet
from kpledger.scheme.event import Body
from kpledger.scheme.outcome import Rule
from kpledger.scheme.v1.events.governance import AuthorityClosed, AuthorityRole, KeyAdded, Standing
from kpledger.scheme.v1.events.life import AnnualReportFiled
from kpledger.scheme.v1.events.statistics import Flow
from kpledger.scheme.v1.records import BodyRecord, EditionRecorded, ReportRecord, SubmissionRecord
from kpledger.scheme.v1.rules.filings import MAX_REPORTS
from kpledger.scheme.v1.subjects import Subject

REPORT: Final = AnnualReportFiled(year=2025, document=PAPER, remarks="")
EXPORT, IMPORT = TRADE.rows
COUNT: Final = COUNTS.rows[0]

REFUSED: Final[list[tuple[str, Body, Rule, str]]] = [
    ("year-to-come", vary(REPORT, year=2027), Rule.E5, "body.year"),
    ("quarter-to-come", vary(TRADE, quarter="2026Q2"), Rule.E5, "body.quarter"),
    ("quarter-of-no-year", vary(TRADE, quarter="0000Q1"), Rule.E5, "body.quarter"),
    ("half-year-to-come", vary(PRODUCTION, half_year="2026H2"), Rule.E5, "body.half_year"),
    ("counts-to-come", vary(COUNTS, quarter="2026Q2"), Rule.E5, "body.quarter"),
    ("trade-edition-2", vary(TRADE, edition=2), Rule.E6, "body.edition"),
    ("production-edition-2", vary(PRODUCTION, edition=2), Rule.E6, "body.edition"),
    ("counts-edition-2", vary(COUNTS, edition=2), Rule.E6, "body.edition"),
    ("rows-descend", vary(TRADE, rows=(IMPORT, EXPORT)), Rule.E5, "body.rows"),
    ("row-twice", vary(TRADE, rows=(EXPORT, EXPORT)), Rule.E5, "body.rows"),
    (
        "origins-descend",
        vary(TRADE, rows=(EXPORT, vary(EXPORT, origin=""))),
        Rule.E5,
        "body.rows",
    ),
    (
        "trade-with-itself",
        vary(TRADE, rows=(vary(EXPORT, partner="BW"),)),
        Rule.E5,
        "body.rows[0].partner",
    ),
    (
        "trade-with-nobody",
        vary(TRADE, rows=(EXPORT, vary(IMPORT, partner="XX"))),
        Rule.E5,
        "body.rows[1].partner",
    ),
    (
        "trade-with-a-territory",
        vary(TRADE, rows=(EXPORT, vary(IMPORT, partner="DK"))),
        Rule.E5,
        "body.rows[1].partner",
    ),
    (
        "count-of-a-territory",
        vary(COUNTS, rows=(vary(COUNT, partner="GL"),)),
        Rule.E5,
        "body.rows[0].partner",
    ),
    (
        "origin-nowhere",
        vary(TRADE, rows=(vary(EXPORT, origin="XX"),)),
        Rule.E5,
        "body.rows[0].origin",
    ),
    ("count-twice", vary(COUNTS, rows=(COUNT, COUNT)), Rule.E5, "body.rows"),
    (
        "counts-descend",
        vary(COUNTS, rows=(vary(COUNT, partner="ZA"), COUNT)),
        Rule.E5,
        "body.rows",
    ),
    (
        "count-of-itself",
        vary(COUNTS, rows=(vary(COUNT, partner="BW"),)),
        Rule.E5,
        "body.rows[0].partner",
    ),
]


@pytest.mark.parametrize(
    ("body", "rule", "field"), [pytest.param(*row[1:], id=row[0]) for row in REFUSED]
)
def test_unsound_filing_is_refused(body: Body, rule: Rule, field: str) -> None:
    assert judge(open_trade(), "BW/root", body) == (rule, field)


def test_territory_is_told_whose_partner_to_name() -> None:
    body = vary(COUNTS, rows=(vary(COUNT, partner="DK"),))
    refusal = open_trade().attempt(make_event("BW/root", body))
    assert refusal is not None
    assert refusal.problem == "DK is not a participant: DK is part of EU; use EU"
    # Nobody takes part for Hong Kong here, and stones of a territory are named as such.
    rows = (vary(EXPORT, partner="HK"), vary(IMPORT, origin="GL"))
    assert judge(open_trade(), "BW/root", vary(TRADE, rows=rows)) is None


def test_rows_ascend_by_flow_partner_origin_and_code() -> None:
    rows = (
        vary(EXPORT, origin=""),
        EXPORT,
        vary(EXPORT, partner="ZA"),
        vary(IMPORT, flow=Flow.IMPORT),
        # Trade of the past was with countries that were no participants.
        vary(IMPORT, partner="KE", origin="ZR"),
    )
    assert judge(open_trade(), "BW/root", vary(TRADE, rows=rows)) is None
    assert judge(open_trade(), "BW/root", vary(TRADE, rows=())) is None


@pytest.mark.parametrize(
    ("kind", "body", "period"),
    [
        (Subject.TRADE, TRADE, "2025Q4"),
        (Subject.PRODUCTION, PRODUCTION, "2025H2"),
        (Subject.COUNTS, COUNTS, "2025Q4"),
    ],
)
def test_editions_stand_one_beside_the_other(kind: Subject, body: Body, period: str) -> None:
    ledger = open_trade()
    events = [make_event("BW/root", vary(body, edition=edition)) for edition in (1, 2)]
    for event in events:
        ledger.record(event)
    assert judge(ledger, "BW/root", body) == (Rule.E6, "body.edition")
    record = ledger.read(SubmissionRecord.key_for("BW", kind, period), SubmissionRecord)
    assert record == SubmissionRecord(
        participant="BW",
        kind=kind,
        period=period,
        editions=tuple(
            EditionRecorded(edition=edition, event=event_id_of(event), recorded_at=NOW_MS)
            for edition, event in enumerate(events, start=1)
        ),
    )


def _with_statistics_office() -> MemoryLedger:
    ledger = open_trade()
    office = vary(OFFICE, authority="bureau", roles=(AuthorityRole.STATISTICS,))
    key = KeyAdded(authority="bureau", key=signing_key("BW/bureau").public_key, valid_from=NOW_MS)
    ledger.record(make_event("BW/root", office), make_event("BW/root", key))
    return ledger


@pytest.mark.parametrize("body", [TRADE, PRODUCTION, COUNTS])
def test_root_submits_only_where_there_is_no_office_for_it(body: Body) -> None:
    ledger = _with_statistics_office()
    assert judge(ledger, "BW/bureau", body) is None
    assert judge(ledger, "BW/root", body) == (Rule.E1, "author")
    assert judge(ledger, "BW/gaborone", body) == (Rule.E1, "author")
    ledger.record(make_event("BW/root", AuthorityClosed(authority="bureau", reason="")))
    assert judge(ledger, "BW/root", body) is None
    assert judge(ledger, "BW/bureau", body) == (Rule.E1, "author")


@pytest.mark.parametrize("body", [REPORT, TRADE, PRODUCTION, COUNTS])
@pytest.mark.parametrize(
    ("status", "expected"),
    [(Standing.SUSPENDED, None), (Standing.REMOVED, (Rule.E4, "author"))],
)
def test_suspended_participant_reports_and_a_removed_one_does_not(
    body: Body, status: Standing, expected: Judgement
) -> None:
    ledger = open_trade()
    ledger.record(make_event(CHAIR, vary(STATUS, status=status)))
    assert judge(ledger, "BW/root", body) == expected


def test_annual_report_is_filed_again() -> None:
    ledger = open_trade()
    other = bytes(32)
    for document in (PAPER, other):
        ledger.record(make_event("BW/root", vary(REPORT, document=document)))
    record = ledger.read(ReportRecord.key_for("BW", 2025), ReportRecord)
    assert (record.documents, record.filed_at) == ((PAPER, other), (NOW_MS, NOW_MS))
    changes = ChangeSet(ledger.state)
    full = vary(record, documents=(PAPER,) * MAX_REPORTS)
    changes.put(ReportRecord.key_for("BW", 2025), full)
    ledger.state.apply(changes)
    assert judge(ledger, "BW/root", REPORT) == (Rule.E6, "body.year")


def _observed() -> MemoryLedger:
    ledger = open_trade()
    ledger.record(make_event(CHAIR, OBSERVER))
    return ledger


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"members": ("BW",)}, (Rule.E5, "body.chair")),
        ({"members": ()}, (Rule.E5, "body.chair")),
        ({"members": ("ZA", "BW")}, (Rule.E5, "body.members")),
        ({"members": ("XX", "ZA")}, (Rule.E5, "body.members")),
        ({"observers": ("nobody",)}, (Rule.E5, "body.observers")),
        ({"observers": ("wdc", "wdc")}, (Rule.E5, "body.observers")),
        ({"dissolved": True}, (Rule.E6, "body.dissolved")),
    ],
)
def test_body_is_composed_of_who_is_there(changes: dict[str, object], expected: Judgement) -> None:
    assert judge(_observed(), CHAIR, vary(BODY, **changes)) == expected


def test_body_changes_and_ends() -> None:
    ledger = _observed()
    for body in (BODY, vary(BODY, chair="BW"), vary(BODY, dissolved=True)):
        ledger.record(make_event(CHAIR, body))
    assert ledger.read(BodyRecord.key_for("wgs"), BodyRecord) == BodyRecord(
        name="wgs",
        title="Working Group on Statistics",
        kind=BODY.kind,
        chair="ZA",
        members=("BW", "ZA"),
        observers=("wdc",),
        dissolved=True,
    )
    again = vary(BODY, dissolved=True, title="Working Group")
    assert judge(ledger, CHAIR, again) == (Rule.E6, "body.dissolved")
    assert judge(ledger, CHAIR, vary(BODY, title="Working Group")) is None
