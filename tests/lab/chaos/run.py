"""One run: found a network, load it, inject faults, heal it, judge it."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp
from lab.chaos.checker import Kind, Violation, check
from lab.chaos.clients import Client, Workload, now_ms
from lab.chaos.ending import Settled, read_ledgers, settle, stop_all
from lab.chaos.faults import LEADER_LOSSES, FaultContext, choose_others
from lab.chaos.history import History, Note, Outcome, Record
from lab.chaos.network import Network, open_network
from lab.chaos.plan import Episode, Planned, draw_plan
from lab.chaos.preload import Preloads
from lab.chaos.sites import Site
from lab.chaos.voter import Ended, now_s
from lab.chaos.watch import Loss, Watch
from lab.year.files import load_founded

from kpnode.config import RaftSection
from kpnode.founding import KEYS_NAME
from kpnode.patience import StandstillError, wait_until

HISTORY_NAME: Final = "history.jsonl"
_STANDSTILL_S: Final = 30.0
"""So long may nothing move before the network has its first leader."""
_CALM_S: Final = 10.0
_POLL_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Options:
    """What a run is to be."""

    seed: int
    seconds: float
    """How long faults happen."""
    voters: int
    clients: int
    pace_s: float
    """Mean pause of a client between two calls."""
    only: frozenset[str] = frozenset()
    """The faults to choose among; empty: all."""
    raft: RaftSection = field(default_factory=RaftSection)

    @property
    def election_s(self) -> float:
        """The election timeout: after so long without a leader, up to twice, a node campaigns."""
        return self.raft.election_ticks * self.raft.tick_ms / 1000


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it."""

    options: Options
    violations: list[Violation]
    records: list[Record]
    losses: list[Loss]
    leaders: list[tuple[str, int]]
    faults: Counter[str]
    latches: int
    """Nodes with a full disk that stopped taking part, as they should; once for each reason."""
    settled_s: float
    events: int
    """On the ledger in the end."""


class Run:
    """A run under way."""

    def __init__(self, options: Options, directory: Path, say: Callable[[str], None]) -> None:
        """Prepare; ``say`` is told what happens, line by line."""
        self._options = options
        self._directory = directory
        self._say = say
        self._violations: list[Violation] = []
        self._faults = Counter[str]()
        self._begun = now_s()

    async def complete(self, sites: list[Site]) -> Result:
        """Do all of it.

        Raises:
            TimeoutError: the network does not even begin to work.
        """
        preloads = Preloads.prepare(self._directory)
        for what in preloads.missing:
            self._tell(f"left out: {what}")
        options = self._options
        network = await open_network(
            self._directory,
            sites,
            raft=options.raft,
            preloads=preloads,
            seed=options.seed,
            on_ended=self._note_end,
        )
        with (self._directory / HISTORY_NAME).open("wb") as file:
            history = History(file)
            connector = aiohttp.TCPConnector(limit=0)
            async with aiohttp.ClientSession(connector=connector) as session:
                founded = load_founded(self._directory / KEYS_NAME)
                workload = Workload(network, founded, session, history)
                watch = Watch(network, session, history)
                try:
                    settled = await self._load_and_inject(network, watch, workload, preloads)
                finally:
                    self._violations += await stop_all(network)
                    for link in network.links.values():
                        await link.close()
        self._tell("auditing and judging")
        ledgers = await read_ledgers(network, settled.heights)
        self._violations += check(history.records, ledgers)
        return Result(
            options=options,
            violations=self._violations,
            records=history.records,
            losses=watch.losses,
            leaders=watch.leaders,
            faults=self._faults,
            latches=sum(watch.latched.values()),
            settled_s=settled.seconds,
            events=max(len(ledger.events) for ledger in ledgers),
        )

    async def _load_and_inject(
        self, network: Network, watch: Watch, workload: Workload, preloads: Preloads
    ) -> Settled:
        async with running(watch.run()):
            for voter in network.voters.values():
                await voter.ensure_running()
            try:
                await _wait_calm(network, watch)
            except StandstillError as error:
                raise TimeoutError(f"the network had no leader, and {error}") from None
            clients = list(self._make_clients(workload))
            for event in workload.trade.open_offices(now_ms()):
                if await clients[0].bring(event) is not Outcome.OK:
                    raise TimeoutError("an office cannot be opened")
            self._tell(f"{len(network.names)} voters, an office for each participant; faults begin")
            async with asyncio.TaskGroup() as trading:
                for client in clients:
                    trading.create_task(client.run())
                await self._inject_faults(network, watch, workload.history, preloads)
                workload.is_open = False
            self._tell("everything is healed")
            settled = await settle(network, watch, workload)
            self._violations += settled.violations
        self._violations += [
            Violation(Kind.LATCHED, f"{name}: {why}")
            for (name, why), is_allowed in watch.latched.items()
            if not is_allowed
        ]
        return settled

    def _make_clients(self, workload: Workload) -> Iterator[Client]:
        for number in range(self._options.clients):
            chance = random.Random(f"{self._options.seed} client {number}")
            yield Client(f"client {number}", workload, chance, self._options.pace_s)

    async def _inject_faults(
        self, network: Network, watch: Watch, history: History, preloads: Preloads
    ) -> None:
        others, only = choose_others(preloads), self._options.only
        faults = LEADER_LOSSES | others
        plan = draw_plan(
            self._options.seed,
            [name for name in LEADER_LOSSES if name in only or not only],
            [name for name in others if name in only or not only],
        )
        deadline = now_s() + self._options.seconds

        async def do(planned: Planned) -> None:
            await asyncio.sleep(planned.after_s)
            self._faults[planned.fault] += 1

            def tell(whom: str) -> None:
                history.add(Note(at_s=now_s(), what=planned.fault, detail=whom))
                self._tell(f"{planned.fault}: {whom}, for {planned.lasts_s:.1f} s")

            chance = random.Random(planned.seed)
            async with faults[planned.fault](FaultContext(network, watch, chance, tell)):
                await asyncio.sleep(planned.lasts_s)
            history.add(Note(at_s=now_s(), what=planned.fault, detail="over"))

        for episode in plan:
            await self._pause(watch, episode, deadline)
            if now_s() >= deadline:
                return
            async with asyncio.TaskGroup() as together:
                for planned in episode.faults:
                    together.create_task(do(planned))
            await asyncio.sleep(episode.pause_s)

    async def _pause(self, watch: Watch, episode: Episode, deadline: float) -> None:
        """Before a leader is lost alone, let the network recover: what is measured is that loss."""
        until = min(deadline, now_s() + _CALM_S)
        while episode.is_measured and not watch.is_calm and now_s() < until:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)

    def _note_end(self, ended: Ended) -> None:
        self._tell(f"{ended.name} ended by itself with {ended.code}")
        if not ended.disk_was_full:
            problem = f"{ended.name} ended by itself with {ended.code}: {ended.tail}"
            self._violations.append(Violation(Kind.DIED, problem))

    def _tell(self, line: str) -> None:
        self._say(f"{now_s() - self._begun:7.1f} s  {line}")


@asynccontextmanager
async def running(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run something beside the block, until its end."""
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _wait_calm(network: Network, watch: Watch) -> None:
    async def look() -> bool:
        return watch.is_calm

    def see_progress(_: object) -> object:
        seen = watch.heights()
        return seen, [voter.work() for name, voter in network.voters.items() if not seen[name]]

    await wait_until(bool, look, standstill_s=_STANDSTILL_S, progress=see_progress)
