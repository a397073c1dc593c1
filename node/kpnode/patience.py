"""Patience with somebody else's work: it ends when nothing moves any more, not after a fixed time.

How long work takes depends on how much of it there is and on the machine; only that it stands still
says that it will not be done. So whoever waits looks how far it is, and gives up when that was the
same for so long. What a protocol or a user bounds is bounded by them and not here.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

SeenT = TypeVar("SeenT")

_PAUSE_S: Final = 0.02
_LOOKS: Final = 30
"""So often it is looked for progress before it is given up: that may cost more than the rest."""
_TICKS_PER_STEP: Final = os.sysconf("SC_CLK_TCK") // 2
"""What a process uses that only waits must not look like work."""
_USER, _SYSTEM = 11, 12
"""Fields of ``/proc/PID/stat`` behind the name, which may itself hold blanks (``proc(5)``)."""


class StandstillError(Exception):
    """What was waited for stands still.

    Attributes:
        seconds: how long it did.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"nothing has moved for {seconds:g} s")
        self.seconds = seconds


async def wait_until(
    is_enough: Callable[[SeenT], bool],
    look: Callable[[], Awaitable[SeenT]],
    *,
    standstill_s: float,
    progress: Callable[[SeenT], object] = lambda seen: seen,
) -> SeenT:
    """Look again and again until it is enough, and give what was seen then.

    Args:
        is_enough: tells whether to wait no longer.
        look: sees how far it is.
        standstill_s: without progress for so long, the wait ends.
        progress: gives what changes as long as it goes forward, and only then; asked now and then.

    Raises:
        StandstillError: it has not changed for so long.
    """
    newest: object = None
    since_s = due_s = time.monotonic()
    while not is_enough(seen := await look()):
        if (now_s := time.monotonic()) >= due_s:
            due_s = now_s + standstill_s / _LOOKS
            if (reached := progress(seen)) != newest:
                newest, since_s = reached, now_s
            elif now_s - since_s >= standstill_s:
                raise StandstillError(standstill_s)
        await asyncio.sleep(_PAUSE_S)
    return seen


def measure_work(*pids: int) -> tuple[int, int]:
    """Say how much processes and those below them have done, as far as the system tells.

    That is half seconds of processor time, and bytes written. It moves as well when one of them
    ends; those that have ended count for nothing.
    """
    ticks = written = 0
    for pid in pids:
        for one in _find_family(pid):
            with suppress(OSError):
                stat = Path(f"/proc/{one}/stat").read_text(encoding="utf-8", errors="replace")
                fields = stat.rpartition(")")[2].split()
                ticks += int(fields[_USER]) + int(fields[_SYSTEM])
                told = Path(f"/proc/{one}/io").read_text(encoding="ascii").split()
                written += int(told[told.index("write_bytes:") + 1])
    return ticks // _TICKS_PER_STEP, written


def _find_family(pid: int) -> Iterator[int]:
    """Give a process and those that descend from it."""
    yield pid
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in file.read_text(encoding="ascii").split():
                yield from _find_family(int(child))
