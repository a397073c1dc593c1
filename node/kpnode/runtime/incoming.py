"""Messages of peers on their way to the core: what is signed in blocks is verified on the way.

The core's thread finds the signatures of long blocks and proofs known. What is short it verifies
itself, sooner than the way to another thread and back is walked. Messages of one peer keep their
order; those of another do not wait for them. What one peer has verified is bounded: blocks are the
leader's alone, proofs are counted by their bytes.
"""

import asyncio
from collections import Counter, deque
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
_LONG_BYTES: Final = 64 << 10
"""The log of a candidate that holds much which is not final. It is verified where the events of
clients are, so that no leader is kept waiting for it."""
_SHOWN_BYTES: Final = 8 << 20
"""Attached by a peer at once, counting what is not short: two logs as long as they may be shown."""
_SHOWN_PER_S: Final = 256 << 10
_WAITING_BYTES: Final = 64 << 20
"""Of a peer's messages that wait for their signatures; more are lost."""
_MESSAGE_BYTES: Final = 1024
"""What one takes beside blocks and proofs."""
_VAIN: Final = 100
"""Messages of a peer that are refused at once, before it is heard more slowly."""
_VAIN_PER_S: Final = 10
_PAUSE_S: Final = 0.1
"""After each message then."""
_FRAMES: Final = 8000
_FRAMES_PER_S: Final = 4000
"""Of a peer, whatever they say: more than an honest one sends, and less than half a processor."""

_Check = asyncio.Future[LedgerError | None]


class InOrder:
    """Does one thing after another, each when the checks that it waits for are done."""

    def __init__(self) -> None:
        """Wait for nothing."""
        self._waiting: deque[tuple[Sequence[_Check], Callable[[], None]]] = deque()

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
        find_leader: Callable[[], NodeId | None],
        long_verifier: Verifier,
    ) -> None:
        """Hand on to ``put``.

        ``find_leader`` says whose blocks are worth verifying, ``long_verifier`` verifies what takes
        long.
        """
        self._verifier = verifier
        self._long_verifier = long_verifier
        self._find_leader = find_leader
        self._electorate = electorate
        self._put = put
        self._vain = Buckets(_VAIN, _VAIN_PER_S)
        self._frames = Buckets(_FRAMES, _FRAMES_PER_S)
        self._shown = Buckets(_SHOWN_BYTES, _SHOWN_PER_S)
        self._waiting_bytes: Counter[NodeId] = Counter()
        self._peers: dict[NodeId, InOrder] = {}

    def note_vain(self, peers: Iterable[NodeId]) -> None:
        """Take note of who has sent a message in vain."""
        for peer in peers:
            self._vain.fill(peer, 1)

    def pause_s(self, peer: NodeId) -> float:
        """Count a frame of a peer; give for how long nothing more of it is to be read."""
        self._frames.fill(peer, 1)
        pause_s = _PAUSE_S if self._vain.is_full(peer) else 0.0
        return max(pause_s, self._frames.early_s(peer))

    def take(self, message: Message) -> None:
        """Take a message, and hand it on when its signatures and all before it are done.

        Nothing is refused here: what does not verify is found again by whoever executes the block,
        who also knows what follows from that. Only who is no voter, or asks for too much work, is
        not heard.
        """
        sender, size = message.sender, _measure(message)
        if sender not in self._electorate.keys or not self._has_room(message, size):
            self.note_vain((sender,))
            return
        self._waiting_bytes[sender] += size
        order = self._peers.setdefault(sender, InOrder())
        order.add(self._begin(message), partial(self._hand_on, message, size))

    def _has_room(self, message: Message, size: int) -> bool:
        """Tell whether a peer may have this looked at; what it attaches is counted."""
        sender, attached = message.sender, len(message.body.attached)
        if self._waiting_bytes[sender] + size > _WAITING_BYTES:
            return False
        if attached <= _AHEAD_BYTES:
            return True
        is_full = self._shown.is_full(sender)
        self._shown.fill(sender, 0 if is_full else attached)
        return not is_full

    def _hand_on(self, message: Message, size: int) -> None:
        self._waiting_bytes[message.sender] -= size
        self._put(message)

    def _begin(self, message: Message) -> list[_Check]:
        body, signatures = message.body, self._verifier.signatures
        checks = []
        if len(body.attached) > _AHEAD_BYTES:
            ahead = partial(verify_ahead, body, self._electorate, signatures.check_statement)
            is_long = len(body.attached) > _LONG_BYTES
            checks.append((self._long_verifier if is_long else self._verifier).begin(ahead))
        if isinstance(body, AppendRequest) and message.sender == self._find_leader():
            blocks = [one.payload for one in body.entries if one.kind is EntryKind.BLOCK]
            if sum(map(len, blocks)) > IN_PLACE_BYTES:
                # Less is as quick as the way to another thread and back.
                check = partial(signatures.check_block, leader_keys=self._electorate.keys)
                checks += [self._verifier.begin(partial(check, one)) for one in blocks]
        return checks


def _measure(message: Message) -> int:
    """Give how many bytes of memory a message takes, in round numbers."""
    body = message.body
    entries = body.entries if isinstance(body, AppendRequest) else ()
    return _MESSAGE_BYTES + len(body.attached) + sum(len(entry.payload) for entry in entries)
