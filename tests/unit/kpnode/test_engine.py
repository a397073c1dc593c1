"""The engine: what only a liar would send does not reach the core."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from founding import (
    CHAIR,
    NOW_MS,
    make_decision,
    make_event,
    make_genesis,
    opening_events,
    signing_key,
)
from scheme_statements import HAND_OVER

from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.v1.events.governance import KeyAdded
from kpnode.engine import EARLY_ELECTIONS, MAX_TERM_STEP, TRANSFER_ELECTIONS, Engine, Loss
from kpnode.ledger import Ledger
from kpnode.machine import Machine
from kpnode.raft import (
    AppendReply,
    AppendRequest,
    Configuration,
    Entry,
    EntryKind,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    Input,
    Message,
    MessageBody,
    NodeId,
    RaftConfig,
    RaftCore,
    Received,
    Recovered,
    Role,
    Term,
    Tick,
    TimeoutNow,
    TransferRequested,
    VoteReply,
    VoteRequest,
)
from kpnode.raft.messages import PreVoteReply, PreVoteRequest
from kpnode.storage.leveldb import LevelStorage
from kpnode.submission import Refused

VOTERS = tuple(NodeId(name) for name in ("bw-1", "eu-1", "za-1"))
ME, HONEST, LIAR = VOTERS
ELECTION_TICKS = 10
SKEW_MS = 1000


class World:
    """The engine of bw-1 on real storage; the test speaks for the other two."""

    def __init__(self, directory: Path) -> None:
        genesis = make_genesis()
        self.now_ms = NOW_MS
        self.storage = LevelStorage(directory, chain=genesis.chain, create=True)
        self.ledger = Ledger(genesis, self.storage)
        machine = Machine(genesis, ME, signing_key(f"{ME}/consensus"), self.ledger, skew_ms=SKEW_MS)
        recovered = Recovered(self.storage.hard_state, Configuration(VOTERS), Index(0))
        self.engine = Engine(
            RaftCore(RaftConfig(ME), recovered, self.storage),
            self.storage,
            machine,
            now_ms=lambda: self.now_ms,
            election_ticks=ELECTION_TICKS,
            max_block_events=100,
            max_block_bytes=1 << 20,
        )

    def say(self, sender: NodeId, body: MessageBody) -> Input:
        return Received(Message(sender, ME, body))

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


def test_append_that_contradicts_what_the_same_step_commits_is_refused(world: World) -> None:
    """The core knows of the commit, the ledger does not yet."""
    first, second = (Entry(Index(3), Term(term), EntryKind.NOOP, b"") for term in (4, 5))
    requests = [
        world.say(LIAR, AppendRequest(Term(5), Index(2), Term(1), (entry,), Index(3)))
        for entry in (first, second)
    ]
    step = world.engine.step(requests, [])
    assert [one.problem for one in step.refused] == [
        "block 3 is invalid at term: 5 contradicts a committed block"
    ]
    assert (world.ledger.tip.height, step.status.last_term) == (3, 4)


def test_refused_message_of_another_kind_does_not_restore_a_leader(world: World) -> None:
    forged = Entry(Index(3), Term(2), EntryKind.BLOCK, b"")
    request = AppendRequest(Term(2), Index(2), Term(1), (forged,), Index(2))
    beat = HeartbeatRequest(Term(2), Index(0), 0)
    absurd = PreVoteRequest(Term(3 + MAX_TERM_STEP), Index(0), Term(0))
    for body in (beat, request, absurd):
        world.engine.step([world.say(LIAR, body)], [])
    assert world.engine.step([world.say(LIAR, beat)], []).outgoing == ()


@pytest.mark.parametrize(
    "body",
    [
        VoteRequest(Term(1 << 50), Index(1 << 50), Term(1 << 50), transfer=False),
        HeartbeatReply(Term(2 + MAX_TERM_STEP), 0, Index(0)),
    ],
)
def test_term_that_jumps_is_refused(world: World, body: MessageBody) -> None:
    step = world.engine.step([world.say(LIAR, body)], [])
    assert "far beyond 1" in step.refused[0].problem
    assert step.status.term == 1


def early_block(world: World) -> Input:
    """Append the third block, sealed for term 2 by a leader whose clock is ahead of ours."""
    key = signing_key(f"{HONEST}/consensus")
    leader = Machine(make_genesis(), HONEST, key, world.ledger, skew_ms=SKEW_MS)
    builder = leader.open_block(NOW_MS + SKEW_MS + 1)
    body = KeyAdded(authority="root", key=signing_key("new").public_key, valid_from=0)
    builder.add(decode_envelope(make_event("BW/root", body)))
    block = Entry(Index(3), Term(2), EntryKind.BLOCK, leader.seal(builder, Term(2)))
    return world.say(HONEST, AppendRequest(Term(2), Index(2), Term(1), (block,), Index(2)))


def test_leader_whose_block_is_early_is_heard_again_after_a_while(world: World) -> None:
    """It is this node's clock that was behind, and is set right now."""
    beat = world.say(HONEST, HeartbeatRequest(Term(2), Index(2), 0))
    follow(world)
    append = early_block(world)
    step = world.engine.step([append], [])
    assert "time_ms" in step.refused[0].problem
    world.now_ms += 1
    for _ in range(EARLY_ELECTIONS * ELECTION_TICKS - 1):
        step = world.engine.step([Tick(), append, beat], [])
        assert (step.refused, step.status.last_index) == ((), 2)
    assert step.status.leader is None
    step = world.engine.step([Tick(), append], [])
    assert (step.status.leader, step.status.last_index) == (HONEST, 3)


