"""A node that follows: events that it passes on to its leader, and who waits for them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from itertools import cycle
from pathlib import Path

import pytest
from attacks.forgeries import forge, sign_as_strangers
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from electing import signer_of
from founding import make_certificate, make_event, opening_events
from serving import NAME, Clock, make_agreement, make_links, make_node
from voices import Majority, Voice, open_term

from kpledger.log.statements import LogEnd
from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.event import Author, SignedEvent
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.events.certificate import CertificateIssued
from kpledger.scheme.v1.events.life import NoteFiled
from kpnode.raft import Message, NodeId
from kpnode.runtime import Committed, Node, Outcome, Pending, Refused, Unavailable
from kpnode.transport.relay import PeerLinks, _encode_outcome
from kpnode.transport.wire import RelayReply, RelayRequest

LEADER, OTHER = NodeId("eu-1"), NodeId("za-1")
EVENT, SECOND = (decode_envelope(one) for one in opening_events("BW/gaborone")[:2])

LANE = EVENT.header.author


@dataclass
class Silence:
    """Links to peers that take everything and say nothing."""

    relayed: list[bytes] = field(default_factory=list)
    asked: list[NodeId] = field(default_factory=list)
    """Who was asked how far it is."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def send(self, messages: tuple[Message, ...]) -> None:
        pass

    def relay(self, peer: NodeId, event: SignedEvent, lane: Author) -> bool:
        assert (peer, lane) == (LEADER, EVENT.header.author)
        self.relayed.append(event.event_id)
        self.changed.set()
        return True

    def ask_index(self, peer: NodeId, ticket: int) -> bool:
        self.asked.append(peer)
        return bool(ticket)

    def show(self, peer: NodeId, evidence: bytes) -> None:
        pass

    def connected(self) -> tuple[str, ...]:
        return (LEADER,)

    def unreachable(self) -> tuple[str, ...]:
        return ()

    def doubled(self) -> tuple[str, ...]:
        return ()

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
    node, storage = make_node(tmp_path / "ledger", Clock(), tick_s=3600)
    await node.start(links)
    signers = tuple(map(signer_of, (NAME, LEADER)))
    beginning = LogEnd(term=0, index=0, head=node.genesis.chain)
    opening = Majority(signers).elect(LEADER, term=1, base=beginning)
    node.receive(Voice(signers[1], NodeId(NAME)).beat(opening))
    async with asyncio.timeout(10):
        while node.raft.leader != LEADER:  # noqa: ASYNC110 (no event)
            await asyncio.sleep(0.001)
    yield node
    await node.stop()
    storage.close()


def refuse(event: SignedEvent) -> Refused:
    return Refused(event.event_id, Refusal(Rule.E1, "", "", ""), bad_signature=False)


async def test_who_still_waits_hears_of_a_lost_link_when_others_have_given_up(
    node: Node, links: Silence
) -> None:
    patient = asyncio.create_task(node.submit([EVENT], 30))
    await links.wait_for(1)
    assert [type(one) for one in await node.submit([EVENT], 0.01)] == [Pending]
    before = len(links.relayed)
    node.unreachable(LEADER)
    await links.wait_for(before + 1)
    node.relayed(EVENT.event_id, refuse(EVENT))
    assert await patient == [refuse(EVENT)]


async def test_leader_that_answers_and_makes_nothing_final_is_set_aside(
    tmp_path: Path, links: Silence
) -> None:
    """Whatever it answers: that it cannot take the event, or that it is recorded."""
    node, storage = make_node(tmp_path / "ledger", Clock(), tick_s=0.0005)
    await node.start(links)
    signers = tuple(map(signer_of, (NAME, LEADER)))
    majority, voice = Majority(signers), Voice(signers[1], NodeId(NAME))
    beginning = LogEnd(term=0, index=0, head=node.genesis.chain)
    opening = majority.elect(LEADER, term=1, base=beginning)
    node.receive(voice.append(opening, beginning, open_term(opening)))
    submitted = asyncio.create_task(node.submit([EVENT], 60))
    lie = Committed(EVENT.event_id, 2, 0, 0, duplicate=False)
    answers: cycle[Outcome] = cycle([Unavailable(EVENT.event_id, ""), lie])
    async with asyncio.timeout(60):
        while node.raft.last_index == 0:  # noqa: ASYNC110 (no event)
            await asyncio.sleep(0)
        final = majority.finalise(node._engine._machine.top.end)
        while node._trouble.stalled is None or node.raft.leader is not None:
            node.receive(voice.beat(opening, commit=1, final=final))
            node.relayed(EVENT.event_id, next(answers))
            await asyncio.sleep(0)
    assert "makes nothing final" in node.status().alarms[0]
    assert node.ledger.tip.height == 1
    submitted.cancel()
    await node.stop()
    storage.close()


