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
    find_equivocation,
    find_stale_generation,
)
from kpledger.log.statements import (
    MAX_STATEMENT_BYTES,
    Acknowledgement,
    LogEnd,
    Nomination,
    PreVote,
    Vote,
    verify_statement,
)
from kpnode.notary.attachment import Attachment, decode_attachment
from kpnode.notary.claims import Claim, ObjectionError, find_objection, find_stray, read_claim
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

_CLAIMS: Final = 8
"""Logs that one peer may show in the shortest election timeout."""
_VOTELESS_STEP: Final = 64
"""So far a term may rise without proof where an earlier version has left the voters apart."""

_NOWHERE: Final = Index(-1)
"""Where a log ends for which the core does not vote, not even if its own is empty."""

_CandidacyT = TypeVar("_CandidacyT", PreVoteRequest, VoteRequest)
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
        self._claims: dict[NodeId, int] = {}
        self._generations: dict[str, int] = {}

    def tick(self) -> None:
        """Let one tick pass."""
        if self._records.ticks % self._records.election_ticks == 0:
            self._claims.clear()

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
                proven = self._admit_pre_vote_request(sender, body, attached)
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

    def _admit_pre_vote_request(
        self, sender: NodeId, body: PreVoteRequest, attached: Attachment
    ) -> PreVoteRequest:
        """Let the core judge a candidate's log, or none if it may not be supported now.

        A term costs a majority of pre-votes, and after one is given none is given for a later term
        for a while: so terms cannot be used up, however many a liar asks for. For that term, or one
        before it, others get one too: or who asks first each time would keep them out.
        """
        records = self._records
        if records.supported is not None:
            term, since = records.supported
            is_soon = records.ticks - since < records.election_ticks // 2
            if is_soon and body.term > term:
                return replace(body, last_index=_NOWHERE, last_term=Term(0))
        return self._judge(sender, body, attached)

    def _judge(self, sender: NodeId, body: _CandidacyT, attached: Attachment) -> _CandidacyT:
        """Let the core see the end of a candidate's log if this node may vote for it."""
        last_term, last_index = 0, int(_NOWHERE)
        try:
            if not self._records.is_paused(sender):
                last_term, last_index = self._find_place(sender, body, attached)
        except LedgerError as error:
            problem = None if isinstance(error, ObjectionError) else str(error)
            self._records.refuse(sender, body.term, problem)
        return replace(body, last_term=Term(last_term), last_index=Index(last_index))

    def _find_place(
        self, sender: NodeId, body: PreVoteRequest | VoteRequest, attached: Attachment
    ) -> tuple[int, int]:
        """Give the place where a candidate's log ends, as the core is to compare it with its own.

        Raises:
            LedgerError: this node must not vote for it.
        """
        records, own = self._records, self._records.chain.end
        claimed = int(body.last_term), int(body.last_index)
        if sender in records.barred:
            raise ObjectionError("it is convicted of a lie")
        # Also of a log that is behind: it may be of another history, with something final in it.
        records.commits.learn(attached.commit)
        # What is behind is refused by the core; but two logs that end in one term are one branch.
        if claimed < own.place and claimed[0] != own.term:
            return claimed
        self._claims[sender] = self._claims.get(sender, 0) + 1
        if self._claims[sender] > _CLAIMS:
            raise ObjectionError("it has shown too many logs in one election timeout")
        claim = read_claim(
            attached,
            records.signer.electorate,
            claimed=claimed,
            holds=records.chain.holds,
            voteless_up_to=records.voteless_up_to,
            check=records.check,
        )
        # The core votes again for whom it has voted, whatever that shows now. The vote stays as it
        # was: or a liar could have this node sign for a log that ends before what it acknowledged.
        if (body.term, sender) != (self._core.term, self._core.status().voted_for):
            records.ends[body.term, sender] = claim.end
        is_void = self._is_void(sender, claim, own)
        if claimed < own.place and (not is_void or _is_next(body, own)):
            return claimed
        objection = find_objection(claim, own, records.commits.newest, is_void=is_void)
        promise = records.promises.missing
        if objection is None and promise is not None:
            objection = find_objection(claim, promise, None)
        if objection is not None:
            raise ObjectionError(objection)
        return max(claimed, own.place)

    def _is_void(self, sender: NodeId, claim: Claim, own: LogEnd) -> bool:
        """Tell whether what this log holds and a candidate's lacks can never be final.

        The two blocks with which the logs part are evidence against their leader (E1).
        """
        records = self._records
        stray = find_stray(claim, own, records.place_at, records.commits.index)
        if stray is None:
            records.strays.pop(sender, None)
            return False
        records.strays[sender] = stray
        other = claim.shown_at(stray.index)
        if other is not None:
            (mine,) = records.chain.shown(stray.index, stray.index)
            electorate, check = records.signer.electorate, records.check
            records.accuse(find_equivocation(electorate, mine, other, check=check))
        return not records.may_be_final(stray)

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
    ) -> VoteRequest:
        """Let a candidate in whose term could begin with it; it sets a leader aside if that asked.

        Raises:
            LedgerError: its term began with another.
        """
        if body.term > self._core.term and not self._records.is_unproven:
            candidate = self._terms.learn(body.term, attached)
            if candidate != sender:
                what = f"a campaign of {sender} in term {body.term}"
                raise CertificateError(what, "nothing shows that it could begin this term")
        if body.transfer:
            asked = self._terms.nominators.get(body.term)
            body = replace(body, transfer=asked == (self._core.leader, sender))
        return self._judge(sender, body, attached) if body.term >= self._core.term else body

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
        if newest is None or sender in records.barred:
            return
        if 0 <= newest.index - said.index <= MAX_PATH_HEADERS:
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


def _is_next(body: PreVoteRequest | VoteRequest, own: LogEnd) -> bool:
    """Tell whether a vote for a shorter log would be taken for amnesia (E4): in the next term."""
    return isinstance(body, VoteRequest) and body.term <= own.term + 1


def _with_opening(request: AppendRequest, attached: Attachment) -> Attachment:
    """Take the votes that open a term from its first block, if the append brings that."""
    for entry in request.entries:
        if entry.kind is EntryKind.NOOP and entry.term == request.term and entry.payload:
            return msgspec.structs.replace(attached, opening=entry.payload)
    return attached
