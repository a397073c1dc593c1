"""What only says that a block is committed waits, unless somebody waits for it."""

import asyncio

import pytest

from kpnode.raft import (
    AppendRequest,
    Entry,
    EntryKind,
    HeartbeatRequest,
    Index,
    Message,
    MessageBody,
    NodeId,
    Term,
)
from kpnode.transport.notices import Notices

NA, ZA = NodeId("na-1"), NodeId("za-1")
BLOCK = Entry(Index(8), Term(1), EntryKind.BLOCK, b"block")


def message(recipient: NodeId, body: MessageBody) -> Message:
    return Message(NodeId("bw-1"), recipient, body)


def notice(recipient: NodeId, commit: int) -> Message:
    return message(recipient, AppendRequest(Term(1), Index(7), Term(1), (), Index(commit)))


def append(recipient: NodeId) -> Message:
    return message(recipient, AppendRequest(Term(1), Index(7), Term(1), (BLOCK,), Index(7)))


class Wire:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[NodeId, Message]] = []
        self.changed = asyncio.Event()

    def send(self, peer: NodeId, frame: Message) -> bool:
        self.sent.append((peer, frame))
        self.changed.set()
        return True


@pytest.fixture
async def wire() -> Wire:
    return Wire()


async def test_notice_is_sent_after_a_while(wire: Wire) -> None:
    notices = Notices(wire.send)
    assert notices.hold(notice(NA, 7))
    assert wire.sent == []
    async with asyncio.timeout(10):
        await wire.changed.wait()
    assert wire.sent == [(NA, notice(NA, 7))]


async def test_next_append_to_the_same_peer_replaces_it(wire: Wire) -> None:
    notices = Notices(wire.send)
    assert notices.hold(notice(NA, 7))
    assert notices.hold(notice(ZA, 7))
    assert not notices.hold(append(NA))
    async with asyncio.timeout(10):
        await wire.changed.wait()
    assert wire.sent == [(ZA, notice(ZA, 7))]


async def test_newer_notice_replaces_an_older_one_and_is_released_at_once(wire: Wire) -> None:
    notices = Notices(wire.send)
    assert notices.hold(notice(NA, 6))
    assert notices.hold(notice(NA, 7))
    notices.release(NA)
    notices.release(NA)
    assert wire.sent == [(NA, notice(NA, 7))]
    notices.close()


async def test_everything_else_is_for_now(wire: Wire) -> None:
    notices = Notices(wire.send)
    assert not notices.hold(message(NA, HeartbeatRequest(Term(1), Index(7), 0)))
    assert not notices.hold(append(NA))
    notices.close()


async def test_nothing_is_sent_after_the_end(wire: Wire) -> None:
    notices = Notices(wire.send)
    assert notices.hold(notice(NA, 7))
    notices.close()
    notices.release(NA)
    assert wire.sent == []
