"""How fast a node that does not vote catches up, beside what an audit makes of the same log.

A network of three voters is founded, and a synthetic trade is laid into the log and the state of
all, as they would have written it themselves. An audit of it is measured, as ``kpledger audit
--copy`` makes it. Then a node that has nothing follows two of the voters. One of them is killed
when half of the log has come. Before the other one stands a liar that first changes a block, then
shows an old end of the chain, then sends blocks without a certificate, and then what it hears.
"""

import asyncio
import platform
import shutil
import sys
import tempfile
import time
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
from aiohttp import web
from catch_up import VOTERS, Voter, find_voter, lay_log, running_voter
from clients import HttpConnection
from middleman import Item, Middleman, corrupt, send, show_no_certificate, standing
from processes import measure_cpu_s, measure_memory_mb
from rates import CORES

from kpclient.replay.copied_chain import CopiedChain
from kpclient.replay.verification import audit_chain
from kpledger.base.codec import encode
from kpledger.log.audit import AuditVerdict
from kpledger.log.certificates import CommitCertificate
from kpledger.log.genesis import Genesis
from kpledger.log.layout import BLOCK_ENTRY
from kpnode.addresses import LOOPBACK, Address, SourceUrl
from kpnode.config import (
    BooksSection,
    BooksStart,
    FollowSection,
    NodeConfig,
    format_config,
    load_config,
)
from kpnode.devnet import NetworkPlan, find_ports, open_network
from kpnode.founding import CONFIG_NAME, GENESIS_NAME, HOST, PlannedNode, init_replica
from kpnode.ledger import Ledger
from kpnode.storage.leveldb import LevelStorage

_STALE_S: Final = 3.0
"""For how long the liar shows an old end of the chain."""
_GLANCE_S: Final = 0.1
_DEADLINE_S: Final = 1800.0


class _Status(msgspec.Struct, frozen=True, kw_only=True):
    """What the node says of itself."""

    height: int
    last_index: int
    tree_size: int
    head: str
    ready: bool
    alarms: tuple[str, ...]


@dataclass
class _Liar:
    """Lies in three ways, one after the other."""

    old: CommitCertificate
    middleman: Middleman
    told: list[str] = field(default_factory=list)
    _stale_since_s: float | None = None

    async def tell(self, response: web.StreamResponse, items: list[Item]) -> None:
        """Tell the next lie, once there is something that can be changed."""
        if not self.told and not any(
            height and stored[1] == BLOCK_ENTRY for height, stored in items
        ):
            await send(response, *items)
        elif not self.told:
            self.told.append("a changed block")
            await corrupt(response, items)
        elif self._stale_since_s is None or time.monotonic() - self._stale_since_s < _STALE_S:
            if self._stale_since_s is None:
                self._stale_since_s = time.monotonic()
                self.told.append("an old end")
            await send(response, (0, encode(self.old)))
        else:
            self.told.append("no certificate")
            self.middleman.tell = None
            await show_no_certificate(response, items)


@dataclass
class _Following:
    """What was seen of the node while it caught up."""

    begun_at: int = 0
    """How many blocks it had when both sources answered."""
    seconds: float = 0.0
    """From then on."""
    cpu_s: float = 0.0
    killed_at: int = 0
    memory_mb: list[int] = field(default_factory=list)
    mapped_mb: int = 0
    """The most that it had with the tables that LevelDB maps."""
    end: _Status | None = None


