"""A pace at which something may happen for all sites together, fairly."""

import asyncio
import heapq
from itertools import count
from typing import Final

from kpnode.fairness import Buckets
from kpnode.incident import Incident
from kpnode.sites import Site

_SELDOM_PER_S: Final = 1.0
"""A site that has its turn no more often comes before those that do."""


class FairPace:
    """A pace of all sites together, at which those that come too fast wait for their turn.

    Who has had fewer turns lately comes first (a virtual clock: Zhang, SIGCOMM 1990), and where all
    have had many, they take turns: so sites that come as fast as they can keep nobody else waiting
    for long. Belongs to one event loop.
    """

    def __init__(self, per_s: float, burst: int, haste: Incident) -> None:
        """Let it happen so often; ``haste`` is told when somebody has to wait."""
        self._loop = asyncio.get_running_loop()
        self._haste = haste
        self._common = Buckets(burst, per_s, self._loop.time)
        self._lately = Buckets(1, _SELDOM_PER_S, self._loop.time)
        self._waiting: dict[Site, dict[asyncio.Future[None], None]] = {}
        """By site, whoever has waited longest first."""
        self._order: list[tuple[float, int, Site]] = []
        """A heap of the same sites: whose turn is due first, then who came first."""
        self._numbers = count()

    async def take_turn(self, site: Site) -> None:
        """Wait until something may happen for a site."""
        if not self._order and self._common.admits(None):
            self._lately.fill(site, 1)
            return
        self._haste.note(f"one from {site} has to wait")
        turn: asyncio.Future[None] = self._loop.create_future()
        is_first = not self._order
        if site not in self._waiting:
            self._waiting[site] = {}
            self._line_up(site)
        self._waiting[site][turn] = None
        if is_first:
            self._give()
        try:
            await turn
        finally:
            # Only whoever leaves before its turn is still there.
            self._waiting.get(site, {}).pop(turn, None)

    def _line_up(self, site: Site) -> None:
        due_s = self._loop.time() + self._lately.left_s(site)
        heapq.heappush(self._order, (due_s, next(self._numbers), site))

    def _give(self) -> None:
        """Give the turns that there are by now, and come back while somebody waits."""
        while self._order:
            early_s = self._common.early_s(None)
            if early_s > 0:
                self._loop.call_later(early_s, self._give)
                return
            site = heapq.heappop(self._order)[-1]
            waiting = self._waiting[site]
            # One that has left is forgotten when its task hears of it.
            turn = next((one for one in waiting if not one.done()), None)
            if turn is not None:
                del waiting[turn]
                self._common.fill(None, 1)
                self._lately.fill(site, 1)
                turn.set_result(None)
            if turn is None or not waiting:
                del self._waiting[site]
            else:
                self._line_up(site)
