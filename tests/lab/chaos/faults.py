"""The faults: each begins when its block is entered and is undone when it is left.

All are async context managers over a :class:`FaultContext`; several may be open at once, also on
the same voter or link. What they draw comes from the plan's seed.
"""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final

from lab.chaos.network import Network
from lab.chaos.preload import Preloads
from lab.chaos.proxy import Way
from lab.chaos.voter import Voter, downed
from lab.chaos.watch import HANDOVER, Watch

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class FaultContext:
    """Where faults happen, and what one of them draws."""

    network: Network
    watch: Watch
    chance: random.Random
    tell: Callable[[str], None]
    """Told whom the fault hits."""

    def leader(self) -> str:
        """Give the leader, or any voter if there is none."""
        agreed = self.watch.agreed()
        return agreed[0] if agreed else self.anybody()

    def anybody(self) -> str:
        """Draw a voter."""
        return self.chance.choice(self.network.names)

    def some(self, count: int) -> list[str]:
        """Draw several voters."""
        return self.chance.sample(self.network.names, count)

    @contextmanager
    def ways_held(self, ways: Iterable[Way]) -> Iterator[None]:
        """Let nothing pass these ways."""
        with ExitStack() as held:
            for way in ways:
                held.enter_context(way.held())
            yield

    @contextmanager
    def cut(self, unheard: set[Pair]) -> Iterator[None]:
        """Let nothing that the first of a pair sends reach the second, on whichever connection.

        At the end the connections are reset: they have lost bytes.
        """
        links = self.network.links
        ways = [links[pair].forth for pair in unheard]
        ways += [links[pair[::-1]].back for pair in unheard]
        with self.ways_held(ways):
            yield
            for pair in unheard:
                links[pair].reset()
                links[pair[::-1]].reset()


