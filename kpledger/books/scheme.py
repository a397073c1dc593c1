"""The state of the scheme at a date: who could trade, what was restricted, what held, who presided.

Standings, restrictions and policy have histories in their records, so an earlier or a later day is
answered as it is known now: a decision that corrected the time of an earlier one counts.
"""

from typing import Final

import msgspec

from kpledger.base.errors import MalformedError
from kpledger.base.units import day_of, end_of_day_ms
from kpledger.books.database import Books
from kpledger.books.participants import read_participants
from kpledger.books.query import Query, QuestionError
from kpledger.scheme.v1.events.governance import ParticipantKind, Standing
from kpledger.scheme.v1.policy import Policy, resolve_policy
from kpledger.scheme.v1.records import (
    ParticipantRecord,
    PolicyRecord,
    Restriction,
    RestrictionsRecord,
    StandingSince,
)

_PRESIDENCY: Final = """
SELECT chair, vice_chair, year
FROM presidencies
WHERE known_from <= :time_ms AND (known_until IS NULL OR known_until > :time_ms)
"""


class SchemeQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of when."""

    at: str = ""
    """A day: the scheme at its end, UTC. Empty: as of the newest block."""


class MemberAt(msgspec.Struct, frozen=True, kw_only=True):
    """A participant at that time."""

    code: str
    name: str
    kind: ParticipantKind
    status: Standing
    since: str
    """The day from which it has this standing; empty for those of the genesis file."""
    decision: str
    """The decision behind it."""
    interim_until: str
    """Interim: the day on which it lapses unless ratified; empty otherwise."""
    may_trade: bool
    """Whether it may, where no restriction stands in the way."""


class RestrictionAt(msgspec.Struct, frozen=True, kw_only=True):
    """A restriction that held."""

    participant: str
    restriction: str
    scope: str
    mode: str
    zones: tuple[str, ...]
    """The zones that are allowed; empty: it is not about zones."""
    approver: str
    since: str
    until: str
    """The day on which it ends or lapses; empty: until it is lifted."""
    decision: str


class PolicyAt(msgspec.Struct, frozen=True, kw_only=True):
    """What a participant has settled for itself, over what holds for all."""

    participant: str
    policy: Policy


class SchemeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The scheme at a time."""

    day: str
    chair: str | None
    """Null before the first hand-over on this ledger."""
    vice_chair: str | None
    year: int | None
    """The year that the Chair presides for."""
    participants: tuple[MemberAt, ...]
    """In alphabetical order; those that were removed have that standing."""
    restrictions: tuple[RestrictionAt, ...]
    policy: Policy
    """What holds for all."""
    own_policies: tuple[PolicyAt, ...]


def _respond(books: Books, question: SchemeQuestion) -> SchemeAnswer:
    """Give the state of the scheme.

    Raises:
        QuestionError: the day is none.
    """
    time_ms = _read_time(books, question.at)
    members = read_participants(books)
    known = [(one, standing) for one in members if (standing := one.standing_since(time_ms))]
    presidency = books.connection.execute(_PRESIDENCY, {"time_ms": time_ms}).fetchone()
    chair, vice_chair, year = presidency or (None, None, None)
    network = books.record(PolicyRecord.key_for("network"), PolicyRecord) or PolicyRecord(
        history=()
    )
    return SchemeAnswer(
        day=day_of(time_ms),
        chair=chair,
        vice_chair=vice_chair,
        year=year,
        participants=tuple(_describe(record, standing) for record, standing in known),
        restrictions=tuple(
            _restricted(record.code, one)
            for record in members
            for one in _restrictions(books, record.code)
            if one.holds_at(time_ms)
        ),
        policy=resolve_policy(network, None, time_ms),
        own_policies=tuple(
            PolicyAt(participant=record.code, policy=resolve_policy(network, own, time_ms))
            for record in members
            if (own := books.record(PolicyRecord.key_for(record.code or "network"), PolicyRecord))
        ),
    )


SCHEME: Final = Query(
    path="scheme",
    summary="Who took part and could trade at a date, under which restrictions and policy",
    question=SchemeQuestion,
    answer=SchemeAnswer,
    respond=_respond,
)


def _read_time(books: Books, day: str) -> int:
    if not day:
        return books.time_ms
    try:
        return end_of_day_ms(day)
    except MalformedError as error:
        raise QuestionError("at", error.problem, "a day, as 2026-03-02") from None


def _describe(record: ParticipantRecord, standing: StandingSince) -> MemberAt:
    return MemberAt(
        code=record.code,
        name=record.name,
        kind=record.kind,
        status=standing.status,
        since=day_of(standing.effective_from) if standing.effective_from else "",
        decision=standing.decision,
        interim_until=_day(standing.lapses_at),
        may_trade=standing.status is Standing.ACTIVE,
    )


def _restrictions(books: Books, code: str) -> tuple[Restriction, ...]:
    record = books.record(RestrictionsRecord.key_for(code), RestrictionsRecord)
    return () if record is None else record.restrictions


def _restricted(code: str, one: Restriction) -> RestrictionAt:
    ends = [end for end in (one.effective_until, one.lapses_at) if end is not None]
    return RestrictionAt(
        participant=code,
        restriction=one.restriction,
        scope=one.scope,
        mode=one.mode,
        zones=one.zones,
        approver="" if one.approver is None else "/".join(one.approver),
        since=day_of(one.effective_from),
        until=_day(min(ends, default=None)),
        decision=one.decision,
    )


def _day(time_ms: int | None) -> str:
    return "" if time_ms is None else day_of(time_ms)
