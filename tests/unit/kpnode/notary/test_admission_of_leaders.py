"""A leader is heard if it was elected, and believed as far as certificates show what it says."""

from dataclasses import replace

import pytest
from admitting import admit, bar, change, notary_of, problem_of, strip
from branches import Branch
from electing import elect, signer_of
from single_engine import HONEST, LIAR, ME, World
from voices import Majority, open_term

from kpledger.base.codec import encode
from kpledger.log.statements import Acknowledgement, LogEnd
from kpnode.notary.attachment import Attachment, decode_attachment
from kpnode.raft import (
    AppendRequest,
    HeartbeatRequest,
    Index,
    PreVoteReply,
    Term,
    TimeoutNow,
)


def test_leader_is_let_in_with_its_votes_beside_a_message_or_in_a_block(leader: World) -> None:
    beat = leader.elect(HONEST, 2).beat().message
    assert admit(leader, beat) == beat.body
    reign = leader.elect(HONEST, 3)
    append = strip(reign.append(reign.noop).message)
    assert admit(leader, append) == append.body
    known = strip(leader.elect(HONEST, 3).beat().message)
    assert admit(leader, known) == known.body


def test_leader_that_was_not_elected_is_not_let_in(follower: World) -> None:
    reign = follower.elect(HONEST, 2)
    for said in (
        replace(reign.beat().message, sender=LIAR),
        replace(reign.append().message, sender=LIAR),
    ):
        assert admit(follower, said) is None
        assert problem_of(follower) is None
    alone = elect(LIAR, term=3, base=follower.end, voters=(LIAR,))
    for one in (
        follower.voices[LIAR].beat(alone),
        strip(follower.voices[LIAR].append(alone, follower.end, open_term(alone))),
    ):
        assert admit(follower, one) is None
        assert "2 are needed" in str(problem_of(follower))


def test_convicted_leader_is_not_let_in(leader: World) -> None:
    bar(leader, LIAR)
    assert admit(leader, leader.elect(LIAR, 2).beat().message) is None


def test_leader_of_an_earlier_term_hears_that_it_is_over_and_why(follower: World) -> None:
    late = follower.voices[LIAR].beat(elect(LIAR, term=1, base=Branch().end))
    assert admit(follower, late) == late.body
    [reply] = follower.hear(late).outgoing
    shown = decode_attachment(reply.body.attached)
    assert shown.opening == follower.elect(HONEST, 2).opening.encoded
    assert reply.body.term == 2


@pytest.mark.parametrize(
    ("said", "recalled"),
    [
        (signer_of(ME).acknowledge(LogEnd(term=2, index=9, head=bytes(32))), 9),
        (signer_of(ME).acknowledge(LogEnd(term=1, index=9, head=bytes(32))), 0),
        (signer_of(HONEST).acknowledge(LogEnd(term=2, index=9, head=bytes(32))), 0),
        (signer_of(ME).acknowledge(LogEnd(term=2, index=2, head=bytes(32))), 2),
        (None, 0),
    ],
)
def test_loss_is_believed_by_the_own_signature_alone(
    follower: World, said: Acknowledgement | None, recalled: int
) -> None:
    body = HeartbeatRequest(Term(2), Index(0), 0, acknowledged=Index(9))
    shown = Attachment(statement=None if said is None else encode(said))
    admitted = admit(follower, follower.honest.say(body, shown))
    assert isinstance(admitted, HeartbeatRequest)
    assert admitted.acknowledged == recalled
    near = replace(body, acknowledged=Index(2))
    admitted = admit(follower, follower.honest.say(near, shown))
    assert isinstance(admitted, HeartbeatRequest)
    assert admitted.acknowledged == 0


def test_nomination_is_followed_from_the_own_leader_alone(follower: World) -> None:
    opening = follower.elect(HONEST, 2).opening
    liar = follower.voices[LIAR].signer.nominate(ME, term=2)
    body = TimeoutNow(Term(2))
    assert admit(follower, follower.voices[LIAR].say(body, said=liar)) is None
    other = follower.honest.signer.nominate(LIAR, term=2)
    assert admit(follower, follower.honest.say(body, said=other)) is None
    early = follower.honest.signer.nominate(ME, term=1)
    assert admit(follower, follower.honest.say(TimeoutNow(Term(1)), said=early)) is None
    assert notary_of(follower).records.terms.nomination is None
    assert admit(follower, follower.honest.nominate(opening)) == replace(
        body, attached=follower.honest.nominate(opening).body.attached
    )


def test_commit_is_believed_as_far_as_a_certificate_shows_it(follower: World) -> None:
    reign = follower.elect(HONEST, 2)
    follower.engine.step([reign.block()], [])
    final = follower.others.finalise(follower.end)
    forged = Majority((follower.honest.signer,)).finalise(follower.end)
    late = replace(reign.beat(commit=9).message, sender=LIAR)
    for said, commit in (
        (reign.beat(commit=9), 2),
        (reign.beat(commit=1), 1),
        (reign.beat(commit=9, final=forged), 2),
        (reign.beat(commit=9, final=final), 4),
        (reign.append(previous=follower.end, final=final), 4),
    ):
        body = notary_of(follower).follow(said.message).body
        assert isinstance(body, AppendRequest | HeartbeatRequest)
        assert body.commit == commit
    assert notary_of(follower).final == 4
    for message in (change(late, term=Term(1)), follower.honest.support(3)):
        assert notary_of(follower).follow(message) == message


def test_commit_of_a_candidates_voter_is_believed_from_a_certificate(world: World) -> None:
    said = change(world.honest.support(1), commit_index=Index(7), commit_term=Term(1))
    admitted = admit(world, said)
    assert isinstance(admitted, PreVoteReply)
    assert (admitted.commit_index, admitted.commit_term) == (0, 0)
    world.lead()
    admitted = admit(world, change(world.honest.support(2), commit_index=Index(7)))
    assert isinstance(admitted, PreVoteReply)
    assert (admitted.commit_index, admitted.commit_term) == (2, 1)
