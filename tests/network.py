"""A network of real processes for tests (`kpnode devnet`), and events signed for it."""

import asyncio
import os
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import aiohttp
import msgspec
from working import wait_while_working

from kpledger.base.keys import SigningKey
from kpledger.scheme.envelope import sign_event
from kpledger.scheme.event import Author, Body, encode_event
from kpledger.scheme.v1.events.life import NoteFiled
from kpnode.addresses import LOOPBACK
from kpnode.config import format_config, load_config
from kpnode.patience import measure_work, wait_until

T = TypeVar("T")

PATIENCE_S = 60.0
"""So long may nothing move where a test waits for others."""
GLANCE_S = 0.05


class NodeSeen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A node as the devnet command names it."""

    name: str
    api: str
    peers: str
    pid: int
    directory: Path
    config: Path
    log: Path


class NetworkSeen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the devnet command prints when a leader exists."""

    chain: str
    origin: str
    genesis: Path
    keys: Path
    open_to: tuple[str, ...]
    nodes: tuple[NodeSeen, ...]


_decoder = msgspec.json.Decoder(NetworkSeen, dec_hook=lambda _, text: Path(text))


def parse_network(line: bytes) -> NetworkSeen:
    """Read what the devnet command prints when a leader exists."""
    return _decoder.decode(line)


@dataclass(frozen=True, slots=True)
class Network:
    """A running network."""

    process: asyncio.subprocess.Process
    seen: NetworkSeen

    def signing_key(self, name: str) -> SigningKey:
        """Read a development key, as `chair` or `root-BW`."""
        return read_key(self.seen.keys, name)

    def note(self, participant: str = "BW", chain: str | None = None) -> bytes:
        """Sign a statement that every rule accepts: a note, each time another one."""
        return sign_note(self.seen.keys, bytes.fromhex(chain or self.seen.chain), participant)

    def sign(
        self, participant: str, subject: str, body: Body, *, chain: str | None = None
    ) -> bytes:
        """Sign a statement of a participant's root."""
        of = bytes.fromhex(chain or self.seen.chain)
        return sign_statement(self.seen.keys, of, participant, subject, body)

    async def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """Stop it, and give its exit code."""
        self.process.send_signal(how)
        return await wait_for(self.process, self.process.wait())


def read_key(keys: Path, name: str) -> SigningKey:
    """Read a development key of a network, as `chair` or `root-BW`."""
    return SigningKey.from_seed(bytes.fromhex((keys / f"{name}.seed").read_text().strip()))


def sign_statement(keys: Path, chain: bytes, participant: str, subject: str, body: Body) -> bytes:
    """Sign a statement of a participant's root."""
    payload = encode_event(
        chain=chain,
        author=Author(participant=participant, authority="root"),
        nonce=secrets.token_bytes(16),
        occurred_at=time.time_ns() // 1_000_000,
        subject=subject,
        prev=None,
        body=body,
    )
    return sign_event(payload, [read_key(keys, f"root-{participant}")])


def sign_note(keys: Path, chain: bytes, participant: str = "BW") -> bytes:
    """Sign a statement that every rule accepts: a note, each time another one."""
    body = NoteFiled(text="A statement for tests.", references=(), document=None)
    return sign_statement(keys, chain, participant, participant, body)


