"""Who is to blame for a fork: two blocks that majorities made final, on two branches (kind E8).

Two majorities share voters. In one term whoever acknowledged both blocks has lied. In two terms it
is who acknowledged the first block and then elected a leader without it: the first such election
counts, since its voters cannot have had the block overwritten by a leader before
(*CFT-Forensics*, Tang et al., AFT 2024).
"""

from collections.abc import Iterator
from typing import Final

from kpledger.log.branch import verify_excluded
from kpledger.log.certificates import CommitCertificate, LeaderCertificate, decode_opening
from kpledger.log.contradictions import judge_amnesia
from kpledger.log.conviction import Conviction, EvidenceError, Guilt, weigh_starts
from kpledger.log.evidence import Amnesia, Fork, read_header
from kpledger.log.misdeeds import judge_equivocation
from kpledger.log.statements import Electorate, SignatureCheck

_GRAVEST_FIRST: Final = (Guilt.LIE, Guilt.FAULT, Guilt.SUSPICION)


def judge_fork(evidence: Fork, electorate: Electorate, check: SignatureCheck) -> Conviction:
    """Judge E8: verify that there are two histories, and find who made them.

    Raises:
        LedgerError: there are not.
    """
    first, second = evidence.first, evidence.second
    if (first.term, first.index, first.head) >= (second.term, second.index, second.head):
        raise EvidenceError("E8", "the two are the same, or not in the one order")
    if first.index > second.index and first.term < second.term:
        # No block follows one of a higher term, so nothing has to be shown.
        if evidence.path:
            raise EvidenceError("E8", "a block of a higher term below another needs no path")
    else:
        lower, higher = sorted(((first.index, first.head), (second.index, second.head)))
        verify_excluded(lower, higher, evidence.path)
    first.verify(electorate, check)
    second.verify(electorate, check)
    blamed = [*_blame(evidence, electorate, check)]
    if not blamed:
        words = f"{evidence.accusation}. Who made them is not shown"
        return Conviction("E8", (), Guilt.SUSPICION, words)
    gravest = next(one for one in _GRAVEST_FIRST if any(one is each.guilt for each in blamed))
    culprits = {name for one in blamed if one.guilt is gravest for name in one.culprits}
    reasons = "; ".join(one.words for one in blamed if one.guilt is gravest)
    words = f"{evidence.accusation}. {reasons}"
    return Conviction("E8", tuple(sorted(culprits)), gravest, words)


def _find_first_without(fork: Fork) -> LeaderCertificate | None:
    """Find the first election shown, after the first block, of a leader whose log ended below it.

    Raises:
        LedgerError: an opening is malformed.
    """
    first = fork.first
    openings = (decode_opening(one) for one in fork.openings)
    without = (
        one
        for one in openings
        if first.term < one.term <= fork.second.term and one.base.place < first.end.place
    )
    return min(without, key=lambda one: one.term, default=None)


def _blame(fork: Fork, electorate: Electorate, check: SignatureCheck) -> Iterator[Conviction]:
    if fork.equivocation is not None:
        term = read_header(fork.equivocation.first).term
        if term != fork.first.term:
            raise EvidenceError("E8", f"the two blocks of one leader are of term {term}")
        yield judge_equivocation(fork.equivocation, electorate, check)
    if fork.first.term == fork.second.term:
        yield from _blame_both(fork.first, fork.second)
        return
    opening = _find_first_without(fork)
    if opening is None:
        return
    opening.verify(electorate, check)
    votes = {vote.voter: vote for vote in opening.votes}
    for said in fork.first.acknowledgements:
        vote = votes.get(said.voter)
        if vote is not None:
            evidence = Amnesia(acknowledgement=said, vote=vote, certificate=fork.first)
            yield judge_amnesia(evidence, electorate, check)


def _blame_both(first: CommitCertificate, second: CommitCertificate) -> Iterator[Conviction]:
    """Blame whoever acknowledged both in one term; that they exclude each other is verified."""
    there = {one.voter: one for one in second.acknowledgements}
    for one in first.acknowledgements:
        other = there.get(one.voter)
        if other is not None:
            words = f"{one.voter} signed both"
            yield Conviction("E2", (one.voter,), weigh_starts(one, other), words)
