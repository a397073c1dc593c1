"""A candidate is judged by the log that it shows, in a term that could begin with it."""

from dataclasses import replace
from pathlib import Path

import pytest
from admitting import admit, bar, blank, grants, notary_of, pass_ticks, problem_of, strip
from branches import Branch
from electing import signer_of
from single_engine import ELECTION_TICKS, HONEST, LIAR, World
from voices import Majority, ShownLog, hand_over

from kpledger.base.codec import encode
from kpledger.log.statements import LogEnd
from kpnode.notary.attachment import Attachment, decode_attachment
from kpnode.raft import (
    Message,
    NodeId,
    PreVoteRequest,
    VoteReply,
    VoteRequest,
)


def test_candidate_that_shows_its_log_is_judged_by_it(leader: World) -> None:
    said = leader.honest.ask_support(2, leader.log)
    assert admit(leader, said) == said.body
    asked = leader.honest.ask_vote(leader.others.allow(HONEST, term=2), leader.log)
    assert admit(leader, asked) == asked.body
    assert notary_of(leader).records.ends == {(2, HONEST): leader.end}


def test_candidate_whose_log_is_not_shown_is_taken_to_have_none(leader: World) -> None:
    claim = ShownLog(LogEnd(term=9, index=9, head=bytes(32)))
    for said in (
        leader.honest.ask_support(2, replace(leader.log, path=())),
        leader.honest.ask_support(2, claim),
        leader.honest.ask_vote(leader.others.allow(HONEST, term=2), claim),
    ):
        body = said.body
        assert isinstance(body, PreVoteRequest | VoteRequest)
        assert admit(leader, said) == blank(body)
        assert "its log ends with (0, 0), and it claims" in str(problem_of(leader))
    assert notary_of(leader).records.ends == {}


def test_candidate_that_is_behind_speaks_for_itself(leader: World) -> None:
    """The core refuses it, and nothing is wrong with it."""
    for branch in (ShownLog(Branch().end), ShownLog(LogEnd(term=1, index=1, head=bytes(32)))):
        said = leader.honest.ask_support(2, branch)
        admit(leader, said)
    assert [one.problem for one in notary_of(leader).records.unproven] == [
        "its log ends with (0, 0), and it claims (1, 1)"
    ]
    assert notary_of(leader).records.ends == {}


def test_convicted_candidate_is_taken_to_have_no_log(leader: World) -> None:
    bar(leader, LIAR)
    said = leader.voices[LIAR].ask_support(2, leader.log)
    assert admit(leader, said) == blank(said.body)  # type: ignore[arg-type]
    assert problem_of(leader) is None


@pytest.mark.parametrize("is_barred", [False, True])
def test_who_is_set_aside_is_voted_for_by_no_log_not_even_by_none(
    tmp_path: Path, *, is_barred: bool
) -> None:
    world = World(tmp_path / "ledger")
    said = world.voices[LIAR].ask_support(1, world.log)
    notary_of(world).records.pause(LIAR, 0 if is_barred else 2)
    bar(world, *[LIAR] * is_barred)
    assert grants(world, said) == [False]
    bar(world)
    pass_ticks(world, 1)
    assert grants(world, said) == [is_barred]
    pass_ticks(world, 1)
    assert grants(world, said) == [True]
    world.storage.close()


def test_no_more_logs_are_looked_at_than_a_few_in_a_while(leader: World) -> None:
    said = leader.voices[LIAR].ask_support(2, leader.log)
    for _ in range(8):
        assert admit(leader, said) == said.body
    assert admit(leader, said) == blank(said.body)  # type: ignore[arg-type]
    assert problem_of(leader) is None
    assert admit(leader, leader.honest.ask_support(2, leader.log)) is not None
    pass_ticks(leader, ELECTION_TICKS)
    assert admit(leader, said) == said.body


def test_who_asks_for_a_later_term_keeps_nobody_from_the_next_one(follower: World) -> None:
    """However often it asks, with the proof of a term that nobody has begun."""
    pass_ticks(follower, ELECTION_TICKS)
    begun = Attachment(term_proof=encode(follower.others.allow(LIAR, term=3)))
    asked = follower.voices[LIAR].ask_support(4, follower.log)
    path = decode_attachment(asked.body.attached).path
    ahead = follower.voices[LIAR].say(
        asked.body, Attachment(term_proof=begun.term_proof, path=path)
    )
    for _ in range(3):
        assert grants(follower, ahead) == [True]
        assert grants(follower, follower.honest.ask_support(3, follower.log)) == [True]
        pass_ticks(follower, ELECTION_TICKS // 4)


def test_another_term_is_supported_only_after_a_while(follower: World) -> None:
    """In one term everybody is: or whoever asks first each time could keep the others out."""
    pass_ticks(follower, ELECTION_TICKS)
    for voice in (*follower.voices.values(), follower.honest):
        assert grants(follower, voice.ask_support(3, follower.log)) == [True]
    begun = follower.others.allow(LIAR, term=3)
    follower.hear(follower.voices[LIAR].ask_vote(begun, follower.log))
    further = follower.honest.ask_support(4, follower.log)
    assert grants(follower, further) == [False]
    pass_ticks(follower, ELECTION_TICKS // 2)
    assert grants(follower, further) == [True]


@pytest.mark.parametrize("candidate_of_proof", [LIAR, None])
def test_campaign_in_a_term_that_began_with_another_is_not_let_in(
    leader: World, candidate_of_proof: NodeId | None
) -> None:
    said = leader.honest.ask_vote(leader.others.allow(LIAR, term=2), leader.log)
    if candidate_of_proof is None:
        notary_of(leader).records.terms.learn(2, decode_attachment(said.body.attached))
        said = strip(said)
    assert admit(leader, said) is None
    assert "nothing shows that it could begin this term" in str(problem_of(leader))


def test_campaign_for_which_the_leader_asked_is_told_from_others(follower: World) -> None:
    reign = follower.elect(HONEST, 2)
    asked = hand_over(follower.honest.signer, reign.opening, LIAR)
    for proof, transfer in ((follower.others.allow(LIAR, term=3), False), (asked, True)):
        said = follower.voices[LIAR].ask_vote(proof, follower.log, transfer=True)
        admitted = admit(follower, said)
        assert isinstance(admitted, VoteRequest)
        assert admitted.transfer is transfer


def votes(world: World, request: Message) -> list[bool]:
    bodies = (one.body for one in world.hear(request).outgoing)
    return [one.granted for one in bodies if isinstance(one, VoteReply)]


def test_vote_is_not_given_again_to_a_candidate_whose_disk_came_back(
    follower: World, tmp_path: Path
) -> None:
    """It does not know that it was elected, and would lead the term once more."""
    pass_ticks(follower, ELECTION_TICKS)
    first = follower.honest.ask_vote(follower.others.allow(HONEST, term=3), follower.log)
    came_back = Majority((signer_of(HONEST, generation=2), follower.voices[LIAR].signer))
    second = follower.honest.ask_vote(came_back.allow(HONEST, term=3), follower.log)
    assert votes(follower, first) == [True]
    assert votes(follower, second) == []
    assert votes(follower, first) == [True]
    follower.storage.close()
    again = World(tmp_path / "ledger")
    assert votes(again, second) == []
    again.storage.close()
