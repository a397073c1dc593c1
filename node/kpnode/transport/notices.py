"""Appends without entries, held back for a moment.

Once a block is committed its leader says so to every follower, by an append without entries that
costs each side a message, a step and an answer. Under load the next block follows at once and says
the same. So such a notice waits for some milliseconds, and is dropped when another append to the
same peer goes out. Raft takes the delay and the loss of any message; the later append asks for no
less than the one that was dropped.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from kpnode.raft import AppendRequest, Message, NodeId

NOTICE_S: Final = 0.05
"""How much later a follower that nobody waits for may hear of a commit."""


class Notices:
    """What is held back, one notice at most for each peer; belongs to one event loop."""

    def __init__(self, send: Callable[[NodeId, Message], bool]) -> None:
        self._send = send
        self._held: dict[NodeId, Message] = {}
        self._timer: asyncio.TimerHandle | None = None

    def hold(self, message: Message) -> bool:
        """Take a message that can wait; False if it is to be sent now."""
        body = message.body
        if not isinstance(body, AppendRequest):
            return False
        if body.entries:
            self._held.pop(message.recipient, None)
            return False
        self._held[message.recipient] = message
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(NOTICE_S, self._release_all)
        return True

    def release(self, peer: NodeId) -> None:
        """Send what is held back for a peer: somebody waits for it."""
        message = self._held.pop(peer, None)
        if message is not None:
            self._send(peer, message)

    def close(self) -> None:
        """Forget everything."""
        self._held.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _release_all(self) -> None:
        self._timer = None
        for peer in tuple(self._held):
            self.release(peer)
