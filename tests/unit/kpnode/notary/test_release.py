"""What leaves a node carries what it rests on, and every statement in it is true of its disk."""

from pathlib import Path
from typing import Final, TypeVar

from admitting import notary_of, pass_ticks
from electing import signer_of
from single_engine import ELECTION_TICKS, HONEST, LIAR, ME, World
from voices import hand_over

from kpledger.base.codec import decode
from kpledger.log.certificates import (
    decode_commit_certificate,
    decode_opening,
    decode_term_proof,
)
from kpledger.log.statements import (
    MAX_STATEMENT_BYTES,
    Acknowledgement,
    Electorate,
    LogEnd,
    Nomination,
    PreVote,
    Vote,
    verify_statement,
)
from kpnode.notary.attachment import Attachment, decode_attachment
from kpnode.raft import (
    AppendReply,
    AppendRequest,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    MessageBody,
    NodeId,
    PreVoteReply,
    PreVoteRequest,
    Role,
    Term,
    Tick,
    TimeoutNow,
    TransferRequested,
    VoteReply,
    VoteRequest,
)
from kpnode.step import Step

BodyT = TypeVar("BodyT", bound=MessageBody)
SaidT = TypeVar("SaidT", Acknowledgement, Nomination, PreVote, Vote)
ELECTORATE: Final = signer_of(ME).electorate


def sent(step: Step, kind: type[BodyT], to: NodeId = HONEST) -> tuple[BodyT, Attachment]:
    """Give the only message of a kind that a step sends to a peer, and what is attached to it."""
    bodies = [one.body for one in step.outgoing if one.recipient == to]
    (body,) = (one for one in bodies if isinstance(one, kind))
    return body, decode_attachment(body.attached)


def read(attached: Attachment, kind: type[SaidT], electorate: Electorate = ELECTORATE) -> SaidT:
    """Read the statement of the node."""
    said = decode(attached.statement or b"", kind, what="statement", max_bytes=MAX_STATEMENT_BYTES)
    verify_statement(said, electorate)
    assert said.voter == ME
    return said


def test_candidate_shows_its_log_and_why_its_term_could_begin(world: World) -> None:
    while world.engine.status().role is not Role.PRE_CANDIDATE:
        step = world.engine.step([Tick()], [])
    _, attached = sent(step, PreVoteRequest)
    assert (attached.path, attached.commit, attached.term_proof) == ((), None, None)
    step = world.hear(world.honest.support(1))
    body, attached = sent(step, VoteRequest)
    proof = decode_term_proof(attached.term_proof or b"")
    proof.verify(ELECTORATE)
    assert (body.term, proof.term, proof.candidate) == (1, 1, ME)


def test_candidate_shows_its_log_from_the_newest_final_block_on(candidate: World) -> None:
    while candidate.engine.status().role is not Role.PRE_CANDIDATE:
        step = candidate.engine.step([Tick()], [])
    _, asked = sent(step, PreVoteRequest)
    _, attached = sent(candidate.hear(candidate.honest.support(4)), VoteRequest)
    final = decode_commit_certificate(attached.commit or b"")
    assert final.end == candidate.ledger.tip.end
    assert asked.path == attached.path == candidate.log.path[-1:]


def test_candidate_whom_its_leader_asked_shows_that(candidate: World) -> None:
    pass_ticks(candidate, 1)
    shown = notary_of(candidate).records.terms.prove(3)
    proof = decode_term_proof(shown.term_proof or b"")
    proof.verify(ELECTORATE)
    assert proof == hand_over(candidate.honest.signer, decode_opening(proof.opening or b""), ME)


def test_leader_shows_its_votes_until_a_peer_has_acknowledged(world: World) -> None:
    while world.engine.status().role is not Role.PRE_CANDIDATE:
        world.engine.step([Tick()], [])
    world.hear(world.honest.support(1))
    step = world.hear(world.honest.vote(1, world.end))
    _, attached = sent(step, AppendRequest)
    opening = decode_opening(attached.opening or b"")
    opening.verify(ELECTORATE)
    assert (opening.term, opening.candidate) == (1, ME)
    assert [vote.voter for vote in opening.votes] == [ME, HONEST]
    step = world.hear(world.honest.acknowledge(world.end))
    body, attached = sent(step, AppendRequest)
    assert (body.commit, attached.opening) == (1, None)
    final = decode_commit_certificate(attached.commit or b"")
    final.verify(ELECTORATE)
    assert final.end == world.end


def test_heartbeat_shows_its_leader_what_is_final_and_what_the_peer_has_signed(
    leader: World,
) -> None:
    leader.engine.step([Tick()], [])
    step = leader.engine.step([Tick()], [])
    body, attached = sent(step, HeartbeatRequest)
    assert decode_opening(attached.opening or b"").candidate == ME
    assert decode_commit_certificate(attached.commit or b"").index == 2
    said = decode(
        attached.statement or b"", Acknowledgement, what="", max_bytes=MAX_STATEMENT_BYTES
    )
    assert (said.voter, said.index, body.acknowledged) == (HONEST, 2, 2)
    body, attached = sent(step, HeartbeatRequest, to=LIAR)
    assert (attached.statement, body.acknowledged) == (None, 0)


