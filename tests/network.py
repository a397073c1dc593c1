"""A network of real processes for tests (`kpnode devnet`), and events signed for it."""

import asyncio
import os
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import msgspec

from kpledger.base.keys import SigningKey
from kpledger.scheme.envelope import sign_event
from kpledger.scheme.event import Author, Body, encode_event
from kpledger.scheme.v1.events.life import NoteFiled

PATIENCE_S = 60.0
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
        return await asyncio.wait_for(self.process.wait(), PATIENCE_S)


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
    stdout, stderr = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    return process.returncode or 0, stdout.decode(), stderr.decode()


async def read_line(stream: asyncio.StreamReader | None) -> bytes:
    """Read a line of an output."""
    assert stream is not None
    return await asyncio.wait_for(stream.readline(), PATIENCE_S)


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
        line = await read_line(process.stdout)
        if not line:
            _, stderr = await process.communicate()
            raise AssertionError(stderr.decode())
        yield Network(process, parse_network(line))
    finally:
        if process.returncode is None:
            process.terminate()
        # Reads what is left, so that no pipe is closed by the collector.
        await asyncio.wait_for(process.communicate(), PATIENCE_S)


async def wait_until_all(network: Sequence[NodeSeen], height: int) -> list[dict[str, object]]:
    """Wait until each of the nodes has committed a height; gives their status."""
    async with aiohttp.ClientSession() as session, asyncio.timeout(PATIENCE_S):
        while True:
            found = [await ask_status(session, node) for node in network]
            if all(isinstance(one["height"], int) and one["height"] >= height for one in found):
                return found
            await asyncio.sleep(GLANCE_S)


async def ask_status(session: aiohttp.ClientSession, node: NodeSeen) -> dict[str, object]:
    """Ask a node how it is; a node that does not answer is at height -1."""
    try:
        async with session.get(f"{node.api}/v1/status") as response:
            return msgspec.json.decode(await response.read(), type=dict[str, object])
    except aiohttp.ClientError:
        return {"height": -1}


async def end_all(processes: Sequence[asyncio.subprocess.Process]) -> None:
    """Stop processes that a test has started itself, and wait until their storage is closed."""
    for process in processes:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.communicate(), PATIENCE_S)


@asynccontextmanager
async def ending(processes: Sequence[asyncio.subprocess.Process]) -> AsyncIterator[None]:
    """Stop these processes at the end of the block, also when the test fails."""
    try:
        yield
    finally:
        await end_all([process for process in processes if process.returncode is None])


async def wait_until_status(
    session: aiohttp.ClientSession, node: NodeSeen, **wanted: object
) -> dict[str, object]:
    """Wait until a node says so of itself, as `role="stopped"`; gives its status."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = await ask_status(session, node)
            if wanted.items() <= found.items():
                return found
            await asyncio.sleep(GLANCE_S)


async def wait_until_alarm(session: aiohttp.ClientSession, node: NodeSeen, words: str) -> str:
    """Wait until an alarm of a node has these words in it; gives all its alarms."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            alarms = str((await ask_status(session, node)).get("alarms"))
            if words in alarms:
                return alarms
            await asyncio.sleep(GLANCE_S)


async def find_leader(session: aiohttp.ClientSession, network: Network) -> NodeSeen:
    """Wait until a node says that it leads, and give it."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            for node in network.seen.nodes:
                if (await ask_status(session, node)).get("role") == "leader":
                    return node
            await asyncio.sleep(GLANCE_S)


async def wait_until_level(
    session: aiohttp.ClientSession, network: Network
) -> list[dict[str, object]]:
    """Wait until every node and its books stand at one head; gives the status of each."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = [await ask_status(session, node) for node in network.seen.nodes]
            heads = {str(one.get("head")) for one in found}
            if len(heads) == 1 and "None" not in heads and all(map(_has_books, found)):
                return found
            await asyncio.sleep(GLANCE_S)


def _has_books(status: dict[str, object]) -> bool:
    books = status["books"]
    assert isinstance(books, dict)
    return bool(books["height"] == status["height"])


async def wait_until_ended(pid: int) -> None:
    """Wait until there is no such process."""
    async with asyncio.timeout(PATIENCE_S):
        while is_alive(pid):  # noqa: ASYNC110 (no event)
            await asyncio.sleep(GLANCE_S)


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that ended and was not yet waited for does not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"
