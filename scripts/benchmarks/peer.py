"""Another replicated store under the same load: its processes, its leader, and how to send."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clients import Sender

_READY_S: Final = 30.0
_STOP_S: Final = 10.0
_ANSWER_S: Final = 2.0
"""A store that has no leader yet may not answer at all."""
_POLL_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Peer:
    """A store that runs."""

    name: str
    pids: Mapping[str, int]
    find_leader: Callable[[], Awaitable[str | None]]
    connect: Callable[[str], Awaitable[Sender]]
    """Connects to a node by its name."""

    async def wait_ready(self) -> str:
        """Wait until it has a leader, and say who that is."""
        async with asyncio.timeout(_READY_S):
            while True:
                leader = None
                with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                    async with asyncio.timeout(_ANSWER_S):
                        leader = await self.find_leader()
                if leader is not None:
                    return leader
                await asyncio.sleep(_POLL_S)


@asynccontextmanager
async def run_processes(
    commands: Mapping[str, Sequence[str]], directory: Path
) -> AsyncIterator[dict[str, int]]:
    """Start a process for each name, its output in a file beside its data, and stop them."""
    running: list[asyncio.subprocess.Process] = []
    pids = {}
    try:
        for name, command in commands.items():
            with (directory / f"{name}.log").open("wb") as log:
                process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
            running.append(process)
            pids[name] = process.pid
        yield pids
    finally:
        for process in running:
            if process.returncode is None:
                process.terminate()
        for process in running:
            await asyncio.wait_for(process.wait(), _STOP_S)