async def start_kpnode(
    *arguments: str | Path, environment: Mapping[str, str] | None = None, files: int | None = None
) -> asyncio.subprocess.Process:
    """Start the command with both outputs piped; `environment` adds to our own.

    It may have `files` open, and each process that it starts as many.
    """
    prefix = () if files is None else ("prlimit", f"--nofile={files}:{files}")
    return await asyncio.create_subprocess_exec(
        *prefix,
        sys.executable,
        "-m",
        "kpnode",
        *map(str, arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | (environment or {}),
    )


async def run_kpnode(*arguments: str | Path) -> tuple[int, str, str]:
    """Run the command to its end; gives the exit code and both outputs."""
    process = await start_kpnode(*arguments)
    async with ending([process]):
        stdout, stderr = await wait_for(process, process.communicate())
    return process.returncode or 0, stdout.decode(), stderr.decode()


async def init_replica(
    directory: Path, genesis: Path, name: str, api: str, *options: str
) -> NodeSeen:
    """Make a node that does not vote, which tells everybody on this machine what it knows."""
    place = directory / name
    status, _, problem = await run_kpnode(
        *("init", place, "--replica", "--name", name, "--genesis", genesis, "--api", api),
        *("--peers", "127.0.0.1:1", *options),
    )
    assert status == 0, problem
    path = place / "node.toml"
    config = load_config(path)
    path.write_text(
        format_config(
            msgspec.structs.replace(
                config,
                api=msgspec.structs.replace(config.api, tls=False),
                access=msgspec.structs.replace(config.access, addresses=LOOPBACK),
            )
        )
    )
    return NodeSeen(
        name=name,
        api=f"http://{api}",
        peers="",
        pid=0,
        directory=place,
        config=path,
        log=place / "node.log",
    )


async def wait_for(process: asyncio.subprocess.Process, end: Coroutine[None, None, T]) -> T:
    """Wait for something of a process as long as it or those below it do something."""
    return await wait_while_working(process, asyncio.create_task(end), PATIENCE_S)


async def read_line(
    process: asyncio.subprocess.Process, stream: asyncio.StreamReader | None = None
) -> bytes:
    """Read a line of a process's standard output, or of its other one."""
    stream = stream or process.stdout
    assert stream is not None
    return await wait_for(process, stream.readline())


@asynccontextmanager
async def running_network(
    directory: Path,
    *options: str,
    environment: Mapping[str, str] | None = None,
    files: int | None = None,
) -> AsyncIterator[Network]:
    """Run a network in a directory, on free ports if it is new, until the end of the block."""
    ports = ("--port", "0")
    process = await start_kpnode(
        "devnet", directory, *ports, *options, environment=environment, files=files
    )
    try:
        line = await read_line(process)
        if not line:
            _, stderr = await process.communicate()
            raise AssertionError(stderr.decode())
        yield Network(process, parse_network(line))
    finally:
        if process.returncode is None:
            process.terminate()
        # Reads what is left, so that no pipe is closed by the collector.
        await wait_for(process, process.communicate())


Status = dict[str, object]


async def watch(
    nodes: Sequence[NodeSeen],
    is_enough: Callable[[list[Status]], bool],
    session: aiohttp.ClientSession | None = None,
) -> list[Status]:
    """Wait until what the nodes say of themselves is enough, as long as blocks come; gives it."""

    async def look() -> list[Status]:
        return [await ask_status(asking, node) for node in nodes]

    async with nullcontext(session) if session else aiohttp.ClientSession() as asking:
        return await wait_until(is_enough, look, standstill_s=PATIENCE_S, progress=_see_progress)


def _see_progress(found: list[Status]) -> object:
    # Not heights: terms that are opened one after the other are no progress.
    return [(one.get("tree_size"), one.get("books")) for one in found]


async def wait_until_all(network: Sequence[NodeSeen], height: int) -> list[Status]:
    """Wait until each of the nodes has committed a height; gives their status."""
    return await watch(
        network,
        lambda found: all(
            isinstance(one["height"], int) and one["height"] >= height for one in found
        ),
    )


async def ask_status(session: aiohttp.ClientSession, node: NodeSeen) -> Status:
    """Ask a node how it is; a node that does not answer is at height -1."""
    try:
        async with session.get(f"{node.api}/v1/status") as response:
            return msgspec.json.decode(await response.read(), type=Status)
    except aiohttp.ClientError:
        return {"height": -1}


async def end_all(processes: Sequence[asyncio.subprocess.Process]) -> None:
    """Stop processes that a test has started itself, and wait until their storage is closed."""
    for process in processes:
        if process.returncode is None:
            process.terminate()
        await wait_for(process, process.communicate())


@asynccontextmanager
async def ending(processes: Sequence[asyncio.subprocess.Process]) -> AsyncIterator[None]:
    """Stop these processes at the end of the block, also when the test fails."""
    try:
        yield
    finally:
        await end_all([process for process in processes if process.returncode is None])


async def wait_until_status(
    session: aiohttp.ClientSession, node: NodeSeen, **wanted: object
) -> Status:
    """Wait until a node says so of itself, as `role="stopped"`; gives its status."""
    (found,) = await watch([node], lambda found: wanted.items() <= found[0].items(), session)
    return found


async def wait_until_alarm(session: aiohttp.ClientSession, node: NodeSeen, words: str) -> str:
    """Wait until an alarm of a node has these words in it; gives all its alarms."""
    (found,) = await watch([node], lambda found: words in str(found[0].get("alarms")), session)
    return str(found["alarms"])


async def find_leader(session: aiohttp.ClientSession, network: Network) -> NodeSeen:
    """Wait until a node says that it leads, and give it."""
    nodes = network.seen.nodes
    found = await watch(nodes, lambda found: "leader" in map(_role_of, found), session)
    return nodes[[_role_of(one) for one in found].index("leader")]


def _role_of(status: Status) -> object:
    return status.get("role")


async def wait_until_level(session: aiohttp.ClientSession, network: Network) -> list[Status]:
    """Wait until every node and its books stand at one head; gives the status of each."""
    return await watch(network.seen.nodes, _is_level, session)


def _is_level(found: list[Status]) -> bool:
    heads = {str(one.get("head")) for one in found}
    return len(heads) == 1 and "None" not in heads and all(map(_has_books, found))


def _has_books(status: Status) -> bool:
    books = status["books"]
    assert isinstance(books, dict)
    return bool(books["height"] == status["height"])


async def wait_until_ended(pid: int) -> None:
    """Wait until there is no such process, as long as it does something."""

    async def look() -> bool:
        return not is_alive(pid)

    await wait_until(bool, look, standstill_s=PATIENCE_S, progress=lambda _: measure_work(pid))


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that ended and was not yet waited for does not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"
