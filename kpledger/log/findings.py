"""Finding evidence in what one holds: each gives it if it convicts, or is a reason to ask.

Whoever keeps statements of voters, node or auditor, asks these of each new one and those it has.
What one contradiction gives is the same whichever of the two came first.
"""

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import TypeVar

from kpledger.base.codec import encode
from kpledger.log.block import BlockHeader, compute_head
from kpledger.log.certificates import CommitCertificate, LeaderCertificate
from kpledger.log.contradictions import order_of_vote
from kpledger.log.conviction import EvidenceError
from kpledger.log.evidence import (
    MAX_FORK_OPENINGS,
    MAX_PATH_HEADERS,
    Amnesia,
    AnyStatement,
    BrokenBlock,
    DoubleAcknowledgement,
    DoubleVote,
    Equivocation,
    Evidence,
    Fork,
    HeaderPath,
    StaleGeneration,
    Usurpation,
    read_header,
)
from kpledger.log.judging import judge
from kpledger.log.path import ShownHeader
from kpledger.log.statements import (
    Acknowledgement,
    Electorate,
    Nomination,
    SignatureCheck,
    Vote,
    verifies,
)

_FoundT = TypeVar("_FoundT", bound=Evidence)


def find_equivocation(
    electorate: Electorate,
    one: ShownHeader,
    other: ShownHeader,
    *,
    shown: Sequence[ShownHeader] = (),
    check: SignatureCheck = verifies,
) -> Equivocation | None:
    """Find two blocks of one leader and term on two branches (E1).

    Args:
        electorate: whose ledger it is.
        one: a signed block.
        other: another one.
        shown: headers of the chain of the higher of them, at least those between.
        check: verifies a signature.

    Raises:
        LedgerError: a header is malformed.
    """
    pairs = sorted(((read_header(each), each) for each in (one, other)), key=_order_of_block)
    (lower, first), (higher, second) = pairs
    if (lower.term, lower.leader) != (higher.term, higher.leader) or not lower.leader:
        return None
    path = _slice(shown, lower.height, higher.height - 1)
    return _hold(Equivocation(first=first, second=second, path=path), electorate, check)


def find_double_acknowledgement(
    electorate: Electorate,
    one: Acknowledgement,
    other: Acknowledgement,
    *,
    shown: Sequence[ShownHeader] = (),
    check: SignatureCheck = verifies,
) -> DoubleAcknowledgement | None:
    """Find two blocks on two branches that one voter acknowledged in one term (E2).

    Args:
        electorate: whose ledger it is.
        one: an acknowledgement.
        other: another one.
        shown: headers of the chain of the higher of them, at least those above the lower one.
        check: verifies a signature.

    Raises:
        LedgerError: a header is malformed.
    """
    if (one.voter, one.term) != (other.voter, other.term):
        return None
    first, second = sorted((one, other), key=lambda each: (each.index, each.head))
    path = _slice(shown, first.index, second.index)
    return _hold(DoubleAcknowledgement(first=first, second=second, path=path), electorate, check)


def find_double_votes(
    electorate: Electorate, votes: Iterable[Vote], *, check: SignatureCheck = verifies
) -> tuple[DoubleVote, ...]:
    """Find who voted for two candidates in one term, or for itself with two logs (E3).

    Give the votes of two leader certificates of one term, or all that one holds: of each voter and
    term one pair is enough.
    """
    by_voter: dict[tuple[str, int], dict[tuple[str, bytes], Vote]] = {}
    for vote in votes:
        log = vote.candidate_end.head if vote.voter == vote.candidate else b""
        by_voter.setdefault((vote.voter, vote.term), {}).setdefault((vote.candidate, log), vote)
    found: list[DoubleVote] = []
    for different in by_voter.values():
        for pair in combinations(sorted(different.values(), key=order_of_vote), 2):
            evidence = _hold(DoubleVote(first=pair[0], second=pair[1]), electorate, check)
            if evidence is not None:
                found.append(evidence)
                break
    return tuple(found)


def find_amnesia(
    electorate: Electorate,
    acknowledgement: Acknowledgement,
    vote: Vote,
    certificate: CommitCertificate | None = None,
    *,
    check: SignatureCheck = verifies,
) -> Amnesia | None:
    """Find a vote for a log that ended before a block that the voter holds (E4).

    Without the block's commit certificate only a vote in the very next term, from the same start of
    its storage, is one.
    """
    evidence = Amnesia(acknowledgement=acknowledgement, vote=vote, certificate=certificate)
    return _hold(evidence, electorate, check)


def find_usurper(
    electorate: Electorate,
    block: ShownHeader,
    elected: LeaderCertificate,
    *,
    check: SignatureCheck = verifies,
) -> Usurpation | None:
    """Find a block that another signed than the leader of its term (E5).

    Raises:
        LedgerError: the header is malformed.
    """
    header = read_header(block)
    if header.term != elected.term or header.leader == elected.candidate:
        return None
    return _hold(Usurpation(block=block, opening=elected.encoded), electorate, check)


