"""The engine: what only a liar would send does not reach the core."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from founding import (
    CHAIR,
    NOW_MS,
    make_decision,
    make_event,
    make_genesis,
    signing_key,
)
from scheme_statements import HAND_OVER
from single_engine import (
    ELECTION_TICKS,
    HONEST,
    LIAR,
    ME,
    SKEW_MS,
    World,
    key_added,
)

from kpledger.scheme.envelope import decode_envelope
from kpnode.engine import MAX_TERM_STEP, PAUSE_ELECTIONS, TRANSFER_ELECTIONS, Loss
from kpnode.machine import Machine
from kpnode.punctuality import BREAK_ELECTIONS, COMPANY_ELECTIONS, STILL_MS, ClockDoubt
from kpnode.raft import (
    AppendRequest,
    Entry,
    EntryKind,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    Input,
    MessageBody,
    NodeId,
    Received,
    Role,
    Term,
    Tick,
    TimeoutNow,
    TransferRequested,
    VoteRequest,
)
from kpnode.raft.messages import PreVoteRequest
from kpnode.submission import Refused, Retry


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


def sealed_block(world: World, ahead_ms: int, *, term: int = 2, nonce: int = 0) -> Received:
    """Append the next block, sealed by a leader whose clock is so far ahead of ours."""
    key = signing_key(f"{HONEST}/consensus")
    leader = Machine(make_genesis(), HONEST, key, world.ledger, skew_ms=SKEW_MS)
    builder = leader.open_block(world.now_ms + ahead_ms)
    builder.add(key_added(nonce))
    tip = world.ledger.tip
    payload = leader.seal(builder, Term(term))
    block = Entry(Index(tip.height + 1), Term(term), EntryKind.BLOCK, payload)
    end = Index(tip.height)
    return world.say(HONEST, AppendRequest(Term(term), end, Term(tip.term), (block,), end))


def test_leader_whose_block_is_early_is_heard_again_after_a_while(world: World) -> None:
    """It is this node's clock that was behind, and is set right now."""
    beat = world.say(HONEST, HeartbeatRequest(Term(2), Index(2), 0))
    follow(world)
    append = sealed_block(world, SKEW_MS + 1)
    step = world.engine.step([append], [])
    assert "time_ms" in step.refused[0].problem
    world.now_ms += 1
    for _ in range(PAUSE_ELECTIONS * ELECTION_TICKS - 1):
        step = world.engine.step([Tick(), append, beat], [])
        assert (step.refused, step.status.last_index) == ((), 2)
    assert step.status.leader is None
    step = world.engine.step([Tick(), append], [])
    assert (step.status.leader, step.status.last_index) == (HONEST, 3)


def pass_time(world: World, ticks: int, *inputs: Input) -> None:
    """Let time pass on both clocks, with the same inputs after each tick."""
    for _ in range(ticks):
        world.now_ms += 100
        world.engine.step([Tick(), *inputs], [])


COMPANY_TICKS = COMPANY_ELECTIONS * ELECTION_TICKS
BREAK_TICKS = BREAK_ELECTIONS * ELECTION_TICKS


@pytest.mark.parametrize(("behind_ms", "height"), [(SKEW_MS, 3), (SKEW_MS + 1, 2)])
def test_late_block_is_refused_by_a_node_in_company(
    world: World, behind_ms: int, height: int
) -> None:
    beat = world.say(HONEST, HeartbeatRequest(Term(2), Index(2), 0))
    pass_time(world, COMPANY_TICKS + 1, beat)
    step = world.engine.step([sealed_block(world, -behind_ms)], [])
    assert step.status.last_index == height
    assert [one.leader for one in step.refused] == [HONEST] * (3 - height)
    assert (step.doubt is not None) == (height == 2)


