"""Relaying: what reached a node which does not lead, and needs the leader, goes on to it.

Joins one node and its transport (implements :class:`kpnode.ports.Links`). An event that gets no
answer in time is simply tried again by who submitted it: the event id makes that harmless. So is a
question for a read index: the node asks again, under another ticket.
"""

import asyncio
import itertools
import secrets
from collections import Counter
from collections.abc import Coroutine
from typing import Final

import msgspec

from kpledger.base.codec import decode, encode
from kpledger.base.errors import LedgerError
from kpledger.scheme.envelope import MAX_ENVELOPE_BYTES, decode_envelope
from kpledger.scheme.outcome import Refusal, Rule
from kpnode.raft import Message, NodeId
from kpnode.runtime import Node, Outcome, Refused
from kpnode.submission import Committed, Unavailable
from kpnode.transport.notices import Notices
from kpnode.transport.peers import PeerTransport
from kpnode.transport.wire import Frame, IndexReply, IndexRequest, RelayReply, RelayRequest

MAX_RELAYS: Final = 4096
"""Relays that may be on their way at once, in each direction."""
RELAY_S: Final = 5.0
"""How long the leader works on what was asked of it before it says that it could not."""
_MAX_FIRST_TICKET: Final = 1 << 52

COMMITTED: Final = "committed"
REFUSED: Final = "refused"
UNAVAILABLE: Final = "unavailable"


class _Refusal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    bad_signature: bool
    rule: str
    field: str
    problem: str
    accepted: str


class _Commit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    height: int
    index: int
    time_ms: int
    duplicate: bool


