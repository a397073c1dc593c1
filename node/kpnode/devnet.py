"""A network on one machine: one process for each node, started together and stopped together."""

import asyncio
import secrets
import shutil
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp

from kpledger.log.genesis import MAX_GENESIS_BYTES, NO_QUOTAS, Genesis, GenesisPolicy, parse_genesis
from kpledger.reading import read_text
from kpnode.addresses import Address
from kpnode.config import NodeConfig, load_config
from kpnode.errors import SetupError
from kpnode.founding import (
    CONFIG_NAME,
    GENESIS_NAME,
    HOST,
    KEYS_NAME,
    PEER_PORT_OFFSET,
    found_network,
    plan_nodes,
    read_members,
)
from kpnode.patience import StandstillError, measure_work, wait_until
from kpnode.process import call_on_stop, end_with_parent, run_until_first, stop_process

STANDSTILL_S: Final = 30.0
"""So long may nothing move while a network starts. A large ledger takes as long as it takes."""
STOP_S: Final = 10.0
"""How long a node that is to stop may write nothing before it is killed."""
_DEFAULT_PORT: Final = 7600
_DEFAULT_VOTERS: Final = 4
_DEFAULT_CSV: Final = Path(__file__).parents[2] / "config" / "data" / "participants.csv"
_ANSWER: Final = aiohttp.ClientTimeout(total=5)
_OK: Final = 200
LISTENING_PORTS: Final = range(16_384, 32_768)
"""Where to look for free ports.

Linux gives outgoing connections a port of 32768 and more (``ip_local_port_range``): one of those
may be free when it is looked at and taken by a neighbour's connection before its node listens.
"""
_TRIES: Final = 1_000
_WAVE: Final = 6
"""So many replicas are started at once."""

Report = Callable[[dict[str, object]], None]
"""Is told something, as a JSON object."""


@dataclass(slots=True)
class _Running:
    name: str
    config: NodeConfig
    log: Path
    process: asyncio.subprocess.Process
    api: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPlan:
    """What a new network is to be; None where it was not said."""

    voters: int | None = None
    replicas: int | None = None
    """Nodes that do not vote."""
    port: int | None = None
    """The first port; 0 takes free ones."""
    participants: Path | None = None
    """A CSV file."""
    tls: bool = False
    """Whether the API is served over TLS."""
    quotas: bool = True
    """Whether an office may file so much a day only (rule E15)."""


def open_network(directory: Path, plan: NetworkPlan) -> Genesis:
    """Found a network in a directory, or find the one that is there.

    Raises:
        SetupError: the directory holds something else, or a network that was founded otherwise
            than planned, a port is taken, or it cannot be founded; the directory is as it was.
    """
    path = directory / GENESIS_NAME
    if path.exists():
        genesis = parse_genesis(read_text(path, max_bytes=MAX_GENESIS_BYTES).encode())
        _check_plan(directory, genesis, plan)
        return genesis
    if directory.exists() and any(directory.iterdir()):
        raise SetupError(f"{directory} is not empty and holds no network")
    found = read_members(plan.participants or _DEFAULT_CSV)
    voters = _DEFAULT_VOTERS if plan.voters is None else plan.voters
    replicas = plan.replicas or 0
    port = _DEFAULT_PORT if plan.port is None else plan.port
    nodes = plan_nodes(found, voters, port or _find_ports_for(voters + replicas), replicas=replicas)
    for node in nodes:
        _check_ports(node.name, node.api, node.peers)
    directory.mkdir(parents=True, exist_ok=True)
    try:
        policy = GenesisPolicy() if plan.quotas else NO_QUOTAS
        return found_network(directory, found, nodes, api_tls=plan.tls, policy=policy)
    except BaseException:
        for entry in directory.iterdir():
            shutil.rmtree(entry, ignore_errors=True)
        raise


def _find_ports_for(nodes: int) -> int:
    places = range(nodes)
    return find_ports(HOST, (*places, *(PEER_PORT_OFFSET + place for place in places)))


def _check_plan(directory: Path, genesis: Genesis, plan: NetworkPlan) -> None:
    """Refuse to run a network that was founded otherwise than somebody says now."""
    nodes, voters = genesis.file.nodes, len(genesis.file.voters)
    replicas = len(nodes) - voters
    first = load_config(directory / nodes[0].name / CONFIG_NAME).api
    if plan.voters not in (None, voters):
        raise _contradiction(directory, "--voters", f"with {voters} voters")
    if plan.replicas not in (None, replicas):
        raise _contradiction(directory, "--replicas", f"with {replicas} replicas")
    if plan.port not in (None, 0, first.listen.port):
        raise _contradiction(directory, "--port", f"on port {first.listen.port}")
    if plan.tls and not first.tls:
        raise _contradiction(directory, "--api-tls", "without it")
    if not plan.quotas and genesis.file.policy != NO_QUOTAS:
        raise _contradiction(directory, "--no-quotas", "without it")
    if plan.participants is not None:
        known = [(one.code, one.name, one.kind) for one in genesis.file.participants]
        if known != [(one.code, one.name, one.kind) for one in read_members(plan.participants)]:
            raise _contradiction(directory, "--participants", "with others")


def _contradiction(directory: Path, option: str, how: str) -> SetupError:
    problem = f"the network in {directory} was founded {how}"
    return SetupError(f"{option}: {problem}; leave it out, or take another directory")


