"""Proceedings: every state against every step, whose turn it is, and when the next one is due."""

from collections.abc import Sequence
from typing import Final

import pytest
from founding import (
    CHAIR,
    DECISION,
    NOW_MS,
    MemoryLedger,
    make_event,
    open_trade,
    vary,
)
from judging import Judgement, judge, judgement
from scheme_statements import (
    CONCERN,
    MONITOR,
    MONITORING,
    PAPER,
    QUESTION,
    REPORTED,
    REVIEW,
    SECRETARIAT,
    STATEMENTS,
    STATUS,
    SUSPECT,
    add_monitor_key,
    prepare,
    state,
)

from kpledger.base.codec import encode
from kpledger.base.state import ChangeSet
from kpledger.scheme.event import Body
from kpledger.scheme.outcome import Rule
from kpledger.scheme.v1.events.governance import Standing
from kpledger.scheme.v1.events.importing import SuspectJudged, Verdict
from kpledger.scheme.v1.events.life import FollowUpStatus, Recommendation
from kpledger.scheme.v1.events.statistics import Series
from kpledger.scheme.v1.lifecycles import PROCEEDINGS, ProceedingState
from kpledger.scheme.v1.records import ProceedingRecord, RecommendationStatus
from kpledger.scheme.v1.rules.proceedings import KIND_OF, MAX_DOCUMENTS
from kpledger.scheme.v1.subjects import Subject

PATHS: Final[dict[tuple[Subject, ProceedingState], tuple[str, ...]]] = {
    (Subject.REVIEW, ProceedingState.REQUESTED): ("review_requested",),
    (Subject.REVIEW, ProceedingState.CONSENTED): ("review_requested", "review_consented"),
    (Subject.REVIEW, ProceedingState.CARRIED_OUT): (
        "review_requested",
        "review_consented",
        "review_carried_out",
    ),
    (Subject.REVIEW, ProceedingState.REPORTED): (
        "review_requested",
        "review_consented",
        "review_carried_out",
        "review_reported",
    ),
    (Subject.MEETING, ProceedingState.ANNOUNCED): ("meeting_announced",),
    (Subject.MEETING, ProceedingState.HELD): ("meeting_announced", "meeting_held"),
    (Subject.CONCERN, ProceedingState.RAISED): ("concern_raised",),
    (Subject.CONCERN, ProceedingState.ANSWERED): ("concern_raised", "concern_answered"),
    (Subject.CONCERN, ProceedingState.CLOSED): ("concern_raised", "concern_closed"),
    (Subject.ANOMALY, ProceedingState.RAISED): ("anomaly_questioned",),
    (Subject.ANOMALY, ProceedingState.ANSWERED): ("anomaly_questioned", "anomaly_answered"),
    (Subject.SUSPECT, ProceedingState.RAISED): ("suspect_reported",),
    (Subject.SUSPECT, ProceedingState.JUDGED): ("suspect_reported", "suspect_judged"),
}
NAMES: Final = sorted(KIND_OF)


def _subject(kind: Subject) -> str:
    for name in NAMES:
        subject = STATEMENTS[name].subject
        if KIND_OF[name] is kind and subject is not None:
            return subject
    raise KeyError(kind)


def _walk(ledger: MemoryLedger, names: Sequence[str]) -> MemoryLedger:
    for name in names:
        ledger.record(state(ledger, name))
    return ledger


def _read(ledger: MemoryLedger, kind: Subject) -> ProceedingRecord:
    return ledger.read(ProceedingRecord.key_for(_subject(kind)), ProceedingRecord)


def test_paths_reach_every_state_but_the_refused_consent() -> None:
    states = {(kind, one) for kind, table in PROCEEDINGS.items() for one in table}
    beginnings = {(kind, ProceedingState.NONE) for kind in PROCEEDINGS}
    assert states - beginnings - set(PATHS) == {(Subject.REVIEW, ProceedingState.DECLINED)}


