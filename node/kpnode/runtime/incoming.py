"""Messages of peers on their way to the core: what is signed in blocks is verified on the way.

The core's thread finds the signatures known and computes nothing. Messages of one peer keep their
order; those of another do not wait for them.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from kpledger.base.errors import LedgerError
from kpnode.raft import AppendRequest, EntryKind, Message, NodeId
from kpnode.runtime.pace import IN_PLACE_BYTES
from kpnode.runtime.verifier import Verifier

_Check = asyncio.Future[LedgerError | None]


class InOrder:
    """Does one thing after another, each when the checks that it waits for are done."""

    def __init__(self) -> None:
        """Wait for nothing."""
        self._waiting: deque[tuple[Sequence[_Check], Callable[[], None]]] = deque()

    def __len__(self) -> int:
        """Count what waits."""
        return len(self._waiting)

    def add(self, checks: Sequence[_Check], act: Callable[[], None]) -> None:
        """Act when these checks are done, and all that was added before."""
        if not self._waiting and not checks:
            act()
            return
        self._waiting.append((checks, act))
        for check in checks:
            check.add_done_callback(self._go_on)

    def _go_on(self, _: _Check) -> None:
        while self._waiting and all(check.done() for check in self._waiting[0][0]):
            self._waiting.popleft()[1]()


class Incoming:
    """The messages of all peers; belongs to one event loop."""

    def __init__(
        self,
        verifier: Verifier,
        leader_keys: Mapping[str, bytes],
        put: Callable[[Message], None],
        *,
        limit: int,
    ) -> None:
        """Hand on to ``put``; ``limit`` messages of a peer may wait, more are lost."""
        self._verifier = verifier
        self._leader_keys = leader_keys
        self._put = put
        self._limit = limit
        self._peers: dict[NodeId, InOrder] = {}

    def take(self, message: Message) -> None:
        """Take a message, and hand it on when its signatures and all before it are done.

        Nothing is refused here: what does not verify is found again by whoever executes the block,
        who also knows what follows from that.
        """
        order = self._peers.setdefault(message.sender, InOrder())
        if len(order) < self._limit:
            order.add(self._begin(message), partial(self._put, message))

    def _begin(self, message: Message) -> list[_Check]:
        if not isinstance(message.body, AppendRequest):
            return []
        blocks = [one.payload for one in message.body.entries if one.kind is EntryKind.BLOCK]
        if sum(map(len, blocks)) <= IN_PLACE_BYTES:
            # What a leader has let in and is as quick as the way to another thread and back.
            return []
        check, keys = self._verifier.signatures.check_block, self._leader_keys
        return [self._verifier.begin(partial(check, one, keys)) for one in blocks]