async def test_events_of_one_request_are_tried_again_in_their_order(
    node: Node, links: Silence
) -> None:
    submitted = asyncio.create_task(node.submit([EVENT, SECOND], 30))
    await links.wait_for(2)
    for event in (SECOND, EVENT):
        node.relayed(event.event_id, Unavailable(event.event_id, "this node does not lead"))
    await links.wait_for(4)
    assert links.relayed == [EVENT.event_id, SECOND.event_id] * 2
    for event in (SECOND, EVENT):
        node.relayed(event.event_id, refuse(event))
    assert await submitted == [refuse(EVENT), refuse(SECOND)]


async def test_refusal_counts_only_if_all_before_it_got_as_far(node: Node, links: Silence) -> None:
    """The first is lost on its way, and the second refused for what the first was to bring."""
    submitted = asyncio.create_task(node.submit([EVENT, SECOND], 30))
    await links.wait_for(2)
    node.relayed(SECOND.event_id, refuse(SECOND))
    node.relayed(EVENT.event_id, Unavailable(EVENT.event_id, "this node does not lead"))
    await links.wait_for(4)
    node.relayed(EVENT.event_id, refuse(EVENT))
    node.relayed(SECOND.event_id, Unavailable(SECOND.event_id, "this node does not lead"))
    await links.wait_for(5)
    node.relayed(SECOND.event_id, refuse(SECOND))
    assert await submitted == [refuse(EVENT), refuse(SECOND)]
    assert links.relayed[4:] == [SECOND.event_id]


async def test_leader_tries_what_was_relayed_to_it_once(tmp_path: Path) -> None:
    """It may be one of many, whose order only the node knows that relayed them."""
    others, largest = make_agreement(), len(EVENT.encoded)
    node, storage = make_node(tmp_path / "ledger", Clock(), others, max_block_bytes=largest)
    await node.start(make_links(node, others))
    first, second = await asyncio.gather(
        *[node.ordering.answer_relay(one, LANE, 10, via=OTHER) for one in (EVENT, SECOND)]
    )
    assert isinstance(first, Committed)
    assert second == Unavailable(SECOND.event_id, "the event was not ordered")
    await node.stop()
    storage.close()


async def test_nothing_is_remembered_of_an_event_nobody_waits_for(
    node: Node, links: Silence
) -> None:
    assert [type(one) for one in await node.submit([EVENT], 0.01)] == [Pending]
    node.unreachable(LEADER)
    assert len(links.relayed) == 1
    assert node._relays._under_way == {}


async def hear(node: Node, links: Silence, event: SignedEvent, said: Refusal) -> Outcome:
    """Have the leader refuse an event in these words; gives what the submitter hears."""
    peers = PeerLinks(node, Ed25519PrivateKey.generate())
    submitted = asyncio.create_task(node.submit([EVENT], 30))
    await links.wait_for(1)
    status, body = _encode_outcome(Refused(event.event_id, said, bad_signature=True))
    heard: asyncio.Queue[Outcome] = asyncio.Queue()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kpnode.transport.relay._CONFIRM_S", 0)
        patch.setattr(node, "relayed", lambda _, outcome: heard.put_nowait(outcome))
        peers._relayed[7] = LEADER, event
        peers._take_frame(LEADER, RelayReply(ticket=7, status=status, body=body))
        async with asyncio.timeout(10):
            outcome = await heard.get()
    node.relayed(EVENT.event_id, refuse(EVENT))
    await submitted
    return outcome


async def test_a_leaders_refusal_is_none_where_this_node_sees_no_reason(
    node: Node, links: Silence
) -> None:
    """Its words are told all the same, and nothing else of them."""
    said = Refusal(Rule.E3, "body\x1b[2J", "no\x1b]0;x\x07 " + "x" * 5000, "\u202eall")
    heard = await hear(node, links, EVENT, said)
    assert isinstance(heard, Unavailable)
    words = f"the leader {LEADER} refuses it, and this node finds no reason to: no"
    assert heard.reason.startswith(words)
    assert heard.reason.isprintable()
    assert len(heard.reason) < 1200


async def test_a_leaders_refusal_is_told_in_own_words_where_this_node_comes_to_the_same(
    node: Node, links: Silence
) -> None:
    body = NoteFiled(text="x", references=(), document=None)
    note = make_event("BW/gaborone", body, subject="BW")
    event = decode_envelope(note)
    own = node.judge(event)
    assert own is not None
    lie = replace(own, problem="something else", accepted="nothing")
    heard = await hear(node, links, event, lie)
    assert heard == Refused(event.event_id, own, bad_signature=False)
    assert links.asked == []


async def test_a_refusal_in_another_place_is_looked_at_again_when_this_node_has_caught_up(
    node: Node, links: Silence
) -> None:
    """A leader that is ahead says what matters: that a certificate is void, not what it follows."""
    body = NoteFiled(text="x", references=(), document=None)
    event = decode_envelope(make_event("BW/gaborone", body, subject="BW"))
    own = node.judge(event)
    assert own is not None
    await hear(node, links, event, replace(own, field="prev"))
    assert links.asked == [LEADER]


