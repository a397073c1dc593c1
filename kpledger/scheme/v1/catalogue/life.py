"""Rows of the life of the scheme: reports, reviews, meetings, concerns, observers, notes."""

from typing import Final

from kpledger.scheme.event import Body
from kpledger.scheme.v1.context import Check
from kpledger.scheme.v1.effects import governance as governed, life as effects, notes as noted
from kpledger.scheme.v1.events import life as events
from kpledger.scheme.v1.events.importing import SuspectJudged, SuspectReported
from kpledger.scheme.v1.events.notes import CorrectionMade, NoteFiled
from kpledger.scheme.v1.row import Row
from kpledger.scheme.v1.rules import (
    filings,
    governance,
    notes,
    proceedings,
    standing,
    subject,
    succession,
)
from kpledger.scheme.v1.rules.authorship import AuthorKind

_FIRST: Final[tuple[Check, ...]] = (
    subject.check_subject,
    succession.check_first,
    standing.check_member,
)
_OPEN: Final[tuple[Check, ...]] = (
    subject.check_name,
    standing.check_member,
    proceedings.check_step,
)
_NEXT: Final[tuple[Check, ...]] = (standing.check_member, proceedings.check_step)
_ANSWER: Final[tuple[Check, ...]] = (*_NEXT, proceedings.check_concerned)
_CHAIR: Final = (AuthorKind.CHAIR,)
_CLERK: Final = (AuthorKind.CHAIR, AuthorKind.SECRETARIAT)
_ROOT: Final = (AuthorKind.PARTICIPANT_ROOT,)
_ANY_OFFICE: Final = (AuthorKind.EXPORTING_AUTHORITY, AuthorKind.IMPORTING_AUTHORITY)

LIFE_ROWS: Final[dict[type[Body], Row]] = {
    events.AnnualReportFiled: Row(
        _ROOT, (*_FIRST, filings.check_annual_report), effects.file_report
    ),
    events.ReviewRequested: Row(
        (AuthorKind.CHAIR, AuthorKind.PARTICIPANT_ROOT),
        (*_OPEN, proceedings.check_request),
        effects.open_proceeding,
    ),
    events.ReviewConsented: Row(_ROOT, _ANSWER, effects.proceed),
    events.ReviewCarriedOut: Row(_CLERK, (*_NEXT, proceedings.check_carried_out), effects.proceed),
    events.ReviewReported: Row(_CLERK, (*_NEXT, proceedings.check_review_report), effects.proceed),
    events.RecommendationFollowedUp: Row(
        _ROOT, (*_ANSWER, proceedings.check_follow_up), effects.proceed
    ),
    events.MeetingAnnounced: Row(
        _CHAIR, (*_OPEN, proceedings.check_meeting), effects.open_proceeding
    ),
    events.MeetingHeld: Row(_CLERK, (*_NEXT, proceedings.check_held), effects.proceed),
    events.BodyComposed: Row(_CHAIR, (*_FIRST, filings.check_body), effects.compose_body),
    events.ConcernRaised: Row(_ROOT, (*_OPEN, proceedings.check_concern), effects.open_proceeding),
    events.ConcernAnswered: Row(_ROOT, (*_ANSWER, proceedings.check_answer), effects.proceed),
    events.ConcernClosed: Row(_CHAIR, (*_NEXT, proceedings.check_solution), effects.proceed),
    events.ObserverRegistered: Row(
        _CHAIR, (*_FIRST, governance.check_observer), governed.register_observer
    ),
    events.ObserverWithdrawn: Row(
        _CHAIR, (*_FIRST, governance.check_withdrawal), governed.withdraw_observer
    ),
    SuspectReported: Row(_ANY_OFFICE, (*_OPEN, proceedings.check_suspect), effects.open_proceeding),
    SuspectJudged: Row(
        (AuthorKind.CHAIR, AuthorKind.PARTICIPANT_ROOT, *_ANY_OFFICE),
        (*_NEXT, proceedings.check_judge),
        effects.proceed,
    ),
    NoteFiled: Row(
        (AuthorKind.ANYBODY,), (succession.check_first, notes.check_note), noted.keep_note
    ),
    CorrectionMade: Row(
        (AuthorKind.ANYBODY,), (succession.check_first, notes.check_correction), noted.correct
    ),
}
