"""A network of four voters under an attack by one of them: three processes, clients, and a liar.

Whatever the liar does, what clients were told stays true, and nobody but the liar is accused of
anything: :func:`besieging` looks after that when the attack is over.
"""

import asyncio
import itertools
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import msgspec
import plyvel
from load import Load, places_in, verify_copies
from network import (
    GLANCE_S,
    Network,
    NetworkSeen,
    NodeSeen,
    Status,
    ask_status,
    ending,
    sign_note,
    wait_until_level,
    watch,
)

from attacks.commands import KPLEDGER, run_command
from attacks.lying import Liar, lying, wait_until_met
from attacks.voting import DEADLINE_S, VOTERS, Founded, Watch, found, number
from kpledger.log import layout
from kpledger.log.conviction import Conviction
from kpledger.log.evidence_file import decode_evidence, format_evidence
from kpledger.log.judging import judge
from kpledger.log.statements import Electorate
from kpnode.config import RaftSection, format_config, load_config

CLIENTS = 3
HONEST_TICK_MS, LIAR_TICK_MS = 50, 10
"""The liar is quick to stand for election, so that it leads as soon as nobody else does."""
PAUSE_S = 3.0
"""Longer than an election timeout."""
SKEW_MS = 10_000
ROOM_KB = 80 << 10
"""So much may an honest node grow by during an attack."""


@dataclass(slots=True)
class Siege:
    """Three honest voters, what clients are told by them, and a liar."""

    network: Founded
    honest: tuple[NodeSeen, ...]
    processes: Mapping[str, asyncio.subprocess.Process]
    liar: Liar
    load: Load
    session: aiohttp.ClientSession
    convicted: list[Conviction] = field(default_factory=list)
    """By the evidence that honest nodes have when it is over."""
    refused: list[str] = field(default_factory=list)
    """Events of which a client was told that they are refused, by their ids."""

    @property
    def names(self) -> tuple[str, ...]:
        """Give the honest voters."""
        return tuple(node.name for node in self.honest)

    @property
    def kinds(self) -> set[str]:
        """Give which kinds of evidence have convicted somebody."""
        return {one.kind for one in self.convicted}

    async def ask(self) -> list[Status]:
        return [await ask_status(self.session, node) for node in self.honest]

    async def says(self, words: str) -> bool:
        """Tell whether an alarm of an honest node has these words in it."""
        return any(words in str(one["alarms"]) for one in await self.ask())

    async def until(self, check: Callable[[Status], bool]) -> list[Status]:
        """Wait until all honest nodes say so of themselves, as long as blocks come."""
        return await watch(self.honest, lambda found: all(map(check, found)), self.session)

    async def go_on(self, events: int = 10) -> None:
        """See that events are committed."""
        try:
            await self.load.wait_for_more(events)
        except TimeoutError:
            raise AssertionError(f"nothing is recorded: {await self.ask()}") from None

    async def look(self) -> None:
        """Let the others do something."""
        await asyncio.sleep(GLANCE_S)

    async def submit(self, event: bytes) -> tuple[int, dict[str, object]]:
        """Submit an event to the first honest node; gives the status and the answer."""
        return await Watch(self.session, self.honest).submit(event)

    async def let_lead(self) -> bool:
        """Make whoever leads pause until the others elect the liar; False if they convict it."""
        self.liar.mouth.campaigns = True
        try:
            async with asyncio.timeout(2 * DEADLINE_S):
                await self._wait_for_the_liar()
        except TimeoutError:
            raise AssertionError(f"the liar is not elected: {await self.ask()}") from None
        return self.liar.leads

    async def _wait_for_the_liar(self) -> None:
        # Of whom there is evidence nobody votes for.
        while not self.liar.leads and not await self.says("Evidence"):
            async with self.leaderless():
                with suppress(TimeoutError):
                    async with asyncio.timeout(PAUSE_S):
                        while not self.liar.leads:  # noqa: ASYNC110 (no event)
                            await asyncio.sleep(GLANCE_S)

    @asynccontextmanager
    async def leaderless(self) -> AsyncIterator[None]:
        """Make whoever leads pause until the end of the block; the liar will not see to it."""
        while (leader := self.liar.core.leader) is None:  # noqa: ASYNC110 (no event)
            await asyncio.sleep(GLANCE_S)
        with paused(self.processes[leader]) if leader in self.processes else nullcontext():
            yield


