"""Another replicated store under the same load: its processes, its leader, and how to send."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clients import Sender

from kpnode.patience import measure_work, wait_until
from kpnode.process import stop_process

_STANDSTILL_S: Final = 30.0
"""So long may a store do nothing while it starts or stops."""
_ANSWER_S: Final = 2.0
"""A store that has no leader yet may not answer at all."""


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
        return await wait_until(
            bool,
            self._look,
            standstill_s=_STANDSTILL_S,
            progress=lambda _: measure_work(*self.pids.values()),
        )

    async def _look(self) -> str:
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            async with asyncio.timeout(_ANSWER_S):
                return await self.find_leader() or ""
        return ""


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
        await asyncio.gather(*(stop_process(process, _STANDSTILL_S) for process in running))
