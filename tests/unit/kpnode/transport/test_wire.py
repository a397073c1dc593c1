"""Frames as bytes: what goes in comes out, and nothing else comes in."""

from collections.abc import Callable
from typing import get_args

import msgspec
import pytest
from hypothesis import given, strategies as st

from kpledger.base.errors import LedgerError, MalformedError, NotCanonicalError, OversizedError
from kpledger.scheme.event import Author
from kpnode.raft import (
    AppendReply,
    AppendRequest,
    Configuration,
    Entry,
    EntryKind,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    Message,
    MessageBody,
    NodeId,
    PreVoteReply,
    PreVoteRequest,
    Term,
    TimeoutNow,
    VoteReply,
    VoteRequest,
    encode_configuration,
)
from kpnode.transport.wire import (
    MAX_FRAME_BYTES,
    MAX_NUMBER,
    MAX_REPLY_ATTACHED_BYTES,
    MAX_REQUEST_ATTACHED_BYTES,
    Frame,
    IndexReply,
    IndexRequest,
    RelayReply,
    RelayRequest,
    decode_frame,
    encode_frame,
)

numbers = st.integers(0, MAX_NUMBER)
terms = numbers.map(Term)
indexes = numbers.map(Index)
nodes = st.from_regex(r"[a-z0-9]{1,8}-[0-9]{1,3}", fullmatch=True).map(NodeId)
payloads = st.binary(max_size=100)
LANE = Author(participant="BW", authority="gaborone")
CONFIGURATION = encode_configuration(Configuration((NodeId("bw-1"), NodeId("na-1")), b"keys"))


@st.composite
def append_requests(draw: st.DrawFn) -> AppendRequest:
    """Draw entries that follow each other; the dataclass admits no others."""
    prev_index = draw(st.integers(0, 2**52))
    ascending = sorted(draw(st.lists(numbers, min_size=2, max_size=6)))
    kinds = draw(st.lists(st.sampled_from(EntryKind), min_size=6, max_size=6))
    entries = tuple(
        Entry(
            Index(prev_index + 1 + offset),
            Term(term),
            kind,
            CONFIGURATION if kind is EntryKind.CONFIG else draw(payloads),
        )
        for offset, (term, kind) in enumerate(zip(ascending[1:-1], kinds, strict=False))
    )
    return AppendRequest(
        Term(ascending[-1]),
        Index(prev_index),
        Term(ascending[0]),
        entries,
        draw(indexes),
        draw(payloads),
    )


MESSAGES: dict[type[MessageBody], st.SearchStrategy[MessageBody]] = {
    PreVoteRequest: st.builds(PreVoteRequest, terms, indexes, terms, payloads),
    PreVoteReply: st.builds(PreVoteReply, terms, st.booleans(), attached=payloads),
    VoteRequest: st.builds(VoteRequest, terms, indexes, terms, st.booleans(), payloads),
    VoteReply: st.builds(VoteReply, terms, st.booleans(), payloads),
    AppendRequest: append_requests(),
    AppendReply: st.builds(AppendReply, terms, st.booleans(), indexes, indexes, terms, payloads),
    HeartbeatRequest: st.builds(HeartbeatRequest, terms, indexes, numbers, indexes, payloads),
    HeartbeatReply: st.builds(HeartbeatReply, terms, numbers, indexes, payloads),
    TimeoutNow: st.builds(TimeoutNow, terms, payloads),
}

statuses = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=64)
frames: st.SearchStrategy[Frame] = st.one_of(
    st.builds(Message, nodes, nodes, st.one_of(*MESSAGES.values())),
    st.builds(RelayRequest, ticket=numbers, envelope=payloads, lane=st.just(LANE)),
    st.builds(RelayReply, ticket=numbers, status=statuses, body=payloads),
    st.builds(IndexRequest, ticket=numbers),
    st.builds(IndexReply, ticket=numbers, index=st.none() | numbers),
)


def test_every_message_of_the_core_is_drawn_here() -> None:
    assert set(MESSAGES) == set(get_args(MessageBody))


@pytest.mark.parametrize("kind", MESSAGES)
def test_every_message_comes_out_as_it_went_in(kind: type[MessageBody]) -> None:
    @given(nodes, nodes, MESSAGES[kind])
    def check(sender: NodeId, recipient: NodeId, message: MessageBody) -> None:
        envelope = Message(sender, recipient, message)
        assert decode_frame(encode_frame(envelope)) == envelope

    check()


@given(frames)
def test_every_frame_comes_out_as_it_went_in(frame: Frame) -> None:
    assert decode_frame(encode_frame(frame)) == frame


