"""The engine: what only a liar would send does not reach the core."""

from pathlib import Path

import msgspec
import pytest
from electing import signer_of
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
    Reign,
    World,
    key_added,
)
from voices import Voice, hand_over

from kpledger.log.certificates import TermProof
from kpledger.log.statements import LogEnd, Nomination
from kpledger.scheme.envelope import decode_envelope
from kpnode.engine import PAUSE_ELECTIONS
from kpnode.notary.attachment import Attachment, decode_attachment
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
    PreVoteReply,
    PreVoteRequest,
    Received,
    Role,
    Term,
    Tick,
    TimeoutNow,
    TransferRequested,
    VoteRequest,
)
from kpnode.step import LeaderStalled, Loss, Step
from kpnode.submission import Refused, Retry

BEGINNING = LogEnd(term=0, index=0, head=make_genesis().chain)


def test_append_that_contradicts_a_committed_block_is_refused(world: World) -> None:
    reign = world.elect(LIAR, 2, BEGINNING)
    step = world.engine.step([reign.append(reign.noop)], [])
    assert [one.problem for one in step.refused] == [
        "block 1 is invalid at term: 2 contradicts a committed block"
    ]
    assert step.status.term == 1
    assert world.engine.step([Tick()], []).status.role is Role.LEADER


def test_append_after_a_committed_block_of_another_term_is_refused(world: World) -> None:
    other = LogEnd(term=2, index=2, head=world.end.head)
    step = world.engine.step([world.elect(LIAR, 3, other).append()], [])
    assert len(step.refused) == 1
    assert step.status.term == 1


def test_append_that_contradicts_what_the_same_step_commits_is_refused(world: World) -> None:
    """The core knows of the commit, the ledger does not yet."""
    first, second = world.elect(HONEST, 2), world.elect(LIAR, 3)
    final = world.others.finalise(first.opened)
    step = world.engine.step(
        [first.append(first.noop, final=final), second.append(second.noop)], []
    )
    assert [one.problem for one in step.refused] == [
        "block 3 is invalid at term: 3 contradicts a committed block"
    ]
    assert (world.ledger.tip.height, step.status.last_term) == (3, 2)


def forge(reign: Reign) -> Received:
    """Give what opens a term, and what is no block."""
    index, term = Index(reign.noop.index + 1), reign.noop.term
    return reign.append(reign.noop, Entry(index, term, EntryKind.BLOCK, b""))


def test_refused_message_of_another_kind_does_not_restore_a_leader(world: World) -> None:
    reign = follow(world, leader=LIAR)
    world.engine.step([forge(reign)], [])
    unproven = PreVoteRequest(Term(9), Index(0), Term(0))
    assert world.engine.step([world.say(LIAR, unproven)], []).vain == (LIAR,)
    assert world.engine.step([reign.beat()], []).outgoing == ()


@pytest.mark.parametrize(
    "body",
    [
        VoteRequest(Term(1 << 50), Index(1 << 50), Term(1 << 50), transfer=False),
        PreVoteRequest(Term(3), Index(2), Term(1)),
        HeartbeatRequest(Term(2), Index(0), 0),
        AppendRequest(Term(2), Index(0), Term(0), (), Index(0)),
        HeartbeatReply(Term(2), 0, Index(0)),
        TimeoutNow(Term(2)),
    ],
)
def test_term_that_nobody_has_let_begin_is_not_entered(world: World, body: MessageBody) -> None:
    step = world.engine.step([world.say(LIAR, body)], [])
    assert (step.vain, step.refused, step.outgoing) == ((LIAR,), (), ())
    assert (step.status.term, step.status.leader) == (1, ME)


def test_leader_whose_block_is_early_is_heard_again_after_a_while(world: World) -> None:
    """It is this node's clock that was behind, and is set right now."""
    reign = follow(world)
    append, beat = reign.block(SKEW_MS + 1), reign.beat()
    step = world.engine.step([append], [])
    assert "time_ms" in step.refused[0].problem
    world.now_ms += 1
    for _ in range(PAUSE_ELECTIONS * ELECTION_TICKS - 1):
        step = world.engine.step([Tick(), append, beat], [])
        assert (step.refused, step.status.last_index) == ((), 2)
    assert step.status.leader is None
    step = world.engine.step([Tick(), append], [])
    assert (step.status.leader, step.status.last_index) == (HONEST, 4)


