"""E15: quotas, so that no key, office or participant fills a ledger that is kept for ever.

An office has a quota for each kind of events (:class:`Kind`), in units a day by the policy of the
scheme. An event counts as one unit for every :data:`UNIT_BYTES` begun of its envelope: so the quota
bounds the number of events and their bytes. What is not used adds up for a week: an office that
had no line for so long may send all at once. All offices of a participant share some of these
quotas (``quota_offices``), so that registering further offices gains little; who registers them
(the root, the Chair) and the secretariat file on their own account alone, and none of theirs can
use it up.

It is the generic cell rate algorithm (ITU-T I.371, *theoretical arrival time*) over block time: one
integer for each office and kind says up to when the quota is used up.
"""

import functools
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kpledger.base.ids import KPCS
from kpledger.base.state import Record
from kpledger.base.units import DAY_MS, format_time
from kpledger.scheme.event import Body
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, Refusals
from kpledger.scheme.v1.events import (
    BODIES,
    certificate,
    decisions,
    governance,
    importing,
    life,
    statistics,
)
from kpledger.scheme.v1.ids import CHAIR, ROOT, SECRETARIAT

UNIT_BYTES: Final = 2048
"""An event counts as one unit for every so many bytes of its envelope that it begins."""

SAVED_DAYS: Final = 7
"""For how many days a quota adds up that is not used: what may come at once."""

_HEADS: Final = ((KPCS, CHAIR), (KPCS, SECRETARIAT))
"""Who files on its own account alone, as does the root of every participant."""

_DAY_US: Final = DAY_MS * 1000
_SAVED_US: Final = SAVED_DAYS * _DAY_US


class Kind(StrEnum):
    """The kinds of events that have a quota each: fields of a quota record, and of the policy."""

    TRADE = "trade"
    STATISTICS = "statistics"
    GOVERNANCE = "governance"
    NOTES = "notes"


_OF_GROUP: Final = {
    certificate.__name__: Kind.TRADE,
    importing.__name__: Kind.TRADE,
    statistics.__name__: Kind.STATISTICS,
    governance.__name__: Kind.GOVERNANCE,
    decisions.__name__: Kind.GOVERNANCE,
    life.__name__: Kind.NOTES,
}

KINDS: Final[dict[type[Body], Kind]] = {
    **{body: _OF_GROUP[body.__module__] for body in BODIES.values()},
    decisions.ShipmentApproved: Kind.TRADE,
    decisions.ShipmentDeclined: Kind.TRADE,
    importing.SuspectReported: Kind.NOTES,
    importing.SuspectJudged: Kind.NOTES,
    statistics.AnomalyQuestioned: Kind.NOTES,
    statistics.AnomalyAnswered: Kind.NOTES,
    life.EventCountersigned: Kind.TRADE,
    life.OpeningWithdrawn: Kind.TRADE,
    life.ObserverRegistered: Kind.GOVERNANCE,
    life.ObserverWithdrawn: Kind.GOVERNANCE,
}
"""Which quota an event uses, by its type."""

FREE: Final[frozenset[type[Body]]] = frozenset(
    {governance.KeyRevoked, governance.ParticipantRecovered, governance.ChairRecovered}
)
"""What uses none, since a thief who has used up a quota must not keep the owner from it: each key
is revoked once at most, and a recovery takes the signatures of several parties."""


class QuotaRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of its quotas an office has used, or all offices of a participant together.

    For each kind of events the instant up to which what was filed uses the quota up, at so many
    units a day; in the past where nothing is used. Unix microseconds of block time.
    """

    trade: int = 0
    statistics: int = 0
    governance: int = 0
    notes: int = 0


@dataclass(frozen=True, slots=True)
class Use:
    """What an event uses of one quota."""

    name: tuple[str, ...]
    """Whose: participant and office, or the participant for all its offices."""
    kind: Kind
    units: int
    """Of the quota, a day."""
    record: QuotaRecord
    """How much was used before."""
    ends_us: int
    """The instant up to which it is used up with this event, Unix microseconds."""

    def __str__(self) -> str:
        """Say whose it is, for a refusal."""
        return "/".join(self.name) if len(self.name) > 1 else f"all offices of {self.name[0]}"


def check_quota(context: Context) -> Refusals:
    """E15: neither the author's quota of such events is used up, nor that of all its offices."""
    now_us = context.at.now_ms * 1000
    for use in find_uses(context):
        free_us = use.ends_us - _SAVED_US
        if free_us > now_us:
            problem = (
                f"the {use.kind} quota of {use} is used up: {use.units} units of {UNIT_BYTES}"
                f" bytes a day; what is not used adds up for {SAVED_DAYS} days"
            )
            # Rounded up, so that it is not refused once more.
            accepted = f"the same, filed again from {format_time(-(-free_us // 1000))} on"
            yield Refusal(Rule.E15, "author", problem, accepted)


@functools.lru_cache(maxsize=1)
def find_uses(context: Context) -> tuple[Use, ...]:
    """Give what an event uses: of its author's quota, and of that of its participant's offices.

    Asked when it is checked, and when it is written, with nothing written in between.
    """
    body, policy = type(context.event.body), context.policy()
    if body in FREE:
        return ()
    kind, author = KINDS[body], context.author
    units: int = getattr(policy, f"{kind}_quota")
    own = _use(context, author, kind, units)
    if author in _HEADS or author[1] == ROOT:
        return (own,)
    return own, _use(context, author[:1], kind, units * policy.quota_offices)


def _use(context: Context, name: tuple[str, ...], kind: Kind, units: int) -> Use:
    record = context.read_or(QuotaRecord(), *name)
    begins_us = max(getattr(record, kind), context.at.now_ms * 1000)
    counted = -(-len(context.event.encoded) // UNIT_BYTES)
    return Use(name, kind, units, record, begins_us + counted * _DAY_US // units)