@pytest.mark.parametrize(("kind", "before"), list(PATHS))
def test_proceeding_goes_on_as_its_table_says_or_not(
    kind: Subject, before: ProceedingState
) -> None:
    ledger = _walk(open_trade(), PATHS[kind, before])
    assert _read(ledger, kind).state is before
    for name in [name for name in NAMES if KIND_OF[name] is kind]:
        changes = ChangeSet(ledger.state)
        refusal = ledger.execute(
            make_event(
                STATEMENTS[name].author,
                STATEMENTS[name].body,
                subject=_subject(kind),
                prev=_read(ledger, kind).head,
                nonce=99,
            ),
            changes,
        )
        after = PROCEEDINGS[kind][before].get(name)
        assert judgement(refusal) == (None if after else (Rule.E6, "type")), name
        record = changes.read(ProceedingRecord.key_for(_subject(kind)), ProceedingRecord)
        assert record is not None
        assert record.state is (after or before)


@pytest.mark.parametrize("name", NAMES)
def test_step_before_the_first_one_is_refused(name: str) -> None:
    first = name in PROCEEDINGS[KIND_OF[name]][ProceedingState.NONE]
    ledger = open_trade()
    assert judgement(ledger.attempt(state(ledger, name))) == (
        None if first else (Rule.E6, "subject")
    )


@pytest.mark.parametrize("name", NAMES)
def test_author_has_seen_the_newest_step(name: str) -> None:
    ledger = prepare(open_trade(), name)
    one = STATEMENTS[name]
    event = make_event(one.author, one.body, subject=one.subject, prev=bytes(32))
    assert judgement(ledger.attempt(event)) == (Rule.E6, "prev")


def test_step_of_one_kind_is_none_of_another() -> None:
    ledger = _walk(open_trade(), ("concern_raised",))
    answer = STATEMENTS["anomaly_answered"].body
    head = _read(ledger, Subject.CONCERN).head
    event = make_event("ZA/root", answer, subject="ZA/concern/mail", prev=head)
    assert judgement(ledger.attempt(event)) == (Rule.E6, "subject")


@pytest.mark.parametrize(
    "subject",
    ["ZA/review", "ZA/review/", "ZA/review/A", "ZA/review/a/b", "BW/review/a", "ZA/concern/a"],
)
def test_proceeding_is_opened_under_a_name_of_its_kind(subject: str) -> None:
    assert judge(open_trade(), CHAIR, REVIEW, subject) == (Rule.E5, "subject")
    long_name = "ZA/review/" + "a" * 33
    assert judge(open_trade(), CHAIR, REVIEW, long_name) == (Rule.E5, "subject")


AUTHORS: Final = [
    ("review_consented", "BW/root", (Rule.E2, "author")),
    ("review_consented", CHAIR, (Rule.E1, "author")),
    ("review_carried_out", "ZA/root", (Rule.E1, "author")),
    ("review_reported", CHAIR, None),
    ("recommendation_followed_up", "BW/root", (Rule.E2, "author")),
    ("meeting_announced", SECRETARIAT, (Rule.E1, "author")),
    ("meeting_held", CHAIR, None),
    ("concern_answered", "BW/root", (Rule.E2, "author")),
    ("concern_closed", "BW/root", (Rule.E1, "author")),
    ("anomaly_answered", "ZA/root", (Rule.E2, "author")),
    ("anomaly_answered", "BW/gaborone", (Rule.E1, "author")),
    ("suspect_judged", "BW/root", None),
    ("suspect_judged", "EU/antwerp", (Rule.E2, "author")),
    ("suspect_judged", CHAIR, (Rule.E2, "author")),
    ("suspect_reported", "EU/root", (Rule.E1, "author")),
    ("anomaly_questioned", CHAIR, (Rule.E1, "author")),
    ("anomaly_questioned", "BW/root", (Rule.E1, "author")),
]


@pytest.mark.parametrize(("name", "author", "expected"), AUTHORS)
def test_step_is_taken_by_whose_turn_it_is(name: str, author: str, expected: Judgement) -> None:
    ledger = prepare(open_trade(), name)
    one = STATEMENTS[name]
    head = _read(ledger, KIND_OF[name]).head if one.after else None
    event = make_event(author, one.body, subject=one.subject, prev=head)
    assert judgement(ledger.attempt(event)) == expected


