"""Who is to blame for a fork: two blocks that majorities made final, on two branches (kind E8).

Two majorities share voters, so that there is always somebody who signed both. In one term whoever
acknowledged both blocks has lied, or its storage ran twice. In two terms it is who acknowledged the
first block and then elected a leader without it: the first such election counts, since its voters
cannot have had the block overwritten by a leader before (*CFT-Forensics*, Tang et al., AFT 2024).
Whoever else acknowledged both is named as well, and may be honest.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from kpledger.log.branch import verify_excluded
from kpledger.log.certificates import LeaderCertificate, decode_opening
from kpledger.log.contradictions import judge_amnesia
from kpledger.log.conviction import Conviction, EvidenceError, Guilt, weigh_starts
from kpledger.log.evidence import Amnesia, Equivocation, Fork, read_header
from kpledger.log.misdeeds import judge_equivocation
from kpledger.log.statements import Acknowledgement, Electorate, SignatureCheck, Vote

_TWO_STARTS: Final = "from two starts of its storage"


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
    return _sum_up(evidence, _blame(evidence, electorate, check))


def _sum_up(fork: Fork, found: Iterable[Conviction]) -> Conviction:
    """Name everybody once, by what is gravest."""
    blamed: dict[str, Conviction] = {}
    for one in sorted(found, key=lambda one: -one.guilt.gravity):
        for name in one.culprits:
            blamed.setdefault(name, one)
    gravest = max((one.guilt for one in blamed.values()), key=lambda one: one.gravity)
    names = sorted(blamed)
    culprits = tuple(name for name in names if blamed[name].guilt is gravest)
    others = tuple((name, blamed[name].guilt) for name in names if name not in culprits)
    reasons = "; ".join(blamed[name].words for name in culprits)
    words = f"{fork.accusation}. {reasons}"
    if others:
        told = ", ".join(f"{name} (a {guilt})" for name, guilt in others)
        words = f"{words}. Signed both as well: {told}"
    return Conviction("E8", culprits, gravest, words, others)


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
    """Blame who signed both, some perhaps more than once: of equal gravity the first counts."""
    if fork.equivocation is not None:
        yield _blame_leader(fork, fork.equivocation, electorate, check)
    if fork.first.term != fork.second.term:
        yield from _blame_election(fork, electorate, check)
    there = {one.voter: one for one in fork.second.acknowledgements}
    for one in fork.first.acknowledgements:
        if one.voter in there:
            yield _weigh_both(one, there[one.voter])


def _blame_leader(
    fork: Fork, equivocation: Equivocation, electorate: Electorate, check: SignatureCheck
) -> Conviction:
    """Blame the leader of the first term for two blocks; its votes and acknowledgements say more.

    Blocks name no start of the storage. Where what else the leader signed in that term comes from
    two starts, so may they.
    """
    header = read_header(equivocation.first)
    term, leader = header.term, header.leader
    if term != fork.first.term:
        raise EvidenceError("E8", f"the two blocks of one leader are of term {term}")
    conviction = judge_equivocation(equivocation, electorate, check)
    said: list[Acknowledgement | Vote] = [
        one
        for certificate in (fork.first, fork.second)
        for one in certificate.acknowledgements
        if (one.term, one.voter) == (term, leader)
    ]
    for opening in map(decode_opening, fork.openings):
        if (opening.term, opening.candidate) == (term, leader):
            opening.verify(electorate, check)
            said += (vote for vote in opening.votes if vote.voter == leader)
    if len({one.generation for one in said}) <= 1:
        return conviction
    words = f"{leader} signed two blocks in term {term} that exclude each other, {_TWO_STARTS}"
    return replace(conviction, guilt=Guilt.FAULT, words=words)


def _blame_election(
    fork: Fork, electorate: Electorate, check: SignatureCheck
) -> Iterator[Conviction]:
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


def _weigh_both(one: Acknowledgement, other: Acknowledgement) -> Conviction:
    """Say how grave it is to have acknowledged both, which are verified to exclude each other."""
    culprits = (one.voter,)
    words = f"{one.voter} acknowledged both"
    if one.term == other.term:
        guilt = weigh_starts(one, other)
        told = words if guilt is Guilt.LIE else f"{words}, {_TWO_STARTS}"
        return Conviction("E2", culprits, guilt, f"{told}, in term {one.term}")
    if one.generation > other.generation:
        return Conviction("E9", culprits, Guilt.FAULT, f"{words}, the second from an earlier start")
    words = f"{words}, as an honest voter may if a leader without the first was elected in between"
    return Conviction("E4", culprits, Guilt.SUSPICION, words)
