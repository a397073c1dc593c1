"""A stretch of a chain by its headers alone: that one block descends from another, and who led.

Heads chain by hash, so headers show what follows what without any event. Beside each stands what
makes it somebody's: the signature of a block's leader, or the votes that opened a term.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta

from kpledger.base.errors import BadSignatureError
from kpledger.base.hashing import Digest
from kpledger.log.block import (
    BlockHeader,
    BlockKind,
    block_preimage,
    compute_head,
    decode_block_header,
)
from kpledger.log.certificates import MAX_OPENING_BYTES, LeaderCertificate, decode_opening
from kpledger.log.invalid_block import InvalidBlockError
from kpledger.log.opening import derive_opening, verify_base
from kpledger.log.statements import ERA, Electorate, LogEnd, SignatureCheck, verifies


class ShownHeader(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A header and what makes it somebody's."""

    header: Annotated[bytes, Meta(max_length=1024)]
    """Encoded."""
    seal: Annotated[bytes, Meta(max_length=MAX_OPENING_BYTES)]
    """The leader's signature; or the votes that open a term, as its block carries them."""


@dataclass(frozen=True, slots=True)
class PathBlock:
    """A block of a path that was verified."""

    header: BlockHeader
    head: Digest
    opening: LeaderCertificate | None
    """If it opens a term."""
    leader: str | None
    """Who was elected in its term, or signed it; None if it opens a term without votes."""

    @property
    def end(self) -> LogEnd:
        """A log that ends with it."""
        return LogEnd(term=self.header.term, index=self.header.height, head=self.head)


def verify_path(
    electorate: Electorate,
    shown: Sequence[ShownHeader],
    *,
    voteless_up_to: int = 0,
    check: SignatureCheck = verifies,
) -> tuple[PathBlock, ...]:
    """Verify that headers follow each other, each made by the leader of its term.

    What comes before the first is not looked at; the leader of its term is believed to be who
    signed it, unless it opens the term itself.

    Args:
        electorate: whose chain it is.
        shown: the headers, without a gap.
        voteless_up_to: up to this height the opening of a term may come without votes, unless one
            before it on the path has some.
        check: verifies a signature.

    Raises:
        LedgerError: one does not follow the one before (:class:`InvalidBlockError`), is signed by
            nobody who may, or opens a term to which nobody was elected.
    """
    path: list[PathBlock] = []
    for one in shown:
        before = path[-1] if path else None
        block = follow_path(electorate, before, one, voteless_up_to=voteless_up_to, check=check)
        if block.opening is not None:
            voteless_up_to = 0
        path.append(block)
    return tuple(path)


def follow_path(
    electorate: Electorate,
    before: PathBlock | None,
    shown: ShownHeader,
    *,
    voteless_up_to: int = 0,
    check: SignatureCheck = verifies,
) -> PathBlock:
    """Verify the next header of a path; parameters and errors are those of :func:`verify_path`."""
    header = decode_block_header(shown.header)
    _verify_place(electorate, header, before)
    if header.kind is BlockKind.NOOP:
        opening = _read_opening(header, shown.seal, before, voteless_up_to)
        if opening is not None:
            opening.verify(electorate, check)
        leader = None if opening is None else opening.candidate
    else:
        opening, leader = None, header.leader
        _verify_leader(electorate, header, shown, before, check)
    return PathBlock(header, compute_head(shown.header), opening, leader)


def _verify_place(electorate: Electorate, header: BlockHeader, before: PathBlock | None) -> None:
    height = header.height
    if header.kind is BlockKind.CONFIG:
        raise InvalidBlockError(height, "kind", "the voters cannot be changed yet")
    if (header.chain, header.era, header.config_hash) != (
        electorate.chain,
        ERA,
        electorate.config_hash,
    ):
        raise InvalidBlockError(height, "chain", "it is of another ledger, or of other voters")
    if before is None:
        return
    if height != before.header.height + 1:
        raise InvalidBlockError(height, "height", f"it is shown after {before.header.height}")
    if header.prev_head != before.head:
        raise InvalidBlockError(height, "prev_head", "it does not follow the block before")


def _read_opening(
    header: BlockHeader, seal: bytes, before: PathBlock | None, voteless_up_to: int
) -> LeaderCertificate | None:
    """Read the votes that open a term, and see that they are for the log that the header extends.

    Nobody signs such a header: it has to be the one that follows from the header before it.
    """
    height = header.height
    if before is not None and header != derive_opening(before.header, before.head, header.term):
        raise InvalidBlockError(height, "header", "it is not what opens a term after that block")
    if not seal and height <= voteless_up_to:
        if before is not None and header.term <= before.header.term:
            problem = f"{header.term} is not above {before.header.term}"
            raise InvalidBlockError(height, "term", problem)
        return None
    opening = decode_opening(seal)
    verify_base(opening, header, None if before is None else before.header.term)
    return opening


def _verify_leader(
    electorate: Electorate,
    header: BlockHeader,
    shown: ShownHeader,
    before: PathBlock | None,
    check: SignatureCheck,
) -> None:
    height = header.height
    if before is not None:
        if header.term != before.header.term:
            problem = f"{header.term}, which no block has opened after {before.header.term}"
            raise InvalidBlockError(height, "term", problem)
        if before.leader not in (None, header.leader):
            problem = f"{header.leader}, where {before.leader} leads term {header.term}"
            raise InvalidBlockError(height, "leader", problem)
    key = electorate.key(header.leader)
    head = compute_head(shown.header)
    if not check(key, block_preimage(header, head), shown.seal):
        raise BadSignatureError(f"block {height} by {header.leader}", key)
