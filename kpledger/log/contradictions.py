"""Statements of one voter that contradict each other: kinds E2, E3, E4, E6 and E9.

Terms and starts of an honest voter never fall, so that of two statements with different terms the
one of the higher term is the later one.
"""

from kpledger.base.codec import encode
from kpledger.log.branch import verify_excluded
from kpledger.log.conviction import Conviction, EvidenceError, Guilt, weigh_starts
from kpledger.log.evidence import (
    Amnesia,
    DoubleAcknowledgement,
    DoubleVote,
    StaleGeneration,
    UnshownLog,
)
from kpledger.log.statements import (
    Electorate,
    LogEnd,
    SignatureCheck,
    Vote,
    VoterStatement,
    verify_statement,
)


def judge_double_acknowledgement(
    evidence: DoubleAcknowledgement, electorate: Electorate, check: SignatureCheck
) -> Conviction:
    """Judge E2: within a term a voter holds to one branch, also over a restart.

    Raises:
        LedgerError: it does not convict.
    """
    first, second = evidence.first, evidence.second
    _same_voter("E2", first, second)
    if first.term != second.term:
        problem = f"terms {first.term} and {second.term}: a later leader may overwrite a block"
        raise EvidenceError("E2", problem)
    if (first.index, first.head) >= (second.index, second.head):
        raise EvidenceError("E2", "the two are the same, or not in the one order")
    verify_excluded((first.index, first.head), (second.index, second.head), evidence.path)
    _verify(electorate, check, first, second)
    guilt = weigh_starts(first, second)
    return Conviction("E2", (first.voter,), guilt, evidence.accusation)


def judge_double_vote(
    evidence: DoubleVote, electorate: Electorate, check: SignatureCheck
) -> Conviction:
    """Judge E3: a voter votes for one candidate a term, and stands for election with one log.

    For one candidate it may vote again with another log: it is the candidate who says which.

    Raises:
        LedgerError: it does not convict.
    """
    first, second = evidence.first, evidence.second
    _same_voter("E3", first, second)
    if first.term != second.term:
        raise EvidenceError("E3", f"they are votes of two terms, {first.term} and {second.term}")
    if order_of_vote(first) >= order_of_vote(second):
        raise EvidenceError("E3", "the two are the same, or not in the one order")
    if first.candidate == second.candidate:
        if first.candidate != first.voter:
            raise EvidenceError("E3", f"both are for {first.candidate}: a vote may be repeated")
        if first.candidate_end == second.candidate_end:
            raise EvidenceError("E3", "both are for one candidate with one log")
    _verify(electorate, check, first, second)
    guilt = weigh_starts(first, second)
    return Conviction("E3", (first.voter,), guilt, evidence.accusation)


def judge_amnesia(evidence: Amnesia, electorate: Electorate, check: SignatureCheck) -> Conviction:
    """Judge E4: who holds a block of a term votes for no log that ended before it.

    A leader of a later term may overwrite the block, and then it may. But who has heard a leader
    does not vote in its term any more, until it is started again: so a vote in the very next term,
    from the same start, convicts. Of another the voter can only be asked to show who was elected;
    and only if the block was final, so that somebody who acknowledged it helped to undo it.

    Raises:
        LedgerError: it does not convict, and gives no reason to ask.
    """
    said, vote, certificate = evidence.acknowledgement, evidence.vote, evidence.certificate
    _same_voter("E4", said, vote)
    if vote.term <= said.term:
        problem = f"the vote of term {vote.term} is not later than that of term {said.term}"
        raise EvidenceError("E4", problem)
    if vote.candidate_end.place >= (said.term, said.index):
        raise EvidenceError("E4", "the candidate's log does not end before the block")
    convicts = (vote.term, vote.generation) == (said.term + 1, said.generation)
    if certificate is None:
        if not convicts:
            problem = (
                "a later leader may have overwritten the block, which is not shown to be final"
            )
            raise EvidenceError("E4", problem)
    elif certificate.end != LogEnd(term=said.term, index=said.index, head=said.head):
        raise EvidenceError("E4", "the commit certificate is of another block")
    else:
        certificate.verify(electorate, check)
    _verify(electorate, check, said, vote)
    if convicts:
        words = f"{evidence.accusation}: it helped to undo what it had promised to keep"
        return Conviction("E4", (said.voter,), Guilt.LIE, words)
    is_next = vote.term == said.term + 1
    terms = f"term {vote.term}" if is_next else f"one of the terms {said.term + 1} to {vote.term}"
    words = (
        f"{evidence.accusation}: it helped to undo what it had promised to keep, unless a leader"
        f" without that block had been elected before, in {terms}"
    )
    return Conviction("E4", (said.voter,), Guilt.SUSPICION, words)


def judge_unshown_log(
    evidence: UnshownLog, electorate: Electorate, check: SignatureCheck
) -> Conviction:
    """Judge E6: it never convicts, since what was not shown to one was perhaps shown to another.

    Raises:
        LedgerError: it gives no reason to ask.
    """
    vote = evidence.vote
    if vote.voter != vote.candidate:
        problem = f"{vote.candidate} did not say itself where its log ends; {vote.voter} did"
        raise EvidenceError("E6", problem)
    _verify(electorate, check, vote)
    return Conviction("E6", (vote.voter,), Guilt.SUSPICION, evidence.accusation)


def judge_stale_generation(
    evidence: StaleGeneration, electorate: Electorate, check: SignatureCheck
) -> Conviction:
    """Judge E9: as terms rise, the number of the start never falls.

    Raises:
        LedgerError: it shows no fault.
    """
    first, second = evidence.first.one, evidence.second.one
    _same_voter("E9", first, second)
    if first.term >= second.term:
        raise EvidenceError("E9", f"term {second.term} is not later than term {first.term}")
    if first.generation <= second.generation:
        problem = f"start {second.generation} is not before start {first.generation}"
        raise EvidenceError("E9", problem)
    _verify(electorate, check, first, second)
    return Conviction("E9", (first.voter,), Guilt.FAULT, evidence.accusation)


def order_of_vote(vote: Vote) -> tuple[str, bytes, bytes]:
    """Give what votes of one voter and term are put in order by."""
    return vote.candidate, vote.candidate_end.head, encode(vote)


def _same_voter(kind: str, first: VoterStatement, second: VoterStatement) -> None:
    if first.voter != second.voter:
        raise EvidenceError(kind, f"two voters said it, {first.voter} and {second.voter}")


def _verify(electorate: Electorate, check: SignatureCheck, *statements: VoterStatement) -> None:
    for one in statements:
        verify_statement(one, electorate, check)
