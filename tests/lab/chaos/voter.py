"""One voter as a real process: started, killed, stopped and continued, slowed, moved in time."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab.chaos.preload import Machine, Preloads
from lab.chaos.sites import Site
from working import wait_while_working

from kpnode.founding import CONFIG_NAME
from kpnode.patience import StandstillError, measure_work

STOP_S: Final = 15.0
"""So long may a node that is to end do nothing before it is killed."""
_TAIL_LINES: Final = 5
_SHARED: Final = Path("/dev/shm")  # noqa: S108 (where the kernel has it)


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that ended though nobody had ended it."""

    name: str
    code: int
    disk_was_full: bool
    tail: str
    """The end of its log."""


class Voter:
    """One voter of the network.

    Attributes:
        name: its name in the genesis file.
        site: where it lives.
        log: what it prints.
        is_full: a fault has filled its disk, or has not yet restarted it after that.
        downs: how many faults keep it from running.
    """

    def __init__(
        self,
        name: str,
        site: Site,
        log: Path,
        preloads: Preloads,
        on_ended: Callable[[Ended], None],
    ) -> None:
        """Prepare; nothing runs before :meth:`ensure_running`."""
        self.name = name
        self.site = site
        self.log = log
        self.is_full = False
        self.downs = 0
        self._machine = Machine(preloads, log.with_suffix(".machine"))
        self._machine.tell()
        self._on_ended = on_ended
        self._process: asyncio.subprocess.Process | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._is_ending = False
        self._starting = asyncio.Lock()
        self._stops = 0

    @property
    def is_running(self) -> bool:
        """There is a process."""
        return self._process is not None and self._process.returncode is None

    def work(self) -> tuple[int, int]:
        """Say what its process has done (:func:`kpnode.patience.measure_work`)."""
        return (0, 0) if self._process is None else measure_work(self._process.pid)

    async def _start(self, *, drift: tuple[float, float] | None) -> None:
        command = (sys.executable, "-m", "kpnode", "run", "--config", self.site.disk / CONFIG_NAME)
        environment = self._machine.environment(drift)
        with self.log.open("ab") as stream:
            self._process = await asyncio.create_subprocess_exec(
                *self.site.enter(*command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                env=os.environ | environment,
                # Ctrl-C is for the run; it ends its voters itself.
                start_new_session=True,
            )
        self._is_ending = False
        self._watcher = asyncio.create_task(self._watch(self._process))

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        code = await process.wait()
        _clear_shared(process.pid)
        if not self._is_ending:
            tail = self.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
            self._on_ended(Ended(self.name, code, self.is_full, "\n".join(tail)))

    async def end(self, how: signal.Signals) -> int | None:
        """Send a signal and wait for the end; gives the exit code, None if it had to be killed."""
        async with self._starting:
            process = self._process
        if process is None or process.returncode is not None:
            return 0
        self._is_ending = True
        with suppress(ProcessLookupError):
            process.send_signal(how)
        code = None
        with suppress(StandstillError):
            code = await wait_while_working(process, asyncio.ensure_future(process.wait()), STOP_S)
        if process.returncode is None:
            process.kill()
            await process.wait()
        if self._watcher is not None:
            await self._watcher
        return code

    async def ensure_running(self, *, drift: tuple[float, float] | None = None) -> None:
        """Start it unless it runs, or a fault keeps it from running.

        ``drift`` is how many seconds its clocks start wrong, and how fast they go.
        """
        async with self._starting:
            if not self.downs and not self.is_running:
                await self._start(drift=drift)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Keep it from making any step, with all its connections open: SIGSTOP, then SIGCONT."""
        self._stops += 1
        self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._stops -= 1
            if not self._stops:
                self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    @contextmanager
    def slow_disk(self, pause_ms: int) -> Iterator[None]:
        """Make every sync of its disk take so much longer."""
        self._machine.sync_ms += pause_ms
        self._machine.tell()
        try:
            yield
        finally:
            self._machine.sync_ms -= pause_ms
            self._machine.tell()

    @contextmanager
    def wrong_clock(self, offset_ms: int) -> Iterator[None]:
        """Let its wall clock jump by so much, and back."""
        self._machine.clock_ms += offset_ms
        self._machine.tell()
        try:
            yield
        finally:
            self._machine.clock_ms -= offset_ms
            self._machine.tell()

    @contextmanager
    def full_disk(self, slack_bytes: int) -> Iterator[None]:
        """Fill its disk up to a rest of so many bytes."""
        ballast = self.site.disk / "ballast"
        self.is_full = True
        try:
            free = os.statvfs(self.site.disk)
            room = free.f_bavail * free.f_bsize - slack_bytes
            with ballast.open("wb") as file:
                if room > 0:
                    os.posix_fallocate(file.fileno(), 0, room)
            yield
        finally:
            ballast.unlink(missing_ok=True)


@asynccontextmanager
async def downed(voters: Sequence[Voter], how: signal.Signals) -> AsyncIterator[None]:
    """End voters, all at once, and keep them down until the last fault that does so is over."""
    for voter in voters:
        voter.downs += 1
    try:
        await asyncio.gather(*(voter.end(how) for voter in voters))
        yield
    finally:
        for voter in voters:
            voter.downs -= 1
        await asyncio.gather(*(voter.ensure_running() for voter in voters))


def _clear_shared(pid: int) -> None:
    """Remove what libfaketime leaves behind of a process that was killed."""
    for name in (f"faketime_shm_{pid}", f"sem.faketime_sem_{pid}"):
        (_SHARED / name).unlink(missing_ok=True)


def now_s() -> float:
    """Read the one clock of the run."""
    return time.monotonic()
