"""What travels on a link between two nodes: frames, as MessagePack.

A frame is a message of the consensus core, or half of something that a node which does not lead
asks of the leader: to order an event that it took (relay), or to say how far its ledger must be
before it may answer a linearizable read (index). Each WebSocket message is one frame:

    {"type": "message", "sender": "bw-1", "recipient": "na-1",
     "kind": "vote_reply", "body": {"term": 7, "granted": true, "attached": <bytes>}}
    {"type": "relay_request", "ticket": 12, "envelope": <bytes>,
     "lane": {"participant": "BW", "authority": "gaborone"}}
    {"type": "relay_reply", "ticket": 12, "status": "committed", "body": <bytes>}
    {"type": "index_request", "ticket": 13}
    {"type": "index_reply", "ticket": 13, "index": 4711}
    {"type": "evidence_shown", "evidence": <bytes>}

What is decoded is encoded again and compared, so that a field which is unknown, missing, repeated
or out of order is refused. Not here: who may say what to whom; the listener compares the sender
with the key of the connection.
"""

from dataclasses import fields
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kpledger.base.codec import DECODE_ERRORS, malformed
from kpledger.base.errors import MalformedError, NotCanonicalError, OversizedError
from kpledger.scheme.event import Author
from kpnode.raft import (
    AppendReply,
    AppendRequest,
    HeartbeatReply,
    HeartbeatRequest,
    Message,
    MessageBody,
    NodeId,
    PreVoteReply,
    PreVoteRequest,
    TimeoutNow,
    VoteReply,
    VoteRequest,
)
from kpnode.raft.messages import ReplyBody
from kpnode.raft.types import MAX_NODE_ID_BYTES

MAX_REPLY_ATTACHED_BYTES: Final = 64 << 10
"""A reply shows signatures, and why there is a term, but no log."""
MAX_REQUEST_ATTACHED_BYTES: Final = 4 << 20
"""A candidate shows the headers of what it holds beyond the newest commit certificate."""
MAX_FRAME_BYTES: Final = (17 << 20) + MAX_REQUEST_ATTACHED_BYTES
"""The largest append that a node can be configured for (16 MiB), and room for what is around it."""

MAX_STATUS_LENGTH: Final = 64
MAX_NUMBER: Final = 2**53 - 1
"""Largest term, index, round or ticket."""

_Name = Annotated[str, Meta(max_length=MAX_NODE_ID_BYTES)]

Ticket = Annotated[int, Meta(ge=0, le=MAX_NUMBER)]
_Index = Annotated[int, Meta(ge=0, le=MAX_NUMBER)]


