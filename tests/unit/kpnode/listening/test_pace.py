"""A pace that sites share: who has had fewer turns lately comes first."""

import asyncio
import logging
from collections import Counter

import pytest

from kpnode.incident import Incident
from kpnode.listening.pace import FairPace
from kpnode.sites import Site

PER_S = 500.0
PATIENCE_S = 20.0
HEAVY = [Site(f"192.0.2.{place}") for place in range(20)]
LIGHT = Site("198.51.100.1")


class Crowd:
    """Sites that take turns at a pace, in the order in which they get them."""

    def __init__(self, burst: int = 1) -> None:
        haste = Incident(logging.getLogger(__name__), "too fast")
        self.pace = FairPace(PER_S, burst, haste)
        self.served: list[Site] = []
        self.asking: list[asyncio.Task[None]] = []

    async def _ask(self, site: Site) -> None:
        await self.pace.take_turn(site)
        self.served.append(site)

    async def ask(self, *sites: Site) -> None:
        """Begin to wait for a turn each."""
        self.asking += [asyncio.create_task(self._ask(site)) for site in sites]
        await asyncio.sleep(0)

    async def see_out(self) -> None:
        """Wait until everybody has had its turn, or has left."""
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*self.asking, return_exceptions=True)
            while self.pace._order:  # noqa: ASYNC110 (no event)
                await asyncio.sleep(1 / PER_S)
        assert not self.pace._waiting


def test_within_the_burst_nobody_waits(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        crowd = Crowd(burst=40)
        await crowd.ask(*HEAVY, *HEAVY)
        assert crowd.served == [*HEAVY, *HEAVY]
        await crowd.see_out()

    asyncio.run(scenario())
    assert not caplog.messages


def test_a_site_that_comes_seldom_comes_first(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        crowd = Crowd(burst=len(HEAVY))
        # Each has had one turn, so that its next is due in a second.
        await crowd.ask(*HEAVY, *(3 * HEAVY))
        await crowd.ask(LIGHT)
        before = len(crowd.served)
        await crowd.see_out()
        assert len(crowd.served) == 4 * len(HEAVY) + 1
        assert LIGHT in crowd.served[: before + 2]

    asyncio.run(scenario())
    assert caplog.messages == ["too fast: one from 192.0.2.0 has to wait"]


def test_sites_that_come_often_take_turns() -> None:
    async def scenario() -> None:
        crowd = Crowd()
        greedy, other = HEAVY[:2]
        await crowd.ask(*(40 * [greedy]))
        await crowd.ask(*(30 * [other]))
        await crowd.see_out()
        had = Counter(crowd.served[:60])
        assert abs(had[greedy] - had[other]) <= 2

    asyncio.run(scenario())


def test_who_leaves_before_its_turn_takes_none() -> None:
    async def scenario() -> None:
        crowd = Crowd()
        await crowd.ask(*(10 * HEAVY))
        left = crowd.asking[1:-1]
        for one in left[::2]:
            one.cancel()
        await asyncio.sleep(0)
        for one in left[1::2]:
            one.cancel()
        await crowd.ask(LIGHT)
        await crowd.see_out()
        assert len(crowd.served) == sum(not one.cancelled() for one in crowd.asking)
        assert {HEAVY[0], HEAVY[-1], LIGHT} <= set(crowd.served)
        assert len(crowd.served) < len(HEAVY)

    asyncio.run(scenario())
