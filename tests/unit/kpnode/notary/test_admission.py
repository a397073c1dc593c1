"""What a peer says is let in as far as it is proven: its statements, and its term."""

from collections.abc import Callable, Sized
from dataclasses import replace
from typing import Final

import pytest
from admitting import admit, bar, change, notary_of, problem_of, strip
from electing import elect, signer_of
from single_engine import HONEST, LIAR, ME, World, key_added
from voices import Majority, Voice

from kpledger.base.codec import encode
from kpledger.log.statements import LogEnd
from kpnode.notary.attachment import Attachment, decode_attachment, encode_attachment
from kpnode.raft import (
    AppendReply,
    HeartbeatReply,
    Index,
    Message,
    PreVoteReply,
    Received,
    Role,
    Term,
    Tick,
    VoteReply,
)

ELSEWHERE: Final = LogEnd(term=1, index=2, head=bytes(32))


# Statements: each kind of message that makes one needs it, from its sender, for this.

Say = Callable[[World, Voice], Message]


def say_pre_vote(world: World, voice: Voice) -> Message:
    return voice.support(world.core.term + 1)


def say_vote(world: World, voice: Voice) -> Message:
    return voice.vote(world.core.term, world.end)


def say_acknowledgement(world: World, voice: Voice) -> Message:
    world.engine.step([], [key_added(1)])
    assert world.end.index == 3
    return voice.acknowledge(world.end)


def say_nomination(world: World, voice: Voice) -> Message:
    return voice.nominate(world.elect(HONEST, 2).opening)


STATEMENTS: Final = [
    ("leader", say_pre_vote),
    ("candidate", say_vote),
    ("leader", say_acknowledgement),
    ("follower", say_nomination),
]


@pytest.mark.parametrize(("part", "say"), STATEMENTS)
def test_statement_is_let_in_if_it_is_the_senders_own(
    request: pytest.FixtureRequest, part: str, say: Say
) -> None:
    world: World = request.getfixturevalue(part)
    message = say(world, world.honest)
    assert type(admit(world, message)) is type(message.body)
    assert notary_of(world).records.unproven == []


@pytest.mark.parametrize(("part", "say"), STATEMENTS)
@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (strip, "it lacks the signed"),
        (lambda one: replace(one, sender=LIAR), "it was sent by za-1"),
        (lambda one: change(one, attached=_other_statement(one)), ""),
        (lambda one: change(one, attached=_bad_signature(one)), "signature"),
        (lambda one: change(one, attached=b"\x80\x80"), "attachment"),
        (lambda one: change(one, attached=bytes(5 << 20)), "attachment"),
    ],
)
def test_statement_that_is_not_the_senders_own_is_not_let_in(
    request: pytest.FixtureRequest,
    part: str,
    say: Say,
    spoil: Callable[[Message], Message],
    problem: str,
) -> None:
    world: World = request.getfixturevalue(part)
    assert admit(world, spoil(say(world, world.honest))) is None
    assert problem in str(problem_of(world))


def _other_statement(message: Message) -> bytes:
    """Attach a statement of another kind."""
    signer = signer_of(message.sender)
    said = (
        signer.acknowledge(ELSEWHERE)
        if not isinstance(message.body, AppendReply)
        else signer.pre_vote(ME, term=message.body.term)
    )
    return encode_attachment(Attachment(statement=encode(said)))


def _bad_signature(message: Message) -> bytes:
    statement = decode_attachment(message.body.attached).statement or b""
    at = statement.index(b"signature") + 20
    forged = statement[:at] + bytes([statement[at] ^ 1]) + statement[at + 1 :]
    return encode_attachment(Attachment(statement=forged))


@pytest.mark.parametrize(("part", "say"), STATEMENTS)
def test_statement_from_before_the_newest_start_of_a_disk_is_not_let_in(
    request: pytest.FixtureRequest, part: str, say: Say
) -> None:
    world: World = request.getfixturevalue(part)
    restarted = Voice(signer_of(HONEST, generation=9), ME)
    earlier = say(world, world.honest)
    assert admit(world, say(world, restarted)) is not None
    # It may only have been late: nothing is wrong with it, unless both are of one promise.
    assert admit(world, earlier) is None
    assert problem_of(world) is None


@pytest.mark.parametrize(("part", "say"), STATEMENTS[:3])
def test_statement_of_a_convicted_voter_is_not_counted(
    request: pytest.FixtureRequest, part: str, say: Say
) -> None:
    world: World = request.getfixturevalue(part)
    bar(world, HONEST)
    records = notary_of(world).records
    before = dict(records.terms.support), dict(records.acknowledged)
    assert admit(world, say(world, world.honest)) is None
    assert (records.terms.support, records.acknowledged) == before
    assert world.end.index not in records.commits._gathered