def test_follower_acknowledges_blocks_of_the_current_term_alone(leader: World) -> None:
    first = leader.elect(HONEST, 2)
    body, attached = sent(leader.engine.step([first.block()], []), AppendReply)
    said = read(attached, Acknowledgement)
    assert LogEnd(term=said.term, index=said.index, head=said.head) == leader.end
    later = leader.elect(HONEST, 3)
    body, attached = sent(leader.engine.step([later.append()], []), AppendReply)
    assert (body.accepted, body.index, attached) == (True, 4, Attachment())
    body, attached = sent(leader.engine.step([later.append(later.noop)], []), AppendReply)
    assert read(attached, Acknowledgement).index == body.index == 5


def test_support_and_votes_are_signed_and_refusals_show_why_the_term_began(leader: World) -> None:
    leader.engine.step([leader.elect(HONEST, 2).beat()], [])
    step = leader.hear(leader.voices[LIAR].ask_support(3, leader.log))
    body, attached = sent(step, PreVoteReply, to=LIAR)
    assert (body.granted, body.term) == (False, 2)
    assert decode_opening(attached.opening or b"").candidate == HONEST
    pass_ticks(leader, ELECTION_TICKS)
    body, attached = sent(leader.hear(leader.honest.ask_support(3, leader.log)), PreVoteReply)
    assert (read(attached, PreVote).term, body.granted) == (3, True)
    asked = leader.honest.ask_vote(leader.others.allow(HONEST, term=3), leader.log)
    reply, attached = sent(leader.hear(asked), VoteReply)
    said = read(attached, Vote)
    assert (reply.granted, said.candidate, said.candidate_end, said.voter_end) == (
        True,
        HONEST,
        leader.end,
        leader.end,
    )
    rival = leader.voices[LIAR].ask_vote(leader.others.allow(LIAR, term=3), leader.log)
    refusal, attached = sent(leader.hear(rival), VoteReply, to=LIAR)
    assert (refusal.granted, attached.statement) == (False, None)
    assert decode_term_proof(attached.term_proof or b"").candidate == HONEST


def test_leader_of_an_earlier_term_is_told_by_what_it_is_over(follower: World) -> None:
    early = follower.voices[LIAR].beat(follower.others.elect(LIAR, term=1, base=follower.end))
    for said in (early, early):
        body, attached = sent(follower.hear(said), HeartbeatReply, to=LIAR)
        assert body.term == 2
        assert decode_opening(attached.opening or b"").candidate == HONEST


def test_nomination_is_signed_and_shows_who_nominates(leader: World) -> None:
    body, attached = sent(leader.engine.step([TransferRequested(7, HONEST)], []), TimeoutNow)
    said = read(attached, Nomination)
    assert (said.term, said.candidate, body.term) == (1, HONEST, 1)
    assert decode_opening(attached.opening or b"").candidate == ME


def test_blocks_are_sent_again_only_so_often(leader: World) -> None:
    """A peer that refuses all of them again and again is not sent them for ever."""
    release = notary_of(leader)._release
    release._again[LIAR] = 33 << 20
    [block] = leader.storage.entries(Index(2), Index(2), 1 << 20)
    body = AppendRequest(Term(1), Index(1), Term(1), (block,), Index(2))
    again = leader.honest.say(body)
    for peer, is_sent in ((LIAR, True), (LIAR, False), (HONEST, True)):
        message = type(again)(ME, peer, body)
        assert (release.release(message) is not None) == is_sent
    probe = type(again)(ME, LIAR, AppendRequest(Term(1), Index(1), Term(1), (), Index(2)))
    assert release.release(probe) is not None
    for _ in range(3):
        leader.hear(leader.honest.acknowledge(leader.end))
        leader.engine.step([Tick()], [])
    assert release.release(type(again)(ME, LIAR, body)) is not None


def test_restarted_node_knows_its_term_its_leader_and_what_is_final(
    tmp_path: Path, follower: World
) -> None:
    reign = follower.elect(HONEST, 2)
    follower.engine.step([reign.block()], [])
    final = follower.others.finalise(follower.end)
    follower.engine.step([reign.beat(commit=4, final=final)], [])
    # What may wait for the next batch is written when the storage is closed.
    follower.storage.close()
    again = World(tmp_path / "ledger")
    records = notary_of(again).records
    assert (records.terms.leader(2), notary_of(again).final) == (HONEST, 4)
    assert records.signer.generation > 1
    bare = again.say(HONEST, HeartbeatRequest(Term(2), Index(0), 0))
    assert again.engine.step([bare], []).status.leader == HONEST
    again.storage.close()
