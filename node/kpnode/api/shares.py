"""Shares: what may be under way at once, in all and for one client; and turns at what few may do.

Whatever a client can make a node hold or do (bytes of requests and answers, downloads, questions,
rehearsals) is taken from a bounded capacity. One client has at most its share of it, so that it
cannot keep others out: with 429 it hears that it has its share, with 503 that all is taken. Those
whom the operator lists have a larger share, and a part that is theirs alone.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, Self

from kpnode.api.client import Client
from kpnode.api.problems import ProblemError, ProblemKind, make_problem
from kpnode.sites import Site

PARTS: Final = 4
"""A client's share is one of so many parts, unless another is named; one part is for listed clients
alone."""
_LISTED: Final = 2
"""So many shares has a client that the operator lists."""
RATE: Final = 32 * 1024
"""Bytes a second that a client has to send of a request, or to take of an answer."""
WINDOW_S: Final = 10.0
"""So far it may fall behind that before it is cut off."""
_LAG_S: Final = 3.0
"""So far, where somebody else waits for what it holds."""
TURN_S: Final = 30.0
"""So long whoever goes on as it should keeps what it holds from those who hold nothing."""


class Held:
    """What one request holds of a capacity, until the context that it is ends.

    Attributes:
        count: how much.
        cut_off: ends the request, if it may give way to others.
        is_paced: whether its client has to go on sending or taking.
        since_s: from when on, by ``time.monotonic``.
    """

    def __init__(
        self,
        shares: "Shares",
        client: Client,
        cut_off: Callable[[], None] | None,
        *,
        is_paced: bool,
    ) -> None:
        """Hold nothing yet; ``is_paced`` if its client has to go on sending or taking."""
        self.client = client
        self.is_paced = is_paced
        self.count = 0
        self.cut_off = cut_off
        self._shares = shares
        self.since_s = time.monotonic()
        self._due_s = self.since_s + WINDOW_S

    def __enter__(self) -> Self:
        """Hold what was taken."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hold nothing any more."""
        self._shares.release(self)

    def add(self, count: int) -> None:
        """Hold so much more.

        Raises:
            ProblemError: it would be too much, for this client (429) or for all (503).
        """
        self._shares.reserve(self, count)

    def went_on(self, size: int) -> None:
        """Note that the client has sent or taken so many bytes."""
        self._due_s = min(self._due_s + size / RATE, time.monotonic() + WINDOW_S)

    @property
    def patience_s(self) -> float:
        """How long the client may take for what comes next; not above zero: it is too late."""
        return self._due_s - time.monotonic()


