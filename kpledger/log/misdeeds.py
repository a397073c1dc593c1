"""Blocks that no honest leader signs: kinds E1, E5 and E7.

A signature covers the head of a block, and so its header, all headers before it, and the events
whose root stands in it. Whatever else is shown with a block may be somebody else's.
"""

from collections.abc import Iterator
from typing import Final

from kpledger.base.errors import BadSignatureError, LedgerError
from kpledger.base.hashing import Digest, hash_leaf
from kpledger.log.block import (
    BlockHeader,
    BlockKind,
    block_preimage,
    compute_head,
    decode_block_header,
)
from kpledger.log.branch import verify_excluded
from kpledger.log.certificates import decode_opening
from kpledger.log.conviction import Conviction, EvidenceError, Guilt
from kpledger.log.evidence import BrokenBlock, Equivocation, Usurpation, read_header
from kpledger.log.merkle import compute_root
from kpledger.log.path import ShownHeader
from kpledger.log.statements import ERA, Electorate, SignatureCheck
from kpledger.scheme.envelope import open_envelope, verify_envelope

_FIRST_HEIGHT: Final = 1


def judge_equivocation(
    evidence: Equivocation, electorate: Electorate, check: SignatureCheck
) -> Conviction:
    """Judge E1: within a term a leader makes blocks on one branch.

    Raises:
        LedgerError: it does not convict.
    """
    first, second = read_header(evidence.first), read_header(evidence.second)
    if (first.leader, first.term) != (second.leader, second.term):
        problem = (
            f"one is by {first.leader} in term {first.term}, the other by {second.leader} in term"
            f" {second.term}"
        )
        raise EvidenceError("E1", problem)
    lower = first.height, compute_head(evidence.first.header)
    higher = second.height, compute_head(evidence.second.header)
    if lower >= higher:
        raise EvidenceError("E1", "the two are the same, or not in the one order")
    ending = () if first.height == second.height else (evidence.second.header,)
    verify_excluded(lower, higher, (*evidence.path, *ending))
    for header, shown in ((first, evidence.first), (second, evidence.second)):
        _verify_signed("E1", header, shown, electorate, check)
    return Conviction("E1", (first.leader,), Guilt.LIE, evidence.accusation)


def judge_usurpation(
    evidence: Usurpation, electorate: Electorate, check: SignatureCheck
) -> Conviction:
    """Judge E5: who voted for another in a term does not lead it.

    Two may be elected in one term by voters who vote twice. So who did not vote for the other can
    only be asked to show its own leader certificate.

    Raises:
        LedgerError: it does not convict, and gives no reason to ask.
    """
    header, opening = read_header(evidence.block), decode_opening(evidence.opening)
    if opening.term != header.term:
        problem = f"the votes are of term {opening.term}, the block of term {header.term}"
        raise EvidenceError("E5", problem)
    if opening.candidate == header.leader:
        raise EvidenceError("E5", f"{header.leader} was elected")
    opening.verify(electorate, check)
    _verify_signed("E5", header, evidence.block, electorate, check)
    if header.leader in {vote.voter for vote in opening.votes}:
        words = f"{evidence.accusation}, also by its own vote"
        return Conviction("E5", (header.leader,), Guilt.LIE, words)
    words = f"{evidence.accusation}; unless it shows votes of a majority for itself"
    return Conviction("E5", (header.leader,), Guilt.SUSPICION, words)


def judge_broken_block(
    evidence: BrokenBlock, electorate: Electorate, check: SignatureCheck
) -> Conviction:
    """Judge E7: an honest leader signs what it has executed by the rules.

    Raises:
        LedgerError: it does not convict, and gives no reason to ask.
    """
    header = read_header(evidence.block)
    _verify_signed("E7", header, evidence.block, electorate, check)
    for problem in _find_problems(evidence, header, electorate):
        words = f"{evidence.accusation}: {problem}"
        return Conviction("E7", (header.leader,), Guilt.LIE, words)
    if not evidence.problem:
        raise EvidenceError("E7", f"nothing is wrong with block {header.height}, as far as shown")
    words = f"{evidence.accusation}, says who refused it: {evidence.problem}"
    return Conviction("E7", (header.leader,), Guilt.SUSPICION, words)


def _find_problems(
    evidence: BrokenBlock, header: BlockHeader, electorate: Electorate
) -> Iterator[str]:
    """Find what contradicts the rules whatever the ledger is; each in words."""
    if header.kind is not BlockKind.BLOCK:
        yield f"it is {header.kind}, which nobody signs"
    if header.tree_size != header.first_event + header.event_count:
        yield (
            f"{header.event_count} events from {header.first_event} on do not make"
            f" {header.tree_size}"
        )
    if header.height == _FIRST_HEIGHT and header.prev_head != electorate.chain:
        yield "it does not follow from the genesis file"
    if evidence.parent is not None:
        yield from _compare_parent(evidence.parent, header)
    if evidence.events:
        yield from _find_bad_events(evidence.events, header)


def _compare_parent(parent: bytes, header: BlockHeader) -> Iterator[str]:
    if compute_head(parent) != header.prev_head:
        raise EvidenceError("E7", f"block {header.height} does not follow the header shown")
    before = decode_block_header(parent)
    for field, found, due in (
        ("height", header.height, before.height + 1),
        ("term", header.term, before.term),
        ("first_event", header.first_event, before.tree_size),
        ("leader", header.leader, before.leader or header.leader),
        ("time_ms", header.time_ms, max(header.time_ms, before.time_ms)),
    ):
        if found != due:
            yield f"{field} is {found}, where the block before leaves {due}"


def _find_bad_events(events: tuple[bytes, ...], header: BlockHeader) -> Iterator[str]:
    if compute_root([hash_leaf(one) for one in events]) != header.payload_root:
        raise EvidenceError("E7", "the events shown are not those that the header commits to")
    if len(events) != header.event_count:
        yield f"it has {len(events)} events and says {header.event_count}"
    for position, encoded in enumerate(events):
        try:
            verify_envelope(open_envelope(encoded))
        except LedgerError as error:
            yield f"event {position}: {error}"


def _verify_signed(
    kind: str,
    header: BlockHeader,
    shown: ShownHeader,
    electorate: Electorate,
    check: SignatureCheck,
) -> None:
    """Verify that the leader named in a header signed it, for this ledger."""
    if (header.chain, header.config_hash, header.era) != (
        electorate.chain,
        electorate.config_hash,
        ERA,
    ):
        problem = f"block {header.height} is of another ledger, of other voters, or of another era"
        raise EvidenceError(kind, problem)
    key = electorate.key(header.leader)
    head: Digest = compute_head(shown.header)
    if not check(key, block_preimage(header, head), shown.seal):
        raise BadSignatureError(f"block {header.height} by {header.leader}", key)