def test_leader_whose_block_breaks_a_rule_is_not_heard_again_in_its_term(world: World) -> None:
    follow(world)
    forged = Entry(Index(3), Term(2), EntryKind.BLOCK, b"")
    request = AppendRequest(Term(2), Index(2), Term(1), (forged,), Index(2))
    assert len(world.engine.step([world.say(HONEST, request)], []).refused) == 1
    for _ in range(10 * EARLY_ELECTIONS * ELECTION_TICKS):
        beat = world.say(HONEST, HeartbeatRequest(Term(2), Index(2), 0))
        step = world.engine.step([Tick(), beat], [])
    assert step.status.leader is None
    follow(world, 3)


def follow(world: World, term: int = 2, leader: NodeId = HONEST) -> None:
    """Let the node follow a leader."""
    step = world.engine.step([world.say(leader, HeartbeatRequest(Term(term), Index(0), 0))], [])
    assert (step.status.leader, step.status.term) == (leader, term)


def campaign_of(world: World, sender: NodeId, term: int) -> tuple[int, NodeId | None]:
    """Let a node campaign as if the leader had asked it to; gives our term and leader then."""
    request = VoteRequest(Term(term), Index(9), Term(2), transfer=True)
    step = world.engine.step([world.say(sender, request)], [])
    return step.status.term, step.status.leader


def wait(world: World, ticks: int, term: int, leader: NodeId) -> None:
    """Let time pass while a leader is heard."""
    for _ in range(ticks):
        follow(world, term, leader)
        world.engine.step([Tick()], [])


def test_leader_is_not_set_aside_by_who_was_not_asked(world: World) -> None:
    assert campaign_of(world, LIAR, 2) == (1, ME)
    world.engine.step([TransferRequested(7, HONEST)], [])
    assert campaign_of(world, LIAR, 2) == (1, ME)
    assert campaign_of(world, HONEST, 2) == (2, None)


def test_follower_lets_its_leader_be_set_aside_once_in_a_while(world: World) -> None:
    follow(world)
    assert campaign_of(world, LIAR, 3) == (3, None)
    follow(world, 4)
    pause = TRANSFER_ELECTIONS * ELECTION_TICKS
    for ticks in (0, pause - 1):
        wait(world, ticks, 4, HONEST)
        assert campaign_of(world, LIAR, 5) == (4, HONEST)
    wait(world, 1, 4, HONEST)
    assert campaign_of(world, LIAR, 5) == (5, None)
    follow(world, 6)
    assert campaign_of(world, LIAR, 7) == (6, HONEST)


