"""A candidate that asks again with another log gets no other vote: it could convict the voter."""

from typing import Final, TypeVar

from electing import signer_of
from single_engine import ELECTION_TICKS, HONEST, LIAR, ME, World
from voices import ShownLog

from kpledger.base.codec import decode
from kpledger.log.block import compute_head, decode_block_header
from kpledger.log.findings import find_amnesia
from kpledger.log.statements import MAX_STATEMENT_BYTES, Acknowledgement, LogEnd, Vote
from kpnode.notary.attachment import decode_attachment
from kpnode.raft import Tick
from kpnode.step import Step

TERM: Final = 2
SaidT = TypeVar("SaidT", Acknowledgement, Vote)


def read(step: Step, kind: type[SaidT]) -> list[SaidT]:
    """Read what the node has signed in a step."""
    shown = (decode_attachment(one.body.attached).statement for one in step.outgoing)
    return [
        decode(one, kind, what="statement", max_bytes=MAX_STATEMENT_BYTES) for one in shown if one
    ]


def follow(world: World) -> Acknowledgement:
    """Let the node acknowledge a block of an honest leader, of whom it hears no more."""
    reign = world.elect(HONEST, TERM)
    world.engine.step([reign.beat()], [])
    (said,) = read(world.engine.step([reign.block()], []), Acknowledgement)
    for _ in range(ELECTION_TICKS):
        world.engine.step([Tick()], [])
    return said


def shorten(log: ShownLog) -> ShownLog:
    """Show a log without its last block."""
    last = log.path[-2].header
    header = decode_block_header(last)
    end = LogEnd(term=header.term, index=header.height, head=compute_head(last))
    return ShownLog(end, log.path[:-1])


def test_vote_for_a_shorter_log_is_never_signed(world: World) -> None:
    said, full = follow(world), world.log
    liar, proof = world.voices[LIAR], world.others.allow(LIAR, term=TERM + 1)
    (vote,) = read(world.hear(liar.ask_vote(proof, full)), Vote)
    assert vote.candidate_end == full.end
    votes = read(world.hear(liar.ask_vote(proof, shorten(full))), Vote)
    assert [one.candidate_end for one in votes] == [full.end]
    assert find_amnesia(signer_of(ME).electorate, said, votes[0]) is None


def test_nor_within_one_step(world: World) -> None:
    said, full = follow(world), world.log
    liar, proof = world.voices[LIAR], world.others.allow(LIAR, term=TERM + 1)
    requests = (liar.ask_vote(proof, full), liar.ask_vote(proof, shorten(full)))
    votes = read(world.hear(*requests), Vote)
    assert {one.candidate_end for one in votes} == {full.end}
    assert find_amnesia(signer_of(ME).electorate, said, votes[0]) is None


def test_a_shorter_log_that_is_shown_first_gets_no_vote(world: World) -> None:
    follow(world)
    liar, proof = world.voices[LIAR], world.others.allow(LIAR, term=TERM + 1)
    assert read(world.hear(liar.ask_vote(proof, shorten(world.log))), Vote) == []
    (vote,) = read(world.hear(liar.ask_vote(proof, world.log)), Vote)
    assert vote.candidate_end == world.log.end
