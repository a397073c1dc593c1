"""How fast a voter catches up from its leader's log, beside what a replay of the same log makes.

A network of three voters is founded, and a synthetic trade is laid into the log and the state of
two of them, as they would have written it themselves. Its replay is measured in one process, then
the two are started and the third, which has nothing. Half way it is killed, and started again. All
nodes are real processes that sync what they write, and share the machine.
"""

import asyncio
import contextlib
import itertools
import platform
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from checkout import THIS
from clients import HttpConnection
from lab.year.files import load_founded
from lab.year.live import LiveTrade
from processes import measure_cpu_s, measure_memory_mb
from rates import CORES
from replay import cut_blocks, make_blocks, make_envelopes

from kpclient.replay.copied_chain import CopiedChain
from kpclient.replay.verification import audit_chain
from kpledger.base.codec import encode
from kpledger.base.keys import SigningKey
from kpledger.log.audit import AuditVerdict
from kpledger.log.genesis import Genesis
from kpledger.log.statements import Electorate, StatementSigner
from kpnode.config import load_config
from kpnode.devnet import NetworkPlan, open_network
from kpnode.founding import CONFIG_NAME, KEYS_NAME
from kpnode.ledger import Ledger
from kpnode.patience import StandstillError, wait_until
from kpnode.raft import Entry, EntryKind, HardState, Index, NodeId, Term
from kpnode.storage.leveldb import LevelStorage

VOTERS: Final = 3
_STANDSTILL_S: Final = 60.0


class _Position(msgspec.Struct, frozen=True, kw_only=True):
    """How far a node is, as its status says."""

    height: int
    tree_size: int
    leader: str | None
    books: "_Books"


class _Books(msgspec.Struct, frozen=True, kw_only=True):
    height: int | None


@dataclass(frozen=True, slots=True)
class Voter:
    """A voter of the network, started or not."""

    name: str
    config: Path
    database: Path
    url: str

    @property
    def log(self) -> Path:
        """What it prints."""
        return self.config.parent / "node.log"

    def read_key(self) -> SigningKey:
        """Give what it signs with."""
        seed = (self.config.parent / "consensus.seed").read_text(encoding="ascii")
        return SigningKey.from_seed(bytes.fromhex(seed.strip()))

    async def ask(self) -> _Position | None:
        """Ask how far it is; None if it does not answer."""
        with suppress(OSError, asyncio.IncompleteReadError):
            connection = await HttpConnection.open(self.url)
            _, body = await connection.request("GET", "/v1/status")
            await connection.close()
            return msgspec.json.decode(body, type=_Position)
        return None


@dataclass(frozen=True, slots=True)
class _Span:
    """What a voter has caught up with in one stretch."""

    held: int
    """How many events it held at the end."""
    events: int
    """How many of them it caught up with in these seconds."""
    start_s: float
    """From its start until it had caught up with something; before the seconds that count."""
    seconds: float
    voter_cpu_s: float
    leader_cpu_s: float
    memory_mb: int

    def summarise(self) -> dict[str, object]:
        """Give the figures, by event where that says more."""
        events = self.events or 1
        return {
            "events": self.events,
            "start_s": round(self.start_s, 2),
            "events_per_s": round(self.events / self.seconds),
            "voter_cpu_us_per_event": round(self.voter_cpu_s / events * 1e6, 1),
            "leader_cpu_us_per_event": round(self.leader_cpu_s / events * 1e6, 1),
            "voter_memory_mb": self.memory_mb,
        }


def run(events: int, block_events: int, directory: Path) -> dict[str, object]:
    """Found, replay, catch up; twice, because the voter is killed half way."""
    with tempfile.TemporaryDirectory(prefix="kpledger-bench-", dir=directory) as scratch:
        root = Path(scratch) / "network"
        genesis = open_network(root, NetworkPlan(voters=VOTERS, port=0, quotas=False))
        voters = [find_voter(root / node.name) for node in genesis.file.nodes]
        lay_log(genesis, root, voters, events, block_events)
        replayed = _replay(genesis, voters[0])
        started, restarted = asyncio.run(_catch_up(voters, events))
    slower = min(one.events / one.seconds for one in (started, restarted))
    return {
        "benchmark": "catch-up",
        "events": events,
        "block_events": block_events,
        "replay": replayed,
        "started_empty": started.summarise(),
        "restarted": restarted.summarise(),
        # Of the slower of the two.
        "ratio": round(slower / replayed["events_per_s"], 3),
        "cores": CORES,
        "python": platform.python_version(),
    }


def find_voter(directory: Path) -> Voter:
    """Give the node of a directory."""
    path = directory / CONFIG_NAME
    config = load_config(path)
    url = f"http://{config.api.listen}"
    return Voter(config.node.name, path, config.node.database, url)


