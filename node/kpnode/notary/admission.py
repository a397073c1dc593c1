"""What a peer says, as far as it is proven: all else is taken out before the core sees it.

The core believes every message; it holds against crashes alone. Let in is a term that a majority
has let begin, a leader that a majority has elected, a candidate that has shown its log, a commit
index for which there is a commit certificate.
"""

from dataclasses import replace
from typing import Final, TypeVar

import msgspec

from kpledger.base.codec import decode, encode
from kpledger.base.errors import LedgerError
from kpledger.log.certificates import CertificateError
from kpledger.log.evidence import MAX_PATH_HEADERS
from kpledger.log.findings import (
    find_double_acknowledgement,
    find_double_votes,
    find_stale_generation,
)
from kpledger.log.statements import (
    MAX_STATEMENT_BYTES,
    Acknowledgement,
    Nomination,
    PreVote,
    Vote,
    verify_statement,
)
from kpnode.notary.attachment import Attachment, decode_attachment
from kpnode.notary.candidates import Candidates
from kpnode.notary.records import Records
from kpnode.raft import (
    AppendReply,
    AppendRequest,
    EntryKind,
    HeartbeatRequest,
    Index,
    Message,
    MessageBody,
    NodeId,
    PreVoteReply,
    PreVoteRequest,
    Role,
    Term,
    TimeoutNow,
    VoteReply,
    VoteRequest,
)

_DOUBLES: Final = 8
"""Other branches of a term that one follower has acknowledged and that are looked at: the way from
one of them may be thousands of blocks long."""
_VOTELESS_STEP: Final = 64
"""So far a term may rise without proof where an earlier version has left the voters apart."""

_StatementT = TypeVar("_StatementT", Acknowledgement, Vote, PreVote, Nomination)


class _StaleError(CertificateError):
    """A statement from before the newest start of its voter; it may only have been on its way."""