def pass_time(world: World, ticks: int, *inputs: Input) -> None:
    """Let time pass on both clocks, with the same inputs after each tick."""
    for _ in range(ticks):
        world.now_ms += 100
        world.engine.step([Tick(), *inputs], [])


COMPANY_TICKS = COMPANY_ELECTIONS * ELECTION_TICKS
BREAK_TICKS = BREAK_ELECTIONS * ELECTION_TICKS


@pytest.mark.parametrize(("behind_ms", "height"), [(SKEW_MS, 4), (SKEW_MS + 1, 2)])
def test_late_block_is_refused_by_a_node_in_company(
    world: World, behind_ms: int, height: int
) -> None:
    reign = world.elect(HONEST, 2)
    beat = reign.beat()
    pass_time(world, COMPANY_TICKS + 1, beat)
    step = world.engine.step([reign.block(-behind_ms)], [])
    assert step.status.last_index == height
    assert [one.leader for one in step.refused] == [HONEST] * (height == 2)
    assert (step.doubt is not None) == (height == 2)


@pytest.mark.parametrize("term", [3, 9])
def test_leader_itself_refuses_a_late_block_of_who_claims_a_later_term(
    world: World, term: int
) -> None:
    """Nothing else is taken from it for a while, and this node leads on."""
    reply = world.say(LIAR, HeartbeatReply(Term(1), 0, Index(2)))
    pass_time(world, COMPANY_TICKS + 1, reply)
    world.engine.step([world.elect(HONEST, term).block(-25_000)], [])
    step = world.engine.step([world.elect(HONEST, term + 1).beat()], [])
    assert (step.status.role, step.status.term) == (Role.LEADER, 1)


def test_late_block_is_taken_by_a_node_that_just_came_into_company(world: World) -> None:
    reign = world.elect(HONEST, 2)
    beat = reign.beat()
    pass_time(world, COMPANY_TICKS + 1, beat)
    pass_time(world, BREAK_TICKS + 1)
    step = world.engine.step([beat, reign.block(-25_000)], [])
    assert (step.status.last_index, step.refused) == (4, ())
    assert step.doubt is not None


@pytest.mark.parametrize("woken_by", ["a tick", "a message"])
def test_late_block_is_taken_after_a_pause_of_the_machine(world: World, woken_by: str) -> None:
    reign = world.elect(HONEST, 2)
    beat = reign.beat()
    pass_time(world, COMPANY_TICKS + 1, beat)
    append = reign.block(0)
    world.now_ms += 25_000
    first = [Tick()] if woken_by == "a tick" else []
    step = world.engine.step([*first, beat, append], [])
    assert (step.status.last_index, step.refused) == (4, ())


@pytest.mark.parametrize("beats_first", [False, True])
def test_late_block_is_taken_in_the_end_if_nobody_else_leads(
    world: World, *, beats_first: bool
) -> None:
    """It must not stop a network that has nobody else: two voters, one with a slow clock."""
    reign = world.elect(HONEST, 2)
    beat = reign.beat()
    pass_time(world, COMPANY_TICKS + 1, beat)
    append = reign.block(-25_000)
    refusals = 0
    for _ in range(2 * BREAK_TICKS):
        world.now_ms += 100
        said = (beat, append) if beats_first else (append, beat)
        step = world.engine.step([Tick(), *said], [])
        refusals += len(step.refused)
        if step.status.last_index == 4:
            break
    assert (step.status.last_index, refusals) == (4, 2)


def test_late_block_of_who_comes_again_and_again_stays_refused(world: World) -> None:
    """As long as there is a leader whose blocks are in time."""
    reign = world.elect(HONEST, 2)
    beat = reign.beat()
    pass_time(world, COMPANY_TICKS + 1, beat)
    late = world.elect(LIAR, 3).block(-25_000)
    for _ in range(3 * BREAK_TICKS):
        world.now_ms += 100
        step = world.engine.step([Tick(), late, beat], [])
    assert (step.status.last_index, step.status.leader) == (2, HONEST)


