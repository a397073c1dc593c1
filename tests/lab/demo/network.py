"""The demonstration's network: ``kpnode devnet`` as a process of its own, watched from outside.

Of the node's code only the way to wait is imported: what is shown is what anybody sees who
starts it.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import aiohttp
import msgspec
from lab.year.files import load_founded

from kpledger.base.keys import SigningKey
from kpledger.log.genesis import Genesis, parse_genesis
from kpnode.patience import StandstillError, measure_work, wait_until
from kpnode.process import end_with_parent, stop_process

_STANDSTILL_S = 60.0
"""So long may nothing move before the demonstration is given up."""


class NetworkError(Exception):
    """The network did not do what it was started for."""


class NodePlace(msgspec.Struct, frozen=True, kw_only=True):
    """A node as ``kpnode devnet`` announces it."""

    name: str
    api: str
    pid: int
    directory: Path
    config: Path
    log: Path


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """What ``kpnode devnet`` prints when a leader exists."""

    chain: str
    genesis: Path
    keys: Path
    open_to: tuple[str, ...]
    nodes: tuple[NodePlace, ...]


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """Where a node stands, of what its status says."""

    node: str
    role: str
    term: int
    leader: str | None
    height: int
    tree_size: int
    head: str


@dataclass(frozen=True, slots=True)
class Network:
    """A running network."""

    process: asyncio.subprocess.Process
    announcement: Announcement
    genesis: Genesis
    founded: Mapping[str, SigningKey]
    """The keys of the founding by their labels in the year, ``BW/root``."""
    session: aiohttp.ClientSession
    restarted: list[asyncio.subprocess.Process]

    @classmethod
    async def start(cls, directory: Path, *, participants: Path, voters: int, port: int) -> Self:
        """Found and start a network in a new directory.

        Raises:
            NetworkError: it did not start; says what it printed.
        """
        arguments = ["devnet", str(directory), "--voters", str(voters), "--port", str(port)]
        # A year of trade in minutes of block time.
        arguments += ["--no-quotas", "--participants", str(participants)]
        process = await _start_kpnode(*arguments)
        line = b"" if process.stdout is None else await process.stdout.readline()
        try:
            announcement = msgspec.json.decode(line, type=Announcement, dec_hook=_decode_path)
        except msgspec.DecodeError as error:
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
            if not line:
                problem = f"no network started on the ports from {port} on; choose others by --port"
                raise NetworkError(problem) from None
            raise NetworkError(f"kpnode devnet said {line[:200]!r}: {error}") from None
        return cls(
            process,
            announcement,
            parse_genesis(announcement.genesis.read_bytes()),
            load_founded(announcement.keys),
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)),
            [],
        )

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses of the nodes."""
        return tuple(node.api for node in self.announcement.nodes)

    def place(self, name: str) -> NodePlace:
        """Give the node of this name."""
        return next(node for node in self.announcement.nodes if node.name == name)

    async def positions(self) -> tuple[Position, ...]:
        """Ask every node where it stands; those that do not answer are left out."""
        found = await asyncio.gather(*(self._position(url) for url in self.urls))
        return tuple(position for position in found if position is not None)

    async def _position(self, url: str) -> Position | None:
        with suppress(aiohttp.ClientError, OSError, TimeoutError, msgspec.DecodeError):
            async with self.session.get(f"{url}/v1/status") as response:
                return msgspec.json.decode(await response.read(), type=Position)
        return None

    async def wait_for_leader(self, *, above_term: int = 0) -> Position:
        """Wait until a node leads in a later term, and give its position.

        Raises:
            NetworkError: none does, and nothing moves any more.
        """

        def find(positions: Sequence[Position]) -> Position | None:
            leaders = [one for one in positions if one.role == "leader" and one.term > above_term]
            return leaders[0] if leaders else None

        found = find(await self._wait(lambda positions: find(positions) is not None, "no leader"))
        if found is None:
            raise NetworkError("no leader")
        return found

    async def _wait(
        self, is_enough: Callable[[Sequence[Position]], bool], problem: str
    ) -> Sequence[Position]:
        """Wait for the nodes as long as events come, or a node works that does not answer yet.

        Raises:
            NetworkError: nothing moves any more.
        """

        def see_progress(positions: Sequence[Position]) -> object:
            # Not heights: terms that are opened one after the other are no progress.
            sizes = {position.node: position.tree_size for position in positions}
            is_silent = len(sizes) < len(self.urls)
            return sizes, measure_work(*(one.pid for one in self.restarted if is_silent))

        try:
            return await wait_until(
                is_enough, self.positions, standstill_s=_STANDSTILL_S, progress=see_progress
            )
        except StandstillError as error:
            raise NetworkError(f"{problem}: {error}; {await self.positions()}") from None

    async def wait_for_events(self, tree_size: int) -> None:
        """Wait until a node holds more events than so many.

        Raises:
            NetworkError: none does, and nothing moves any more.
        """
        await self._wait(
            lambda positions: any(one.tree_size > tree_size for one in positions), "no event"
        )

    async def kill(self, name: str) -> None:
        """Kill a node's process with SIGKILL."""
        os.kill(self.place(name).pid, signal.SIGKILL)

    async def terminate(self, name: str) -> None:
        """Stop a node cleanly, and wait until it has closed its storage.

        Raises:
            NetworkError: it goes on running, and does nothing.
        """
        pid = self.place(name).pid
        os.kill(pid, signal.SIGTERM)

        async def look() -> bool:
            return not _is_running(pid)

        try:
            await wait_until(
                bool, look, standstill_s=_STANDSTILL_S, progress=lambda _: measure_work(pid)
            )
        except StandstillError as error:
            raise NetworkError(f"{name} does not stop: {error}") from None

    async def restart(self, name: str) -> None:
        """Start a killed node again, on what its disk holds."""
        place = self.place(name)
        with place.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "kpnode", "run", "--config", str(place.config)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        self.restarted.append(process)

    async def wait_until_equal(self) -> Position:
        """Wait until every node stands at the same head, and give that position.

        Raises:
            NetworkError: they do not, and nothing moves any more.
        """

        def is_level(positions: Sequence[Position]) -> bool:
            heads = {position.head for position in positions}
            return len(positions) == len(self.urls) and len(heads) == 1

        positions = await self._wait(is_level, "the nodes did not come to one head")
        return positions[0]

    async def stop(self) -> int:
        """Stop every node cleanly and give devnet's exit code."""
        await self.session.close()
        for process in self.restarted:
            with suppress(ProcessLookupError):
                process.terminate()
        await asyncio.gather(*(process.wait() for process in self.restarted))
        await stop_process(self.process, _STANDSTILL_S)
        return await self.process.wait()


def _decode_path(kind: type, value: object) -> Path:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError(f"{kind} is no path")


def _is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def _start_kpnode(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "kpnode", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        # Ctrl-C reaches the whole group; the network is to be stopped by us.
        start_new_session=True,
        preexec_fn=end_with_parent,
        limit=1 << 20,
    )