def test_campaign_of_no_newer_term_does_not_count(world: World) -> None:
    follow(world)
    assert campaign_of(world, LIAR, 2) == (2, HONEST)
    assert campaign_of(world, LIAR, 3) == (3, None)


@pytest.mark.parametrize(
    ("sender", "term"), [(LIAR, 2), (LIAR, 3), (HONEST, 1), (HONEST, 3), (ME, 2)]
)
def test_nomination_by_another_than_the_current_leader_is_ignored(
    world: World, sender: NodeId, term: int
) -> None:
    follow(world)
    step = world.engine.step([world.say(sender, TimeoutNow(Term(term)))], [])
    assert (step.status.role, step.status.term, step.outgoing) == (Role.FOLLOWER, 2, ())


def test_nomination_by_the_current_leader_is_followed(world: World) -> None:
    follow(world)
    step = world.engine.step([world.say(HONEST, TimeoutNow(Term(2)))], [])
    assert (step.status.role, step.status.term) == (Role.CANDIDATE, 3)


def test_nomination_never_reaches_a_leader(world: World) -> None:
    step = world.engine.step([world.say(ME, TimeoutNow(Term(1)))], [])
    assert (step.status.role, step.status.term) == (Role.LEADER, 1)


def test_loss_is_told_once_although_it_is_repaired_in_the_same_step(world: World) -> None:
    """A leader that speaks of block 4 as acknowledged, to a log that ends at 2."""
    follow(world, 3)
    beat = world.say(HONEST, HeartbeatRequest(Term(3), Index(4), 0))
    entries = tuple(Entry(Index(term + 1), Term(term), EntryKind.NOOP, b"") for term in (2, 3))
    repair = world.say(HONEST, AppendRequest(Term(3), Index(2), Term(1), entries, Index(4)))
    step = world.engine.step([beat, beat, repair, beat], [])
    assert (step.status.lost_up_to, step.status.last_index) == (0, 4)
    assert step.loss == Loss(Index(2), Index(4))
    assert world.engine.step([beat], []).loss is None


@pytest.mark.parametrize("signers", [("a stranger",), ("BW/root", "a stranger")])
def test_signature_of_a_stranger_is_refused_by_its_key(
    world: World, signers: tuple[str, ...]
) -> None:
    body = KeyAdded(authority="root", key=signing_key("new").public_key, valid_from=0)
    event = decode_envelope(make_event("BW/root", body, signers=signers))
    [(event_id, answer)] = world.engine.step([], [event]).answers
    assert event_id == event.event_id
    assert isinstance(answer, Refused)
    stranger = signing_key("a stranger").public_key.hex()
    assert answer.refusal.problem == f"key {stranger} is not registered"


def test_next_chair_signs_the_hand_over_with_a_key_that_is_not_registered_yet(
    world: World,
) -> None:
    decision = decode_envelope(make_event(CHAIR, make_decision()))
    rotation = decode_envelope(make_event(CHAIR, HAND_OVER, signers=(CHAIR, "the next chair")))
    step = world.engine.step([], [decision, rotation])
    assert step.answers == ()
    assert world.ledger.tip.height == 2
    assert step.status.last_index == 3


def test_refusal_names_the_uncommitted_block_it_rests_on(world: World) -> None:
    body = KeyAdded(authority="root", key=signing_key("new").public_key, valid_from=0)
    first = decode_envelope(make_event("BW/root", body))
    second = decode_envelope(make_event("BW/root", body, nonce=1))
    step = world.engine.step([], [first, second])
    assert isinstance(dict(step.answers)[second.event_id], Refused)
    assert (step.grounds, world.ledger.tip.height) == (3, 2)
