"""Judging evidence of any kind.

An honest voter signs nothing that convicts it, whatever others send it: it votes for one candidate
a term, whose log is not behind its own; within a term it holds to one branch; it makes blocks on
one branch, in terms to which it was elected; its term never falls, nor the number of its start.
What it does sign convicts nobody: the acknowledgement of a block that a leader of a later term
overwrites, or of a lower block again, a second vote for one candidate, a pre-vote for any. If the
number of the start differs, its storage may have been put back to an earlier state: a fault of who
runs it, and no lie.

Judged is a key, not a person.
"""

from kpledger.base.errors import LedgerError
from kpledger.log.blame import judge_fork
from kpledger.log.contradictions import (
    judge_amnesia,
    judge_double_acknowledgement,
    judge_double_vote,
    judge_stale_generation,
    judge_unshown_log,
)
from kpledger.log.conviction import Conviction, EvidenceError
from kpledger.log.evidence import (
    Amnesia,
    BrokenBlock,
    DoubleAcknowledgement,
    DoubleVote,
    Equivocation,
    Evidence,
    Fork,
    SplitView,
    StaleGeneration,
    UnshownLog,
    Usurpation,
    kind_of_evidence,
)
from kpledger.log.misdeeds import judge_broken_block, judge_equivocation, judge_usurpation
from kpledger.log.split_view import judge_split_view
from kpledger.log.statements import Electorate, SignatureCheck, verifies


def judge(
    evidence: Evidence, electorate: Electorate, check: SignatureCheck = verifies
) -> Conviction:
    """Say whom evidence convicts, and of what; trusts nothing but the electorate.

    Args:
        evidence: as decoded.
        electorate: whose ledger it is about (:meth:`Electorate.of` a genesis file).
        check: verifies a signature.

    Raises:
        EvidenceError: it does not show what it is shown for; says what does not hold.
    """
    try:
        return _judge(evidence, electorate, check)
    except EvidenceError:
        raise
    except LedgerError as error:
        raise EvidenceError(kind_of_evidence(evidence), str(error)) from error


def _judge(evidence: Evidence, electorate: Electorate, check: SignatureCheck) -> Conviction:
    match evidence:
        case Equivocation():
            conviction = judge_equivocation(evidence, electorate, check)
        case Usurpation():
            conviction = judge_usurpation(evidence, electorate, check)
        case BrokenBlock():
            conviction = judge_broken_block(evidence, electorate, check)
        case Fork():
            conviction = judge_fork(evidence, electorate, check)
        case SplitView():
            conviction = judge_split_view(evidence, electorate, check)
        case _:
            conviction = _judge_statements(evidence, electorate, check)
    return conviction


def _judge_statements(
    evidence: DoubleAcknowledgement | DoubleVote | Amnesia | UnshownLog | StaleGeneration,
    electorate: Electorate,
    check: SignatureCheck,
) -> Conviction:
    match evidence:
        case DoubleAcknowledgement():
            conviction = judge_double_acknowledgement(evidence, electorate, check)
        case DoubleVote():
            conviction = judge_double_vote(evidence, electorate, check)
        case Amnesia():
            conviction = judge_amnesia(evidence, electorate, check)
        case UnshownLog():
            conviction = judge_unshown_log(evidence, electorate, check)
        case StaleGeneration():
            conviction = judge_stale_generation(evidence, electorate, check)
    return conviction