def find_broken_block(
    electorate: Electorate,
    block: ShownHeader,
    *,
    parent: bytes | None = None,
    events: Sequence[bytes] = (),
    problem: str = "",
    check: SignatureCheck = verifies,
) -> BrokenBlock | None:
    """Find a signed block that breaks a rule (E7).

    Args:
        electorate: whose ledger it is.
        block: its header, signed.
        parent: the header before it, encoded, if it is known.
        events: its events, encoded; only what convicts by itself is kept.
        problem: what the ledger's rules refused. It gives a reason to ask if nothing else does.
        check: verifies a signature.
    """
    candidates = [
        BrokenBlock(block=block, parent=parent),
        BrokenBlock(block=block, events=tuple(events)),
    ]
    if problem:
        candidates.append(BrokenBlock(block=block, events=tuple(events), problem=problem))
    for evidence in candidates:
        found = _hold(evidence, electorate, check)
        if found is not None:
            return found
    return None


def find_fork(
    electorate: Electorate,
    one: CommitCertificate,
    other: CommitCertificate,
    *,
    shown: Sequence[ShownHeader] = (),
    openings: Iterable[LeaderCertificate] = (),
    equivocation: Equivocation | None = None,
    check: SignatureCheck = verifies,
) -> Fork | None:
    """Find two histories that are both final (E8), and what tells who made them.

    Args:
        electorate: whose ledger it is.
        one: a commit certificate.
        other: another one.
        shown: headers of the chain of the higher block, at least those above the lower one.
        openings: leader certificates, as far as they are known; those that count are taken.
        equivocation: two blocks of the leader of the lower term, if they are known.
        check: verifies a signature.

    Raises:
        LedgerError: a header is malformed.
    """
    first, second = sorted((one, other), key=lambda each: (each.term, each.index, each.head))
    needs_path = first.term == second.term or first.index < second.index
    lower, higher = sorted((first.index, second.index))
    path = _slice(shown, lower, higher) if needs_path else ()
    kept = {
        each.encoded: each for each in openings if _tells_blame(each, first, second, equivocation)
    }
    told = sorted(kept, key=lambda encoded: (kept[encoded].term, encoded))
    evidence = Fork(
        first=first,
        second=second,
        path=path,
        openings=tuple(told[:MAX_FORK_OPENINGS]),
        equivocation=equivocation,
    )
    return _hold(evidence, electorate, check)


def _tells_blame(
    opening: LeaderCertificate,
    first: CommitCertificate,
    second: CommitCertificate,
    equivocation: Equivocation | None,
) -> bool:
    """Tell whether votes elected a leader without the first block, or from which start it led."""
    if equivocation is not None:
        header = read_header(equivocation.first)
        if (opening.term, opening.candidate) == (header.term, header.leader):
            return True
    is_between = first.term < opening.term <= second.term
    return is_between and opening.base.place < first.end.place


def find_stale_generations(
    electorate: Electorate, statements: Iterable[Acknowledgement | Vote], *, check: SignatureCheck
) -> tuple[StaleGeneration, ...]:
    """Find whose storage was put back or copied, of each voter by one pair of statements (E9)."""
    newest: dict[str, Acknowledgement | Vote] = {}
    found: dict[str, StaleGeneration] = {}
    for one in sorted(statements, key=lambda each: (each.term, encode(each))):
        before = newest.setdefault(one.voter, one)
        if one.generation >= before.generation:
            newest[one.voter] = one
        elif one.voter not in found:
            evidence = find_stale_generation(electorate, before, one, check=check)
            if evidence is not None:
                found[one.voter] = evidence
    return tuple(found.values())


def find_stale_generation(
    electorate: Electorate,
    one: Acknowledgement | Vote | Nomination,
    other: Acknowledgement | Vote | Nomination,
    *,
    check: SignatureCheck = verifies,
) -> StaleGeneration | None:
    """Find that a voter's storage was put back to an earlier state, or copied (E9)."""
    first, second = sorted((one, other), key=lambda each: each.term)
    if one.voter != other.voter or first.generation <= second.generation:
        return None
    return _hold(
        StaleGeneration(first=wrap_statement(first), second=wrap_statement(second)),
        electorate,
        check,
    )


def wrap_statement(statement: Acknowledgement | Vote | Nomination) -> AnyStatement:
    """Put a statement where one of any kind may stand."""
    match statement:
        case Acknowledgement():
            return AnyStatement(acknowledgement=statement)
        case Vote():
            return AnyStatement(vote=statement)
        case Nomination():
            return AnyStatement(nomination=statement)


def _hold(evidence: _FoundT, electorate: Electorate, check: SignatureCheck) -> _FoundT | None:
    """Give evidence if it convicts, or is a reason to ask."""
    try:
        judge(evidence, electorate, check)
    except EvidenceError:
        return None
    return evidence


def _order_of_block(block: tuple[BlockHeader, ShownHeader]) -> tuple[int, bytes]:
    return block[0].height, compute_head(block[1].header)


def _slice(shown: Sequence[ShownHeader], above: int, up_to: int) -> HeaderPath:
    """Take the headers with heights ``above < height <= up_to``, ascending."""
    if up_to - above > MAX_PATH_HEADERS:
        return ()
    found = {read_header(one).height: one.header for one in shown}
    return tuple(found[height] for height in sorted(found) if above < height <= up_to)
