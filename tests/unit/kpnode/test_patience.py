"""Waiting ends when nothing moves any more, and not before."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kpnode.patience import StandstillError, measure_work, wait_until
from kpnode.process import stop_process

SHORT_S = 0.05
LONG_S = 60.0


async def test_waits_for_as_long_as_something_moves() -> None:
    # Each look comes after a pause: all of them together last many times as long as patience does.
    steps: Iterator[int] = iter(range(200))

    async def look() -> int:
        return next(steps)

    assert await wait_until(lambda seen: seen == 60, look, standstill_s=SHORT_S) == 60


@pytest.mark.parametrize("noise", [1, 1_000])
async def test_gives_up_when_nothing_moves_whatever_else_changes(noise: int) -> None:
    looks: Iterator[int] = iter(range(0, 1_000_000, noise))

    async def look() -> tuple[str, int]:
        return "block 7", next(looks)

    with pytest.raises(StandstillError, match="nothing has moved for"):
        await wait_until(lambda _: False, look, standstill_s=SHORT_S, progress=lambda seen: seen[0])


async def start_python(program: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-u", "-c", program, stdout=asyncio.subprocess.PIPE
    )


async def test_a_process_at_work_moves_and_one_that_waits_or_has_ended_does_not() -> None:
    working = await start_python("while True: pass")
    waiting = await start_python("print('here'); import time; time.sleep(1e6)")
    assert waiting.stdout is not None
    await waiting.stdout.readline()

    async def look() -> tuple[int, int]:
        return measure_work(working.pid)

    await wait_until(lambda work: work[0] >= 2, look, standstill_s=LONG_S)
    assert measure_work(waiting.pid)[0] <= 1
    for process in (working, waiting):
        process.kill()
        await process.communicate()
    assert measure_work(working.pid, waiting.pid) == (0, 0)


async def test_the_work_of_those_below_a_process_counts() -> None:
    busy = "import os; print(os.getpid(), flush=True)\nwhile True: pass"
    above = await start_python(
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}])"
    )
    assert above.stdout is not None
    below = int(await above.stdout.readline())

    async def look() -> tuple[int, int]:
        return measure_work(above.pid)

    await wait_until(lambda work: work[0] >= 2, look, standstill_s=LONG_S)
    above.kill()
    os.kill(below, signal.SIGKILL)
    await above.communicate()


STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('here')\n"
# It waits for the signal itself: a handler could be due just before a sleep, and wait for its end.
ORDERLY = (
    "import signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, [15]); print('here');"
    "signal.sigwait([15]); sys.exit(3)"
)


@pytest.mark.parametrize(
    ("program", "patience_s", "code"),
    [
        (STUBBORN + "while True: time.sleep(1e6)", SHORT_S, -9),
        (STUBBORN + "while True: pass", SHORT_S, -9),
        (ORDERLY, LONG_S, 3),
    ],
    ids=["hangs", "turns in a circle", "ends"],
)
async def test_a_process_that_does_not_end_is_killed(
    program: str, patience_s: float, code: int
) -> None:
    process = await start_python(program)
    assert process.stdout is not None
    await process.stdout.readline()
    await stop_process(process, patience_s)
    assert process.returncode == code
    await process.communicate()


def test_what_a_process_writes_to_a_disk_counts(tmp_path: Path) -> None:
    kind = subprocess.run(
        ["stat", "-f", "-c", "%T", tmp_path],  # noqa: S607
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    if kind == "tmpfs":
        pytest.skip("the temporary directory is in memory, and nothing is written to a disk")
    _, before = measure_work(os.getpid())
    with (tmp_path / "state").open("wb") as file:
        file.write(bytes(1 << 20))
        file.flush()
        os.fsync(file.fileno())
    _, after = measure_work(os.getpid())
    assert after - before >= 1 << 20
