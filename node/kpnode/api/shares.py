"""Shares: what may be under way at once, in all and for one client; and turns at what few may do.

Whatever a client can make a node hold or do (bytes of requests and answers, downloads, questions,
rehearsals) is taken from a bounded capacity. One client has at most its share of it, so that it
cannot keep others out: with 429 it hears that it has its own share, with 503 that all is taken.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Hashable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from kpnode.api.problems import ProblemError, ProblemKind, make_problem

PARTS: Final = 4
"""A client's share is one of so many parts, unless another is named."""


class Held:
    """What one request holds of a capacity; it may grow."""

    def __init__(self, shares: "Shares", client: Hashable) -> None:
        """Hold nothing yet."""
        self._shares = shares
        self._client = client
        self.count = 0

    def add(self, count: int) -> None:
        """Hold so much more.

        Raises:
            ProblemError: it would be too much, for this client (429) or for all (503).
        """
        self._shares.reserve(self._client, count)
        self.count += count


class Shares:
    """A bounded capacity, and what each client has of it."""

    def __init__(self, limit: int, what: str, *, share: int | None = None) -> None:
        """Allow so many in all, and ``share`` of them for one client.

        ``what`` follows a number in what others are told: "downloads of blocks are under way".
        """
        self._limit = limit
        self._share = max(1, limit // PARTS) if share is None else share
        self._what = what
        self._total = 0
        self._taken: Counter[Hashable] = Counter()

    @contextmanager
    def take(self, client: Hashable, count: int = 1) -> Iterator[Held]:
        """Have so many more under way for a client.

        Raises:
            ProblemError: they would be too many, for this client (429) or for all (503).
        """
        held = Held(self, client)
        held.add(count)
        try:
            yield held
        finally:
            self._total -= held.count
            self._taken[client] -= held.count
            if not self._taken[client]:
                # Whoever has nothing is forgotten: strangers have many addresses.
                del self._taken[client]

    def reserve(self, client: Hashable, count: int) -> None:
        """Count so many more for a client; :meth:`take` does so, and gives them back.

        Raises:
            ProblemError: they would be too many, for this client (429) or for all (503).
        """
        own = self._taken[client]
        if self._total + count > self._limit:
            detail = f"{self._total} {self._what}; send this again later"
            raise ProblemError(make_problem(ProblemKind.BUSY, detail))
        if own + count > self._share:
            detail = f"{own} {self._what} for this client alone; send this again later"
            accepted = f"{self._share} at once for one client"
            raise ProblemError(make_problem(ProblemKind.SHARE_TAKEN, detail, accepted=accepted))
        self._total += count
        self._taken[client] += count


class Turns:
    """Turns at something that only a few may do at once; clients who wait take turns.

    However much one client asks for, each other one waits at most for one thing of each client; and
    where two or more may be done at once, no client has all of them.
    """

    def __init__(self, width: int, shares: Shares) -> None:
        """Let ``width`` have their turn at once; ``shares`` bounds them and all that wait."""
        self._width = width
        self._shares = shares
        self._most = max(1, width - 1)
        self._running: Counter[Hashable] = Counter()
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}
        """By client, whoever is next first."""

    @asynccontextmanager
    async def take(self, client: Hashable) -> AsyncIterator[None]:
        """Wait for a turn, and have it.

        Raises:
            ProblemError: too many wait already, of this client (429) or of all (503).
        """
        with self._shares.take(client):
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(client, deque()).append(turn)
            self._give()
            try:
                await turn
                yield
            finally:
                self._end(client, turn)

    def _end(self, client: Hashable, turn: asyncio.Future[None]) -> None:
        if turn.cancelled():
            self._forget(client, turn)
        else:
            self._running[client] -= 1
            if not self._running[client]:
                del self._running[client]
        self._give()

    def _forget(self, client: Hashable, turn: asyncio.Future[None]) -> None:
        waiting = self._waiting[client]
        waiting.remove(turn)
        if not waiting:
            del self._waiting[client]

    def _give(self) -> None:
        """Give turns to those who wait, as long as there are some."""
        while self._running.total() < self._width and (found := self._find_next()) is not None:
            client, turn = found
            self._forget(client, turn)
            if client in self._waiting:
                # Behind all others.
                self._waiting[client] = self._waiting.pop(client)
            self._running[client] += 1
            turn.set_result(None)

    def _find_next(self) -> tuple[Hashable, asyncio.Future[None]] | None:
        for client, waiting in self._waiting.items():
            if self._running[client] < self._most:
                for turn in waiting:
                    # One whose client has left is forgotten when its task hears of it.
                    if not turn.done():
                        return client, turn
        return None
