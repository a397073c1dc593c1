"""Lies of followers and candidates: two votes, two acknowledgements, forgotten promises, logs."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Final

import msgspec
from lab.liars.blocks import follow, seal
from lab.liars.leading import Equivocate
from lab.liars.liar import Liar, attach, attached_to

from kpledger.base.codec import encode
from kpledger.log.block import compute_head, decode_block_header
from kpledger.log.path import ShownHeader
from kpledger.log.statements import LogEnd
from kpnode.notary.attachment import Attachment
from kpnode.raft import (
    AppendReply,
    HardState,
    Index,
    Message,
    NodeId,
    PreVoteReply,
    PreVoteRequest,
    Term,
    TimeoutNow,
    VoteReply,
    VoteRequest,
)

if TYPE_CHECKING:
    from lab.liars.node import Voter
    from lab.liars.world import World

_NOMINATES: Final = 1 / 30
"""Per tick."""
_FORGETS: Final = 2 / 3
"""Per request."""


class DoubleVote(Liar):
    """Votes for everybody who asks; as a leader it has two stand for election at once."""

    leads = True

    def __init__(self, voter: "Voter", world: "World", prng: Random) -> None:
        super().__init__(voter, world, prng)
        self._voted: dict[Term, NodeId] = {}

    def tick(self) -> Sequence[Message]:
        """Ask two others to lead the next term, now and then."""
        if not self.voter.leads or self.prng.random() > _NOMINATES:
            return ()
        term = self.voter.core.term
        shown = self.voter.notary.records.terms.prove(term)
        return [
            attach(
                self.say(peer, TimeoutNow(term)),
                msgspec.structs.replace(
                    shown, statement=encode(self.signer.nominate(peer, term=term))
                ),
            )
            for peer in self.prng.sample(self.peers, 2)
        ]

    def incoming(self, message: Message) -> Message | None:
        """Answer requests for votes without asking its own node."""
        body = message.body
        if not isinstance(body, VoteRequest):
            return super().incoming(message)
        self.world.send(self._vote(message, body))
        return None

    def _vote(self, message: Message, request: VoteRequest) -> list[Message]:
        status = self.voter.core.status()
        if status.term == request.term and status.voted_for is not None:
            self._voted.setdefault(request.term, status.voted_for)
        self.lies += self._voted.setdefault(request.term, message.sender) != message.sender
        vote = self.signer.vote(
            message.sender,
            term=request.term,
            candidate_end=end_of_claim(message, self.world.roll.electorate.chain),
            voter_end=self.voter.machine.end,
        )
        reply = VoteReply(request.term, granted=True)
        return [
            attach(self.say(peer, reply), Attachment(statement=encode(vote))) for peer in self.peers
        ]


class DoubleAcknowledge(Liar):
    """Acknowledges another block in the same place as well."""

    def outgoing(self, message: Message) -> Sequence[Message]:
        """Follow each acknowledgement by one that contradicts it, or the other way about."""
        body, attached = message.body, attached_to(message)
        if not isinstance(body, AppendReply) or not body.accepted or attached.statement is None:
            return (message,)
        own = self.voter.machine.at(body.index)
        if own is None:
            return (message,)
        self.lies += 1
        other = LogEnd(term=body.term, index=body.index, head=self.prng.randbytes(32))
        said = encode(self.signer.acknowledge(other))
        both = [message, attach(message, msgspec.structs.replace(attached, statement=said))]
        self.prng.shuffle(both)
        return both


class Amnesia(Liar):
    """Forgets votes and acknowledgements: its disk is an older one, and nothing says so.

    It does so when somebody begins a term, which is when what it promised counts; and what it
    promised shows where somebody's log is behind.
    """

    def incoming(self, message: Message) -> Message | None:
        """Be of another mind when it is asked for support or for a vote."""
        body = message.body
        if isinstance(body, PreVoteRequest | VoteRequest) and self.prng.random() < _FORGETS:
            now = self.voter.disk.image()
            keep = max(0, len(now.log) - self.prng.randrange(1, 6))
            least = Term(now.log[keep - 1].term if keep else 0)
            term = self.prng.choice((least, now.hard_state.term))
            self.lies += now.hard_state.voted_for is not None or keep < len(now.log)
            image = replace(
                now,
                hard_state=HardState(term, None),
                log=now.log[:keep],
                promises=b"",
                applied=Index(min(now.applied, keep)),
            )
            self.voter.stop()
            self.world.restore(self.voter, image)
            self.voter.start_again()
        return message


class LongLog(Liar):
    """Claims a longer log than it has, and campaigns with it."""

    def tick(self) -> Sequence[Message]:
        """Ask for pre-votes now and then, whoever leads."""
        if self.prng.random() > 1 / 10:
            return ()
        core = self.voter.core
        request = PreVoteRequest(Term(core.term + 1), core.last_index, core.term)
        return [self._claim(message, request) for message in self.say_all(request)]

    def outgoing(self, message: Message) -> Sequence[Message]:
        """Stretch every claim."""
        body = message.body
        if not isinstance(body, PreVoteRequest | VoteRequest):
            return (message,)
        return (self._claim(message, body),)

    def _claim(self, message: Message, body: PreVoteRequest | VoteRequest) -> Message:
        self.lies += 1
        machine, attached = self.voter.machine, attached_to(message)
        top = machine.top
        path: tuple[ShownHeader, ...] = attached.path or machine.shown(1, top.header.height)
        last_term = max(body.last_term, body.term - 1)
        count = self.prng.randint(1, 5)
        if self.prng.random() < 2 / 3:
            for _ in range(count):
                time_ms = top.header.time_ms
                header, tree = follow(top, self.name, last_term, time_ms, (b"never ordered",))
                top = seal(header, tree, (b"never ordered",), self.voter.key)
                path = (*path, top.shown)
        last = Index(machine.top.header.height + count)
        body = replace(body, last_index=last, last_term=Term(last_term))
        attached = msgspec.structs.replace(attached, path=path)
        return attach(replace(message, body=body), attached)


class PreVoteLie(Liar):
    """Grants every pre-vote, and says that all the candidate has is committed."""

    def incoming(self, message: Message) -> Message | None:
        """Answer pre-vote requests without asking its own node."""
        body = message.body
        if not isinstance(body, PreVoteRequest):
            return message
        self.lies += 1
        said = self.signer.pre_vote(message.sender, term=body.term)
        reply = PreVoteReply(
            body.term,
            granted=True,
            commit_index=body.last_index,
            commit_term=body.last_term,
        )
        newest = self.voter.disk.read_certificates()[-1:]
        attached = Attachment(statement=encode(said), commit=newest[0] if newest else None)
        self.world.send([attach(self.say(message.sender, reply), attached)])
        return None


class Collude(Equivocate, DoubleVote):
    """Several do together whatever helps: lead two branches, acknowledge both, vote for all."""


def end_of_claim(message: Message, chain: bytes) -> LogEnd:
    """Give where a candidate's log ends, as it shows it."""
    path = attached_to(message).path
    if not path:
        return LogEnd(term=0, index=0, head=chain)
    last = decode_block_header(path[-1].header)
    return LogEnd(term=last.term, index=last.height, head=compute_head(path[-1].header))
