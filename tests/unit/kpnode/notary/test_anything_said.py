"""Nothing that one voter can sign or make up stops a node: it is let in, or it is not."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pytest
from electing import signer_of
from single_engine import LIAR, ME, VOTERS, World

from kpledger.base.codec import encode
from kpledger.log.certificates import LeaderCertificate, TermProof, certify_commit
from kpledger.log.statements import LogEnd, StatementSigner, VoterStatement
from kpnode.notary.attachment import Attachment, Path, encode_attachment
from kpnode.raft import (
    AppendReply,
    AppendRequest,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    Message,
    MessageBody,
    PreVoteReply,
    PreVoteRequest,
    Term,
    Tick,
    TimeoutNow,
    VoteReply,
    VoteRequest,
)

STEPS: Final = 300
FARTHEST: Final = 2**53 - 1


@dataclass
class Babbler:
    """Speaks of places where something is, nearly is, or cannot be."""

    world: World
    chance: random.Random

    def number(self, newest: int) -> int:
        return self.chance.choice([0, 1, max(0, newest - 1), newest, newest + 1, FARTHEST])

    def index(self) -> int:
        return self.number(self.world.core.last_index)

    def term(self) -> int:
        return self.number(self.world.core.term)

    def end(self) -> LogEnd:
        headers = self.world.engine._notary.records.chain
        index = self.chance.randint(0, headers.end.index)
        head = self.chance.choice([headers.head_at(index) or b"", bytes(32)])
        return LogEnd(term=self.term(), index=self.chance.choice([index, self.index()]), head=head)

    def signer(self) -> StatementSigner:
        return signer_of(LIAR, generation=self.chance.choice([1, 1, 2]))

    def statement(self) -> VoterStatement:
        signer, end, term = self.signer(), self.end(), self.term()
        candidate = self.chance.choice(VOTERS)
        statements: Sequence[VoterStatement] = [
            signer.acknowledge(end),
            signer.vote(candidate, term=term, candidate_end=end, voter_end=self.end()),
            signer.pre_vote(candidate, term=term),
            signer.nominate(candidate, term=term),
        ]
        return self.chance.choice(statements)

    def path(self) -> Path:
        headers = self.world.engine._notary.records.chain
        first = self.chance.randint(1, max(1, headers.end.index))
        return headers.shown(first, headers.end.index)

    def attach(self) -> bytes:
        end, term, signer = self.end(), self.term(), self.signer()
        vote = signer.vote(LIAR, term=term, candidate_end=end, voter_end=end)
        proof = TermProof(term=term, candidate=LIAR, pre_votes=(signer.pre_vote(LIAR, term=term),))
        whole = {
            "opening": LeaderCertificate((vote,)).encoded,
            "term_proof": encode(proof),
            "commit": encode(certify_commit([signer.acknowledge(end)])),
            "path": self.path(),
            "statement": encode(self.statement()),
        }
        chosen = {name: value for name, value in whole.items() if self.chance.random() < 0.5}
        return encode_attachment(Attachment(**chosen))  # type: ignore[arg-type]

    def body(self) -> MessageBody:
        index, term, attached = Index(self.index()), Term(self.term()), self.attach()
        is_so = self.chance.random() < 0.5
        bodies: Sequence[MessageBody] = [
            PreVoteRequest(term, index, Term(self.term()), attached),
            PreVoteReply(term, is_so, index, Term(self.term()), attached),
            VoteRequest(term, index, Term(self.term()), is_so, attached),
            VoteReply(term, is_so, attached),
            AppendRequest(term, index, Term(self.term()), (), Index(self.index()), attached),
            AppendReply(term, is_so, index, Index(self.index()), Term(self.term()), attached),
            HeartbeatRequest(term, index, self.index(), Index(self.index()), attached),
            HeartbeatReply(term, self.index(), index, attached),
            TimeoutNow(term, attached),
        ]
        return self.chance.choice(bodies)


@pytest.mark.parametrize("part", ["leader", "follower", "candidate"])
@pytest.mark.parametrize("seed", range(3))
def test_nothing_that_one_voter_says_stops_a_node(
    request: pytest.FixtureRequest, part: str, seed: int
) -> None:
    world: World = request.getfixturevalue(part)
    babbler = Babbler(world, random.Random(seed))
    for _ in range(STEPS):
        if babbler.chance.random() < 0.1:
            world.engine.step([Tick()], [])
        step = world.hear(Message(LIAR, ME, babbler.body()))
        assert all(one.conviction.culprits == (LIAR,) for one in step.exhibits)
