"""Allowances: how much of something a client may do again and again that is not for its own good.

Events that nobody signed who may, that are none, or that are on the ledger already: what verifies
under keys that count costs nothing, however much it is; others cost one each, and whoever has used
its allowance up is told to come again before anything of what it sends is decoded. And certificates
that somebody who is not listed verifies: whoever guesses numbers would else have all of them within
the hour.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from kpledger.api.answers import Problem
from kpnode.api.problems import ProblemError, ProblemKind, make_problem
from kpnode.fairness import Buckets

_BURST: Final = 100
"""So much at once."""
EVENTS_PER_S: Final = 10.0
"""Events in vain, again and again."""
VERIFICATIONS_PER_S: Final = 0.2
"""Certificates, again and again: one every five seconds."""


SPENT_EVENTS: Final = make_problem(
    ProblemKind.SHARE_TAKEN,
    "too many events of this client were signed by nobody who may sign them, were no events,"
    " or were on the ledger already",
    accepted=f"{EVENTS_PER_S:g} such events a second",
)
SPENT_VERIFICATIONS: Final = make_problem(
    ProblemKind.SHARE_TAKEN,
    "this client has verified many certificates; come again later, or be listed",
    accepted=f"one in {1 / VERIFICATIONS_PER_S:g} seconds",
)


class Allowances:
    """What each client may still do."""

    def __init__(self, *, per_s: float = EVENTS_PER_S, spent: Problem = SPENT_EVENTS) -> None:
        """Remember nobody yet; ``spent`` is what a client hears that has had its part."""
        self._buckets = Buckets(_BURST, per_s)
        self._spent = spent

    def of(self, client: Hashable) -> "ClientAllowance":
        """Give the allowance of a client.

        Raises:
            ProblemError: it is spent (429).
        """
        allowance = ClientAllowance(self._buckets, client, self._spent)
        allowance.require()
        return allowance


@dataclass(frozen=True, slots=True)
class ClientAllowance:
    """The allowance of one client (a :class:`kpnode.runtime.intake.Allowance`)."""

    buckets: Buckets
    client: Hashable
    spent: Problem

    def require(self) -> None:
        """Go on only if there is something left.

        Raises:
            ProblemError: there is not (429).
        """
        if self.is_spent:
            raise ProblemError(self.spent)

    @property
    def is_spent(self) -> bool:
        """Tell whether there is nothing left."""
        return self.buckets.is_full(self.client)

    def spend(self, count: float) -> None:
        """Count so many more."""
        self.buckets.fill(self.client, count)