class PeerLinks:
    """The links of one node."""

    def __init__(self) -> None:
        """Wait for :meth:`join`; frames that come earlier are dropped."""
        self._node: Node | None = None
        self._transport: PeerTransport | None = None
        # Not from 1: the answer to a question from before a restart must fit no later one.
        self._tickets = itertools.count(secrets.randbelow(_MAX_FIRST_TICKET))
        self._relayed: dict[int, tuple[NodeId, bytes]] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._waiting_peers: Counter[NodeId] = Counter()
        self._notices = Notices(self._send_frame)

    def join(self, node: Node, transport: PeerTransport) -> None:
        """Join the node with its transport."""
        self._node = node
        self._transport = transport

    async def close(self) -> None:
        """Stop working on relayed events."""
        self._notices.close()
        for task in self._answering:
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)

    def send(self, messages: tuple[Message, ...]) -> None:
        """Send messages of the core; best effort."""
        for message in messages:
            peer = message.recipient
            if not self._notices.hold(message):
                self._send_frame(peer, message)
            elif self._waiting_peers[peer]:
                self._notices.release(peer)

    def _send_frame(self, peer: NodeId, frame: Frame) -> bool:
        return self._transport is not None and self._transport.send_frame(peer, frame)

    def connected(self) -> tuple[str, ...]:
        """Give the peers with a live link."""
        return () if self._transport is None else self._transport.connected_peers()

    def relay(self, peer: NodeId, event_id: bytes, envelope: bytes) -> bool:
        """Pass a submitted event on; False if it cannot leave now."""
        ticket = next(self._tickets)
        if not self._send_frame(peer, RelayRequest(ticket=ticket, envelope=envelope)):
            return False
        self._relayed[ticket] = peer, event_id
        if len(self._relayed) > MAX_RELAYS:
            # The oldest has waited longest for a reply that may never come.
            del self._relayed[next(iter(self._relayed))]
        return True

    def ask_index(self, peer: NodeId, ticket: int) -> bool:
        """Ask a leader for a read index; False if the question cannot leave now."""
        return self._send_frame(peer, IndexRequest(ticket=ticket))

    def on_frame(self, peer: NodeId, frame: Frame) -> None:
        """Take a frame; the transport has authenticated the peer."""
        if self._node is None:
            return
        match frame:
            case Message():
                self._node.receive(frame)
            case RelayRequest():
                self._begin_answer(peer, frame)
            case RelayReply():
                self._take_reply(peer, frame)
            case IndexRequest():
                self._begin_index(peer, frame)
            case IndexReply():
                self._node.on_index_reply(peer, frame.ticket, frame.index)

    def on_unreachable(self, peer: NodeId) -> None:
        """Forget what was on its way through a peer; whoever submitted it tries again."""
        self._relayed = {
            ticket: relay for ticket, relay in self._relayed.items() if relay[0] != peer
        }
        if self._node is not None:
            self._node.unreachable(peer)

    def _begin_answer(self, peer: NodeId, request: RelayRequest) -> None:
        if len(self._answering) >= MAX_RELAYS:
            self._reply(peer, request.ticket, UNAVAILABLE, b"")
            return
        self._work_on(peer, self._answer(peer, request))

    def _work_on(self, peer: NodeId, answer: Coroutine[None, None, None]) -> None:
        """Work on what a peer waits for: it hears of commits at once as long as it does."""

        def end(task: asyncio.Task[None]) -> None:
            self._answering.discard(task)
            self._waiting_peers[peer] -= 1

        task = asyncio.create_task(answer)
        self._answering.add(task)
        self._waiting_peers[peer] += 1
        task.add_done_callback(end)

    async def _answer(self, peer: NodeId, request: RelayRequest) -> None:
        if self._node is None:
            return
        try:
            event = decode_envelope(request.envelope)
        except LedgerError:
            # An honest node has decoded it before; to another one this says: try again.
            self._reply(peer, request.ticket, UNAVAILABLE, b"")
            return
        outcome = await self._node.answer_relay(event, RELAY_S)
        self._reply(peer, request.ticket, *_encode_outcome(outcome))

    def _reply(self, peer: NodeId, ticket: int, status: str, body: bytes) -> None:
        self._send_frame(peer, RelayReply(ticket=ticket, status=status, body=body))

    def _begin_index(self, peer: NodeId, request: IndexRequest) -> None:
        # Beyond the limit the question gets no answer, and is asked again.
        if len(self._answering) < MAX_RELAYS:
            self._work_on(peer, self._answer_index(peer, request))

    async def _answer_index(self, peer: NodeId, request: IndexRequest) -> None:
        if self._node is None:
            return
        index = await self._node.answer_index(RELAY_S)
        # What the answer names may have been committed before the question came.
        self._notices.release(peer)
        self._send_frame(peer, IndexReply(ticket=request.ticket, index=index))

    def _take_reply(self, peer: NodeId, reply: RelayReply) -> None:
        relay = self._relayed.get(reply.ticket)
        # Only who was asked can answer.
        if relay is None or relay[0] != peer or self._node is None:
            return
        del self._relayed[reply.ticket]
        event_id = relay[1]
        self._node.relayed(event_id, _decode_outcome(event_id, reply))


def _encode_outcome(outcome: Outcome) -> tuple[str, bytes]:
    if isinstance(outcome, Committed):
        return COMMITTED, encode(
            _Commit(
                height=outcome.height,
                index=outcome.index,
                time_ms=outcome.time_ms,
                duplicate=outcome.duplicate,
            )
        )
    if isinstance(outcome, Refused):
        refusal = outcome.refusal
        return REFUSED, encode(
            _Refusal(
                bad_signature=outcome.bad_signature,
                rule=refusal.rule.name,
                field=refusal.field,
                problem=refusal.problem,
                accepted=refusal.accepted,
            )
        )
    return UNAVAILABLE, b""


def _decode_outcome(event_id: bytes, reply: RelayReply) -> Outcome:
    """Read a leader's answer; nonsense counts as none."""
    try:
        if reply.status == COMMITTED:
            commit = decode(reply.body, _Commit, what="relay reply", max_bytes=1024)
            return Committed(
                event_id, commit.height, commit.index, commit.time_ms, commit.duplicate
            )
        if reply.status == REFUSED:
            found = decode(reply.body, _Refusal, what="relay reply", max_bytes=MAX_ENVELOPE_BYTES)
            rule = Rule.__members__.get(found.rule)
            if rule is not None:
                refusal = Refusal(rule, found.field, found.problem, found.accepted)
                return Refused(event_id, refusal, bad_signature=found.bad_signature)
    except LedgerError:
        pass
    return Unavailable(event_id, "the leader could not take the event")
