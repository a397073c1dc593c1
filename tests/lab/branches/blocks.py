"""Blocks of a small world by number, and the real objects that a vote is decided by."""

from dataclasses import dataclass, field
from functools import cache
from typing import Final, NamedTuple

from kpledger.base.hashing import Digest
from kpledger.log.block import BlockHeader, BlockKind
from kpledger.log.certificates import CommitCertificate
from kpledger.log.path import PathBlock
from kpledger.log.statements import LogEnd
from kpnode.notary.claims import Claim

ROOT: Final = 0
"""The block before the first: every log begins with it."""
NOBODY: Final = -1


class Block(NamedTuple):
    """What tells a block from every other."""

    term: int
    parent: int
    leader: int
    """`NOBODY` for one that opens a term: its header follows from the one before."""
    branch: int


@dataclass(slots=True)
class Tree:
    """Every block that was ever thought of."""

    blocks: list[Block] = field(default_factory=lambda: [Block(0, ROOT, NOBODY, 0)])
    chains: list[tuple[int, ...]] = field(default_factory=lambda: [(ROOT,)])
    """Of each block: all up to it, by height."""
    _numbers: dict[Block, int] = field(default_factory=dict)
    _renamed: dict[tuple[int, tuple[int, ...]], int] = field(default_factory=dict)

    def number(self, block: Block) -> int:
        """Give the number of a block."""
        known = self._numbers.get(block)
        if known is None:
            known = self._numbers[block] = len(self.blocks)
            self.blocks.append(block)
            self.chains.append((*self.chains[block.parent], known))
        return known

    def open(self, term: int, base: int) -> int:
        """Give the block that opens a term on a log."""
        return self.number(Block(term, base, NOBODY, 0))

    def height(self, block: int) -> int:
        """Give the height of a block; 0 for the root."""
        return len(self.chains[block]) - 1

    def place(self, block: int) -> tuple[int, int]:
        """Give term and height, by which logs are compared."""
        return self.blocks[block].term, self.height(block)

    def holds(self, log: int, block: int) -> bool:
        """Tell whether a log that ends with one block holds another."""
        chain, height = self.chains[log], self.height(block)
        return height < len(chain) and chain[height] == block

    def parting(self, one: int, other: int) -> int:
        """Give the lowest block of a log that another lacks; the root if it lacks none."""
        chain = self.chains[one]
        if self.holds(other, one):
            return ROOT
        return next(block for block in chain if not self.holds(other, block))

    def excludes(self, one: int, other: int) -> bool:
        """Tell whether no log holds both."""
        return not self.holds(one, other) and not self.holds(other, one)

    def rename(self, block: int, names: tuple[int, ...]) -> int:
        """Give the block that it is when voters have other names."""
        if block == ROOT:
            return ROOT
        known = self._renamed.get((block, names))
        if known is None:
            term, parent, leader, branch = self.blocks[block]
            name = leader if leader == NOBODY else names[leader]
            known = self.number(Block(term, self.rename(parent, names), name, branch))
            self._renamed[block, names] = known
        return known

    def describe(self, log: int) -> str:
        """Give a log as people read it."""
        words = []
        for one in self.chains[log][1:]:
            term, _, leader, branch = self.blocks[one]
            words.append(f"{term}." if leader == NOBODY else f"{term}{'ABC'[branch]}")
        return "[" + " ".join(words) + "]"

    def end(self, block: int) -> LogEnd:
        """Give the end of a log, as it is signed."""
        term, height = self.place(block)
        return LogEnd(term=term, index=height, head=_head(block))

    def certificate(self, block: int) -> CommitCertificate | None:
        """Give a certificate of a block, none for the root; nobody counts its signatures here."""
        if block == ROOT:
            return None
        end = self.end(block)
        return CommitCertificate(term=end.term, index=end.index, head=end.head, by=())

    def claim(self, log: int, final: int) -> Claim:
        """Show a log from a block that a certificate makes final, or from the first."""
        path = tuple(map(self._path_block, self.chains[log][max(1, self.height(final)) :]))
        return Claim(self.certificate(final), path, (), self.end(log))

    def _path_block(self, block: int) -> PathBlock:
        end, (term, parent, leader, _) = self.end(block), self.blocks[block]
        header = BlockHeader(
            chain=_head(ROOT),
            era=0,
            term=term,
            height=end.index,
            prev_head=_head(parent),
            first_event=0,
            event_count=0,
            payload_root=_head(ROOT),
            tree_size=0,
            tree_root=_head(ROOT),
            state_digest=_head(ROOT),
            config_hash=_head(ROOT),
            leader="" if leader == NOBODY else str(leader),
            time_ms=0,
            kind=BlockKind.NOOP if leader == NOBODY else BlockKind.BLOCK,
        )
        return PathBlock(header, _head(block), None, None)


@cache
def _head(block: int) -> Digest:
    return Digest(block.to_bytes(32))
