"""The engine: what only a liar would send does not reach the core."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from founding import NOW_MS, make_event, make_genesis, opening_events, signing_key

from kpledger.envelope import decode_envelope
from kpledger.events.governance import KeyAdded
from kpnode.engine import MAX_TERM_STEP, Engine
from kpnode.ledger import Ledger
from kpnode.machine import Machine
from kpnode.raft import (
    AppendReply,
    AppendRequest,
    Configuration,
    Entry,
    EntryKind,
    Envelope,
    HeartbeatReply,
    Index,
    Input,
    Message,
    NodeId,
    RaftConfig,
    RaftCore,
    Received,
    Recovered,
    Role,
    Term,
    Tick,
    TimeoutNow,
    VoteReply,
    VoteRequest,
)
from kpnode.raft.messages import PreVoteReply
from kpnode.storage.leveldb import LevelStorage
from kpnode.submission import Refused

VOTERS = tuple(NodeId(name) for name in ("bw-1", "eu-1", "za-1"))
ME, HONEST, LIAR = VOTERS


class World:
    """The engine of bw-1 on real storage; the test speaks for the other two."""

    def __init__(self, directory: Path) -> None:
        genesis = make_genesis()
        self.storage = LevelStorage.open(directory, chain=genesis.chain, create=True)
        self.ledger = Ledger(genesis, self.storage)
        machine = Machine(genesis, ME, signing_key(f"{ME}/consensus"), self.ledger, skew_ms=1000)
        recovered = Recovered(self.storage.hard_state, Configuration(VOTERS), Index(0))
        self.engine = Engine(
            RaftCore(RaftConfig(ME), recovered, self.storage),
            self.storage,
            machine,
            now_ms=lambda: NOW_MS,
            max_block_events=100,
            max_block_bytes=1 << 20,
        )

    def say(self, sender: NodeId, message: Message) -> Input:
        return Received(Envelope(sender, ME, message))

    def lead(self) -> None:
        """Win the election of term 1, and commit its NOOP and a block."""
        for _ in range(40):
            self.engine.step([Tick()], [])
        self.engine.step([self.say(HONEST, PreVoteReply(Term(1), granted=True))], [])
        self.engine.step([self.say(HONEST, VoteReply(Term(1), granted=True))], [])
        assert self.engine.status().role is Role.LEADER
        events = [decode_envelope(one) for one in opening_events("BW/gaborone")]
        self.engine.step(
            [self.say(HONEST, AppendReply(Term(1), accepted=True, index=Index(1)))], events
        )
        self.engine.step(
            [self.say(HONEST, AppendReply(Term(1), accepted=True, index=Index(2)))], []
        )
        assert self.ledger.tip.height == 2


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "ledger")
    world.lead()
    yield world
    world.storage.close()


def test_append_that_contradicts_a_committed_block_is_refused(world: World) -> None:
    forged = Entry(Index(1), Term(2), EntryKind.NOOP, b"")
    request = AppendRequest(Term(2), Index(0), Term(0), (forged,), Index(0))
    step = world.engine.step([world.say(LIAR, request)], [])
    assert [one.problem for one in step.refused] == [
        "block 1 is invalid at term: 2 contradicts a committed block"
    ]
    assert step.status.term == 1
    assert world.engine.step([Tick()], []).status.role is Role.LEADER


def test_append_after_a_committed_block_of_another_term_is_refused(world: World) -> None:
    request = AppendRequest(Term(3), Index(2), Term(2), (), Index(0))
    step = world.engine.step([world.say(LIAR, request)], [])
    assert len(step.refused) == 1
    assert step.status.term == 1


@pytest.mark.parametrize(
    "message",
    [
        VoteRequest(Term(1 << 50), Index(1 << 50), Term(1 << 50), transfer=False),
        HeartbeatReply(Term(2 + MAX_TERM_STEP), 0, Index(0)),
    ],
)
def test_term_that_jumps_is_refused(world: World, message: Message) -> None:
    step = world.engine.step([world.say(LIAR, message)], [])
    assert "far beyond 1" in step.refused[0].problem
    assert step.status.term == 1


@pytest.mark.parametrize(
    "message",
    [VoteRequest(Term(2), Index(9), Term(1), transfer=True), TimeoutNow(Term(2))],
)
def test_made_up_transfer_of_leadership_is_ignored(world: World, message: Message) -> None:
    step = world.engine.step([world.say(LIAR, message)], [])
    assert (step.status.term, step.status.role) == (1, Role.LEADER)


def test_signature_of_a_stranger_is_refused_by_its_key(world: World) -> None:
    body = KeyAdded(authority="root", key=signing_key("new").public_key, valid_from=0)
    event = decode_envelope(make_event("BW/root", body, signers=("BW/root", "a stranger")))
    [(event_id, answer)] = world.engine.step([], [event]).answers
    assert event_id == event.event_id
    assert isinstance(answer, Refused)
    assert "is not registered" in answer.refusal.problem


def test_refusal_names_the_uncommitted_block_it_rests_on(world: World) -> None:
    body = KeyAdded(authority="root", key=signing_key("new").public_key, valid_from=0)
    first = decode_envelope(make_event("BW/root", body))
    second = decode_envelope(make_event("BW/root", body, nonce=1))
    step = world.engine.step([], [first, second])
    assert isinstance(dict(step.answers)[second.event_id], Refused)
    assert (step.grounds, world.ledger.tip.height) == (3, 2)