def test_participant_invites_a_review_to_itself_alone() -> None:
    ledger = open_trade()
    assert judge(ledger, "ZA/root", REVIEW, "ZA/review/1") is None
    assert judge(ledger, "BW/root", REVIEW, "ZA/review/1") == (Rule.E1, "author")


def test_refused_consent_may_be_given_later() -> None:
    ledger = _walk(open_trade(), ("review_requested",))
    ledger.record(state(ledger, "review_consented", consented=False))
    assert _read(ledger, Subject.REVIEW).state is ProceedingState.DECLINED
    carried_out = judgement(ledger.attempt(state(ledger, "review_carried_out")))
    assert carried_out == (Rule.E6, "type")
    ledger.record(state(ledger, "review_consented"))
    assert _read(ledger, Subject.REVIEW).state is ProceedingState.CONSENTED


REFUSED: Final[list[tuple[str, dict[str, object], Rule, str]]] = [
    ("review_requested", {"participant": "XX"}, Rule.E5, "subject"),
    ("review_carried_out", {"from_day": "2026-02-30"}, Rule.E5, "body.from_day"),
    ("review_carried_out", {"until_day": "2026-01-31"}, Rule.E5, "body.until_day"),
    ("review_carried_out", {"until_day": "2026-03-05"}, Rule.E5, "body.until_day"),
    ("review_carried_out", {"team": ("ZA",)}, Rule.E5, "body.team"),
    ("review_carried_out", {"team": ("XX",)}, Rule.E5, "body.team"),
    ("review_carried_out", {"team": ("IN", "BW")}, Rule.E5, "body.team"),
    (
        "review_reported",
        {"recommendations": REPORTED.recommendations[::-1]},
        Rule.E5,
        "body.recommendations",
    ),
    (
        "review_reported",
        {"recommendations": (Recommendation(name="a", text="", due_on="2026-02-30"),)},
        Rule.E5,
        "body.recommendations[0].due_on",
    ),
    ("recommendation_followed_up", {"name": "other"}, Rule.E6, "body.name"),
    ("meeting_announced", {"from_day": "2026-02-30"}, Rule.E5, "body.from_day"),
    ("meeting_announced", {"until_day": "2026-02-23"}, Rule.E5, "body.until_day"),
    ("meeting_held", {"present": ("XX",)}, Rule.E5, "body.present"),
    ("meeting_held", {"present": ("ZA", "BW")}, Rule.E5, "body.present"),
    ("concern_raised", {"text": " "}, Rule.E5, "body.text"),
    ("concern_answered", {"text": ""}, Rule.E5, "body.text"),
    ("concern_closed", {"text": "\n"}, Rule.E5, "body.text"),
    ("anomaly_questioned", {"question": ""}, Rule.E5, "body.question"),
    ("anomaly_answered", {"answer": ""}, Rule.E5, "body.answer"),
    ("concern_raised", {"answer_due_on": "2026-02-30"}, Rule.E5, "body.answer_due_on"),
    ("anomaly_questioned", {"period": "2025H2"}, Rule.E5, "body.period"),
    ("anomaly_questioned", {"period": "2026Q2"}, Rule.E5, "body.period"),
    ("anomaly_questioned", {"period": "0000"}, Rule.E5, "body.period"),
    ("anomaly_questioned", {"answer_due_on": "2026-02-30"}, Rule.E5, "body.answer_due_on"),
    ("suspect_reported", {"claimed_issue": "2026-02-30"}, Rule.E5, "body.claimed_issue"),
]


@pytest.mark.parametrize(("name", "changes", "rule", "field"), REFUSED)
def test_unsound_step_is_refused(
    name: str, changes: dict[str, object], rule: Rule, field: str
) -> None:
    ledger = prepare(open_trade(), name)
    assert judgement(ledger.attempt(state(ledger, name, **changes))) == (rule, field)


@pytest.mark.parametrize(
    ("name", "text"),
    [("concern_raised", "text"), ("concern_answered", "text"), ("anomaly_answered", "answer")],
)
def test_paper_stands_for_words(name: str, text: str) -> None:
    ledger = prepare(open_trade(), name)
    assert ledger.attempt(state(ledger, name, **{text: "", "document": PAPER})) is None