class Admission:
    """Judges what peers say, for one node."""

    def __init__(self, records: Records) -> None:
        """Judge by these records, and write down there what is learnt."""
        self._records = records
        self._core = records.core
        self._terms = records.terms
        self._candidates = Candidates(records)
        self._generations: dict[str, int] = {}

    def tick(self) -> None:
        """Let one tick pass."""
        self._candidates.tick()

    def admit(self, message: Message) -> Message | None:
        """Give a message as the core may see it, None if it may not."""
        sender, body = message.sender, message.body
        try:
            attached = decode_attachment(body.attached)
            is_known = self._may_know_term(body, attached)
            proven = self._admit(sender, body, attached) if is_known else None
        except LedgerError as error:
            problem = None if isinstance(error, _StaleError) else str(error)
            self._records.refuse(sender, body.term, problem)
            return None
        finally:
            self._find_double_votes()
        if proven is None:
            self._records.refuse(sender, body.term)
            return None
        return message if proven is body else replace(message, body=proven)

    def _find_double_votes(self) -> None:
        votes, self._terms.double = self._terms.double, []
        if votes:
            electorate, check = self._records.signer.electorate, self._records.check
            self._records.accuse(*find_double_votes(electorate, votes, check=check))

    def _may_know_term(self, body: MessageBody, attached: Attachment) -> bool:
        """Tell whether a term above the own one could begin.

        A pre-vote, and what grants it, speaks of a term that has not begun: its sender is in the
        one before.

        Raises:
            LedgerError: what is shown for it does not hold.
        """
        term = body.term
        if isinstance(body, PreVoteRequest) or (isinstance(body, PreVoteReply) and body.granted):
            term = Term(term - 1)
        own = self._core.term
        if term <= own or term in self._terms.proofs:
            return True
        if isinstance(body, AppendRequest):
            attached = _with_opening(body, attached)
        if self._terms.learn(term, attached) is not None:
            return True
        return self._records.is_unproven and term <= own + _VOTELESS_STEP

    def _admit(self, sender: NodeId, body: MessageBody, attached: Attachment) -> MessageBody | None:
        proven: MessageBody | None = body
        match body:
            case PreVoteRequest():
                proven = self._candidates.judge(sender, body, attached)
            case PreVoteReply():
                proven = self._admit_pre_vote_reply(sender, body, attached)
            case VoteRequest():
                proven = self._admit_vote_request(sender, body, attached)
            case VoteReply() if body.granted:
                proven = self._admit_vote(sender, body, attached)
            case AppendRequest() | HeartbeatRequest():
                proven = self._admit_leader(sender, body, attached)
            case AppendReply():
                proven = self._admit_acknowledgement(sender, body, attached)
            case TimeoutNow():
                proven = self._admit_nomination(sender, body, attached)
        return proven

    def _admit_pre_vote_reply(
        self, sender: NodeId, body: PreVoteReply, attached: Attachment
    ) -> PreVoteReply | None:
        """Count a signed pre-vote; believe of a commit what a certificate shows."""
        if body.granted:
            if sender in self._records.barred:
                # Nor may the core count it: what is begun with it could not be proven.
                return None
            said = self._read(PreVote, sender, attached)
            if (said.term, said.candidate) != (body.term, self._core.node):
                raise CertificateError(f"the pre-vote of {sender}", "it is for something else")
            if body.term == self._core.term + 1:
                self._terms.add_support(said)
        commits = self._records.commits
        commits.learn(attached.commit)
        index, term = (0, 0) if commits.newest is None else commits.newest.end.place[::-1]
        return replace(body, commit_index=Index(index), commit_term=Term(term))

    def _admit_vote_request(
        self, sender: NodeId, body: VoteRequest, attached: Attachment
    ) -> VoteRequest | None:
        """Let a candidate in whose term could begin with it; it sets a leader aside if that asked.

        Raises:
            LedgerError: its term began with another.
        """
        if body.term == self._core.term and self._begins_again(sender, body, attached):
            return None
        if body.term > self._core.term and not self._records.is_unproven:
            candidate = self._terms.learn(body.term, attached)
            if candidate != sender:
                what = f"a campaign of {sender} in term {body.term}"
                raise CertificateError(what, "nothing shows that it could begin this term")
        if body.term >= self._core.term:
            self._records.begun.setdefault((body.term, sender), attached.term_proof)
        if body.transfer:
            asked = self._terms.nominators.get(body.term)
            body = replace(body, transfer=asked == (self._core.leader, sender))
        return (
            self._candidates.judge(sender, body, attached) if body.term >= self._core.term else body
        )

    def _begins_again(self, sender: NodeId, body: VoteRequest, attached: Attachment) -> bool:
        """Tell whether a candidate asks once more, with another proof that its term could begin.

        It has forgotten that it asked: its disk came back from before. The core would repeat its
        vote, and a leader that was elected twice in one term makes two blocks in one place.
        """
        begun, asked = self._records.begun, (body.term, sender)
        if asked in begun:
            return begun[asked] != attached.term_proof
        return self._core.status().voted_for == sender

    def _admit_vote(
        self, sender: NodeId, body: VoteReply, attached: Attachment
    ) -> VoteReply | None:
        """Let a vote for this node be counted if it is signed; the core keeps what was signed."""
        if body.term != self._core.term or self._core.role is not Role.CANDIDATE:
            return body if body.term > self._core.term else None
        said = self._read(Vote, sender, attached)
        wanted = body.term, self._core.node, self._records.chain.end
        if (said.term, said.candidate, said.candidate_end) != wanted:
            raise CertificateError(f"the vote of {sender}", "it is for something else")
        self._terms.note_vote(said)
        return None if sender in self._records.barred else replace(body, attached=encode(said))

    def _admit_leader(
        self, sender: NodeId, body: AppendRequest | HeartbeatRequest, attached: Attachment
    ) -> AppendRequest | HeartbeatRequest | None:
        """Let a leader in that was elected; an earlier one hears that its time is over.

        Raises:
            LedgerError: what it shows for its election does not hold.
        """
        records = self._records
        if body.term < self._core.term:
            records.behind.add(sender)
            return body
        records.behind.discard(sender)
        if sender in records.barred:
            return None
        if self._terms.leader(body.term) is None:
            if isinstance(body, AppendRequest):
                attached = _with_opening(body, attached)
            if attached.opening is not None:
                self._terms.learn_opening(attached.opening)
        if self._terms.leader(body.term) != sender:
            return None
        if isinstance(body, HeartbeatRequest):
            return replace(body, acknowledged=self._recall(body, attached))
        return body

    def _recall(self, body: HeartbeatRequest, attached: Attachment) -> Index:
        """Give what this node has acknowledged in this term, if its own signature shows it.

        Only what the log does not hold matters: then the disk has lost it.
        """
        if attached.statement is None or body.acknowledged <= self._core.last_index:
            return Index(0)
        said = decode(
            attached.statement,
            Acknowledgement,
            what="acknowledgement",
            max_bytes=MAX_STATEMENT_BYTES,
        )
        verify_statement(said, self._records.signer.electorate, self._records.check)
        is_own = (said.voter, said.term) == (self._core.node, body.term)
        return Index(said.index) if is_own else Index(0)

    def follow(self, message: Message) -> Message:
        """Take out of a leader's message what it says of commits beyond what is proven.

        To be called after the blocks in it were verified.
        """
        body = message.body
        if not isinstance(body, AppendRequest | HeartbeatRequest) or body.term < self._core.term:
            return message
        commits = self._records.commits
        shown = commits.index
        try:
            if body.attached:
                shown = commits.learn(decode_attachment(body.attached).commit)
        except LedgerError as error:
            self._records.refuse(message.sender, body.term, str(error))
        final = shown if isinstance(body, AppendRequest) else commits.index
        if body.commit <= final:
            return message
        return replace(message, body=replace(body, commit=Index(final)))

    def _admit_acknowledgement(
        self, sender: NodeId, body: AppendReply, attached: Attachment
    ) -> AppendReply | None:
        """Count what a follower has signed of this leader's own chain.

        Raises:
            LedgerError: it has signed something else, or nothing.
        """
        core, records = self._core, self._records
        if not body.accepted or body.term != core.term or core.role is not Role.LEADER:
            return body
        known = records.acknowledged.get(sender)
        if core.term_at(body.index) != core.term:
            return body
        if known is not None and (known.index, encode(known)) == (body.index, attached.statement):
            return body  # it says again what it has said
        said = self._read(Acknowledgement, sender, attached)
        own = records.chain.head_at(body.index)
        if (said.term, said.index, said.head) != (body.term, body.index, own):
            self._find_double_acknowledgement(sender, said)
            raise CertificateError(f"the acknowledgement of {sender}", "it is of something else")
        if sender in records.barred:
            return None
        newest = records.acknowledged.get(sender)
        if newest is None or newest.index < said.index:
            records.acknowledged[sender] = said
        records.commits.gather(said)
        return body

    def _find_double_acknowledgement(self, sender: NodeId, said: Acknowledgement) -> None:
        """Find that a follower has acknowledged another branch beside this leader's own (E2)."""
        records = self._records
        newest = records.acknowledged.get(sender)
        is_other = said.term == self._core.term and records.chain.head_at(said.index) != said.head
        if newest is None or sender in records.barred or not is_other:
            return
        records.doubled[sender] += 1
        if (
            records.doubled[sender] <= _DOUBLES
            and 0 <= newest.index - said.index <= MAX_PATH_HEADERS
        ):
            shown = records.chain.shown(said.index, newest.index)
            electorate, check = records.signer.electorate, records.check
            records.accuse(
                find_double_acknowledgement(electorate, newest, said, shown=shown, check=check)
            )

    def _admit_nomination(
        self, sender: NodeId, body: TimeoutNow, attached: Attachment
    ) -> TimeoutNow | None:
        """Let the leader that this node follows ask it to campaign."""
        said = self._read(Nomination, sender, attached)
        leader = self._terms.leader(body.term)
        asked = said.voter, said.term, said.candidate
        if asked != (leader, self._core.term, self._core.node) or body.term != said.term:
            return None
        self._terms.nomination = said
        return body

    def _read(self, kind: type[_StatementT], sender: NodeId, attached: Attachment) -> _StatementT:
        """Read and verify the statement that a message makes.

        Raises:
            LedgerError: there is none, it is another's or of an older start of the sender's
                storage, or it does not verify.
        """
        name = kind.__name__.lower()
        if attached.statement is None:
            raise CertificateError(f"a message of {sender}", f"it lacks the signed {name}")
        said = decode(attached.statement, kind, what=name, max_bytes=MAX_STATEMENT_BYTES)
        if said.voter != sender:
            raise CertificateError(f"the {name} of {said.voter}", f"it was sent by {sender}")
        verify_statement(said, self._records.signer.electorate, self._records.check)
        known = self._generations.get(sender, 0)
        if said.generation < known:
            before = self._records.said.get(sender)
            if before is not None and not isinstance(said, PreVote):
                electorate, check = self._records.signer.electorate, self._records.check
                self._records.accuse(find_stale_generation(electorate, before, said, check=check))
            problem = f"generation {said.generation} of its storage speaks after {known}"
            raise _StaleError(f"the {name} of {sender}", problem)
        self._generations[sender] = said.generation
        if not isinstance(said, PreVote):
            self._records.said[sender] = said
        return said


def _with_opening(request: AppendRequest, attached: Attachment) -> Attachment:
    """Take the votes that open a term from its first block, if the append brings that."""
    for entry in request.entries:
        if entry.kind is EntryKind.NOOP and entry.term == request.term and entry.payload:
            return msgspec.structs.replace(attached, opening=entry.payload)
    return attached