def test_the_bytes_of_a_frame_do_not_change() -> None:
    """A renamed class or field would part the nodes of two versions."""
    vote = Message(
        NodeId("bw-1"), NodeId("na-1"), VoteReply(Term(7), granted=True, attached=b"\x02")
    )
    relay = RelayReply(ticket=12, status="committed", body=b"\x01")
    index = IndexReply(ticket=13, index=7)
    assert (encode_frame(vote), encode_frame(relay), encode_frame(index)) == (
        (
            b"\x85\xa4type\xa7message\xa6sender\xa4bw-1\xa9recipient\xa4na-1"
            b"\xa4kind\xaavote_reply\xa4body\x83\xa4term\x07\xa7granted\xc3\xa8attached\xc4\x01\x02"
        ),
        b"\x84\xa4type\xabrelay_reply\xa6ticket\x0c\xa6status\xa9committed\xa4body\xc4\x01\x01",
        b"\x83\xa4type\xabindex_reply\xa6ticket\x0d\xa5index\x07",
    )


def respell(change: Callable[[dict[str, object]], object], frame: Frame) -> bytes:
    """Encode a frame, then let `change` tamper with its map."""
    tampered = msgspec.msgpack.decode(encode_frame(frame), type=dict[str, object])
    change(tampered)
    return msgspec.msgpack.encode(tampered)


def respell_body(change: Callable[[dict[str, object]], object], message: MessageBody) -> bytes:
    envelope = Message(NodeId("bw-1"), NodeId("na-1"), message)

    def change_body(tampered: dict[str, object]) -> None:
        body = tampered["body"]
        assert isinstance(body, dict)
        change(body)

    return respell(change_body, envelope)


VOTE = VoteRequest(Term(3), Index(5), Term(2), transfer=False)
ENTRY = {"index": 6, "term": 3, "kind": 1, "payload": b"block"}
APPEND = AppendRequest(
    Term(3), Index(5), Term(2), (Entry(Index(6), Term(3), EntryKind.BLOCK, b"block"),), Index(5)
)
ENVELOPE = Message(NodeId("bw-1"), NodeId("na-1"), VOTE)
REQUEST = RelayRequest(ticket=12, envelope=b"event", lane=LANE)
REPLY = RelayReply(ticket=12, status="committed", body=b"answer")
HEARTBEAT = encode_frame(Message(NodeId("bw-1"), NodeId("na-1"), TimeoutNow(Term(1))))

MALFORMED = {
    "nothing": b"",
    "no map": msgspec.msgpack.encode([1, 2]),
    "truncated": encode_frame(ENVELOPE)[:-1],
    "trailing byte": encode_frame(ENVELOPE) + b"\x00",
    "no type": respell(lambda it: it.pop("type"), ENVELOPE),
    "unknown type": respell(lambda it: it.update(type="gossip"), ENVELOPE),
    "unknown kind": respell(lambda it: it.update(kind="snapshot"), ENVELOPE),
    "unknown field": respell(lambda it: it.update(hops=1), ENVELOPE),
    "no sender": respell(lambda it: it.pop("sender"), ENVELOPE),
    "sender too long": respell(lambda it: it.update(sender="a" * 256), ENVELOPE),
    "sender as bytes": respell(lambda it: it.update(sender=b"bw-1"), ENVELOPE),
    "sender not UTF-8": encode_frame(ENVELOPE).replace(b"bw-1", b"b\xff-1"),
    "no body": respell(lambda it: it.pop("body"), ENVELOPE),
    "body of another kind": respell(lambda it: it.update(kind="heartbeat_reply"), ENVELOPE),
    "body no map": respell(lambda it: it.update(body=7), ENVELOPE),
    "nested too deeply": HEARTBEAT[:-18] + b"\x91" * 100_000 + b"\x00",
    "term missing": respell_body(lambda it: it.pop("term"), VOTE),
    "term negative": respell_body(lambda it: it.update(term=-1), VOTE),
    "term too large": respell_body(lambda it: it.update(term=2**53), VOTE),
    "term as text": respell_body(lambda it: it.update(term="3"), VOTE),
    "term as float": respell_body(lambda it: it.update(term=3.5), VOTE),
    "unknown entry kind": respell_body(
        lambda it: it.update(entries=[{**ENTRY, "kind": 9}]), APPEND
    ),
    "gap in the entries": respell_body(
        lambda it: it.update(entries=[{**ENTRY, "index": 7}]), APPEND
    ),
    "entry of a later term": respell_body(
        lambda it: it.update(entries=[{**ENTRY, "term": 4}]), APPEND
    ),
    "configuration without voters": respell_body(
        lambda it: it.update(entries=[{**ENTRY, "kind": 2, "payload": b"nobody"}]), APPEND
    ),
    "ticket negative": respell(lambda it: it.update(ticket=-1), REQUEST),
    "ticket too large": respell(lambda it: it.update(ticket=2**53), REPLY),
    "relay unknown field": respell(lambda it: it.update(hops=1), REQUEST),
    "relay without lane": respell(lambda it: it.pop("lane"), REQUEST),
    "relay in the lane of nobody": respell(lambda it: it.update(lane={}), REQUEST),
    "relay without envelope": respell(lambda it: it.pop("envelope"), REQUEST),
    "index negative": respell(lambda it: it.update(index=-1), IndexReply(ticket=1, index=2)),
    "index missing": respell(lambda it: it.pop("index"), IndexReply(ticket=1, index=None)),
    "status empty": respell(lambda it: it.update(status=""), REPLY),
    "status too long": respell(lambda it: it.update(status="a" * 65), REPLY),
}