@pytest.mark.parametrize("term", [3, 9])
def test_leader_itself_refuses_a_late_block_of_who_claims_a_later_term(
    world: World, term: int
) -> None:
    """Nothing else is taken from it for a while, and this node leads on."""
    reply = world.say(LIAR, HeartbeatReply(Term(1), 0, Index(2)))
    pass_time(world, COMPANY_TICKS + 1, reply)
    step = world.engine.step([sealed_block(world, -25_000, term=term)], [])
    beat = world.say(HONEST, HeartbeatRequest(Term(term + 1), Index(0), 0))
    step = world.engine.step([beat], [])
    assert (step.status.role, step.status.term) == (Role.LEADER, 1)


def test_late_block_is_taken_by_a_node_that_just_came_into_company(world: World) -> None:
    beat = world.say(HONEST, HeartbeatRequest(Term(2), Index(2), 0))
    pass_time(world, COMPANY_TICKS + 1, beat)
    pass_time(world, BREAK_TICKS + 1)
    step = world.engine.step([beat, sealed_block(world, -25_000)], [])
    assert (step.status.last_index, step.refused) == (3, ())
    assert step.doubt is not None


@pytest.mark.parametrize("woken_by", ["a tick", "a message"])
def test_late_block_is_taken_after_a_pause_of_the_machine(world: World, woken_by: str) -> None:
    beat = world.say(HONEST, HeartbeatRequest(Term(2), Index(2), 0))
    pass_time(world, COMPANY_TICKS + 1, beat)
    append = sealed_block(world, 0)
    world.now_ms += 25_000
    first = [Tick()] if woken_by == "a tick" else []
    step = world.engine.step([*first, beat, append], [])
    assert (step.status.last_index, step.refused) == (3, ())


@pytest.mark.parametrize("beats_first", [False, True])
def test_late_block_is_taken_in_the_end_if_nobody_else_leads(
    world: World, *, beats_first: bool
) -> None:
    """It must not stop a network that has nobody else: two voters, one with a slow clock."""
    beat = world.say(HONEST, HeartbeatRequest(Term(2), Index(2), 0))
    pass_time(world, COMPANY_TICKS + 1, beat)
    append = sealed_block(world, -25_000)
    refusals = 0
    for _ in range(2 * BREAK_TICKS):
        world.now_ms += 100
        said = (beat, append) if beats_first else (append, beat)
        step = world.engine.step([Tick(), *said], [])
        refusals += len(step.refused)
        if step.status.last_index == 3:
            break
    assert (step.status.last_index, refusals) == (3, 2)


def test_late_block_of_who_comes_again_and_again_stays_refused(world: World) -> None:
    """As long as there is a leader whose blocks are in time."""
    beat = world.say(HONEST, HeartbeatRequest(Term(2), Index(2), 0))
    pass_time(world, COMPANY_TICKS + 1, beat)
    liars = replace(sealed_block(world, -25_000, term=3).message, sender=LIAR)
    for _ in range(3 * BREAK_TICKS):
        world.now_ms += 100
        step = world.engine.step([Tick(), Received(liars), beat], [])
    assert (step.status.last_index, step.status.leader) == (2, HONEST)


def test_time_that_stands_still_is_noticed(world: World) -> None:
    commits = {n: world.say(HONEST, HeartbeatRequest(Term(2), Index(n), 0)) for n in (2, 3, 4)}
    world.engine.step([commits[2], sealed_block(world, 0), commits[3]], [])
    world.now_ms += STILL_MS // 2
    step = world.engine.step([sealed_block(world, -STILL_MS, nonce=1), commits[4]], [])
    assert (step.doubt, step.refused, world.ledger.tip.height) == (None, (), 4)
    world.now_ms += STILL_MS // 2 + 1
    step = world.engine.step([sealed_block(world, -2 * STILL_MS, nonce=2)], [])
    assert step.doubt == ClockDoubt(HONEST, NOW_MS, world.now_ms, stands_still=True)
    assert (step.refused, step.status.last_index) == ((), 5)


