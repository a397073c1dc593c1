"""Linearizable reads: questions that wait for proof that this node has missed nothing.

A question may be answered from the committed ledger once that holds the *read index*: the commit
index of a leader which proved, after the question was asked, that it still leads (Raft thesis 6.4).
One round of proof is under way at a time, and everything that is asked meanwhile shares the next.
An older round proves nothing about now, so nobody ever joins a round that was begun before.

Lives in the event loop of one node. Not here: how a leader is asked; that is handed in.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, NoReturn

from kpnode.raft import Index

RETRY_S: Final = 0.02
"""After a round that came to nothing, as while there is no leader."""

Waiter = asyncio.Future[Index | None]


class Reads:
    """Everybody who waits for a read index, and for the ledger to get there."""

    def __init__(self, ask: Callable[[], Awaitable[Index | None]], limit: int) -> None:
        """Prepare; :meth:`run` does the work.

        Args:
            ask: makes one attempt to get a read index, begun now; None if it came to nothing.
            limit: how many may wait at once.
        """
        self._ask = ask
        self._limit = limit
        self._waiting: dict[Waiter, None] = {}
        self._lagging: dict[Waiter, Index] = {}
        self._wake = asyncio.Event()

    def __len__(self) -> int:
        """Count those who wait."""
        return len(self._waiting) + len(self._lagging)

    async def confirm(self) -> Index | None:
        """Get an index that was committed, by proof, after this call; None if it will not be."""
        if len(self) >= self._limit:
            return None
        waiter: Waiter = asyncio.get_running_loop().create_future()
        self._waiting[waiter] = None
        self._wake.set()
        try:
            return await waiter
        finally:
            self._waiting.pop(waiter, None)

    async def reach(self, index: Index, height: int) -> bool:
        """Wait until the ledger, now at a height, holds the block at an index; False if never."""
        if height >= index:
            return True
        waiter: Waiter = asyncio.get_running_loop().create_future()
        self._lagging[waiter] = index
        try:
            return await waiter is not None
        finally:
            del self._lagging[waiter]

    def applied(self, height: int) -> None:
        """Note how far the ledger is now."""
        for waiter, index in self._lagging.items():
            if index <= height:
                _answer(waiter, index)

    async def run(self) -> NoReturn:
        """Get one index after the other for those who wait, until cancelled."""
        while True:
            await self._wake.wait()
            asked = tuple(self._waiting)
            index = await self._ask() if asked else None
            if index is None:
                await asyncio.sleep(RETRY_S)
            else:
                for waiter in asked:
                    _answer(waiter, index)
            self._waiting = {waiter: None for waiter in self._waiting if not waiter.done()}
            if not self._waiting:
                self._wake.clear()

    def give_up(self) -> None:
        """Tell all who wait that there will be no answer."""
        for waiter in (*self._waiting, *self._lagging):
            _answer(waiter, None)


def _answer(waiter: Waiter, index: Index | None) -> None:
    if not waiter.done():
        waiter.set_result(index)
