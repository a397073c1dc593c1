"""Allowances: how many events a client may send that nobody signed who may.

What verifies under keys that count costs nothing, however much it is. Strangers and bad signatures
cost one each; whoever has used its allowance up is told to come again before anything of what it
sends is decoded.
"""

import time
from collections.abc import Callable, Hashable
from typing import Final

from kpledger.api.answers import Problem
from kpnode.api.problems import ProblemError, ProblemKind, make_problem

_BURST: Final = 100
"""Events at once."""
_PER_S: Final = 10
"""Events a second, again and again."""
_LONGEST_S: Final = 60
"""How long a client is kept out at most, whatever it sends."""
_CLIENTS: Final = 10_000
"""Clients that are remembered; the longest unheard of are forgotten first."""


def spent_problem() -> Problem:
    """Say that a client has used its allowance up."""
    detail = "too many events of this client were signed by nobody who may sign them"
    accepted = f"{_PER_S} such events a second"
    return make_problem(ProblemKind.SHARE_TAKEN, detail, accepted=accepted)


class Allowances:
    """What each client may still send in vain: a leaky bucket for each."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        """Remember nobody yet."""
        self._now_s = now_s
        self._empty_at_s: dict[Hashable, float] = {}
        """When the bucket of a client will be empty again, by client."""

    def of(self, client: Hashable) -> "ClientAllowance":
        """Give the allowance of a client.

        Raises:
            ProblemError: it is spent (429).
        """
        allowance = ClientAllowance(self, client)
        if allowance.is_spent:
            raise ProblemError(spent_problem())
        return allowance

    def used_s(self, client: Hashable) -> float:
        """Tell in how many seconds nothing of what a client has sent will count any more."""
        return max(0.0, self._empty_at_s.get(client, 0.0) - self._now_s())

    def spend(self, client: Hashable, count: int) -> None:
        """Count events for a client."""
        used_s = min(self.used_s(client) + count / _PER_S, _BURST / _PER_S + _LONGEST_S)
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
        return self._allowances.used_s(self._client) >= _BURST / _PER_S

    def spend(self, count: int) -> None:
        """Count so many more."""
        if count:
            self._allowances.spend(self._client, count)