def test_time_that_stands_still_is_noticed(world: World) -> None:
    reign = world.elect(HONEST, 2)

    def take(block: Received) -> Step:
        step = world.engine.step([block], [])
        final = world.others.finalise(world.end)
        world.engine.step([reign.beat(commit=final.index, final=final)], [])
        return step

    take(reign.block())
    world.now_ms += STILL_MS // 2
    step = take(reign.block(-STILL_MS, nonce=1))
    assert (step.doubt, step.refused, world.ledger.tip.height) == (None, (), 5)
    world.now_ms += STILL_MS // 2 + 1
    step = take(reign.block(-2 * STILL_MS, nonce=2))
    assert step.doubt == ClockDoubt(HONEST, NOW_MS, world.now_ms, stands_still=True)
    assert (step.refused, step.status.last_index) == ((), 6)


@pytest.mark.parametrize("ahead_ms", [3_600_000, -3_600_000, 2 * SKEW_MS])
def test_what_a_wrong_clock_made_doubtful_is_not_once_it_is_right(
    world: World, ahead_ms: int
) -> None:
    reign = world.elect(HONEST, 2)
    beat = reign.beat()
    pass_time(world, BREAK_TICKS + 1)
    step = world.engine.step([Tick(), beat, reign.block(-SKEW_MS - 1)], [])
    assert step.doubt is not None
    world.now_ms -= ahead_ms
    assert world.engine.step([Tick(), beat], []).doubt is None


def test_a_doubt_that_came_behind_a_pause_outlives_the_next_tick(world: World) -> None:
    reign = world.elect(HONEST, 2)
    beat = reign.beat()
    pass_time(world, COMPANY_TICKS + 1, beat)
    append = reign.block(0)
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
    reign = follow(world)
    assert len(world.engine.step([forge(reign)], []).refused) == 1
    for _ in range(10 * PAUSE_ELECTIONS * ELECTION_TICKS):
        step = world.engine.step([Tick(), reign.beat()], [])
    assert step.status.leader is None
    follow(world, 3)


@pytest.mark.parametrize("by_block", [False, True])
def test_leader_that_was_set_aside_is_not_voted_for_at_once(
    world: World, *, by_block: bool
) -> None:
    """Else the quickest to stand for election would be elected again, and again."""
    reign = follow(world, leader=LIAR)
    ticks = PAUSE_ELECTIONS * ELECTION_TICKS if by_block else 50
    found = forge(reign) if by_block else LeaderStalled(LIAR, Term(2), ticks)
    world.engine.step([found], [])
    asks = Received(world.voices[LIAR].ask_support(3, world.log))
    granted = []
    for _ in range(ticks + 1):
        outgoing = world.engine.step([Tick(), asks], []).outgoing
        granted += [one.body.granted for one in outgoing if isinstance(one.body, PreVoteReply)]
    assert granted == [False] * (ticks - 1) + [True] * 2


def test_leader_that_stalled_is_heard_again_after_a_while(world: World) -> None:
    """Others may see nothing wrong with it."""
    reign = follow(world)
    for term, heard in ((1, HONEST), (2, None)):
        world.engine.step([LeaderStalled(HONEST, Term(term), 50)], [])
        pass_time(world, 49, reign.beat())
        assert world.engine.status().leader == heard
    pass_time(world, 1, reign.beat())
    assert world.engine.status().leader == HONEST


def follow(world: World, term: int = 2, leader: NodeId = HONEST) -> Reign:
    """Let the node follow a leader."""
    reign = world.elect(leader, term)
    step = world.engine.step([reign.beat()], [])
    assert (step.status.leader, step.status.term) == (leader, term)
    return reign


def campaign(world: World, proof: TermProof) -> tuple[int, NodeId | None]:
    """Let a node campaign as if the leader had asked it to; gives our term and leader then."""
    request = world.voices[NodeId(proof.candidate)].ask_vote(proof, world.log, transfer=True)
    status = world.hear(request).status
    return status.term, status.leader


