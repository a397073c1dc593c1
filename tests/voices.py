"""What other voters say to a node, signed by their keys as honest ones sign it.

A voice keeps no log and no promise: whoever lets it speak says what of, and may so let it lie.
"""

from dataclasses import dataclass, replace

from kpledger.base.codec import encode
from kpledger.log.certificates import (
    CommitCertificate,
    LeaderCertificate,
    TermProof,
    certify_commit,
)
from kpledger.log.statements import LogEnd, StatementSigner, VoterStatement
from kpnode.notary.attachment import (
    NOTHING,
    Attachment,
    Path,
    encode_attachment,
)
from kpnode.raft import (
    AppendReply,
    AppendRequest,
    Entry,
    EntryKind,
    HeartbeatRequest,
    Index,
    Message,
    MessageBody,
    NodeId,
    PreVoteReply,
    PreVoteRequest,
    Term,
    TimeoutNow,
    VoteReply,
    VoteRequest,
)


@dataclass(frozen=True, slots=True)
class ShownLog:
    """A log as a candidate shows it: from the block that ``final`` certifies, or the first."""

    end: LogEnd
    path: Path = ()
    final: CommitCertificate | None = None


@dataclass(frozen=True, slots=True)
class Majority:
    """Voters who together decide; whether they are enough is for whoever asks them to see."""

    signers: tuple[StatementSigner, ...]
    """Ascending by name."""

    def elect(self, leader: str, *, term: int, base: LogEnd) -> LeaderCertificate:
        """Vote for a leader whose log ends with ``base``."""
        return LeaderCertificate(
            tuple(
                one.vote(leader, term=term, candidate_end=base, voter_end=base)
                for one in self.signers
            )
        )

    def allow(self, candidate: str, *, term: int) -> TermProof:
        """Let a candidate begin a term."""
        pre_votes = tuple(one.pre_vote(candidate, term=term) for one in self.signers)
        return TermProof(term=term, candidate=candidate, pre_votes=pre_votes)

    def finalise(self, end: LogEnd) -> CommitCertificate:
        """Acknowledge a block."""
        return certify_commit(one.acknowledge(end) for one in self.signers)


@dataclass(frozen=True, slots=True)
class Voice:
    """One voter, as it speaks to one node."""

    signer: StatementSigner
    listener: NodeId

    @property
    def name(self) -> NodeId:
        """Whose voice it is."""
        return NodeId(self.signer.voter)

    def say(
        self,
        body: MessageBody,
        shown: Attachment = NOTHING,
        *,
        said: VoterStatement | None = None,
        final: CommitCertificate | None = None,
    ) -> Message:
        """Say anything, and show this beside it."""
        attached = Attachment(
            opening=shown.opening,
            term_proof=shown.term_proof,
            commit=shown.commit if final is None else encode(final),
            path=shown.path,
            statement=shown.statement if said is None else encode(said),
        )
        return Message(
            self.name, self.listener, replace(body, attached=encode_attachment(attached))
        )

    # As a follower.

    def support(self, term: int, *, final: CommitCertificate | None = None) -> Message:
        """Let the listener begin a term."""
        said = self.signer.pre_vote(self.listener, term=term)
        return self.say(PreVoteReply(Term(term), granted=True), said=said, final=final)

    def vote(self, term: int, candidate_end: LogEnd, own: LogEnd | None = None) -> Message:
        """Vote for the listener, whose log ends there; the own one ends there too, or elsewhere."""
        said = self.signer.vote(
            self.listener, term=term, candidate_end=candidate_end, voter_end=own or candidate_end
        )
        return self.say(VoteReply(Term(term), granted=True), said=said)

    def acknowledge(self, end: LogEnd) -> Message:
        """Acknowledge a block of the listener's term."""
        body = AppendReply(Term(end.term), accepted=True, index=Index(end.index))
        return self.say(body, said=self.signer.acknowledge(end))

    # As a candidate.

    def ask_support(self, term: int, log: ShownLog) -> Message:
        """Ask whether the listener would vote for it."""
        body = PreVoteRequest(Term(term), Index(log.end.index), Term(log.end.term))
        return self.say(body, Attachment(path=log.path), final=log.final)

    def ask_vote(
        self, proof: TermProof, log: ShownLog, *, transfer: bool = False, term: int | None = None
    ) -> Message:
        """Ask for the listener's vote in a term that could begin."""
        body = VoteRequest(
            Term(proof.term if term is None else term),
            Index(log.end.index),
            Term(log.end.term),
            transfer,
        )
        shown = Attachment(path=log.path, term_proof=encode(proof))
        return self.say(body, shown, final=log.final)

    # As a leader.

    def beat(
        self,
        opening: LeaderCertificate,
        *,
        round_: int = 0,
        commit: int = 0,
        final: CommitCertificate | None = None,
    ) -> Message:
        """Send a sign of life in the term to which it was elected."""
        body = HeartbeatRequest(Term(opening.term), Index(commit), round_)
        return self.say(body, Attachment(opening=opening.encoded), final=final)

    def append(
        self,
        opening: LeaderCertificate,
        previous: LogEnd,
        *entries: Entry,
        commit: int = 0,
        final: CommitCertificate | None = None,
    ) -> Message:
        """Send blocks that follow another."""
        body = AppendRequest(
            Term(opening.term), Index(previous.index), Term(previous.term), entries, Index(commit)
        )
        return self.say(body, Attachment(opening=opening.encoded), final=final)

    def nominate(self, opening: LeaderCertificate) -> Message:
        """Ask the listener to campaign in the next term."""
        said = self.signer.nominate(self.listener, term=opening.term)
        body = TimeoutNow(Term(opening.term))
        return self.say(body, Attachment(opening=opening.encoded), said=said)


def open_term(opening: LeaderCertificate) -> Entry:
    """Give the block that opens the term of a leader."""
    index, term = Index(opening.base.index + 1), Term(opening.term)
    return Entry(index, term, EntryKind.NOOP, opening.encoded)


def hand_over(leader: StatementSigner, opening: LeaderCertificate, successor: str) -> TermProof:
    """Give the proof of a term that its leader asked a successor to begin."""
    term = opening.term
    return TermProof(
        term=term + 1,
        candidate=successor,
        nomination=leader.nominate(successor, term=term),
        opening=opening.encoded,
    )