def test_statements_about_something_else_are_not_let_in(leader: World) -> None:
    voice, final = leader.honest, leader.end
    leader.engine.step([], [key_added(1)])
    other = Voice(voice.signer, LIAR)
    for said, words in (
        (change(voice.support(3), term=Term(2)), "pre-vote of eu-1"),
        (replace(other.support(2), recipient=ME), "pre-vote of eu-1"),
        (voice.acknowledge(LogEnd(term=1, index=3, head=bytes(32))), "acknowledgement of eu-1"),
        (change(voice.acknowledge(final), index=Index(3)), "acknowledgement of eu-1"),
    ):
        assert admit(leader, said) is None
        assert f"the {words}" in str(problem_of(leader))
        assert "something else" in str(problem_of(leader))


def test_acknowledgement_without_a_signature_is_not_let_in(leader: World) -> None:
    """Also of what is final, and of who has signed for more."""
    bare = leader.honest.say(AppendReply(Term(1), accepted=True, index=Index(2)))
    assert admit(leader, bare) is None
    assert admit(leader, replace(bare, sender=LIAR)) is None


@pytest.mark.parametrize(
    "said",
    [
        lambda world: world.honest.vote(3, ELSEWHERE),
        lambda world: change(world.honest.vote(4, world.end), term=Term(3)),
        lambda world: replace(Voice(world.honest.signer, LIAR).vote(3, world.end), recipient=ME),
    ],
)
def test_vote_for_something_else_is_not_let_in(
    candidate: World, said: Callable[[World], Message]
) -> None:
    assert admit(candidate, said(candidate)) is None
    assert problem_of(candidate) == "the vote of eu-1: it is for something else"


def test_vote_that_is_late_is_not_let_in_and_nothing_is_wrong_with_it(candidate: World) -> None:
    assert admit(candidate, candidate.honest.vote(2, candidate.end)) is None
    assert problem_of(candidate) is None
    refused = candidate.honest.say(VoteReply(Term(3), granted=False))
    assert admit(candidate, refused) == refused.body


def test_acknowledgement_of_blocks_of_an_earlier_term_needs_no_signature(candidate: World) -> None:
    """None is signed for them, and they are not counted."""
    base = candidate.end
    candidate.hear(candidate.honest.vote(3, base))
    assert candidate.engine.status().role is Role.LEADER
    said = candidate.honest.say(AppendReply(Term(3), accepted=True, index=Index(base.index)))
    assert admit(candidate, said) == said.body
    for index, accepted in ((base.index + 1, False), (base.index + 9, True)):
        body = AppendReply(Term(3), accepted=accepted, index=Index(index))
        assert admit(candidate, candidate.honest.say(body)) == body


def test_refusal_with_a_higher_term_is_let_in_with_its_proof(leader: World) -> None:
    proof = Attachment(term_proof=encode(leader.others.allow(LIAR, term=5)))
    for body in (
        PreVoteReply(Term(5), granted=False),
        VoteReply(Term(5), granted=False),
        AppendReply(Term(5), accepted=False, index=Index(0)),
        HeartbeatReply(Term(5), 0, Index(0)),
    ):
        notary_of(leader).records.terms.proofs.clear()
        assert admit(leader, leader.honest.say(body)) is None
        assert problem_of(leader) is None
        admitted = admit(leader, leader.honest.say(body, proof))
        assert admitted is not None
        assert admitted.term == 5


def test_proof_of_a_term_that_is_forged_is_named(leader: World) -> None:
    alone = Majority((leader.honest.signer,)).allow(HONEST, term=5)
    shown = Attachment(term_proof=encode(alone))
    assert admit(leader, leader.honest.say(HeartbeatReply(Term(5), 0, Index(0)), shown)) is None
    assert "2 are needed" in str(problem_of(leader))


def test_nothing_grows_with_what_a_peer_sends(leader: World) -> None:
    liar = leader.voices[LIAR]
    records = notary_of(leader).records

    def size() -> int:
        kept: tuple[Sized, ...] = (
            records.ends,
            records.terms.support,
            records.terms.votes,
            records.terms.proofs,
            records.terms.openings,
            records.terms.double,
            records.acknowledged,
            records.said,
            records.behind,
            records.commits._gathered,
            notary_of(leader)._admission._generations,
            notary_of(leader)._admission._candidates._claims,
            records.strays,
            records.begun,
            records.losses,
        )
        return sum(len(one) for one in kept)

    def speak(term: int) -> None:
        for said in (
            liar.ask_support(term % 3, leader.log),
            liar.support(term),
            liar.vote(term, ELSEWHERE),
            liar.acknowledge(LogEnd(term=1, index=1 + term % 2, head=leader.end.head)),
            liar.say(HeartbeatReply(Term(term), 0, Index(0))),
            change(liar.beat(elect(LIAR, term=term, base=ELSEWHERE, voters=(LIAR,))), term=Term(1)),
        ):
            leader.engine.step([Received(said), Tick()], [])
            leader.engine.step([leader.say(HONEST, HeartbeatReply(Term(1), 0, Index(2)))], [])

    for term in range(1, 10):
        speak(term)
    before = size()
    for term in range(10, 60):
        speak(term)
    assert size() <= before
    assert leader.engine.status().role is Role.LEADER