async def run_network(
    directory: Path, genesis: Genesis, *, on_ready: Report, on_ended: Report
) -> None:
    """Run every node of a network until it is told to stop; they end if this process does.

    A node that ends by itself is reported and not started again: losing one is what such a network
    is for.

    Args:
        directory: where the network lives.
        genesis: what it was founded on.
        on_ready: told about the network when a leader exists.
        on_ended: told about a node that ended by itself.

    Raises:
        SetupError: a port is taken, a node does not start, or no leader appears.
    """
    names = [node.name for node in genesis.file.nodes]
    configs = {name: load_config(directory / name / CONFIG_NAME) for name in names}
    for config in configs.values():
        _check_ports(config.node.name, config.api.listen, config.peers.listen)
    stopping = asyncio.Event()
    call_on_stop(stopping.set)
    running: list[_Running] = []
    watchers: list[asyncio.Task[None]] = []
    try:
        for wave in plan_waves(genesis):
            started = [await _start(directory / name, configs[name]) for name in wave]
            running += started
            await run_until_first(stopping.wait(), _wait_ready(started))
            if stopping.is_set():
                return
        on_ready(_describe(directory, genesis, running))
        watchers = [asyncio.create_task(_watch(node, stopping, on_ended)) for node in running]
        await stopping.wait()
    finally:
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*(stop_process(node.process, STOP_S) for node in running))


def plan_waves(genesis: Genesis) -> Iterator[tuple[str, ...]]:
    """Give the names of nodes that are started together: all voters, then a few replicas each time.

    Each wave starts when the one before is ready, so that whoever is followed answers.
    """
    voters = genesis.file.voters
    yield tuple(node.name for node in genesis.file.nodes if node.name in voters)
    replicas = [node.name for node in genesis.file.nodes if node.name not in voters]
    for first in range(0, len(replicas), _WAVE):
        yield tuple(replicas[first : first + _WAVE])


def find_ports(host: str, offsets: Iterable[int]) -> int:
    """Find a first port so that it and all at the offsets from it are free on a host's address.

    Raises:
        SetupError: there seem to be none.
    """
    wanted = tuple(offsets)
    for _ in range(_TRIES):
        first = LISTENING_PORTS.start + secrets.randbelow(len(LISTENING_PORTS) - max(wanted))
        if all(is_free(host, first + offset) for offset in wanted):
            return first
    raise SetupError(f"no {len(wanted)} free ports found on {host}")


def is_free(host: str, port: int) -> bool:
    """Tell whether a node could listen there."""
    with socket.socket() as probe:
        # As the node itself does; else a port would look taken for a minute after a stop.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _check_ports(name: str, *addresses: Address) -> None:
    """See that a node can listen, so that no stranger on its port is taken for it."""
    for address in addresses:
        if not is_free(address.host, address.port):
            raise SetupError(f"{address} is taken by another program; {name} needs it")


async def _start(directory: Path, config: NodeConfig) -> _Running:
    log = directory / "node.log"
    with log.open("ab") as stream:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "kpnode",
            "run",
            "--config",
            str(directory / CONFIG_NAME),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            # Ctrl-C reaches the whole group; the nodes are to be stopped by us, in order.
            process_group=0,
            preexec_fn=end_with_parent,
        )
    scheme = "https" if config.api.tls else "http"
    return _Running(config.node.name, config, log, process, f"{scheme}://{config.api.listen}")


async def _wait_ready(running: Sequence[_Running]) -> None:
    """Wait until every node can take part, for as long as those that cannot yet do something.

    Raises:
        SetupError: a node has ended, or nothing moves any more.
    """
    # The nodes are our own children on this machine: their TLS is not what is examined here.
    connector = aiohttp.TCPConnector(ssl=False)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def look() -> list[int | None]:
            return await asyncio.gather(*(_look_at(session, node) for node in running))

        try:
            await wait_until(
                lambda seen: set(seen) == {_OK},
                look,
                standstill_s=STANDSTILL_S,
                progress=lambda seen: _see_progress(running, seen),
            )
        except StandstillError as error:
            logs = ", ".join(str(node.log) for node in running)
            raise SetupError(f"there is no leader, and {error}; see {logs}") from None


def _see_progress(running: Sequence[_Running], seen: Sequence[int | None]) -> object:
    """What does not answer yet may be at work."""
    silent = [node.process.pid for node, told in zip(running, seen, strict=True) if told is None]
    return seen, measure_work(*silent)


async def _look_at(session: aiohttp.ClientSession, node: _Running) -> int | None:
    """Ask whether a node can take part; gives the status of its answer, None without one.

    Raises:
        SetupError: it has ended.
    """
    if node.process.returncode is not None:
        tail = node.log.read_text(errors="replace").strip().splitlines()[-1:]
        problem = tail[0] if tail else "it said nothing"
        raise SetupError(f"{node.name} did not start: {problem}")
    with suppress(aiohttp.ClientError, OSError, TimeoutError):
        async with session.get(f"{node.api}/health/ready", timeout=_ANSWER) as response:
            return response.status
    return None


def _describe(directory: Path, genesis: Genesis, running: Sequence[_Running]) -> dict[str, object]:
    return {
        "chain": genesis.chain.hex(),
        "origin": genesis.file.origin,
        "genesis": str(directory / GENESIS_NAME),
        "keys": str(directory / KEYS_NAME),
        # Whoever comes from there is told everything.
        "open_to": sorted({one for node in running for one in node.config.access.addresses}),
        "nodes": [
            {
                "name": node.name,
                "api": node.api,
                "peers": str(node.config.peers.listen),
                "pid": node.process.pid,
                "directory": str(node.config.node.directory),
                "config": str(directory / node.name / CONFIG_NAME),
                "log": str(node.log),
            }
            for node in running
        ],
    }


async def _watch(node: _Running, stopping: asyncio.Event, on_ended: Report) -> None:
    code = await node.process.wait()
    if not stopping.is_set():
        on_ended({"node": node.name, "exit": code})
