"""Chains by their headers alone, for tests of what voters sign about them.

Headers are those of real blocks, openings carry real votes, and every leader has signed; only what
the events are, no rule has seen. A :class:`Branch` is a value: to go on from one in two ways gives
two branches.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from electing import elect, finalise, signer_of
from founding import NOW_MS, make_genesis, signing_key, vary

from kpledger.base.codec import encode
from kpledger.base.hashing import EMPTY_ROOT, sha256
from kpledger.log.block import (
    BlockHeader,
    BlockKind,
    block_preimage,
    compute_head,
    decode_block_header,
)
from kpledger.log.certificates import CommitCertificate, LeaderCertificate, decode_opening
from kpledger.log.opening import derive_opening
from kpledger.log.path import ShownHeader
from kpledger.log.statements import Acknowledgement, LogEnd


@dataclass(frozen=True)
class Branch:
    """The headers of a chain from its first block on."""

    shown: tuple[ShownHeader, ...] = ()

    @property
    def header(self) -> BlockHeader:
        """The newest header."""
        return decode_block_header(self.shown[-1].header)

    @property
    def end(self) -> LogEnd:
        """Where a log ends that holds this chain."""
        if not self.shown:
            return LogEnd(term=0, index=0, head=make_genesis().chain)
        header, head = self.header, compute_head(self.shown[-1].header)
        return LogEnd(term=header.term, index=header.height, head=head)

    @property
    def opening(self) -> LeaderCertificate:
        """The votes that opened the newest term."""
        seals = (one.seal for one in reversed(self.shown) if is_opening(one))
        return decode_opening(next(seals))

    @property
    def leader(self) -> str:
        """Who leads the newest term; empty before the first."""
        return self.opening.candidate if self.shown else ""

    @property
    def heads(self) -> tuple[bytes, ...]:
        """The heads of all blocks."""
        return tuple(compute_head(one.header) for one in self.shown)

    def open(self, term: int, leader: str, voters: Sequence[str] = ()) -> "Branch":
        """Open a term after the newest block."""
        return self.follow(elect(leader, term=term, base=self.end, voters=voters))

    def follow(self, opening: LeaderCertificate) -> "Branch":
        """Open a term with these votes after the newest block."""
        term = opening.term
        if self.shown:
            header = derive_opening(self.header, compute_head(self.shown[-1].header), term)
        else:
            header = _first_header(term)
        return Branch((*self.shown, ShownHeader(header=encode(header), seal=opening.encoded)))

    def make(self, mark: int = 0, *, count: int = 1) -> "Branch":
        """Add blocks of the newest leader; with another mark they are other ones."""
        branch = self
        for _ in range(count):
            branch = Branch((*branch.shown, sign_header(branch.next_header(mark))))
        return branch

    def next_header(self, mark: int = 0) -> BlockHeader:
        """Give the header of a block that follows, of one event."""
        before, end = self.header, self.end
        root = sha256(b"event %d after %s" % (mark, end.head))
        return vary(
            before,
            height=before.height + 1,
            prev_head=end.head,
            first_event=before.tree_size,
            event_count=1,
            payload_root=root,
            tree_size=before.tree_size + 1,
            tree_root=root,
            leader=self.opening.candidate,
            time_ms=before.time_ms + 1,
            kind=BlockKind.BLOCK,
        )

    def above(self, height: int) -> tuple[bytes, ...]:
        """Give the headers above a height, as evidence has them."""
        return tuple(one.header for one in self.shown[height:])

    def acknowledge(self, voter: str, *, generation: int = 1) -> Acknowledgement:
        """Let a voter acknowledge the newest block."""
        return signer_of(voter, generation=generation).acknowledge(self.end)

    def finalise(self, *voters: str) -> CommitCertificate:
        """Make the newest block final."""
        return finalise(self.end, voters=voters)


def is_opening(shown: ShownHeader) -> bool:
    """Tell whether a header opens a term."""
    return decode_block_header(shown.header).kind is BlockKind.NOOP


def sign_header(header: BlockHeader, signer: str = "") -> ShownHeader:
    """Sign a header as its leader, or as another."""
    encoded = encode(header)
    preimage = block_preimage(header, compute_head(encoded))
    key = signing_key(f"{signer or header.leader}/consensus")
    return ShownHeader(header=encoded, seal=key.sign(preimage))


def _first_header(term: int) -> BlockHeader:
    genesis = make_genesis()
    return BlockHeader(
        chain=genesis.chain,
        era=0,
        term=term,
        height=1,
        prev_head=genesis.chain,
        first_event=0,
        event_count=0,
        payload_root=EMPTY_ROOT,
        tree_size=0,
        tree_root=EMPTY_ROOT,
        state_digest=sha256(b"state"),
        config_hash=genesis.config_hash,
        leader="",
        time_ms=NOW_MS,
        kind=BlockKind.NOOP,
    )
