"""Messages of peers on their way to the core: what is signed in blocks is verified on the way.

The core's thread finds the signatures of long blocks and proofs known. What is short it verifies
itself, sooner than the way to another thread and back is walked. Messages of one peer keep their
order; those of another do not wait for them.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final

from kpledger.base.errors import LedgerError
from kpledger.log.statements import Electorate
from kpnode.fairness import Buckets
from kpnode.notary.ahead import verify_ahead
from kpnode.raft import AppendRequest, EntryKind, Message, NodeId
from kpnode.runtime.pace import IN_PLACE_BYTES
from kpnode.runtime.verifier import Verifier

_AHEAD_BYTES: Final = 1024
"""Acknowledgements and most commit certificates are shorter: a signature or a few, verified sooner
than the way to another thread and back is walked."""
_VAIN: Final = 100
"""Messages of a peer that are refused at once, before it is heard more slowly."""
_VAIN_PER_S: Final = 10
_PAUSE_S: Final = 0.1
"""After each message then."""

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
        electorate: Electorate,
        put: Callable[[Message], None],
        *,
        limit: int,
    ) -> None:
        """Hand on to ``put``; ``limit`` messages of a peer may wait, more are lost."""
        self._verifier = verifier
        self._electorate = electorate
        self._put = put
        self._limit = limit
        self._vain = Buckets(_VAIN, _VAIN_PER_S)
        self._peers: dict[NodeId, InOrder] = {}

    def note_vain(self, peers: Iterable[NodeId]) -> None:
        """Take note of who has sent a message in vain."""
        for peer in peers:
            self._vain.fill(peer, 1)

    def pause_s(self, peer: NodeId) -> float:
        """Give for how long nothing more of a peer is to be read."""
        return _PAUSE_S if self._vain.is_full(peer) else 0

    def take(self, message: Message) -> None:
        """Take a message, and hand it on when its signatures and all before it are done.

        Nothing is refused here: what does not verify is found again by whoever executes the block,
        who also knows what follows from that. Only who is no voter is not heard at all.
        """
        if message.sender not in self._electorate.keys:
            self.note_vain((message.sender,))
            return
        order = self._peers.setdefault(message.sender, InOrder())
        if len(order) < self._limit:
            order.add(self._begin(message), partial(self._put, message))

    def _begin(self, message: Message) -> list[_Check]:
        body, signatures = message.body, self._verifier.signatures
        checks = []
        if len(body.attached) > _AHEAD_BYTES:
            ahead = partial(verify_ahead, body, self._electorate, signatures.check_statement)
            checks.append(self._verifier.begin(ahead))
        if isinstance(body, AppendRequest):
            blocks = [one.payload for one in body.entries if one.kind is EntryKind.BLOCK]
            if sum(map(len, blocks)) > IN_PLACE_BYTES:
                # Less is as quick as the way to another thread and back.
                check = partial(signatures.check_block, leader_keys=self._electorate.keys)
                checks += [self._verifier.begin(partial(check, one)) for one in blocks]
        return checks