def test_strangers_are_not_reviewed_questioned_or_complained_about() -> None:
    ledger = open_trade()
    for author, body, kind in (
        (CHAIR, REVIEW, "review"),
        (SECRETARIAT, QUESTION, "anomaly"),
        ("BW/root", CONCERN, "concern"),
    ):
        found = judge(ledger, author, vary(body, participant="XX"), f"XX/{kind}/1")
        assert found == (Rule.E5, "body.participant")


def test_nobody_raises_a_concern_about_itself() -> None:
    found = judge(open_trade(), "ZA/root", CONCERN, "ZA/concern/1")
    assert found == (Rule.E5, "body.participant")


@pytest.mark.parametrize(
    ("series", "period", "expected"),
    [
        (Series.PRODUCTION, "2025H2", None),
        (Series.PRODUCTION, "2025", None),
        (Series.PRODUCTION, "2025Q4", (Rule.E5, "body.period")),
        (Series.COUNTS, "2025Q4", None),
        (Series.COUNTS, "2026Q1", None),
    ],
)
def test_question_is_about_a_period_of_its_series(
    series: Series, period: str, expected: Judgement
) -> None:
    body = vary(QUESTION, series=series, period=period)
    assert judge(open_trade(), SECRETARIAT, body, "BW/anomaly/1") == expected


def test_statistics_office_of_the_scheme_asks() -> None:
    ledger = open_trade()
    ledger.record(make_event(CHAIR, MONITORING), add_monitor_key())
    assert judge(ledger, MONITOR, QUESTION, "BW/anomaly/1") is None


def test_meeting_is_called_anew_and_recorded_when_it_is_over() -> None:
    ledger = _walk(open_trade(), ("meeting_announced",))
    later = state(ledger, "meeting_announced", until_day="2026-03-04", place="Gaborone")
    ledger.record(later)
    record = _read(ledger, Subject.MEETING)
    assert (record.due_on, record.title.partition(", ")[2]) == ("2026-03-04", "Gaborone")
    held = state(ledger, "meeting_held")
    assert judgement(ledger.attempt(held)) == (Rule.E6, "type")
    assert ledger.attempt(held, now_ms=NOW_MS + 86_400_000) is None


def test_review_is_recorded_whole_with_what_is_due_next() -> None:
    ledger = open_trade()
    due = []
    for name in (*PATHS[Subject.REVIEW, ProceedingState.REPORTED], "recommendation_followed_up"):
        ledger.record(state(ledger, name))
        due.append(_read(ledger, Subject.REVIEW).due_on)
    # Three weeks after the last day; then the first recommendation with a day; then none.
    assert due == [None, None, "2026-02-26", "2026-12-31", None]
    record = _read(ledger, Subject.REVIEW)
    assert record == ProceedingRecord(
        subject="ZA/review/2026-1",
        kind=Subject.REVIEW,
        state=ProceedingState.REPORTED,
        head=record.head,
        participant="ZA",
        opened_by="KPCS",
        opened_at=NOW_MS,
        title="VISIT",
        due_on=None,
        documents=(PAPER, PAPER),
        recommendations=(
            RecommendationStatus(name="count", due_on="2026-12-31", status=FollowUpStatus.DONE),
            RecommendationStatus(name="train", due_on=None, status=FollowUpStatus.OPEN),
        ),
    )


def test_answers_are_due_when_they_were_asked_for() -> None:
    ledger = open_trade()
    found = []
    for name in ("concern_raised", "concern_answered", "anomaly_questioned", "anomaly_answered"):
        ledger.record(state(ledger, name))
        found.append(_read(ledger, KIND_OF[name]).due_on)
    assert found == ["2026-06-01", None, "2026-05-01", None]


def test_review_at_the_end_of_the_calendar_is_due_never() -> None:
    ledger = _walk(open_trade(), ("review_requested", "review_consented"))
    ledger.now_ms = 253_402_300_799_999
    ledger.record(state(ledger, "review_carried_out", until_day="9999-12-31"))
    assert _read(ledger, Subject.REVIEW).due_on is None


