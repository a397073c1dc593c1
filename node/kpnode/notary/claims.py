"""What a candidate shows of its log, and whether a voter may vote for it.

Plain Raft compares terms and indices (thesis 3.6.1) and believes what a candidate says of its log.
With a liar among the voters that is not enough: who claims a longer log than it has could win and
leave out what is committed, and two branches that one lying leader made in its term compare as
equal. So a candidate shows the headers that follow the newest block it can prove to be final, and a
voter also asks that what it has acknowledged itself is among them.
"""

from collections.abc import Callable
from dataclasses import dataclass

from kpledger.base.errors import LedgerError
from kpledger.log.certificates import CommitCertificate, decode_commit_certificate
from kpledger.log.path import PathBlock, ShownHeader, verify_path
from kpledger.log.statements import Electorate, LogEnd, SignatureCheck
from kpnode.notary.attachment import Attachment

PlaceAt = Callable[[int], LogEnd | None]
"""Gives a block of a log by its height, None beyond its end."""


class ClaimError(LedgerError):
    """A candidate's log, as it is shown, is not what it is said to be."""


class ObjectionError(ClaimError):
    """This node must not vote for a candidate, who may have said nothing wrong."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The end of a candidate's log, verified."""

    certificate: CommitCertificate | None
    """Makes the first block of the path final."""
    path: tuple[PathBlock, ...]
    shown: tuple[ShownHeader, ...]
    """The same, as it was shown."""
    end: LogEnd

    def at(self, index: int) -> PathBlock | None:
        """Give the block at an index, None if the path does not reach there."""
        offset = index - self.path[0].header.height if self.path else -1
        return self.path[offset] if 0 <= offset < len(self.path) else None

    def shown_at(self, index: int) -> ShownHeader | None:
        """Give the header at an index as it was shown, None if the path does not reach there."""
        offset = index - self.path[0].header.height if self.path else -1
        return self.shown[offset] if 0 <= offset < len(self.shown) else None


def read_claim(
    attached: Attachment,
    electorate: Electorate,
    *,
    claimed: tuple[int, int],
    holds: Callable[[LogEnd], bool],
    voteless_up_to: int,
    check: SignatureCheck,
) -> Claim:
    """Verify what a candidate shows.

    Args:
        attached: what came with its request.
        electorate: the voters.
        claimed: term and index of its last block, as it says.
        holds: tells whether this node's own log holds a block.
        voteless_up_to: up to this height terms may have been opened without votes.
        check: verifies a signature.

    Raises:
        LedgerError: it does not show what it claims.
    """
    certificate = None
    if attached.commit is not None:
        certificate = decode_commit_certificate(attached.commit)
        certificate.verify(electorate, check)
    path = verify_path(electorate, attached.path, voteless_up_to=voteless_up_to, check=check)
    end = path[-1].end if path else LogEnd(term=0, index=0, head=electorate.chain)
    if end.place != claimed:
        raise ClaimError(f"its log ends with {end.place}, and it claims {claimed}")
    if path and not _is_anchored(path[0], certificate, electorate, holds):
        raise ClaimError(f"nothing shows that block {path[0].header.height} is of this chain")
    return Claim(certificate, path, attached.path, end)


def _is_anchored(
    first: PathBlock,
    certificate: CommitCertificate | None,
    electorate: Electorate,
    holds: Callable[[LogEnd], bool],
) -> bool:
    if certificate is not None:
        return first.end == certificate.end
    is_first = first.header.height == 1 and first.header.prev_head == electorate.chain
    return is_first or holds(first.end)


def find_lacked(claim: Claim, own: LogEnd, place_at: PlaceAt, above: int) -> LogEnd | None:
    """Find the lowest block of a voter's log, as far as is shown, that a candidate's log lacks.

    Args:
        claim: the candidate's log.
        own: where the voter's log ends.
        place_at: gives a block of that log by its height.
        above: up to here it is final, and not to be looked at.

    Returns:
        That block; None if there is none.
    """
    for block in claim.path:
        if above < block.header.height <= own.index:
            mine = place_at(block.header.height)
            if mine is None or mine.head != block.head:
                return mine
    beyond = max(claim.end.index, above) + 1
    return place_at(beyond) if beyond <= own.index else None


def denies(claim: Claim, block: LogEnd, term: int) -> bool:
    """Tell whether a candidate's log shows that it never acknowledged a block, and never will.

    An honest voter keeps what it has acknowledged, or stands for no election, until its log ends in
    a later term. It acknowledges nothing in a term that it has left, and of two blocks that exclude
    each other one in a term.

    Args:
        claim: the candidate's log.
        block: the block.
        term: that the candidate is in.
    """
    if claim.end.term > block.term:
        return False
    other = claim.at(block.index)
    if other is None:
        return term > block.term and block.index > claim.end.index
    return other.head != block.head and (term > block.term or other.header.term == block.term)


def find_objection(
    claim: Claim, own: LogEnd, pinned: CommitCertificate | None, *, is_void: bool = False
) -> str | None:
    """Say why a voter must not vote for a candidate, None if it may (the extended vote rule).

    Args:
        claim: the candidate's log.
        own: where the voter's log ends: all that it has acknowledged.
        pinned: the newest commit certificate that it knows on its chain.
        is_void: whether what it has acknowledged, and the candidate's log lacks, cannot be final.
    """
    if claim.end.place < own.place and not is_void:
        return f"its log ends with {claim.end.place}, before {own.place}"
    if pinned is not None and not _contains(claim, pinned.end):
        return f"its log does not hold block {pinned.index}, which is final"
    if is_void or _contains(claim, own):
        return None
    # A majority has elected the leader of the candidate's last term without it, as in plain Raft.
    if claim.end.term > own.term:
        return None
    return f"its log does not hold block {own.index} of term {own.term}, which was acknowledged"


def _contains(claim: Claim, promise: LogEnd) -> bool:
    """Tell whether a log holds a block, or one that is final beyond it.

    A commit certificate of the block's term or a later one, at its height or above, outweighs the
    promise of one voter: a majority has promised otherwise, and what is final has to be there.
    """
    block = claim.at(promise.index)
    if promise.index == 0 or (block is not None and block.head == promise.head):
        return True
    final = claim.certificate
    return final is not None and final.term >= promise.term and final.index >= promise.index
