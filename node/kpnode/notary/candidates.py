"""Candidates and the logs that they show: whose log the core may see as it is.

What the core compares is where two logs end. A log that lacks what this node must not give up is
taken for none; one that lacks only what can never be final, for as long as the own one.
"""

from dataclasses import replace
from typing import Final, TypeVar

from kpledger.base.errors import LedgerError
from kpledger.log.findings import find_equivocation
from kpledger.log.statements import LogEnd
from kpnode.notary.attachment import Attachment
from kpnode.notary.claims import (
    Claim,
    ObjectionError,
    denies,
    find_lacked,
    find_objection,
    read_claim,
)
from kpnode.notary.records import Records
from kpnode.raft import Index, NodeId, PreVoteRequest, Term, VoteRequest

_CLAIMS: Final = 8
"""Logs that one peer may show in the shortest election timeout."""
_NOWHERE: Final = Index(-1)
"""Where a log ends for which the core does not vote, not even if its own is empty."""

_CandidacyT = TypeVar("_CandidacyT", PreVoteRequest, VoteRequest)


class Candidates:
    """Judges the logs of those who ask one node for its vote."""

    def __init__(self, records: Records) -> None:
        """Judge by these records, and write down there what is learnt."""
        self._records = records
        self._claims: dict[NodeId, int] = {}

    def tick(self) -> None:
        """Let one tick pass."""
        if self._records.ticks % self._records.election_ticks == 0:
            self._claims.clear()

    def judge(self, sender: NodeId, body: _CandidacyT, attached: Attachment) -> _CandidacyT:
        """Let the core see the end of a candidate's log if this node may support or elect it."""
        last_term, last_index = 0, int(_NOWHERE)
        try:
            if not self._is_too_soon(body) and not self._records.is_paused(sender):
                last_term, last_index = self._find_place(sender, body, attached)
        except LedgerError as error:
            problem = None if isinstance(error, ObjectionError) else str(error)
            self._records.refuse(sender, body.term, problem)
        return replace(body, last_term=Term(last_term), last_index=Index(last_index))

    def _is_too_soon(self, body: PreVoteRequest | VoteRequest) -> bool:
        """Tell whether a pre-vote for an earlier term was given too short a time ago.

        A term costs a majority of pre-votes, and after one is given none is given for a later term
        for a while: so terms cannot be used up, however many a liar asks for. For that term, or one
        before it, others get one too: or who asks first each time would keep them out.
        """
        records = self._records
        if records.supported is None or isinstance(body, VoteRequest):
            return False
        term, since = records.supported
        return body.term > term and records.ticks - since < records.election_ticks // 2

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
        # A log that is behind may show what was never acknowledged, if a liar has made that.
        if claimed < own.place and claimed[0] != own.term and not records.barred:
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
        if (body.term, sender) != (records.core.term, records.core.status().voted_for):
            records.ends[body.term, sender] = claim.end
        is_void = self._is_void(sender, body, claim, own)
        if claimed < own.place and (not is_void or _is_next(body, own)):
            return claimed
        objection = find_objection(claim, own, records.commits.newest, is_void=is_void)
        promise = records.promise
        if objection is None and promise is not None:
            objection = find_objection(claim, promise, None)
        if objection is not None:
            raise ObjectionError(objection)
        return max(claimed, own.place)

    def _is_void(
        self, sender: NodeId, body: PreVoteRequest | VoteRequest, claim: Claim, own: LogEnd
    ) -> bool:
        """Tell whether what this log holds and a candidate's lacks can never be final.

        For a pre-vote it is enough that a liar has made it: else no term might begin in which
        voters could show that they never acknowledged it.
        """
        records = self._records
        is_pre_vote = isinstance(body, PreVoteRequest)
        term = body.term - is_pre_vote
        missing = records.promises.missing
        if missing is not None and missing.lost is not None and denies(claim, missing.lost, term):
            records.losses[sender] = missing.lost
        parting = find_lacked(claim, own, records.place_at, records.commits.index)
        if parting is None:
            return False
        self._find_equivocation(claim, parting)
        stray = records.find_first(own.term, parting)
        if denies(claim, stray, term):
            records.strays[sender] = stray
        if claim.end.term > own.term or stray != parting:
            return False
        is_made_by_liar = records.find_leader(stray) in records.barred
        return (is_pre_vote and is_made_by_liar) or not records.may_be_final(stray)

    def _find_equivocation(self, claim: Claim, stray: LogEnd) -> None:
        """Find that a leader has made this log's block and another in its place (E1)."""
        records, other = self._records, claim.shown_at(stray.index)
        if other is not None:
            (mine,) = records.chain.shown(stray.index, stray.index)
            electorate, check = records.signer.electorate, records.check
            records.accuse(find_equivocation(electorate, mine, other, check=check))


def _is_next(body: PreVoteRequest | VoteRequest, own: LogEnd) -> bool:
    """Tell whether a vote for a shorter log would be taken for amnesia (E4): in the next term."""
    return isinstance(body, VoteRequest) and body.term <= own.term + 1
