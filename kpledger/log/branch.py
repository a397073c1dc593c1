"""That one block does not descend from another: shown by the headers between them.

A head is the hash of a header that names the head before it. So whoever signed for a head has
signed for all headers below it, and there is but one chain of them, whoever shows it.
"""

from collections.abc import Sequence

from kpledger.base.errors import LedgerError
from kpledger.log.block import compute_head, decode_block_header


class SameBranchError(LedgerError):
    """Two blocks of which one contains the other, or headers that do not lead to either."""


def verify_excluded(
    lower: tuple[int, bytes], higher: tuple[int, bytes], path: Sequence[bytes]
) -> None:
    """Verify that neither of two blocks, given by height and head, contains the other.

    Args:
        lower: the block of the lesser height; of one height either.
        higher: the other one.
        path: the headers from the block after the lower one up to the higher one, encoded.

    Raises:
        LedgerError: they are on one branch, or the headers are not those between
            (:class:`SameBranchError`); or one is malformed.
    """
    height, expected = higher
    if len(path) != height - lower[0]:
        problem = f"{len(path)} headers lead from height {lower[0]} to {height}"
        raise SameBranchError(problem)
    for encoded in reversed(path):
        header = decode_block_header(encoded)
        if (header.height, compute_head(encoded)) != (height, expected):
            raise SameBranchError(f"header {header.height} is not that of the block at {height}")
        height, expected = height - 1, header.prev_head
    if expected == lower[1]:
        raise SameBranchError(f"both are on one branch, with {expected.hex()} at height {height}")