async def pass_on(peers: PeerLinks, peer: NodeId, *envelopes: bytes) -> float:
    """Have a peer pass events on to a node; gives for how long it is not heard then."""
    for number, envelope in enumerate(envelopes):
        peers._take_frame(peer, RelayRequest(ticket=number, envelope=envelope, lane=LANE))
    async with asyncio.timeout(30):
        while peers._answering:  # noqa: ASYNC110 (no event)
            await asyncio.sleep(0)
    return peers._node.incoming.pause_s(peer)


async def test_who_does_not_lead_verifies_nothing_that_is_passed_on_to_it(node: Node) -> None:
    """Whoever passes it on may lie: each of its signatures would keep the leader's waiting."""
    peers = PeerLinks(node, Ed25519PrivateKey.generate())
    assert await pass_on(peers, OTHER, EVENT.encoded) <= 0
    assert not node.signatures.knows(EVENT)


@pytest.fixture
async def leading(tmp_path: Path) -> AsyncIterator[Node]:
    """A node that leads; the other voters agree."""
    others = make_agreement()
    node, storage = make_node(tmp_path / "ledger", Clock(), others)
    await node.start(make_links(node, others))
    yield node
    await node.stop()
    storage.close()


async def test_who_passes_on_what_no_honest_node_does_is_heard_more_slowly(leading: Node) -> None:
    peers = PeerLinks(leading, Ed25519PrivateKey.generate())
    assert await pass_on(peers, LEADER, *[EVENT.encoded] * 150) <= 0
    assert await pass_on(peers, OTHER, *[forge(SECOND.encoded), b"no event"] * 75) > 0


async def test_what_one_peer_relays_waits_for_little_that_another_does(
    leading: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many that have to be verified came before it."""
    verified: list[bytes] = []
    check = leading.signatures.check

    def note(event: SignedEvent) -> None:
        verified.append(event.encoded)
        check(event)

    monkeypatch.setattr(leading.signatures, "check", note)
    forged = decode_envelope(forge(SECOND.encoded))
    flood = [leading.ordering.answer_relay(forged, LANE, 30, via=OTHER) for _ in range(500)]
    good = leading.ordering.answer_relay(EVENT, LANE, 30, via=LEADER)
    *refused, recorded = await asyncio.gather(*flood, good)
    assert all(isinstance(one, Refused) and one.bad_signature for one in refused)
    assert isinstance(recorded, Committed)
    assert verified.index(EVENT.encoded) <= 32


async def test_who_names_the_lane_of_somebody_else_takes_no_room_of_what_others_relay(
    leading: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kpnode.runtime.ordering._RELAYED", 1)
    relayed = (EVENT, OTHER), (SECOND, OTHER), (SECOND, LEADER)
    outcomes = await asyncio.gather(
        *[leading.ordering.answer_relay(event, LANE, 30, via=via) for event, via in relayed]
    )
    assert [type(one) for one in outcomes] == [Committed, Unavailable, Committed]


async def test_signatures_of_who_may_not_sign_are_not_verified_for_a_peer(
    leading: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And whoever passes them on is not punished: they may have been in force with it."""
    verified: list[SignedEvent] = []
    monkeypatch.setattr(leading.signatures, "check", verified.append)
    peers = PeerLinks(leading, Ed25519PrivateKey.generate())
    assert await pass_on(peers, OTHER, *[sign_as_strangers(EVENT.encoded)] * 150) <= 0
    assert verified == []


async def test_key_that_an_event_before_it_registers_may_sign_what_is_relayed(
    leading: Node,
) -> None:
    issue = make_event("BW/gaborone", CertificateIssued(certificate=make_certificate()))
    events = [decode_envelope(one) for one in (*opening_events("BW/gaborone"), issue)]
    outcomes = await asyncio.gather(
        *[leading.ordering.answer_relay(event, LANE, 30, via=OTHER) for event in events]
    )
    assert [type(one) for one in outcomes] == [Committed] * len(events)


async def test_what_is_worked_on_of_a_peer_is_bounded_in_bytes(
    leading: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kpnode.transport.relay._RELAYED_BYTES", len(EVENT.encoded))
    peers = PeerLinks(leading, Ed25519PrivateKey.generate())
    said: list[tuple[int, str]] = []
    monkeypatch.setattr(
        peers, "_reply", lambda _, ticket, status, __: said.append((ticket, status))
    )
    await pass_on(peers, OTHER, EVENT.encoded, EVENT.encoded)
    await pass_on(peers, OTHER, EVENT.encoded)
    assert said == [(1, "unavailable"), (0, "committed"), (0, "committed")]
