"""What clients and operators ask of the simulated cluster."""

from collections.abc import Iterable
from itertools import count
from random import Random

from kpnode.raft import (
    ConfigProposed,
    Configuration,
    NodeId,
    Proposed,
    ReadRequested,
    TransferRequested,
)
from kpnode.sim.options import SimOptions

_LONGEST_PADDING = 30

Wish = Proposed | ReadRequested | TransferRequested | ConfigProposed
"""What is asked for under a ticket."""


class Workload:
    """Draws wishes, each under a ticket of its own, which is its payload as well."""

    def __init__(self, prng: Random, names: tuple[NodeId, ...]) -> None:
        self._prng = prng
        self._names = names
        self._tickets = count(1)

    def wishes(self, options: SimOptions) -> Iterable[Wish]:
        """Yield what is asked for in one tick."""
        if self._prng.randrange(1000) < options.propose:
            yield self.proposal()
        if self._prng.randrange(1000) < options.read:
            yield ReadRequested(next(self._tickets))
        if self._prng.randrange(1000) < options.transfer:
            yield TransferRequested(next(self._tickets), self._prng.choice(self._names))
        if self._prng.randrange(1000) < options.reconfigure:
            size = self._prng.randint(1, min(5, len(self._names)))
            voters = tuple(sorted(self._prng.sample(self._names, size)))
            ticket = next(self._tickets)
            yield ConfigProposed(ticket, Configuration(voters, b"%d" % ticket))

    def proposal(self) -> Proposed:
        """Return a new proposal."""
        ticket = next(self._tickets)
        return Proposed(ticket, b"%d" % ticket + b" " * self._prng.randrange(_LONGEST_PADDING))