NOT_CANONICAL = {
    "unknown field in the body": respell_body(lambda it: it.update(hops=1), VOTE),
    "unknown field in an entry": respell_body(
        lambda it: it.update(entries=[{**ENTRY, "hops": 1}]), APPEND
    ),
    "default left out": respell_body(
        lambda it: it.pop("hint_term"), AppendReply(Term(3), accepted=True, index=Index(5))
    ),
    "fields out of order": respell_body(lambda it: it.update(term=it.pop("term")), VOTE),
    "nothing attached left out": respell_body(lambda it: it.pop("attached"), TimeoutNow(Term(1))),
    "field repeated": HEARTBEAT.replace(b"\x82\xa4term\x01", b"\x83\xa4term\x01\xa4term\x01"),
    "integer too wide": HEARTBEAT.replace(b"\xa4term\x01", b"\xa4term\xcd\x00\x01"),
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError, match="frame is malformed"):
        decode_frame(data)


@pytest.mark.parametrize("data", NOT_CANONICAL.values(), ids=NOT_CANONICAL)
def test_a_second_spelling_of_a_frame_is_refused(data: bytes) -> None:
    with pytest.raises(NotCanonicalError):
        decode_frame(data)


@given(st.binary(max_size=200))
def test_garbage_is_refused_by_an_error_of_ours(data: bytes) -> None:
    with pytest.raises(LedgerError):
        decode_frame(data)


@given(frames, st.data())
def test_a_flipped_byte_gives_another_frame_or_an_error_of_ours(
    frame: Frame, data: st.DataObject
) -> None:
    encoded = bytearray(encode_frame(frame))
    position = data.draw(st.integers(0, len(encoded) - 1))
    encoded[position] ^= data.draw(st.integers(1, 255))
    try:
        decoded = decode_frame(bytes(encoded))
    except LedgerError:
        return
    assert encode_frame(decoded) == encoded


def test_a_frame_too_large_to_be_received_is_not_encoded() -> None:
    with pytest.raises(OversizedError) as caught:
        encode_frame(RelayRequest(ticket=1, envelope=bytes(MAX_FRAME_BYTES), lane=LANE))
    assert caught.value.limit == MAX_FRAME_BYTES


def test_a_frame_above_the_limit_is_refused_unread() -> None:
    with pytest.raises(OversizedError) as caught:
        decode_frame(bytes(MAX_FRAME_BYTES + 1))
    assert (caught.value.size, caught.value.limit) == (MAX_FRAME_BYTES + 1, MAX_FRAME_BYTES)


def test_the_largest_append_of_any_configuration_fits() -> None:
    """256 entries with 16 MiB of payload in all."""
    entries = tuple(
        Entry(Index(2**52 + 1 + offset), Term(2**52), EntryKind.BLOCK, bytes(1 << 16))
        for offset in range(256)
    )
    append = AppendRequest(Term(2**52), Index(2**52), Term(2**52), entries, Index(2**52))
    envelope = Message(NodeId("b" * 255), NodeId("n" * 255), append)
    assert decode_frame(encode_frame(envelope)) == envelope


def attach(size: int, *, reply: bool) -> Message:
    body = (
        VoteReply(Term(7), granted=True, attached=bytes(size))
        if reply
        else TimeoutNow(Term(7), attached=bytes(size))
    )
    return Message(NodeId("bw-1"), NodeId("na-1"), body)


@pytest.mark.parametrize(
    ("reply", "limit"), [(True, MAX_REPLY_ATTACHED_BYTES), (False, MAX_REQUEST_ATTACHED_BYTES)]
)
def test_no_more_is_attached_than_may_be(limit: int, *, reply: bool) -> None:
    most = encode_frame(attach(limit, reply=reply))
    assert decode_frame(most) == attach(limit, reply=reply)
    with pytest.raises(OversizedError) as caught:
        encode_frame(attach(limit + 1, reply=reply))
    assert (caught.value.size, caught.value.limit) == (limit + 1, limit)


def test_more_attached_than_may_be_is_refused() -> None:
    """A reply may not carry what a request may."""
    request = encode_frame(attach(MAX_REPLY_ATTACHED_BYTES + 1, reply=False))
    reply = request.replace(b"\xabtimeout_now\xa4body\x82", b"\xaavote_reply\xa4body\x83", 1)
    reply = reply.replace(b"\xa4term\x07", b"\xa4term\x07\xa7granted\xc3", 1)
    with pytest.raises(OversizedError) as caught:
        decode_frame(reply)
    assert caught.value.limit == MAX_REPLY_ATTACHED_BYTES