class _Frame(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the frames have in common."""


class RelayRequest(_Frame, frozen=True, kw_only=True, tag="relay_request"):
    """Asks another node to submit a signed event."""

    ticket: Ticket
    """Chosen by the asker, who finds its waiting client by it."""
    envelope: bytes
    """The signed event; not read here."""
    lane: Author
    """The author of the first event of the request that it came in: that is whose turn it takes."""


class RelayReply(_Frame, frozen=True, kw_only=True, tag="relay_reply"):
    """Answers a `RelayRequest`."""

    ticket: Ticket
    status: Annotated[str, Meta(min_length=1, max_length=MAX_STATUS_LENGTH)]
    """What became of the event, in a word of the relaying service."""
    body: bytes
    """The answer itself; not read here."""


class IndexRequest(_Frame, frozen=True, kw_only=True, tag="index_request"):
    """Asks a leader to prove that it leads, and for its commit index."""

    ticket: Ticket
    """Chosen by the asker, and never twice: the answer to an older question proves nothing."""


class IndexReply(_Frame, frozen=True, kw_only=True, tag="index_reply"):
    """Answers an `IndexRequest`."""

    ticket: Ticket
    index: _Index | None
    """None if the sender does not lead, or could not prove it."""


class EvidenceShown(_Frame, frozen=True, kw_only=True, tag="evidence_shown"):
    """Shows evidence that the sender has."""

    evidence: bytes
    """As it is stored; not read here."""


Frame = Message | RelayRequest | RelayReply | IndexRequest | IndexReply | EvidenceShown
"""Everything one node sends to another on a link."""


class _Carried(_Frame, frozen=True, kw_only=True, tag="message"):
    """A message of the core on its way."""

    sender: _Name
    recipient: _Name
    kind: _Name
    body: msgspec.Raw


# Written down rather than derived: renaming a class must not change the bytes.
_MESSAGES: Final[dict[str, type[MessageBody]]] = {
    "pre_vote_request": PreVoteRequest,
    "pre_vote_reply": PreVoteReply,
    "vote_request": VoteRequest,
    "vote_reply": VoteReply,
    "append_request": AppendRequest,
    "append_reply": AppendReply,
    "heartbeat_request": HeartbeatRequest,
    "heartbeat_reply": HeartbeatReply,
    "timeout_now": TimeoutNow,
}
_KINDS: Final = {body: kind for kind, body in _MESSAGES.items()}
_FIELDS: Final = {body: tuple(one.name for one in fields(body)) for body in _MESSAGES.values()}
_BODIES: Final = {kind: msgspec.msgpack.Decoder(body) for kind, body in _MESSAGES.items()}

_Encoded = _Carried | RelayRequest | RelayReply | IndexRequest | IndexReply | EvidenceShown

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final[msgspec.msgpack.Decoder[_Encoded]] = msgspec.msgpack.Decoder(_Encoded)


def encode_frame(frame: Frame) -> bytes:
    """Encode a frame.

    Raises:
        OversizedError: It, or what is attached, exceeds what the other side accepts, and so must
            never be sent.
    """
    data = _encoder.encode(_carry(frame) if isinstance(frame, Message) else frame)
    _check_size(data)
    return data


def decode_frame(data: bytes) -> Frame:
    """Decode a frame from a peer that is known but not trusted.

    Raises:
        OversizedError: There are more than `MAX_FRAME_BYTES`; nothing was decoded. Or more is
            attached than there may be.
        MalformedError: It is no MessagePack, no frame, or no message that a core may meet.
        NotCanonicalError: It says more, less or otherwise than `encode_frame` would.
    """
    _check_size(data)
    try:
        carried = _decoder.decode(data)
        frame = _uncarry(carried) if isinstance(carried, _Carried) else carried
    except DECODE_ERRORS as error:
        raise malformed("frame", error) from None
    if encode_frame(frame) != data:
        raise NotCanonicalError("frame is not spelled as its sender should have spelled it")
    return frame


def _carry(message: Message) -> _Carried:
    _check_attached(message.body)
    return _Carried(
        sender=message.sender,
        recipient=message.recipient,
        kind=_KINDS[type(message.body)],
        body=msgspec.Raw(_encoder.encode(message.body)),
    )


def _uncarry(carried: _Carried) -> Message:
    decoder = _BODIES.get(carried.kind)
    if decoder is None:
        raise MalformedError("frame", f"there is no message {carried.kind!r}", field="kind")
    body = decoder.decode(carried.body)
    _check_numbers(body)
    return Message(NodeId(carried.sender), NodeId(carried.recipient), body)


def _check_numbers(body: MessageBody) -> None:
    """Refuse numbers no core would send; those of entries follow from the append's own."""
    for name in _FIELDS[type(body)]:
        value = getattr(body, name)
        if isinstance(value, int) and not 0 <= value <= MAX_NUMBER:
            raise MalformedError("frame", f"{value} is out of range", field=f"body.{name}")


def _check_attached(body: MessageBody) -> None:
    is_reply = isinstance(body, ReplyBody)
    limit = MAX_REPLY_ATTACHED_BYTES if is_reply else MAX_REQUEST_ATTACHED_BYTES
    if len(body.attached) > limit:
        raise OversizedError("attachment", size=len(body.attached), limit=limit)


def _check_size(data: bytes) -> None:
    if len(data) > MAX_FRAME_BYTES:
        raise OversizedError("frame", size=len(data), limit=MAX_FRAME_BYTES)