Fault = Callable[[FaultContext], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def _down(
    context: FaultContext, names: Iterable[str], how: signal.Signals
) -> AsyncIterator[None]:
    """Take voters down, all at the same moment, and start them again at the end."""
    victims = [context.network.voters[name] for name in names]
    fallen = [voter.name for voter in victims]
    context.tell(" ".join(fallen))
    leader = context.leader()
    with ExitStack() as watched:
        watched.enter_context(context.watch.impaired(fallen))
        if leader in fallen:
            kind = HANDOVER if how is signal.SIGTERM else "kill"
            watched.enter_context(context.watch.losing(kind, leader))
        async with downed(victims, how):
            yield


def kill_leader(context: FaultContext) -> AbstractAsyncContextManager[None]:
    """Kill the leader with SIGKILL."""
    return _down(context, [context.leader()], signal.SIGKILL)


def kill_node(context: FaultContext) -> AbstractAsyncContextManager[None]:
    """Kill any voter with SIGKILL."""
    return _down(context, [context.anybody()], signal.SIGKILL)


def kill_majority(context: FaultContext) -> AbstractAsyncContextManager[None]:
    """Kill just as many voters as it takes to stop all progress."""
    return _down(context, context.some(context.network.majority), signal.SIGKILL)


def kill_all(context: FaultContext) -> AbstractAsyncContextManager[None]:
    """Kill every voter."""
    return _down(context, context.network.names, signal.SIGKILL)


def restart_leader(context: FaultContext) -> AbstractAsyncContextManager[None]:
    """Stop the leader in order, so that it hands over."""
    return _down(context, [context.leader()], signal.SIGTERM)


def restart_node(context: FaultContext) -> AbstractAsyncContextManager[None]:
    """Stop any voter in order."""
    return _down(context, [context.anybody()], signal.SIGTERM)


@asynccontextmanager
async def _stop(context: FaultContext, name: str) -> AsyncIterator[None]:
    context.tell(name)
    with (
        context.watch.impaired([name]),
        context.watch.losing("stop", name),
        context.network.voters[name].stopped(),
    ):
        yield


def stop_leader(context: FaultContext) -> AbstractAsyncContextManager[None]:
    """Stop the leader with SIGSTOP, and let it go on believing that it leads."""
    return _stop(context, context.leader())


def stop_node(context: FaultContext) -> AbstractAsyncContextManager[None]:
    """Stop any voter with SIGSTOP."""
    return _stop(context, context.anybody())


@asynccontextmanager
async def isolate_leader(context: FaultContext) -> AsyncIterator[None]:
    """Cut the leader off from the others both ways; clients still reach it."""
    leader = context.leader()
    context.tell(leader)
    with (
        context.watch.impaired([leader]),
        context.watch.losing("isolate", leader),
        context.cut(set(context.network.links_between({leader}))),
    ):
        yield


@asynccontextmanager
async def isolate_nodes(context: FaultContext) -> AsyncIterator[None]:
    """Cut a minority off both ways; it stays together."""
    most = len(context.network.names) - context.network.majority
    names = context.some(context.chance.randint(1, most))
    context.tell(" ".join(names))
    with context.watch.impaired(names), context.cut(set(context.network.links_between(set(names)))):
        yield


@asynccontextmanager
async def cut_one_way(context: FaultContext) -> AsyncIterator[None]:
    """Make a voter mute or deaf, the leader as often as not; the other way is open."""
    name = context.chance.choice((context.leader(), context.anybody()))
    end = context.chance.choice((0, 1))
    context.tell(f"{name} is {('mute', 'deaf')[end]}")
    unheard = {pair for pair in context.network.links if pair[end] == name}
    with context.watch.impaired([name]), context.cut(unheard):
        yield


@asynccontextmanager
async def cut_to_ring(context: FaultContext) -> AsyncIterator[None]:
    """Let each voter hear only its neighbours in a ring; of three voters, two are out of touch."""
    names = context.some(len(context.network.names))
    context.tell(" ".join(names))
    if len(names) == 3:
        near = {frozenset(names[:2]), frozenset(names[1:])}
    else:
        near = {frozenset((names[place - 1], name)) for place, name in enumerate(names)}
    unheard = {pair for pair in context.network.links if frozenset(pair) not in near}
    with context.watch.impaired(names), context.cut(unheard):
        yield


@asynccontextmanager
async def slow_links(context: FaultContext) -> AsyncIterator[None]:
    """Delay all that is sent, or all that one voter sends, by 50 to 500 ms, each time anew."""
    name = context.anybody()
    is_everywhere = context.chance.random() < 0.5
    context.tell("every link" if is_everywhere else f"links of {name}")
    with ExitStack() as slowed:
        slowed.enter_context(context.watch.impaired(context.network.names))
        for pair, link in context.network.links.items():
            if is_everywhere or name in pair:
                slowed.enter_context(link.forth.slowed(0.05, 0.5))
                slowed.enter_context(link.back.slowed(0.05, 0.5))
        yield


@asynccontextmanager
async def stall_links(context: FaultContext) -> AsyncIterator[None]:
    """Hold everything on some links, and let it arrive late, when the world has moved on."""
    links = context.network.links
    pairs = context.chance.sample(list(links), context.chance.randint(1, len(links)))
    context.tell(f"{len(pairs)} of {len(links)} links")
    ways = [way for pair in pairs for way in (links[pair].forth, links[pair].back)]
    with context.watch.impaired(context.network.names), context.ways_held(ways):
        yield


@asynccontextmanager
async def reset_links(context: FaultContext) -> AsyncIterator[None]:
    """Reset connections again and again, each time on other links."""

    async def reset() -> None:
        while True:
            for link in context.network.links.values():
                if context.chance.random() < 0.5:
                    link.reset()
            await asyncio.sleep(context.chance.uniform(0.05, 1))

    context.tell("every link")
    with context.watch.impaired(context.network.names):
        resetting = asyncio.create_task(reset())
        try:
            yield
        finally:
            resetting.cancel()
            await asyncio.gather(resetting, return_exceptions=True)


@asynccontextmanager
async def fill_disk(context: FaultContext) -> AsyncIterator[None]:
    """Fill a voter's disk, so that it latches; free it and start the voter again."""
    voter = _pick(context)
    context.tell(voter.name)
    with context.watch.impaired([voter.name]):
        with voter.full_disk(slack_bytes=context.chance.randrange(1 << 16)):
            yield
        how = context.chance.choice((signal.SIGKILL, signal.SIGTERM))
        async with downed([voter], how):
            pass
        voter.is_full = False


@asynccontextmanager
async def slow_disk(context: FaultContext) -> AsyncIterator[None]:
    """Make each sync of a voter's disk take 20 to 400 ms longer."""
    voter, pause_ms = _pick(context), context.chance.randint(20, 400)
    context.tell(f"{voter.name}, {pause_ms} ms a sync")
    with context.watch.impaired([voter.name]), voter.slow_disk(pause_ms):
        yield


@asynccontextmanager
async def jump_clock(context: FaultContext) -> AsyncIterator[None]:
    """Move a voter's clock by seconds to hours, forth or back, and in the end back to the truth."""
    voter, offset_ms = _pick(context), _draw_offset_ms(context.chance)
    context.tell(f"{voter.name} by {offset_ms / 1000:+.1f} s")
    with context.watch.impaired([voter.name]), voter.wrong_clock(offset_ms):
        yield


@asynccontextmanager
async def drift_clock(context: FaultContext) -> AsyncIterator[None]:
    """Run a voter whose clocks start wrong and go too fast or too slowly, the monotonic one too."""
    voter, rate = _pick(context), context.chance.choice((0.7, 0.9, 1.1, 1.4))
    offset_s = _draw_offset_ms(context.chance) / 1000
    context.tell(f"{voter.name} from {offset_s:+.1f} s at {rate} times the pace")
    with context.watch.impaired([voter.name]):
        await voter.end(signal.SIGTERM)
        await voter.ensure_running(drift=(offset_s, rate))
        yield
        await voter.end(signal.SIGTERM)
        await voter.ensure_running()


def _draw_offset_ms(chance: random.Random) -> int:
    """Draw a second to some hours, each order of magnitude as often."""
    return chance.choice((-1, 1)) * int(10 ** chance.uniform(3, 7.3))


def _pick(context: FaultContext) -> Voter:
    """Draw a voter, the leader as often as not."""
    name = context.chance.choice((context.leader(), context.anybody()))
    return context.network.voters[name]


LEADER_LOSSES: Final[dict[str, Fault]] = {
    one.__name__: one for one in (kill_leader, stop_leader, isolate_leader)
}
_OTHERS: Final[tuple[Fault, ...]] = (
    *(kill_node, kill_majority, kill_all, restart_leader, restart_node, stop_node),
    *(isolate_nodes, cut_one_way, cut_to_ring, slow_links, stall_links, reset_links, fill_disk),
)
_BY_FAKETIME: Final[tuple[Fault, ...]] = (drift_clock,)
_BY_BAD_MACHINE: Final[tuple[Fault, ...]] = (jump_clock, slow_disk)
FAULT_NAMES: Final = tuple(
    sorted((*LEADER_LOSSES, *(one.__name__ for one in _OTHERS + _BY_FAKETIME + _BY_BAD_MACHINE)))
)
"""All faults, also those that this machine cannot do."""


def choose_others(preloads: Preloads) -> dict[str, Fault]:
    """Give all other faults that this machine can do."""
    faults = list(_OTHERS)
    if preloads.faketime is not None:
        faults += _BY_FAKETIME
    if preloads.bad_machine is not None:
        faults += _BY_BAD_MACHINE
    return {one.__name__: one for one in faults}
