"""The year, put together: who lives it, what is planted in it, and the events it comes to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from random import Random

from lab.year.days import YEAR_END_MS, YEAR_START_MS
from lab.year.fates import deal_fates, draw_fates
from lab.year.flows import Flows, Plan
from lab.year.fraud import Planter
from lab.year.participants import Participants
from lab.year.planted import Cases
from lab.year.proceedings import Proceedings
from lab.year.returns import Returns
from lab.year.scheme import Scheme
from lab.year.shipments import Shipments
from lab.year.signer import Signer, TimedEvent
from lab.year.tables import Tables
from lab.year.timeline import Timeline

from kpledger.base.keys import SigningKey
from kpledger.log.genesis import Genesis

CERTIFICATES_MIN = 600
"""With fewer the smallest producers have none in some quarter."""

TRADE_CERTIFICATES_MIN = 50
"""With fewer there is not one for each origin, hub and fate."""

CERTIFICATES_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Year:
    """A synthetic year that is ready to be lived, once."""

    genesis: Genesis
    participants: Participants
    timeline: Timeline
    shipments: Shipments
    cases: Cases
    """What was planted; complete when the last event was given."""

    def events(self) -> Iterator[TimedEvent]:
        """Give every event in the order of time."""
        return self.timeline.live()


def make_year(
    tables: Tables, *, certificates: int, seed: int, fraud: bool, repeats: bool = False
) -> Year:
    """Prepare a year of about so many certificates.

    With ``repeats`` nothing happens in it that could not happen in the same way every year: nobody
    is suspended, and no key but those of the founding changes.

    Raises:
        ValueError: fewer than :data:`CERTIFICATES_MIN`.
    """
    if not CERTIFICATES_MIN <= certificates <= CERTIFICATES_MAX:
        problem = f"not from {CERTIFICATES_MIN} to {CERTIFICATES_MAX}"
        raise ValueError(f"{certificates} certificates: {problem}")
    chance = Random(seed)
    participants = Participants(tables, seed)
    genesis = participants.found()
    signer = Signer(genesis.chain, participants, genesis.file.created_at)
    timeline = Timeline(signer)
    shipments = Shipments(participants, signer, timeline, chance, draw_fates(chance))
    proceedings = Proceedings(signer, timeline)
    scheme = Scheme(participants, signer, timeline, chance)
    returns = Returns(participants, signer, timeline, chance)
    planter = Planter(shipments, scheme, returns, Random(seed + 1), planted=fraud, repeats=repeats)
    plan = Plan(certificates, idle=planter.idle, stops=planter.stops)
    flows = Flows(tables, shipments, plan, chance)
    scheme.schedule(repeats=repeats)
    proceedings.schedule(repeats=repeats)
    planter.schedule(flows, certificates)
    flows.schedule(certificates)
    returns.schedule(shipments.expected, flows)
    return Year(genesis, participants, timeline, shipments, planter.cases)


@dataclass(frozen=True, slots=True)
class Trade:
    """The trade of a year on a ledger that was founded elsewhere, lived once.

    The year ends at midnight, UTC; nothing that happens later is known.
    """

    participants: Participants
    shipments: Shipments
    offices: tuple[TimedEvent, ...]
    """What opens an office for every participant."""
    events: tuple[TimedEvent, ...]
    """What happens to shipments, in the order of time."""


def make_trade(
    tables: Tables,
    *,
    certificates: int,
    seed: int,
    chain: bytes,
    founded: Mapping[str, SigningKey],
    stated_ms: int,
) -> Trade:
    """Live the trade of a year of just so many certificates, whose goods are there from the start.

    What was published is met exactly: production by origin, and exports.

    Args:
        tables: what was published.
        certificates: fewer than 60,000 carry the corresponding part of the year; more divide the
            year more finely.
        seed: chooses among the trades that fit.
        chain: the ledger's.
        founded: the keys it was founded with, ``BW/root`` and the Chair's of the year before.
        stated_ms: the time that every event states.

    Raises:
        ValueError: ``certificates`` is out of bounds, or the tables hold too little for so many.
    """
    if not TRADE_CERTIFICATES_MIN <= certificates <= CERTIFICATES_MAX:
        problem = f"not from {TRADE_CERTIFICATES_MIN} to {CERTIFICATES_MAX}"
        raise ValueError(f"{certificates} certificates: {problem}")
    chance = Random(seed)
    participants = Participants(tables, seed, founded)
    signer = Signer(chain, participants, 0, stated_ms)
    timeline = Timeline(signer)
    fates = deal_fates(chance, certificates)
    shipments = Shipments(participants, signer, timeline, chance, iter(fates))
    scheme = Scheme(participants, signer, timeline, chance)
    for code in participants.codes:
        timeline.at(0, partial(scheme.open_house, code))
    plan = Plan(certificates, idle=frozenset(), stops={}, stocked=True)
    Flows(tables, shipments, plan, chance).schedule(len(fates))
    events = tuple(takewhile(lambda one: one.time_ms < YEAR_END_MS, timeline.live()))
    offices = tuple(one for one in events if one.time_ms < YEAR_START_MS)
    return Trade(participants, shipments, offices, events[len(offices) :])
