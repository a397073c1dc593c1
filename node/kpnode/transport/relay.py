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
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kpledger.base.codec import decode, encode
from kpledger.base.errors import LedgerError
from kpledger.base.text import clean, shorten
from kpledger.scheme.envelope import MAX_ENVELOPE_BYTES, decode_envelope
from kpledger.scheme.event import Author, SignedEvent
from kpledger.scheme.outcome import Refusal, Rule
from kpnode.process import end_tasks
from kpnode.raft import Message, NodeId, Role
from kpnode.runtime import Node, Outcome, Refused
from kpnode.submission import Committed, Unavailable
from kpnode.transport.notices import Notices
from kpnode.transport.options import TransportOptions
from kpnode.transport.peers import PeerTransport
from kpnode.transport.wire import (
    EvidenceShown,
    Frame,
    IndexReply,
    IndexRequest,
    RelayReply,
    RelayRequest,
)

MAX_RELAYS: Final = 4096
"""Relays and questions of one peer that are worked on at once, and own ones that are remembered."""
_RELAYED_BYTES: Final = 32 << 20
"""Of one peer's relays that are worked on at once."""
RELAY_S: Final = 5.0
"""How long the leader works on what was asked of it before it says that it could not."""
_MAX_FIRST_TICKET: Final = 1 << 52
_CONFIRM_S: Final = 2.0
"""How long this node waits to know what a leader knows that refuses an event."""

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
    """The links of one node.

    Attributes:
        transport: carries them; whoever runs the node starts it, and closes it last.
    """

    def __init__(self, node: Node, private_key: Ed25519PrivateKey) -> None:
        """Join a node with the transport of its frames, under the key that its peers have pinned.

        Must be called in the event loop.
        """
        self.transport = PeerTransport(
            NodeId(node.name),
            private_key,
            on_frame=self._take_frame,
            on_unreachable=self._lose,
            options=TransportOptions(),
        )
        self._node = node
        # Not from 1: the answer to a question from before a restart must fit no later one.
        self._tickets = itertools.count(secrets.randbelow(_MAX_FIRST_TICKET))
        self._relayed: dict[int, tuple[NodeId, SignedEvent]] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._waiting_peers: Counter[NodeId] = Counter()
        self._waiting_bytes: Counter[NodeId] = Counter()
        self._notices = Notices(self.transport.send_frame)

    async def close(self) -> None:
        """Stop working on relayed events."""
        self._notices.close()
        await end_tasks(self._answering)

    def send(self, messages: tuple[Message, ...]) -> None:
        """Send messages of the core; best effort."""
        for message in messages:
            peer = message.recipient
            if not self._notices.hold(message):
                self.transport.send_frame(peer, message)
            elif self._waiting_peers[peer]:
                self._notices.release(peer)

    def connected(self) -> tuple[str, ...]:
        """Give the peers with a live link."""
        return self.transport.connected_peers()

    def unreachable(self) -> tuple[str, ...]:
        """Say who should be where and is not reached, and why."""
        return self.transport.unreachable_peers()

    def doubled(self) -> tuple[str, ...]:
        """Say who seems to run twice, and where."""
        return self.transport.listener.doubled()

    def relay(self, peer: NodeId, event: SignedEvent, lane: Author) -> bool:
        """Pass a submitted event on; False if it cannot leave now."""
        ticket = next(self._tickets)
        request = RelayRequest(ticket=ticket, envelope=event.encoded, lane=lane)
        if not self.transport.send_frame(peer, request):
            return False
        self._relayed[ticket] = peer, event
        if len(self._relayed) > MAX_RELAYS:
            # The oldest has waited longest for a reply that may never come.
            del self._relayed[next(iter(self._relayed))]
        return True

    def ask_index(self, peer: NodeId, ticket: int) -> bool:
        """Ask a leader for a read index; False if the question cannot leave now."""
        return self.transport.send_frame(peer, IndexRequest(ticket=ticket))

    def show(self, peer: NodeId, evidence: bytes) -> None:
        """Show a peer evidence that this node has; best effort."""
        self.transport.send_frame(peer, EvidenceShown(evidence=evidence))

    def _take_frame(self, peer: NodeId, frame: Frame) -> float:
        """Take a frame; the transport has authenticated the peer, who may have to pause."""
        # Counted for each peer, so that none of them crowds out the others.
        is_busy = self._waiting_peers[peer] >= MAX_RELAYS
        match frame:
            case Message():
                self._node.receive(frame)
            case RelayReply():
                self._take_reply(peer, frame)
            case EvidenceShown():
                self._node.take_evidence(peer, frame.evidence)
            case IndexReply():
                self._node.on_index_reply(peer, frame.ticket, frame.index)
            case RelayRequest():
                size = len(frame.envelope)
                if is_busy or self._waiting_bytes[peer] + size > _RELAYED_BYTES:
                    self._reply(peer, frame.ticket, UNAVAILABLE, b"")
                else:
                    self._work_on(peer, self._answer(peer, frame), size)
            case IndexRequest():
                # Beyond the limit the question gets no answer, and is asked again.
                if not is_busy:
                    self._work_on(peer, self._answer_index(peer, frame.ticket))
        return self._node.incoming.pause_s(peer)

    def _lose(self, peer: NodeId) -> None:
        """Forget what was on its way through a peer; whoever submitted it tries again."""
        self._relayed = {
            ticket: relay for ticket, relay in self._relayed.items() if relay[0] != peer
        }
        self._node.unreachable(peer)

    def _work_on(self, peer: NodeId, answer: Coroutine[None, None, None], size: int = 0) -> None:
        """Work on what a peer waits for: it hears of commits at once as long as it does."""

        def end(task: asyncio.Task[None]) -> None:
            self._answering.discard(task)
            self._waiting_peers[peer] -= 1
            self._waiting_bytes[peer] -= size

        task = asyncio.create_task(answer)
        self._answering.add(task)
        self._waiting_peers[peer] += 1
        self._waiting_bytes[peer] += size
        task.add_done_callback(end)

    async def _answer(self, peer: NodeId, request: RelayRequest) -> None:
        await self._node.slices.next((peer, request.lane))
        if self._node.raft.role is not Role.LEADER:
            # Nothing is verified for it: a follower has its leader's blocks to look at.
            self._reply(peer, request.ticket, UNAVAILABLE, b"")
            return
        try:
            event = decode_envelope(request.envelope)
        except LedgerError:
            # An honest node has decoded it before; to another one this says: try again.
            self._node.incoming.note_vain((peer,))
            self._reply(peer, request.ticket, UNAVAILABLE, b"")
            return
        outcome = await self._node.ordering.answer_relay(event, request.lane, RELAY_S, via=peer)
        if isinstance(outcome, Refused) and outcome.bad_signature:
            self._node.incoming.note_vain((peer,))  # likewise
        self._reply(peer, request.ticket, *_encode_outcome(outcome))

    def _reply(self, peer: NodeId, ticket: int, status: str, body: bytes) -> None:
        self.transport.send_frame(peer, RelayReply(ticket=ticket, status=status, body=body))

    async def _answer_index(self, peer: NodeId, ticket: int) -> None:
        index = await self._node.answer_index(RELAY_S)
        # What the answer names may have been committed before the question came.
        self._notices.release(peer)
        self.transport.send_frame(peer, IndexReply(ticket=ticket, index=index))

    def _take_reply(self, peer: NodeId, reply: RelayReply) -> None:
        relay = self._relayed.get(reply.ticket)
        # Only who was asked can answer.
        if relay is None or relay[0] != peer:
            return
        del self._relayed[reply.ticket]
        event = relay[1]
        outcome = _decode_outcome(event.event_id, reply)
        if isinstance(outcome, Refused):
            self._work_on(peer, self._hear_refusal(peer, event, outcome.refusal))
        else:
            self._node.relayed(event.event_id, outcome)

    async def _hear_refusal(self, leader: NodeId, event: SignedEvent, said: Refusal) -> None:
        """Pass a leader's refusal on in our own words, if we come to the same; else it is none.

        Its state may be ahead of ours: a leader refuses by what is committed, which we have soon.
        Until then the same rule may be broken in another place, which says nothing to who asks.
        """
        own = self._node.judge(event)
        if own is None or (own.rule, own.field) != (said.rule, said.field):
            await self._node.catch_up(_CONFIRM_S)
            own = self._node.judge(event)
        if own is None or own.rule is not said.rule:
            words = clean(shorten(said.problem))
            reason = f"the leader {leader} refuses it, and this node finds no reason to: {words}"
            self._node.relayed(event.event_id, Unavailable(event.event_id, reason))
            return
        # We have verified the signatures ourselves before we asked.
        self._node.relayed(event.event_id, Refused(event.event_id, own, bad_signature=False))


