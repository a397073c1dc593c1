"""A process of a node: who may use its files, what it logs, how it collects garbage, and its ends.

Operators see the log, one line an entry, on standard error.
"""

import asyncio
import ctypes
import gc
import logging
import os
import signal
import stat
import sys
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from kpledger.base.text import clean, clean_lines
from kpnode.patience import StandstillError, measure_work, wait_until

T = TypeVar("T")

GARBAGE_THRESHOLD: Final = 20_000
"""Objects more than were freed before the collector looks at them; Python's own 700 is reached
every few events."""

LOG_LINES: Final = 50
"""So many lines of one place in the program are logged in one period."""
LOG_PERIOD_S: Final = 600.0


_PR_SET_PDEATHSIG: Final = 1
"""Of prctl(2)."""
_MAX_NAMED: Final = 5
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_log = logging.getLogger(__name__)


def keep_private() -> None:
    """Let whatever this process and its children make be for their user alone."""
    os.umask(_OTHERS)


def close_to_others(directories: Iterable[Path]) -> None:
    """Take from others what they may do with directories of a node and the files in them.

    They were made so by an earlier version, by hand, or by a copy that kept no modes.

    Raises:
        OSError: they cannot be changed, or looked at.
    """
    for directory in directories:
        opened = []
        for path in (directory, *sorted(directory.iterdir())):
            mode = path.lstat().st_mode
            if mode & _OTHERS and (stat.S_ISREG(mode) or path == directory):
                path.chmod(stat.S_IMODE(mode) & ~_OTHERS)
                opened.append("the directory" if path == directory else path.name)
        if opened:
            names = ", ".join(opened[:_MAX_NAMED]) + (", ..." if len(opened) > _MAX_NAMED else "")
            _log.warning("other users could open %s in %s; they cannot any more", names, directory)


def sync_names(directory: Path) -> None:
    """Make durable which files a directory has, under which names.

    Raises:
        OSError: that failed.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(file: Path, data: bytes) -> None:
    """Write all of a file, so that it holds at any moment what it held before, or this.

    Raises:
        OSError: that failed.
    """
    partial = file.with_name(f"{file.name}.new")
    with partial.open("wb") as new:
        new.write(data)
        new.flush()
        os.fsync(new.fileno())
    partial.replace(file)
    sync_names(file.parent)


class _Harmless(logging.Formatter):
    """Writes what other nodes and clients said so that it can only be read, and on one line."""

    def format(self, record: logging.LogRecord) -> str:
        record.msg, record.args = clean(record.getMessage()), ()
        return clean_lines(super().format(record))


class _Moderation(logging.Filter):
    """Lets no place in the program fill the log, in libraries too, whatever makes it speak.

    What is known to happen again and again is told as an :class:`kpnode.incident.Incident`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._periods: dict[tuple[str, int], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        key = record.name, record.lineno
        began_s, lines = self._periods.get(key, (record.created, 0))
        if record.created - began_s > LOG_PERIOD_S:
            if lines > LOG_LINES:
                record.msg = f"{record.getMessage()} ({lines - LOG_LINES} more were left out)"
                record.args = ()
            began_s, lines = record.created, 0
        self._periods[key] = began_s, lines + 1
        return lines < LOG_LINES


def set_up_logging(*, verbose: bool) -> None:
    """Log warnings and what happens to leadership; everything when verbose."""
    handler = logging.StreamHandler(sys.stderr)
    if not verbose:
        handler.addFilter(_Moderation())
    handler.setFormatter(_Harmless("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler])
    logging.getLogger("aiohttp").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)


def rest_collector() -> None:
    """Let the collector rest; called when everything is loaded that stays."""
    # To look through what stays took 100 ms each time.
    gc.collect()
    gc.freeze()
    # What serves one request dies with it, nearly all of it by counting references.
    gc.set_threshold(GARBAGE_THRESHOLD)


async def end_tasks(tasks: Iterable[asyncio.Task[T]]) -> None:
    """Cancel tasks, and wait until they are done, however they end."""
    ended = tuple(tasks)
    for task in ended:
        task.cancel()
    await asyncio.gather(*ended, return_exceptions=True)


async def run_until_first(*work: Coroutine[None, None, object]) -> None:
    """Do work side by side until one piece of it is done, and cancel the others.

    Raises:
        Exception: what that piece has raised.
    """
    tasks = [asyncio.create_task(one) for one in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await end_tasks(tasks)


def call_on_stop(call: Callable[[], None]) -> None:
    """Call something when this process is told to end; what ``nohup`` ignores stays ignored."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        if signal.getsignal(number) is not signal.SIG_IGN:
            asyncio.get_running_loop().add_signal_handler(number, call)


def end_with_parent() -> None:
    """Have the system end this process, in order, when its parent ends, however that ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


async def stop_process(process: asyncio.subprocess.Process, patience_s: float) -> None:
    """Ask a process to end, wait, and kill it once it has written nothing for so long.

    What it only computes is no reason to wait: a process that turns in a circle does that as well.
    """
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()

    async def look() -> bool:
        return process.returncode is not None

    try:
        await wait_until(
            bool, look, standstill_s=patience_s, progress=lambda _: measure_work(process.pid)[1]
        )
    except StandstillError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
