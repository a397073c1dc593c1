"""Allowances: how much of something a client may do again and again that is not for its own good.

Events that nobody signed who may: what verifies under keys that count costs nothing, however much
it is; strangers and bad signatures cost one each, and whoever has used its allowance up is told to
come again before anything of what it sends is decoded. And certificates that somebody who is not
listed verifies: whoever guesses numbers would else have all of them within the hour.
"""

import time
from collections.abc import Callable, Hashable
from typing import Final

from kpledger.api.answers import Problem
from kpnode.api.problems import ProblemError, ProblemKind, make_problem

_BURST: Final = 100
"""So much at once."""
EVENTS_PER_S: Final = 10.0
"""Events in vain, again and again."""
VERIFICATIONS_PER_S: Final = 0.2
"""Certificates, again and again: one every five seconds."""
_LONGEST_S: Final = 60
"""How long a client is kept out at most, whatever it sends."""
_CLIENTS: Final = 10_000
"""Clients that are remembered; the longest unheard of are forgotten first."""


def spent_problem() -> Problem:
    """Say that a client has used up what it may send in vain."""
    detail = "too many events of this client were signed by nobody who may sign them"
    accepted = f"{EVENTS_PER_S:g} such events a second"
    return make_problem(ProblemKind.SHARE_TAKEN, detail, accepted=accepted)


def spent_verifications() -> Problem:
    """Say that a client has verified as many certificates as it may."""
    detail = "this client has verified many certificates; come again later, or be listed"
    accepted = f"one in {1 / VERIFICATIONS_PER_S:g} seconds"
    return make_problem(ProblemKind.SHARE_TAKEN, detail, accepted=accepted)


class Allowances:
    """What each client may still do: a leaky bucket for each."""

    def __init__(
        self,
        now_s: Callable[[], float] = time.monotonic,
        *,
        per_s: float = EVENTS_PER_S,
        say_spent: Callable[[], Problem] = spent_problem,
    ) -> None:
        """Remember nobody yet; ``say_spent`` is what a client hears that has had its part."""
        self._now_s = now_s
        self.burst_s = _BURST / per_s
        self._per_s = per_s
        self._say_spent = say_spent
        self._empty_at_s: dict[Hashable, float] = {}
        """When the bucket of a client will be empty again, by client."""

    def of(self, client: Hashable) -> "ClientAllowance":
        """Give the allowance of a client.

        Raises:
            ProblemError: it is spent (429).
        """
        allowance = ClientAllowance(self, client)
        if allowance.is_spent:
            raise ProblemError(self._say_spent())
        return allowance

    def used_s(self, client: Hashable) -> float:
        """Tell in how many seconds nothing of what a client has done will count any more."""
        return max(0.0, self._empty_at_s.get(client, 0.0) - self._now_s())

    def spend(self, client: Hashable, count: int) -> None:
        """Count so many more for a client."""
        used_s = min(self.used_s(client) + count / self._per_s, self.burst_s + _LONGEST_S)
        self._empty_at_s.pop(client, None)
        self._empty_at_s[client] = self._now_s() + used_s
        if len(self._empty_at_s) > _CLIENTS:
            del self._empty_at_s[next(iter(self._empty_at_s))]


class ClientAllowance:
    """The allowance of one client (a :class:`kpnode.runtime.intake.Allowance`)."""

    def __init__(self, allowances: Allowances, client: Hashable) -> None:
        """Count for a client."""
        self._allowances = allowances
        self._client = client

    @property
    def is_spent(self) -> bool:
        """Tell whether there is nothing left."""
        return self._allowances.used_s(self._client) >= self._allowances.burst_s

    def spend(self, count: int) -> None:
        """Count so many more."""
        if count:
            self._allowances.spend(self._client, count)