class Shares:
    """A bounded capacity, and what each client has of it."""

    def __init__(self, limit: int, what: str, *, share: int | None = None) -> None:
        """Allow so many in all, and ``share`` of them for one client that is not listed.

        ``what`` follows a number in what others are told: "downloads of blocks are under way".
        """
        self._limit = limit
        self._open = limit - limit // PARTS
        """For clients that are not listed."""
        self._share = max(1, limit // PARTS) if share is None else share
        self._what = what
        self._total = 0
        self._taken: dict[Site, int] = {}
        """By site; none is zero."""
        self._may_give_way: dict[Held, None] = {}

    def take(
        self,
        client: Client,
        count: int = 1,
        *,
        cut_off: Callable[[], None] | None = None,
        is_paced: bool = True,
    ) -> Held:
        """Have so many more under way for a client, until the context that is given ends.

        With ``cut_off``, which ends the request, it gives way to others when its client lags (if it
        is ``is_paced``), when its site holds more than theirs, or when it has had its turn and they
        hold nothing.

        Raises:
            ProblemError: they would be too many, for this client (429) or for all (503).
        """
        held = Held(self, client, cut_off, is_paced=is_paced)
        held.add(count)
        if cut_off is not None:
            self._may_give_way[held] = None
        return held

    def reserve(self, held: Held, count: int) -> None:
        """Let what is held grow.

        Raises:
            ProblemError: it would be too much, for its client (429) or for all (503).
        """
        site, is_listed = held.client.site, held.client.is_listed
        share = self._share * _LISTED if is_listed else self._share
        limit = self._limit if is_listed else self._open
        own = self._taken.get(site, 0)
        more = own + count - share
        if share < limit and more > 0 and not self._make_room(more, held, site):
            detail = f"{own} {self._what} for this client alone; send this again later"
            accepted = f"{share} at once for one client"
            raise ProblemError(make_problem(ProblemKind.SHARE_TAKEN, detail, accepted=accepted))
        more = self._total + count - limit
        if more > 0 and not self._make_room(more, held):
            detail = f"{self._total} {self._what}; send this again later"
            raise ProblemError(make_problem(ProblemKind.BUSY, detail))
        if count:
            held.count += count
            self._count(site, count)

    def _make_room(self, count: int, newcomer: Held, site: Site | None = None) -> bool:
        """Cut off others, of all or of one site, until there is room for so many.

        Returns:
            Whether there is; where there is not enough, nobody is cut off.
        """
        others = [
            one
            for one in self._may_give_way
            if one is not newcomer and site in (None, one.client.site)
        ]
        chosen = sorted(filter(_lags, others), key=lambda one: one.patience_s)
        if site is None:
            rest = [one for one in others if not _lags(one)]
            chosen += self._find_richer(newcomer, count, rest)
        if sum(one.count for one in chosen) < count:
            return False
        for held in chosen:
            count -= held.count
            self.release(held)
            if held.cut_off is not None:
                held.cut_off()
            if count <= 0:
                break
        return True

    def _find_richer(self, newcomer: Held, count: int, others: list[Held]) -> list[Held]:
        """Find who has more than a newcomer, or has had its turn; who has most, for longest first.

        So however many sites go on as they should, each other one has its turn as well.
        """
        own = self._taken.get(newcomer.client.site, 0)
        ended_s = time.monotonic() - TURN_S
        richer = [
            one
            for one in others
            if newcomer.client.is_listed >= one.client.is_listed
            and (
                self._taken.get(one.client.site, 0) > own + count
                or (own == 0 and one.since_s <= ended_s)
            )
        ]
        return sorted(richer, key=lambda one: (-self._taken.get(one.client.site, 0), one.since_s))

    def release(self, held: Held) -> None:
        """Take back what is held."""
        self._may_give_way.pop(held, None)
        if held.count:
            self._count(held.client.site, -held.count)
            held.count = 0

    def _count(self, site: Site, count: int) -> None:
        self._total += count
        own = self._taken.get(site, 0) + count
        if own:
            self._taken[site] = own
        else:
            # Whoever has nothing is forgotten: strangers have many addresses.
            del self._taken[site]


def _lags(held: Held) -> bool:
    return held.is_paced and held.patience_s < WINDOW_S - _LAG_S


class Turns:
    """Turns at something that only a few may do at once; clients who wait take turns.

    However much one client asks for, each other one waits at most for one thing of each client; and
    where two or more may be done at once, no client has all of them.
    """

    def __init__(self, width: int) -> None:
        """Let ``width`` have their turn at once."""
        self._width = width
        self._most = max(1, width - 1)
        self._running: Counter[Site] = Counter()
        self._waiting: dict[Site, deque[asyncio.Future[None]]] = {}
        """By site, whoever is next first."""

    @asynccontextmanager
    async def take(self, client: Client) -> AsyncIterator[None]:
        """Wait for a turn, and have it."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        site = client.site
        self._waiting.setdefault(site, deque()).append(turn)
        self._give()
        try:
            await turn
            yield
        finally:
            self._end(site, turn)

    def _end(self, site: Site, turn: asyncio.Future[None]) -> None:
        if turn.cancelled():
            self._forget(site, turn)
        else:
            self._running[site] -= 1
            if not self._running[site]:
                del self._running[site]
        self._give()

    def _forget(self, site: Site, turn: asyncio.Future[None]) -> None:
        waiting = self._waiting[site]
        waiting.remove(turn)
        if not waiting:
            del self._waiting[site]

    def _give(self) -> None:
        """Give turns to those who wait, as long as there are some."""
        while self._running.total() < self._width and (found := self._find_next()) is not None:
            site, turn = found
            self._forget(site, turn)
            if site in self._waiting:
                # Behind all others.
                self._waiting[site] = self._waiting.pop(site)
            self._running[site] += 1
            turn.set_result(None)

    def _find_next(self) -> tuple[Site, asyncio.Future[None]] | None:
        for site, waiting in self._waiting.items():
            if self._running[site] < self._most:
                for turn in waiting:
                    # One whose client has left is forgotten when its task hears of it.
                    if not turn.done():
                        return site, turn
        return None
