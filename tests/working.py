"""Waiting for a process as long as it works."""

import asyncio
from typing import TypeVar

from kpnode.patience import measure_work, wait_until

T = TypeVar("T")


async def wait_while_working(
    process: asyncio.subprocess.Process, awaited: asyncio.Future[T], standstill_s: float
) -> T:
    """Wait for something of a process, as long as it or one below it works.

    Raises:
        StandstillError: they did nothing for so long.
    """

    async def look() -> bool:
        return awaited.done()

    try:
        await wait_until(
            bool, look, standstill_s=standstill_s, progress=lambda _: measure_work(process.pid)
        )
    finally:
        awaited.cancel()
    return await awaited