@contextmanager
def paused(process: asyncio.subprocess.Process) -> Iterator[None]:
    """Let a process do nothing until the end of the block."""
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def found_siege(directory: Path) -> tuple[Founded, NodeSeen]:
    """Found a network of which the last voter is to be a liar."""
    network = found(directory, tick_ms=HONEST_TICK_MS, skew_ms=SKEW_MS)
    liar = network.nodes[VOTERS - 1]
    config = load_config(liar.config)
    quick = msgspec.structs.replace(config, raft=RaftSection(tick_ms=LIAR_TICK_MS))
    liar.config.write_text(format_config(quick))
    return network, liar


@asynccontextmanager
async def besieging(directory: Path, *, stops: bool = False) -> AsyncIterator[Siege]:
    """Let a liar be in a network with a small load; then see what it has come to.

    With ``stops`` honest nodes may have stopped with an alarm; else they go on.
    """
    network, node = found_siege(directory / "net")
    honest = tuple(one for one in network.nodes[:VOTERS] if one is not node)
    processes = {one.name: await start(one) for one in honest}
    async with ending(list(processes.values())), aiohttp.ClientSession() as session:
        seen = describe(network, honest)
        # In turn, so that none uses its quota up.
        codes = itertools.cycle(one.code for one in network.genesis.file.participants)
        load = Load(
            Network(processes[honest[0].name], seen),
            lambda: sign_note(seen.keys, network.genesis.chain, next(codes)),
        )
        async with lying(network, node) as liar:
            siege = Siege(network, honest, processes, liar, load, session)
            await siege.until(lambda one: number(one, "height") > 0)
            await wait_until_met(liar, len(honest))
            before = {name: resident_kb(one.pid) for name, one in processes.items()}
            async with load.running(session, CLIENTS):
                await siege.go_on()
                yield siege
                if not stops:
                    await siege.go_on()
        if not stops:
            await wait_until_level(session, load.network)
            await compare_heads(siege)
        accuse_nobody(siege, await siege.ask())
        for name, one in processes.items():
            assert resident_kb(one.pid) < before[name] + ROOM_KB, name
    verify_copies(load, honest, directory)
    places = places_in(directory / f"copy-{honest[0].name}")
    assert not set(siege.refused) & places.keys()
    siege.convicted += await convict(siege, directory)
    assert {name for one in siege.convicted for name in one.culprits} <= {liar.name}


async def start(node: NodeSeen) -> asyncio.subprocess.Process:
    """Start an honest node, which logs to its file."""
    with node.log.open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "kpnode", "run", "--config", str(node.config)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def describe(network: Founded, nodes: tuple[NodeSeen, ...]) -> NetworkSeen:
    """Describe some nodes of a network as ``kpnode devnet`` does."""
    return NetworkSeen(
        chain=network.genesis.chain.hex(),
        origin=network.genesis.file.origin,
        genesis=network.directory / "genesis.json",
        keys=network.directory / "keys",
        open_to=(),
        nodes=nodes,
    )


def accuse_nobody(siege: Siege, statuses: list[Status]) -> None:
    """See that no honest node is blamed for anything, and no disk."""
    for status in statuses:
        alarms = status["alarms"]
        assert isinstance(alarms, list)
        assert all(siege.liar.name in one for one in alarms if "Evidence" in one), alarms
        assert "disk has lost" not in str(alarms)


def resident_kb(pid: int) -> int:
    """Give how much memory a process has."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    raise ProcessLookupError(pid)


async def convict(siege: Siege, copies: Path) -> list[Conviction]:
    """Judge the evidence in copies of the honest nodes' directories with the genesis file alone.

    The command that anybody may do it by comes to the same verdict.
    """
    electorate = Electorate.of(siege.network.genesis)
    convictions = {}
    for node in siege.honest:
        path = copies / f"copy-{node.name}" / layout.DATABASE_DIRECTORY
        with plyvel.DB(str(path)) as database:
            for _, encoded in database.iterator(prefix=layout.EVIDENCE_PREFIX):
                evidence = decode_evidence(encoded)
                convictions[encoded] = judge(evidence, electorate)
                (copies / f"{convictions[encoded].kind}.json").write_bytes(
                    format_evidence(evidence)
                )
    for kind in {one.kind for one in convictions.values()}:
        told = await run_command(
            *(KPLEDGER, "evidence", "verify", copies / f"{kind}.json"),
            *("--genesis", siege.load.network.seen.genesis),
        )
        assert told.code == 0, told.output
        assert f"CONVICTED of a lie: {siege.liar.name} (run by " in told.stdout
    return list(convictions.values())


async def compare_heads(siege: Siege) -> str:
    """Ask all honest nodes for their histories, as an auditor does."""
    heads = [argument for node in siege.honest for argument in ("--heads", node.api)]
    genesis = siege.load.network.seen.genesis
    told = await run_command(KPLEDGER, "audit", "--genesis", genesis, *heads)
    assert told.code == 0, told.output
    return told.stdout