def test_leader_is_set_aside_by_the_one_whom_it_has_asked_alone(world: World) -> None:
    assert campaign(world, world.others.allow(LIAR, term=2)) == (1, ME)
    [asked] = world.engine.step([TransferRequested(7, HONEST)], []).outgoing
    attached = decode_attachment(asked.body.attached)
    nomination = msgspec.msgpack.decode(attached.statement or b"", type=Nomination)
    proof = TermProof(term=2, candidate=HONEST, nomination=nomination, opening=attached.opening)
    assert campaign(world, world.others.allow(LIAR, term=2)) == (1, ME)
    assert campaign(world, proof) == (2, None)


def test_follower_lets_its_leader_be_set_aside_if_that_asked_for_it(world: World) -> None:
    reign = follow(world)
    assert campaign(world, world.others.allow(LIAR, term=3)) == (2, HONEST)
    own = hand_over(world.voices[LIAR].signer, reign.opening, LIAR)
    assert campaign(world, own) == (2, HONEST)
    assert campaign(world, hand_over(world.honest.signer, reign.opening, LIAR)) == (3, None)


@pytest.mark.parametrize(
    ("sender", "term"), [(LIAR, 2), (LIAR, 3), (HONEST, 1), (HONEST, 3), (ME, 2)]
)
def test_nomination_by_another_than_the_current_leader_is_ignored(
    world: World, sender: NodeId, term: int
) -> None:
    reign = follow(world)
    voice = Voice(signer_of(sender), ME)
    opening = world.others.elect(sender, term=term, base=world.end) if term == 3 else reign.opening
    said = voice.signer.nominate(ME, term=term)
    shown = Attachment(opening=opening.encoded)
    step = world.hear(voice.say(TimeoutNow(Term(term)), shown, said=said))
    assert (step.status.role, step.status.term, step.outgoing) == (Role.FOLLOWER, 2, ())


def test_nomination_by_the_current_leader_is_followed(world: World) -> None:
    reign = follow(world)
    step = world.hear(reign.voice.nominate(reign.opening))
    assert (step.status.role, step.status.term) == (Role.CANDIDATE, 3)


def test_nomination_never_reaches_a_leader(world: World) -> None:
    own = Voice(signer_of(ME), ME)
    said = own.signer.nominate(ME, term=1)
    step = world.hear(own.say(TimeoutNow(Term(1)), said=said))
    assert (step.status.role, step.status.term) == (Role.LEADER, 1)


def test_loss_is_told_once_although_it_is_repaired_in_the_same_step(tmp_path: Path) -> None:
    """A leader shows that block 2 was acknowledged, to a node that has just started, empty."""
    world = World(tmp_path / "ledger")
    first = world.elect(HONEST, 2)
    second = world.elect(HONEST, 3, first.opened)
    own = signer_of(ME).acknowledge(LogEnd(term=3, index=2, head=bytes(32)))
    body = HeartbeatRequest(Term(3), Index(0), 0, acknowledged=Index(2))
    shown = Attachment(opening=second.opening.encoded)
    beat = Received(second.voice.say(body, shown, said=own))
    repair = second.append(first.noop, second.noop, previous=BEGINNING)
    step = world.engine.step([beat, beat, repair, beat], [])
    assert (step.status.lost_up_to, step.status.last_index) == (0, 2)
    assert step.loss == Loss(Index(0), Index(2))
    assert world.engine.step([beat], []).loss is None
    world.storage.close()


@pytest.mark.parametrize("commit", [4, (1 << 53) - 1])
def test_commit_that_no_certificate_shows_is_not_believed(world: World, commit: int) -> None:
    reign = follow(world)
    beats = [reign.append(reign.noop), reign.beat(commit=commit)]
    step = world.engine.step(beats, [])
    assert (step.loss, step.status.lost_up_to, step.status.leader) == (None, 0, HONEST)
    assert (step.status.last_index, step.status.commit) == (3, 2)
    final = world.others.finalise(world.end)
    step = world.engine.step([reign.beat(commit=commit, final=final)], [])
    assert (step.status.commit, world.ledger.tip.height) == (3, 3)


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
