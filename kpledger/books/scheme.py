"""The state of the scheme at a date: who could trade, what was restricted, what held, who presided.

Standings, restrictions and policy have histories in their records, so an earlier or a later day is
answered as it is known now: a decision that corrected the time of an earlier one counts.
"""

from typing import Final

import msgspec

from kpledger.base.units import day_of, end_of_day_ms
from kpledger.books.database import Books
from kpledger.books.query import Query, select_rows, today_of
from kpledger.books.question import AnyDay, Question
from kpledger.scheme.v1.events.governance import ParticipantKind, Standing
from kpledger.scheme.v1.policy import Policy, resolve_policy
from kpledger.scheme.v1.records import PolicyRecord

_PRESIDENCY: Final = """
SELECT chair, vice_chair, year
FROM presidencies
WHERE known_from <= :time_ms AND (known_until IS NULL OR known_until > :time_ms)
"""


_AWAITED: Final = """
SELECT participant || ' from ' || date(effective_from / 1000, 'unixepoch') FROM standings
WHERE known_until IS NULL AND position = 0 AND effective_from > :time_ms ORDER BY participant
"""


class SchemeQuestion(Question, frozen=True, kw_only=True):
    """Of when."""

    at: AnyDay = ""
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
    rests_on: str
    """The Chair's word, or how many participants have signed for that decision; empty: neither."""
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
    operations: tuple[str, ...]
    """The operations that it is about; empty: all."""
    approver: str
    since: str
    until: str
    """The day on which it ends or lapses; empty: until it is lifted."""
    decision: str
    rests_on: str
    """The Chair's word, or how many participants have signed for that decision; empty: neither."""


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
    awaited: tuple[str, ...]
    """Who is admitted from a later day on, as ``ET from 2027-01-01``."""
    restrictions: tuple[RestrictionAt, ...]
    policy: Policy
    """What holds for all."""
    own_policies: tuple[PolicyAt, ...]


def _respond(books: Books, question: SchemeQuestion) -> SchemeAnswer:
    time_ms = end_of_day_ms(today_of(books, question.at)) if question.at else books.time_ms
    asked = {"time_ms": time_ms}
    members = select_rows(books, MemberAt, "scheme_members.sql", asked)
    presidency = books.connection.execute(_PRESIDENCY, asked).fetchone()
    chair, vice_chair, year = presidency or (None, None, None)
    policies = dict(books.records(PolicyRecord.key_for(""), PolicyRecord))
    network = policies.pop(PolicyRecord.key_for("network"), PolicyRecord(history=()))
    return SchemeAnswer(
        day=day_of(time_ms),
        chair=chair,
        vice_chair=vice_chair,
        year=year,
        participants=members,
        awaited=tuple(told for (told,) in books.connection.execute(_AWAITED, asked)),
        restrictions=select_rows(books, RestrictionAt, "scheme_restrictions.sql", asked),
        policy=resolve_policy(network, None, time_ms),
        own_policies=tuple(
            PolicyAt(
                participant=key.decode().rpartition("/")[2],
                policy=resolve_policy(network, own, time_ms),
            )
            for key, own in policies.items()
        ),
    )


SCHEME: Final = Query(
    "scheme",
    "Who took part and could trade at a date, under which restrictions and policy",
    _respond,
)