def _encode_outcome(outcome: Outcome) -> tuple[str, bytes]:
    match outcome:
        case Committed(_, height, index, time_ms, duplicate, _):
            commit = _Commit(height=height, index=index, time_ms=time_ms, duplicate=duplicate)
            return COMMITTED, encode(commit)
        case Refused(_, Refusal(rule, field, problem, accepted), bad_signature):
            refusal = _Refusal(
                bad_signature=bad_signature,
                rule=rule.name,
                field=field,
                problem=problem,
                accepted=accepted,
            )
            return REFUSED, encode(refusal)
        case _:
            return UNAVAILABLE, b""


def _decode_outcome(event_id: bytes, reply: RelayReply) -> Outcome:
    """Read a leader's answer; nonsense counts as none."""
    try:
        if reply.status == COMMITTED:
            commit = decode(reply.body, _Commit, what="relay reply", max_bytes=1024)
            return Committed(event_id, **msgspec.structs.asdict(commit))
        if reply.status == REFUSED:
            found = decode(reply.body, _Refusal, what="relay reply", max_bytes=MAX_ENVELOPE_BYTES)
            rule = Rule.__members__.get(found.rule)
            if rule is not None:
                refusal = Refusal(rule, found.field, found.problem, found.accepted)
                return Refused(event_id, refusal, bad_signature=found.bad_signature)
    except LedgerError:
        pass
    return Unavailable(event_id, "the leader could not take the event")
