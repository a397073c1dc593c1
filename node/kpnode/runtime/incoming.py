"""Messages of peers on their way to the core: what is signed in blocks is verified on the way.

The core's thread finds the signatures known and computes nothing. Messages of one peer keep their
order; those of another do not wait for them.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial

from kpledger.base.errors import LedgerError
from kpnode.raft import AppendRequest, EntryKind, Message, NodeId
from kpnode.runtime.pace import IN_PLACE_BYTES
from kpnode.runtime.verifier import Verifier

_Checked = asyncio.Future[LedgerError | None]
_Lane = deque[tuple[Message, list[_Checked]]]


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
        self._lanes: dict[NodeId, _Lane] = {}

    def take(self, message: Message) -> None:
        """Take a message, and hand it on when its signatures and all before it are done.

        Nothing is refused here: what does not verify is found again by whoever executes the block,
        who also knows what follows from that.
        """
        lane = self._lanes.setdefault(message.sender, deque())
        checks = self._begin(message) if len(lane) < self._limit else []
        if not lane and not checks:
            self._put(message)
        elif len(lane) < self._limit:
            lane.append((message, checks))
            for check in checks:
                check.add_done_callback(partial(self._go_on, lane))

    def _begin(self, message: Message) -> list[_Checked]:
        if not isinstance(message.body, AppendRequest):
            return []
        blocks = [one.payload for one in message.body.entries if one.kind is EntryKind.BLOCK]
        if sum(map(len, blocks)) <= IN_PLACE_BYTES:
            # What a leader has let in and is as quick as the way to another thread and back.
            return []
        check, keys = self._verifier.signatures.check_block, self._leader_keys
        return [self._verifier.begin(partial(check, one, keys)) for one in blocks]

    def _go_on(self, lane: _Lane, _: _Checked) -> None:
        while lane and all(check.done() for check in lane[0][1]):
            self._put(lane.popleft()[0])
