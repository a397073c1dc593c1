"""The life of the scheme: reports, reviews, meetings, working groups, concerns, observers, notes.

KPCS VI (plenary, compliance, verification) and the practice of its bodies. Documents stay outside;
their hashes and due dates are here. What takes several steps is a proceeding: a subject of its own
on which one event follows another (:data:`kpledger.scheme.v1.lifecycles.PROCEEDINGS`).

Notes and corrections (the catalogue's events A1 and A2) change nothing: a note says something about
anything, a correction that an earlier event of the same participant should have read otherwise.
"""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from kpledger.base.ids import AuthorityId, EventId, ParticipantCode, PublicKey
from kpledger.scheme.event import Body
from kpledger.scheme.v1.events.base import DocumentHash, LongText, Reference, Text
from kpledger.scheme.v1.events.decisions import ParticipantCodes
from kpledger.scheme.v1.ids import ShortName
from kpledger.scheme.v1.quantities import Day, Year


class AnnualReportFiled(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A participant files its annual report, due on 31 March of the next year."""

    year: Year
    """The year it is about; the subject is ``<code>/report/<year>``."""
    document: DocumentHash
    """Hash of the report."""
    remarks: LongText
    """In words."""


class ReviewKind(StrEnum):
    """How a participant is reviewed (KPCS VI.13)."""

    VISIT = "VISIT"
    """A review visit: voluntary."""
    MISSION = "MISSION"
    """A review mission: on signs of significant non-compliance, with consent."""


class ReviewRequested(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Chair asks a participant for a review, or a participant invites one."""

    participant: ParticipantCode
    """Who is to be reviewed; the subject is ``<code>/review/<name>``."""
    kind: ReviewKind
    """Visit or mission."""
    reason: LongText
    """Why."""


class ReviewConsented(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The participant agrees to its review, or does not."""

    consented: bool
    """Whether it agrees."""
    remarks: LongText
    """In words."""


class ReviewCarriedOut(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The review took place; its report is due three weeks later (KPCS VI.15)."""

    from_day: Day
    """First day."""
    until_day: Day
    """Last day."""
    team: ParticipantCodes
    """Who sent people."""


class Recommendation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that a review asks a participant to do."""

    name: ShortName
    """What it is called, unique in the review."""
    text: LongText
    """What to do."""
    due_on: Day | None
    """By when, if the report says so."""


class ReviewReported(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The report of a review is filed."""

    document: DocumentHash
    """Hash of the report."""
    recommendations: Annotated[tuple[Recommendation, ...], Meta(max_length=60)]
    """What it asks for, in alphabetical order of names."""


class FollowUpStatus(StrEnum):
    """How far a recommendation has been followed."""

    OPEN = "OPEN"
    UNDER_WAY = "UNDER_WAY"
    DONE = "DONE"


class RecommendationFollowedUp(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The participant tells how far it has followed a recommendation."""

    name: ShortName
    """Which recommendation of the review."""
    status: FollowUpStatus
    """How far."""
    text: LongText
    """In words."""
    document: DocumentHash | None
    """Hash of evidence, if there is any."""


class MeetingKind(StrEnum):
    """The two yearly meetings."""

    INTERSESSIONAL = "INTERSESSIONAL"
    PLENARY = "PLENARY"


class MeetingAnnounced(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Chair calls a meeting (KPCS VI.1)."""

    kind: MeetingKind
    """Which; the subject is ``KPCS/meeting/<name>``."""
    from_day: Day
    """First day."""
    until_day: Day
    """Last day."""
    place: Text
    """Where."""


class MeetingHeld(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Chair or the secretariat files the record of a meeting."""

    document: DocumentHash
    """Hash of the communique."""
    present: ParticipantCodes
    """Who took part."""


class BodyKind(StrEnum):
    """What kind of body of the scheme it is."""

    WORKING_GROUP = "WORKING_GROUP"
    COMMITTEE = "COMMITTEE"


class BodyComposed(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Chair records a working group or committee and its members, or that they changed."""

    name: ShortName
    """Its short name, as ``wgs``; the subject is ``KPCS/body/<name>``."""
    title: Text
    """Its full name."""
    kind: BodyKind
    """Working group or committee."""
    chair: ParticipantCode
    """Who chairs it."""
    members: ParticipantCodes
    """The participants in it, its chair among them."""
    observers: Annotated[tuple[AuthorityId, ...], Meta(max_length=50)]
    """The observers in it, in alphabetical order, each once."""
    dissolved: bool
    """Whether it ends with this event."""


class ConcernRaised(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A participant raises a concern about another's compliance (KPCS V(e), VI.16)."""

    participant: ParticipantCode
    """Whom it concerns; the subject is ``<code>/concern/<name>``."""
    text: LongText
    """What the concern is, as far as it may be told to all."""
    document: DocumentHash | None
    """Hash of the paper behind it."""
    answer_due_on: Day | None
    """By when an answer is asked for."""


class ConcernAnswered(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The participant concerned answers."""

    text: LongText
    """Its answer."""
    document: DocumentHash | None
    """Hash of the paper behind it."""


class ConcernClosed(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Chair closes a concern, and tells all the essence and the solution (KPCS V(f))."""

    text: LongText
    """Essence and solution."""


class ObserverKind(StrEnum):
    """What kind of observer it is (KPCS section I, *Observer*)."""

    INDUSTRY = "INDUSTRY"
    CIVIL_SOCIETY = "CIVIL_SOCIETY"
    INTERNATIONAL_ORGANISATION = "INTERNATIONAL_ORGANISATION"
    GOVERNMENT = "GOVERNMENT"
    """Of a state that is no participant, an applicant for instance."""


class ObserverRegistered(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Chair registers an observer: it may read and file notes under its key."""

    observer: AuthorityId
    """Its short name, as ``wdc``; the subject is ``KPCS/<observer>``, and so it signs."""
    title: Text
    """Its full name."""
    kind: ObserverKind
    """What kind."""
    key: PublicKey
    """The key that it reads and signs with."""
    contact: LongText
    """How others reach it."""


class ObserverWithdrawn(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Chair ends an observer's registration; its notes stay."""

    observer: AuthorityId
    """Which; the subject is ``KPCS/<observer>``."""
    reference: Reference
    """The letter or decision behind it."""


class NoteFiled(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Any office, observer or root files a note about any subject."""

    text: LongText
    """The note."""
    references: Annotated[tuple[EventId, ...], Meta(max_length=50)]
    """Events that it is about; ascending, each once."""
    document: DocumentHash | None
    """Hash of a paper behind it."""


class OpeningWithdrawn(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whoever opened a case, a proceeding or a dispute by mistake withdraws it, and says why.

    Its subject is the case, the proceeding, or the certificate of a discrepancy, a diversion, a
    refusal or a seizure. All that was said stays in the history.
    """

    reason: LongText
    """How the mistake came about."""


class EventCountersigned(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Further officers of an office put their signatures to a statement that it made before."""

    event: EventId
    """The statement; its subject is this event's subject, and its author is this one's."""


class CorrectionMade(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A participant corrects a statement of its own that moved nothing by its contents.

    What moved a certificate is corrected by the events made for it: an endorsed amendment, a
    replacement, a resolved discrepancy, a further edition.
    """

    event: EventId
    """The event that is corrected; its subject is this event's subject."""
    body: Annotated[bytes, Meta(min_length=1, max_length=16 * 1024)]
    """The body as it should have read: canonical MessagePack of the same type."""
    reason: LongText
    """Why."""