def run(events: int, block_events: int, directory: Path) -> dict[str, object]:
    """Found, audit, follow."""
    with tempfile.TemporaryDirectory(prefix="kpledger-bench-", dir=directory) as scratch:
        root = Path(scratch) / "network"
        genesis = open_network(root, NetworkPlan(voters=VOTERS, port=0, quotas=False))
        voters = [find_voter(root / node.name) for node in genesis.file.nodes]
        lay_log(genesis, root, voters, events, block_events)
        shutil.rmtree(voters[-1].database)
        shutil.copytree(voters[0].database, voters[-1].database)
        for one in voters:
            _change(one.config, books=BooksSection(start=BooksStart.ASKED))
        replayed = _replay(genesis, voters[0])
        old, goal = _read_ends(genesis, voters[0])
        liar = _Liar(old, Middleman(voters[1].url))
        liar.middleman.tell = liar.tell
        seen, url = asyncio.run(_follow(root, voters, liar, goal))
    end = seen.end
    if end is None:
        sys.exit("the node did not catch up")
    rate = events * (1 - seen.begun_at / goal) / seen.seconds
    return {
        "benchmark": "follow",
        "events": events,
        "block_events": block_events,
        "replay_events_per_s": round(replayed),
        "events_per_s": round(rate),
        "ratio": round(rate / replayed, 3),
        "seconds": round(seen.seconds, 2),
        "cpu_us_per_event": round(seen.cpu_s / events * 1e6, 1),
        "begun_at_block": seen.begun_at,
        "killed_at_block": seen.killed_at,
        "lies": liar.told,
        "names_the_liar": any(url in alarm for alarm in end.alarms),
        "ready": end.ready,
        "memory_mb": seen.memory_mb[:: max(1, len(seen.memory_mb) // 8)],
        "memory_max_mb": max(seen.memory_mb),
        "with_mapped_files_max_mb": seen.mapped_mb,
        "cores": CORES,
        "python": platform.python_version(),
    }


def _change(path: Path, **sections: object) -> NodeConfig:
    """Change sections of a configuration file."""
    config = load_config(path)
    changed: NodeConfig = msgspec.structs.replace(config, **sections)
    path.write_text(format_config(changed), encoding="utf-8")
    return changed


def _replay(genesis: Genesis, voter: Voter) -> float:
    """Measure an audit; gives events a second."""
    started = time.perf_counter()
    report = audit_chain(genesis, CopiedChain(voter.database.parent), jobs=CORES)
    if report.verdict is not AuditVerdict.SOUND:
        sys.exit(f"the audit of a sound chain says {report}")
    return report.tree_size / (time.perf_counter() - started)


def _read_ends(genesis: Genesis, voter: Voter) -> tuple[CommitCertificate, int]:
    """Give the certificate of an early term, and the end of the log."""
    storage = LevelStorage(voter.database, chain=genesis.chain, create=False)
    ledger = Ledger(genesis, storage)
    found = ledger.commits(0, 1)[0], ledger.tip.height
    storage.close()
    return found


def _make_replica(root: Path, sources: tuple[str, ...]) -> Voter:
    """Make the node that follows; nobody asks it for its books."""
    port = find_ports(HOST, range(1))
    api = Address(f"{HOST}:{port}")
    place = root / "obs-1"
    follow = FollowSection(sources=tuple(map(SourceUrl, sources)))
    init_replica(place, PlannedNode("obs-1", "", api, api), root / GENESIS_NAME, {}, follow)
    path = place / CONFIG_NAME
    config = load_config(path)
    _change(
        path,
        books=BooksSection(start=BooksStart.ASKED),
        api=msgspec.structs.replace(config.api, tls=False),
        access=msgspec.structs.replace(config.access, addresses=LOOPBACK),
    )
    return find_voter(place)


async def _follow(
    root: Path, voters: list[Voter], liar: _Liar, goal: int
) -> tuple[_Following, str]:
    seen, (honest, *others) = _Following(), voters
    async with AsyncExitStack() as stack, asyncio.timeout(_DEADLINE_S):
        for one in others:
            await stack.enter_async_context(running_voter(one))
        url = await stack.enter_async_context(standing(liar.middleman))
        for one in others:
            await _wait(one, goal + 1)
        replica = _make_replica(root, (honest.url, url))
        process = await stack.enter_async_context(running_voter(replica))
        # Until it has lied it is the only one that answers; else chance says whether it is asked.
        while not liar.told:  # noqa: ASYNC110 (no event)
            await asyncio.sleep(_GLANCE_S)
        source = await stack.enter_async_context(running_voter(honest))
        await _wait(honest, goal + 1)
        seen.begun_at = 0 if (status := await _ask(replica)) is None else status.last_index
        started = time.perf_counter()
        while seen.end is None:
            await asyncio.sleep(_GLANCE_S)
            status = await _ask(replica)
            if status is None:
                continue
            seen.memory_mb.append(measure_memory_mb(process.pid, "RssAnon"))
            seen.mapped_mb = max(seen.mapped_mb, measure_memory_mb(process.pid))
            if not seen.killed_at and status.last_index >= goal // 2:
                source.kill()
                seen.killed_at = status.last_index
            if status.ready and status.height > goal:
                seen.seconds = time.perf_counter() - started
                seen.cpu_s = measure_cpu_s([process.pid])
                seen.end = status
    return seen, url


async def _wait(voter: Voter, height: int) -> None:
    """Wait until a voter has what was laid, and the opening of a term after it."""
    async with asyncio.timeout(_DEADLINE_S):
        while (found := await _ask(voter)) is None or found.height < height:  # noqa: ASYNC110
            await asyncio.sleep(_GLANCE_S)


async def _ask(voter: Voter) -> _Status | None:
    """Ask a node how it is; None if it does not answer."""
    with suppress(OSError, asyncio.IncompleteReadError):
        connection = await HttpConnection.open(voter.url)
        _, body = await connection.request("GET", "/v1/status")
        await connection.close()
        return msgspec.json.decode(body, type=_Status)
    return None