@pytest.mark.parametrize("ahead_ms", [3_600_000, -3_600_000, 2 * SKEW_MS])
def test_what_a_wrong_clock_made_doubtful_is_not_once_it_is_right(
    world: World, ahead_ms: int
) -> None:
    beat = world.say(HONEST, HeartbeatRequest(Term(2), Index(2), 0))
    pass_time(world, BREAK_TICKS + 1)
    step = world.engine.step([Tick(), beat, sealed_block(world, -SKEW_MS - 1)], [])
    assert step.doubt is not None
    world.now_ms -= ahead_ms
    assert world.engine.step([Tick(), beat], []).doubt is None


def test_a_doubt_that_came_behind_a_pause_outlives_the_next_tick(world: World) -> None:
    beat = world.say(HONEST, HeartbeatRequest(Term(2), Index(2), 0))
    pass_time(world, COMPANY_TICKS + 1, beat)
    append = sealed_block(world, 0)
    world.now_ms += 25_000
    assert world.engine.step([beat, append], []).doubt is not None
    assert world.engine.step([Tick(), beat], []).doubt is not None


def test_clock_of_a_leader_that_is_behind_is_noticed_by_itself(world: World) -> None:
    signed = [key_added(1), key_added(2)]
    world.now_ms -= SKEW_MS + 1
    step = world.engine.step([], [signed[0]])
    assert world.engine.find_early(step.newest_ms) is not None
    assert (step.proposed, step.status.transfer_target) == (None, HONEST)
    step = world.engine.step([Tick()] * ELECTION_TICKS, [signed[0]])
    assert (step.proposed is not None, step.status.transfer_target) == (True, None)
    step = world.engine.step([], [signed[1]])
    assert (step.proposed, step.answers) == (None, ((signed[1].event_id, Retry()),))
    world.now_ms += 1
    assert world.engine.step([], [signed[1]]).proposed is not None


def test_leader_whose_block_breaks_a_rule_is_not_heard_again_in_its_term(world: World) -> None:
    follow(world)
    forged = Entry(Index(3), Term(2), EntryKind.BLOCK, b"")
    request = AppendRequest(Term(2), Index(2), Term(1), (forged,), Index(2))
    assert len(world.engine.step([world.say(HONEST, request)], []).refused) == 1
    for _ in range(10 * PAUSE_ELECTIONS * ELECTION_TICKS):
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


def test_loss_is_told_once_although_it_is_repaired_in_the_same_step(tmp_path: Path) -> None:
    """A leader that speaks of block 2 as acknowledged, to a node that has just started, empty."""
    world = World(tmp_path / "ledger")
    beat = world.say(HONEST, HeartbeatRequest(Term(3), Index(2), 0))
    entries = tuple(Entry(Index(term - 1), Term(term), EntryKind.NOOP, b"") for term in (2, 3))
    repair = world.say(HONEST, AppendRequest(Term(3), Index(0), Term(0), entries, Index(2)))
    step = world.engine.step([beat, beat, repair, beat], [])
    assert (step.status.lost_up_to, step.status.last_index) == (0, 2)
    assert step.loss == Loss(Index(0), Index(2))
    assert world.engine.step([beat], []).loss is None
    world.storage.close()


def test_claim_about_commits_is_told_once_in_a_term_and_nothing_follows(world: World) -> None:
    follow(world)
    beats = [world.say(HONEST, HeartbeatRequest(Term(2), Index(n), 0)) for n in (4, (1 << 53) - 1)]
    step = world.engine.step(beats, [])
    assert [one.problem for one in step.refused] == [
        (
            "it claims that block 4 is committed and was acknowledged by this node, which knows of"
            " none after 2"
        )
    ]
    assert (step.loss, step.status.lost_up_to, step.status.leader) == (None, 0, HONEST)
    assert world.engine.step(beats, []).refused == ()


@pytest.mark.parametrize("signers", [("a stranger",), ("BW/root", "a stranger")])
def test_signature_of_a_stranger_is_refused_by_its_key(
    world: World, signers: tuple[str, ...]
) -> None:
    event = key_added(0, signers)
    [(event_id, answer)] = world.confirm(world.engine.step([], [event])).answers
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
