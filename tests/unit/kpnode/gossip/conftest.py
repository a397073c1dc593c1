"""What the tests of real connections share: patience, and a look for what was left running."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

PATIENCE_S = 20.0
GLANCE_S = 0.005

Until = Callable[[Callable[[], bool]], Awaitable[None]]


@pytest.fixture
def until() -> Until:
    """Wait for a condition, for as long as the slowest machine may take."""

    async def wait(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():  # noqa: ASYNC110 -- conditions of many kinds, no event for each
                await asyncio.sleep(GLANCE_S)

    return wait


@pytest.fixture
async def no_leaks() -> AsyncIterator[None]:
    """See that a test, when everything it opened is closed, leaves no task behind."""
    before = asyncio.all_tasks()
    yield
    async with asyncio.timeout(PATIENCE_S):
        while asyncio.all_tasks() - before - {asyncio.current_task()}:  # noqa: ASYNC110 -- as above
            await asyncio.sleep(GLANCE_S)
