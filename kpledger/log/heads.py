"""The heads of a chain, each verified, and where two chains part.

A head binds all that came before it: two chains with one head at a height are one up to there, and
from the first height on at which they differ they never meet again. To compare whole histories it
takes no rule and no event, only that each header follows the one before and was made by who was
elected in its term; :mod:`kpledger.log.audit` looks at everything else.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

from kpledger.base.codec import encode
from kpledger.base.errors import LedgerError
from kpledger.base.hashing import Digest
from kpledger.log.block import MAX_COUNT
from kpledger.log.certificates import CommitCertificate
from kpledger.log.chain import CommittedBlocks
from kpledger.log.genesis import Genesis
from kpledger.log.invalid_block import InvalidBlockError
from kpledger.log.path import PathBlock, ShownHeader, verify_path
from kpledger.log.statements import Electorate, SignatureCheck, verifies

_HEAD_BYTES: Final = 32
_VERIFIED_AT_ONCE: Final = 256


class VerifiedHeads:
    """The heads of a chain from its first block on, in some forty bytes a block.

    Attributes:
        height: up to which it is verified.
    """

    def __init__(self, genesis: Genesis, check: SignatureCheck = verifies) -> None:
        """Stand before the first block of the chain that a genesis file founds."""
        self._electorate = Electorate.of(genesis)
        self._check = check
        self._blocks = CommittedBlocks(genesis)
        self._voters = tuple(self._electorate.keys)
        self._heads = bytearray(genesis.chain)
        self._terms = array("Q", [0])
        self._leaders = bytearray(1)
        self._openings: list[tuple[int, frozenset[str]]] = []
        self._waiting: list[ShownHeader] = []
        self._last: ShownHeader | None = None

    @property
    def height(self) -> int:
        """The height of the newest block that is verified."""
        return len(self._terms) - 1

    def feed(self, height: int, stored: bytes) -> None:
        """Take the next entry of the log, as stored; it is verified by and by.

        Raises:
            LedgerError: it does not follow the one before, or one before it was not made by who was
                elected; :attr:`height` says up to where all is well.
        """
        try:
            self._waiting.append(self._read(height, stored))
        except LedgerError:
            self.settle()  # what is wrong before comes first
            raise
        if len(self._waiting) == _VERIFIED_AT_ONCE:
            self.settle()

    def _read(self, height: int, stored: bytes) -> ShownHeader:
        due = self.height + len(self._waiting) + 1
        if height != due:
            raise InvalidBlockError(due, "height", f"block {height} comes in its place")
        header, _ = self._blocks.read(height, stored)
        if height == 1 and header.prev_head != self.head_at(0):
            raise InvalidBlockError(height, "prev_head", "it does not follow the genesis file")
        return ShownHeader(header=encode(header), seal=self._blocks.seal)

    def settle(self) -> None:
        """Verify what was taken and is not verified yet.

        Raises:
            LedgerError: as :meth:`feed` does.
        """
        if not self._waiting:
            return
        known = [] if self._last is None else [self._last]
        shown = [*known, *self._waiting]
        # Earlier versions opened terms without votes; after the first one with votes none may be.
        voteless_up_to = 0 if self._openings else MAX_COUNT
        path = verify_path(
            self._electorate, shown, voteless_up_to=voteless_up_to, check=self._check
        )
        for block in path[len(known) :]:
            self._append(block)
        self._last, self._waiting = shown[-1], []

    def _append(self, block: PathBlock) -> None:
        leader = block.header.leader
        self._heads += block.head
        self._terms.append(block.header.term)
        self._leaders.append(self._voters.index(leader) + 1 if leader else 0)
        if block.opening is not None:
            voters = frozenset(vote.voter for vote in block.opening.votes)
            self._openings.append((block.header.height, voters))

    def head_at(self, height: int) -> Digest | None:
        """Give the head of a block; the chain id at height 0, None beyond the end."""
        start = height * _HEAD_BYTES
        return Digest(bytes(self._heads[start : start + _HEAD_BYTES])) or None

    def term_at(self, height: int) -> int:
        """Give the term of a block that is there."""
        return self._terms[height]

    def leaders_from(self, height: int) -> tuple[str, ...]:
        """Name who has signed blocks from a height on, ascending."""
        numbers = {one for one in self._leaders[height:] if one}
        return tuple(sorted(self._voters[number - 1] for number in numbers))

    def voters_from(self, height: int) -> tuple[str, ...]:
        """Name whose votes elected the leaders of terms opened from a height on, ascending."""
        voters = (names for opened_at, names in self._openings if opened_at >= height)
        return tuple(sorted(frozenset[str]().union(*voters)))

    def holds(self, certificate: CommitCertificate) -> bool:
        """Tell whether a commit certificate is for a block of this chain, in the block's term."""
        end = certificate.end
        return (
            end.index <= self.height
            and self.head_at(end.index) == end.head
            and self.term_at(end.index) == end.term
        )

    def final_of(self, certificates: Iterable[CommitCertificate]) -> CommitCertificate | None:
        """Give the certificate, of those that are for blocks of this chain, for the highest one."""
        held = filter(self.holds, certificates)
        return max(held, key=lambda one: one.index, default=None)


def find_parting(one: VerifiedHeads, other: VerifiedHeads) -> int | None:
    """Give the first height at which two chains differ; None if one is the beginning of the other.

    They must be of one genesis file.
    """
    heights = range(1, min(one.height, other.height) + 1)
    place = bisect_left(heights, x=True, key=lambda at: one.head_at(at) != other.head_at(at))
    return heights[place] if place < len(heights) else None
