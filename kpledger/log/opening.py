"""The block that opens a term: derived from the one before it, and carrying votes for that one.

Its header says nothing that its leader could have chosen, so that it needs no signature. Its
payload, the leader certificate, says who may make the blocks of the term; heads do not depend on
which of the votes are shown.
"""

import msgspec

from kpledger.base.hashing import Digest
from kpledger.log.block import BlockHeader, BlockKind
from kpledger.log.certificates import LeaderCertificate
from kpledger.log.invalid_block import InvalidBlockError
from kpledger.log.merkle import compute_root


def derive_opening(before: BlockHeader, head: Digest, term: int) -> BlockHeader:
    """Give the header of the block that opens a term after another block, whose head is given."""
    return msgspec.structs.replace(
        before,
        term=term,
        height=before.height + 1,
        prev_head=head,
        first_event=before.tree_size,
        event_count=0,
        payload_root=compute_root(()),
        leader="",
        kind=BlockKind.NOOP,
    )


def verify_base(opening: LeaderCertificate, header: BlockHeader, term_before: int | None) -> None:
    """Verify that votes opened this term, after this very block.

    Raises:
        InvalidBlockError: they are for another term, or for another log.
    """
    base = opening.base
    if opening.term != header.term:
        problem = f"the votes are of term {opening.term}, the block of {header.term}"
        raise InvalidBlockError(header.height, "term", problem)
    if (base.index + 1, base.head) != (header.height, header.prev_head):
        problem = f"the votes are for a log that ends with block {base.index}, {base.head.hex()}"
        raise InvalidBlockError(header.height, "payload", problem)
    if term_before is not None and base.term != term_before:
        problem = f"the votes are for a log of term {base.term}, not {term_before}"
        raise InvalidBlockError(header.height, "payload", problem)
    if base.term >= header.term:
        raise InvalidBlockError(header.height, "term", f"{header.term} is not above {base.term}")
