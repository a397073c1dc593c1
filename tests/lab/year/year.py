"""The year, put together: who lives it, what is planted in it, and the events it comes to."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from lab.demo.trade_tables import Tables
from lab.year.agenda import Agenda
from lab.year.business import Business
from lab.year.cast import Cast
from lab.year.flows import Flows, Plan
from lab.year.fraud import Planter
from lab.year.lives import Lives
from lab.year.pen import Entry, Pen
from lab.year.planted import Cases
from lab.year.returns import Returns
from lab.year.scheme import Scheme

from kpledger.log.genesis import Genesis

CERTIFICATES_MIN = 600
"""With fewer the smallest producers have none in some quarter."""


@dataclass(frozen=True, slots=True)
class Year:
    """A synthetic year that is ready to be lived, once."""

    genesis: Genesis
    cast: Cast
    agenda: Agenda
    lives: Lives
    cases: Cases
    """What was planted; complete when the last event was given."""

    def events(self) -> Iterator[Entry]:
        """Give every event in the order of time."""
        return self.agenda.live()


def make_year(tables: Tables, *, certificates: int, seed: int, fraud: bool) -> Year:
    """Prepare a year of about so many certificates.

    Raises:
        ValueError: fewer than :data:`CERTIFICATES_MIN`.
    """
    if certificates < CERTIFICATES_MIN:
        raise ValueError(f"{certificates} certificates: not from {CERTIFICATES_MIN} on")
    chance = Random(seed)
    cast = Cast(tables, seed)
    genesis = cast.found()
    pen = Pen(genesis, cast)
    agenda = Agenda(pen)
    lives = Lives(cast, pen, agenda, chance)
    business = Business(pen, agenda)
    scheme = Scheme(cast, pen, agenda, chance)
    returns = Returns(cast, pen, agenda, chance)
    planter = Planter(lives, scheme, returns, Random(seed + 1), planted=fraud)
    plan = Plan(certificates, idle=planter.idle, stops=planter.stops)
    flows = Flows(tables, lives, plan, chance)
    scheme.schedule()
    business.schedule()
    planter.schedule(flows, certificates)
    flows.schedule()
    returns.schedule(lives.chronicle, flows)
    return Year(genesis, cast, agenda, lives, planter.cases)
