"""A node that follows: events that it passes on to its leader, and who waits for them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from founding import opening_events
from serving import NAME, Clock, make_node

from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.outcome import Refusal, Rule
from kpnode.raft import HeartbeatRequest, Index, Message, NodeId, Term
from kpnode.runtime import Node, Pending, Refused

LEADER = NodeId("eu-1")
EVENT = decode_envelope(opening_events("BW/gaborone")[0])


@dataclass
class Silence:
    """Links to peers that take everything and say nothing."""

    relayed: list[bytes] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def send(self, messages: tuple[Message, ...]) -> None:
        pass

    def relay(self, peer: NodeId, event_id: bytes, envelope: bytes) -> bool:
        assert (peer, envelope) == (LEADER, EVENT.encoded)
        self.relayed.append(event_id)
        self.changed.set()
        return True

    def ask_index(self, peer: NodeId, ticket: int) -> bool:
        return bool(peer and ticket)

    def connected(self) -> tuple[str, ...]:
        return (LEADER,)

    async def wait_for(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.relayed) < count:
                self.changed.clear()
                await self.changed.wait()


@pytest.fixture
def links() -> Silence:
    return Silence()


@pytest.fixture
async def node(tmp_path: Path, links: Silence) -> AsyncIterator[Node]:
    """A node that follows eu-1; its time stands still."""
    node, storage = make_node(tmp_path / "ledger", Clock(), (NAME, LEADER), tick_s=3600)
    await node.start(links)
    heartbeat = HeartbeatRequest(Term(1), Index(0), 0)
    node.receive(Message(LEADER, NodeId(NAME), heartbeat))
    async with asyncio.timeout(10):
        while node.status().raft.leader != LEADER:  # noqa: ASYNC110 (no event)
            await asyncio.sleep(0.001)
    yield node
    await node.stop()
    storage.close()


async def test_who_still_waits_hears_of_a_lost_link_when_others_have_given_up(
    node: Node, links: Silence
) -> None:
    patient = asyncio.create_task(node.submit([EVENT], 30))
    await links.wait_for(1)
    assert [type(one) for one in await node.submit([EVENT], 0.01)] == [Pending]
    before = len(links.relayed)
    node.unreachable(LEADER)
    await links.wait_for(before + 1)
    refused = Refused(links.relayed[0], Refusal(Rule.E1, "", "", ""), bad_signature=False)
    node.relayed(links.relayed[0], refused)
    assert await patient == [refused]


async def test_nothing_is_remembered_of_an_event_nobody_waits_for(
    node: Node, links: Silence
) -> None:
    assert [type(one) for one in await node.submit([EVENT], 0.01)] == [Pending]
    node.unreachable(LEADER)
    assert len(links.relayed) == 1
    assert node._relayed == {}
