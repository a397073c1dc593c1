"""Lies about terms: leaders that nobody elected, terms that nobody began, old words again."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Final

import msgspec
from lab.liars.liar import Liar, attach, attached_to

from kpledger.base.codec import encode
from kpledger.log.certificates import LeaderCertificate, TermProof
from kpledger.log.statements import LogEnd, StatementSigner
from kpnode.notary.attachment import Attachment
from kpnode.raft import (
    AppendReply,
    AppendRequest,
    Entry,
    EntryKind,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    Message,
    MessageBody,
    NodeId,
    PreVoteReply,
    PreVoteRequest,
    Term,
    VoteReply,
    VoteRequest,
)

if TYPE_CHECKING:
    from lab.liars.node import Voter
    from lab.liars.world import World

_STEPS: Final = (0, 1, 3, 40_000_000)
"""How far beyond its own the terms are that a liar names."""
_FLOOD: Final = 5
"""Messages a tick to each of the others."""
_REMEMBERED: Final = 300
_NO_HEAD: Final = bytes(32)


class _Pretender(Liar):
    """Proves what cannot be proven as well as one can: with what it signs by itself."""

    def draw_term(self, least: int = 0) -> Term:
        """Draw a term, its own or one that nobody is in."""
        return Term(max(1, self.voter.core.term + max(least, self.prng.choice(_STEPS))))

    def forge(self, term: Term) -> Attachment:
        """Give proofs of a term with its own signature alone; or nothing, or those it has."""
        match self.prng.randrange(4):
            case 0:
                return Attachment(opening=self._elect(term))
            case 1:
                own = self.signer.pre_vote(self.name, term=term)
                proof = TermProof(term=term, candidate=self.name, pre_votes=(own,))
                return Attachment(term_proof=encode(proof))
            case 2:
                nomination = self.signer.nominate(self.name, term=max(1, term - 1))
                proof = TermProof(
                    term=term,
                    candidate=self.name,
                    nomination=nomination,
                    opening=self._elect(term),
                )
                return Attachment(term_proof=encode(proof))
            case _:
                terms = self.voter.notary.records.terms
                return terms.prove(self.prng.choice(list(terms.proofs) or [0]))

    def _elect(self, term: Term) -> bytes:
        """Give a leader certificate that has the own vote alone."""
        end = self.voter.machine.end
        vote = self.signer.vote(self.name, term=term, candidate_end=end, voter_end=end)
        return LeaderCertificate((vote,)).encoded

    def prove_all(self, body: MessageBody, term: Term) -> list[Message]:
        """Say something to everybody, with such proofs."""
        self.lies += 1
        forged = self.forge(term)
        return [attach(one, forged) for one in self.say_all(body)]


class Usurp(_Pretender):
    """Leads terms to which nobody elected it."""

    def tick(self) -> Sequence[Message]:
        """Send heartbeats and openings of such terms."""
        if self.prng.random() > 1 / 5:
            return ()
        term = self.draw_term()
        if self.prng.random() < 1 / 3:
            beat = HeartbeatRequest(term, Index(self.prng.randrange(100)), 0)
            return self.prove_all(beat, term)
        return [self._open(peer, term) for peer in self.peers]

    def _open(self, peer: NodeId, term: Term) -> Message:
        """Open a term on top of the very log of a peer, or order a block there."""
        log = self.world.voters[peer].disk.log
        self.lies += 1
        last = log[-1] if log else Entry(Index(0), Term(0), EntryKind.NOOP, b"")
        forged = self.forge(term)
        kind = self.prng.choice((EntryKind.NOOP, EntryKind.NOOP, EntryKind.BLOCK))
        payload = self.prng.choice((b"", forged.opening or b""))
        entry = Entry(Index(last.index + 1), term, kind, payload)
        entries = () if last.term > term else (entry,)
        body = AppendRequest(term, last.index, last.term, entries, Index(last.index + 1))
        return attach(self.say(peer, body), forged)


class NameTerms(_Pretender):
    """Speaks of terms that nobody began, in requests and in replies."""

    def tick(self) -> Sequence[Message]:
        """Name one."""
        if self.prng.random() > 1 / 5:
            return ()
        term = self.draw_term(1)
        last = self.voter.core.last_index
        body: MessageBody = self.prng.choice(
            (
                PreVoteRequest(term, last, Term(term - 1)),
                PreVoteReply(term, granted=False),
                PreVoteReply(term, granted=True),
                VoteReply(term, granted=False),
                AppendReply(term, accepted=False, index=Index(0)),
                HeartbeatReply(term, 0, Index(0)),
            )
        )
        return self.prove_all(body, term)


class Flood(_Pretender):
    """Sends pre-vote requests and appends of ever higher terms, as many as it can."""

    def __init__(self, voter: "Voter", world: "World", prng: Random) -> None:
        super().__init__(voter, world, prng)
        self._sent = 0

    def tick(self) -> Sequence[Message]:
        """Send many messages."""
        said: list[Message] = []
        last = self.voter.core.last_index
        for _ in range(_FLOOD):
            self._sent += 1
            term = Term(self.voter.core.term + self._sent)
            body = self.prng.choice(
                (
                    PreVoteRequest(term, last, self.voter.machine.top.entry.term),
                    AppendRequest(term, Index(0), Term(0), (), last),
                )
            )
            said += self.prove_all(body, term)
        return said


class Unseat(_Pretender):
    """Campaigns all the time, and says that the leader asked it to."""

    def tick(self) -> Sequence[Message]:
        """Ask for votes, or for pre-votes, with its whole log."""
        if self.prng.random() > 1 / 4:
            return ()
        machine, core = self.voter.machine, self.voter.core
        term = Term(core.term + 1)
        last_term = machine.top.entry.term
        forged = self.forge(term)
        newest = self.voter.notary.records.commits.newest
        shown = msgspec.structs.replace(
            forged,
            commit=None if newest is None else encode(newest),
            path=machine.shown(1 if newest is None else newest.index, machine.end.index),
        )
        bodies = (
            VoteRequest(term, core.last_index, last_term, transfer=True),
            PreVoteRequest(term, core.last_index, last_term),
        )
        body = self.prng.choice(bodies)
        self.lies += 1
        return [attach(one, shown) for one in self.say_all(body)]


class Replay(Liar):
    """Repeats old messages and statements, its own and others', and some of another ledger."""

    def __init__(self, voter: "Voter", world: "World", prng: Random) -> None:
        super().__init__(voter, world, prng)
        self._heard: list[Message] = []
        electorate = replace(world.roll.electorate, chain=_NO_HEAD)
        if prng.random() < 1 / 2:
            electorate = replace(world.roll.electorate, config_hash=_NO_HEAD)
        self._elsewhere = electorate

    def incoming(self, message: Message) -> Message | None:
        """Remember what was heard."""
        self._remember(message)
        return message

    def outgoing(self, message: Message) -> Sequence[Message]:
        """Remember what was said, and sign some of it for another ledger as well."""
        self._remember(message)
        body, attached = message.body, attached_to(message)
        if not isinstance(body, AppendReply) or attached.statement is None:
            return (message,)
        abroad = StatementSigner(
            self._elsewhere, self.name, self.voter.key, self.voter.disk.generation
        )
        said = abroad.acknowledge(LogEnd(term=body.term, index=body.index, head=_NO_HEAD))
        return (message, attach(message, msgspec.structs.replace(attached, statement=encode(said))))

    def _remember(self, message: Message) -> None:
        place = self.prng.randrange(_REMEMBERED)
        self._heard[place : place + 1] = [message]

    def tick(self) -> Sequence[Message]:
        """Repeat something, perhaps as if it were of the newest term."""
        if not self._heard or self.prng.random() > 1 / 2:
            return ()
        self.lies += 1
        old = self.prng.choice(self._heard)
        body = old.body
        if self.prng.random() < 1 / 3 and not isinstance(body, AppendRequest):
            body = replace(body, term=self.voter.core.term)
        return [self.say(peer, body) for peer in self.peers]
