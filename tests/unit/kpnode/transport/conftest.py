"""What the tests of real connections share: patience, and a look for what was left behind."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

PATIENCE_S = 20.0
GLANCE_S = 0.005

Until = Callable[[Callable[[], bool]], Awaitable[None]]


async def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, for as long as the slowest machine may take."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 -- conditions of many kinds, no event for each
            await asyncio.sleep(GLANCE_S)


def list_open_sockets() -> set[str]:
    sockets = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one that lists the others
            target = str(descriptor.readlink())
            if target.startswith("socket:"):
                sockets.add(target)
    return sockets


@pytest.fixture
def until() -> Until:
    return wait_until


@pytest.fixture
async def no_leaks() -> AsyncIterator[None]:
    """See that a test which has closed everything leaves no task and no socket behind."""
    tasks, sockets = asyncio.all_tasks(), list_open_sockets()
    yield
    tasks |= {task for task in [asyncio.current_task()] if task is not None}
    await wait_until(lambda: asyncio.all_tasks() <= tasks and list_open_sockets() <= sockets)