@pytest.mark.parametrize(
    ("status", "judge_of_it"),
    [(Standing.SUSPENDED, "BW/root"), (Standing.REMOVED, CHAIR)],
)
def test_chair_judges_where_the_claimed_issuer_is_no_member(
    status: Standing, judge_of_it: str
) -> None:
    ledger = _walk(open_trade(), ("suspect_reported",))
    ledger.record(make_event(CHAIR, vary(STATUS, status=status, decision=DECISION)))
    head = _read(ledger, Subject.SUSPECT).head
    body = SuspectJudged(verdict=Verdict.FAKE, remarks="")
    outcomes = {
        author: ledger.attempt(make_event(author, body, subject="EU/suspect/1", prev=head))
        for author in ("BW/root", CHAIR)
    }
    assert [author for author, refusal in outcomes.items() if refusal is None] == [judge_of_it]


def test_paper_of_a_country_outside_the_scheme_is_judged_by_the_chair() -> None:
    ledger = open_trade()
    paper = vary(SUSPECT, claimed_issuer="KE", claimed_issue=None, image=PAPER)
    ledger.record(make_event("EU/antwerp", paper, subject="EU/suspect/2"))
    record = ledger.read(ProceedingRecord.key_for("EU/suspect/2"), ProceedingRecord)
    assert (record.participant, record.title, record.documents) == ("KE", "BW 1/2", (PAPER,))
    body = SuspectJudged(verdict=Verdict.FAKE, remarks="")
    event = make_event(CHAIR, body, subject="EU/suspect/2", prev=record.head)
    assert ledger.attempt(event) is None


def test_proceeding_holds_a_bounded_number_of_documents() -> None:
    ledger = _walk(open_trade(), PATHS[Subject.REVIEW, ProceedingState.REPORTED])
    record = _read(ledger, Subject.REVIEW)
    for count, expected in ((MAX_DOCUMENTS - 1, None), (MAX_DOCUMENTS, (Rule.E6, "type"))):
        full = vary(record, documents=(PAPER,) * count)
        ledger.state.pairs[ProceedingRecord.key_for(record.subject)] = encode(full)
        followed = state(ledger, "recommendation_followed_up", document=PAPER)
        assert judgement(ledger.attempt(followed)) == expected


def test_nobody_keeps_a_concern_open_by_filing_documents() -> None:
    ledger = _walk(open_trade(), PATHS[Subject.CONCERN, ProceedingState.ANSWERED])
    full = vary(_read(ledger, Subject.CONCERN), documents=(PAPER,) * MAX_DOCUMENTS)
    ledger.state.pairs[ProceedingRecord.key_for(full.subject)] = encode(full)
    again = state(ledger, "concern_answered", document=PAPER)
    assert judgement(ledger.attempt(again)) == (Rule.E6, "type")
    assert ledger.attempt(state(ledger, "concern_answered", document=None)) is None
    assert ledger.attempt(state(ledger, "concern_closed")) is None


def test_verdict_is_followed_by_another_of_the_same_judge() -> None:
    ledger = _walk(open_trade(), PATHS[Subject.SUSPECT, ProceedingState.JUDGED])
    head = _read(ledger, Subject.SUSPECT).head
    body = SuspectJudged(verdict=Verdict.GENUINE, remarks="")
    by_chair = make_event(CHAIR, body, subject="EU/suspect/1", prev=head)
    assert judgement(ledger.attempt(by_chair)) == (Rule.E2, "author")
    ledger.record(make_event("BW/root", body, subject="EU/suspect/1", prev=head))
    assert _read(ledger, Subject.SUSPECT).state is ProceedingState.JUDGED


@pytest.mark.parametrize(
    ("author", "body", "subject"),
    [
        ("BW/root", CONCERN, "ZA/concern/1"),
        ("BW/root", vary(REVIEW, participant="BW"), "BW/review/1"),
        ("BW/gaborone", vary(SUSPECT, claimed_issuer="ZA"), "BW/suspect/1"),
    ],
)
def test_removed_participant_opens_nothing(author: str, body: Body, subject: str) -> None:
    ledger = open_trade()
    ledger.record(make_event(CHAIR, vary(STATUS, status=Standing.REMOVED)))
    assert judge(ledger, author, body, subject) == (Rule.E4, "author")