def lay_log(
    genesis: Genesis, root: Path, voters: list[Voter], events: int, block_events: int
) -> None:
    """Write a log of events into all voters but the last, with the state that follows from it."""
    first, *others = voters[:-1]
    now_ms = time.time_ns() // 1_000_000
    trade = LiveTrade(genesis.chain, load_founded(root / KEYS_NAME))
    electorate = Electorate.of(genesis)
    # The last has promised nothing of what it does not hold.
    signers = [StatementSigner(electorate, one.name, one.read_key(), 1) for one in voters[:-1]]
    envelopes = itertools.islice(make_envelopes(trade, now_ms), events)
    storage = LevelStorage(first.database, chain=genesis.chain, create=False)
    ledger = Ledger(genesis, storage)
    blocks = make_blocks(genesis, signers, cut_blocks(envelopes, block_events), now_ms)
    for block in blocks:
        stored, end = block.stored, block.executed.tip.end
        entry = Entry(Index(end.index), Term(end.term), EntryKind(stored.kind), stored.payload)
        voted = HardState(Term(end.term), NodeId(block.executed.tip.leader or ""))
        storage.put_certificate(end.term, encode(block.final))
        storage.save(voted, (entry,))
        ledger.commit(block.executed)
    storage.close()
    for other in others:
        shutil.rmtree(other.database)
        shutil.copytree(first.database, other.database)


def _replay(genesis: Genesis, voter: Voter) -> dict[str, float]:
    """Measure an audit of a voter's log in one process, as ``kpledger audit --jobs 0`` makes it."""
    started, started_cpu = time.perf_counter(), time.process_time()
    report = audit_chain(genesis, CopiedChain(voter.database.parent), jobs=0)
    seconds, cpu = time.perf_counter() - started, time.process_time() - started_cpu
    if report.verdict is not AuditVerdict.SOUND:
        sys.exit(f"the audit of a sound chain says {report}")
    return {
        "events_per_s": round(report.tree_size / seconds),
        "cpu_us_per_event": round(cpu / report.tree_size * 1e6, 1),
    }


async def _catch_up(voters: list[Voter], events: int) -> tuple[_Span, _Span]:
    """Start all but the last, then the last; kill it half way, and start it again."""
    *holders, last = voters
    async with contextlib.AsyncExitStack() as stack:
        running = {one.name: await stack.enter_async_context(running_voter(one)) for one in holders}
        # Their books would take processors from what is measured.
        found = [await _wait(one, lambda at: _has_books(at, events)) for one in holders]
        leader = running[found[0].leader or ""].pid
        async with running_voter(last) as process:
            started = await _measure(last, process.pid, leader, 0, events // 2)
            process.send_signal(signal.SIGKILL)
            await process.wait()
        held = started.held
        process = await stack.enter_async_context(running_voter(last))
        return started, await _measure(last, process.pid, leader, held, events)


def _has_books(position: _Position, events: int) -> bool:
    is_whole = position.tree_size >= events and position.leader is not None
    return is_whole and position.books.height == position.height


async def _measure(voter: Voter, pid: int, leader: int, first: int, goal: int) -> _Span:
    """Measure a voter that holds ``first`` events from its first further one up to ``goal``."""
    launched = time.perf_counter()
    before = await _wait(voter, lambda position: position.tree_size > first)
    began, voter_cpu_s, leader_cpu_s = (
        time.perf_counter(),
        measure_cpu_s([pid]),
        measure_cpu_s([leader]),
    )
    after = await _wait(voter, lambda position: position.tree_size >= goal)
    return _Span(
        held=after.tree_size,
        events=after.tree_size - before.tree_size,
        start_s=began - launched,
        seconds=time.perf_counter() - began,
        voter_cpu_s=measure_cpu_s([pid]) - voter_cpu_s,
        leader_cpu_s=measure_cpu_s([leader]) - leader_cpu_s,
        memory_mb=measure_memory_mb(pid),
    )


async def _wait(voter: Voter, is_enough: Callable[[_Position], bool]) -> _Position:
    """Wait for a voter as long as it goes forward."""
    try:
        found = await wait_until(
            lambda position: position is not None and is_enough(position),
            voter.ask,
            standstill_s=_STANDSTILL_S,
        )
    except StandstillError as error:
        sys.exit(f"{voter.name}: {error}; it is at {await voter.ask()}, see {voter.log}")
    if found is None:
        raise RuntimeError("nothing cannot be enough")
    return found


@asynccontextmanager
async def running_voter(voter: Voter) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a voter until the end of the block."""
    with voter.log.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *THIS.command("run", "--config", str(voter.config)),
            env=THIS.environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
