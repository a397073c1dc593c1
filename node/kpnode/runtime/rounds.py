"""Questions for a read index on their way to a leader, this node or another: one at a time."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kpnode.raft import Index, NodeId


@dataclass(frozen=True, slots=True)
class _Round:
    ticket: int
    leader: NodeId
    """Who was asked; perhaps this node."""
    index: asyncio.Future[Index | None]

    def answer(self, index: Index | None) -> None:
        if not self.index.done():
            self.index.set_result(index)


class Rounds:
    """Asks, and knows which answer belongs to which question."""

    def __init__(
        self, tickets: Iterator[int], send: Callable[[int], NodeId | None], *, timeout_s: float
    ) -> None:
        """Prepare.

        Args:
            tickets: numbers that were never used before.
            send: asks the leader under a ticket; tells who that is, None if nobody can be asked.
            timeout_s: after so long a question, or its answer, is taken for lost.
        """
        self._tickets = tickets
        self._send = send
        self._timeout_s = timeout_s
        self._last: _Round | None = None

    async def ask(self) -> Index | None:
        """Make one attempt to get a read index; None if it came to nothing."""
        ticket = next(self._tickets)
        leader = self._send(ticket)
        if leader is None:
            return None
        self._last = _Round(ticket, leader, asyncio.get_running_loop().create_future())
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._last.index
        except TimeoutError:
            return None

    def on_reply(self, peer: NodeId, ticket: int, index: int | None) -> None:
        """Take an answer: only of who was asked, and only to what was asked last."""
        last = self._last
        if last is not None and (last.leader, last.ticket) == (peer, ticket):
            last.answer(None if index is None else Index(index))

    def lost(self, peer: NodeId) -> None:
        """Note that a link is gone, and with it perhaps the question or the answer."""
        if self._last is not None and self._last.leader == peer:
            self._last.answer(None)

    def led_by(self, leader: NodeId | None) -> None:
        """Note who leads now; nobody else's answer is waited for."""
        if self._last is not None and self._last.leader != leader:
            self._last.answer(None)
