"""Nodes that gossip in memory, for tests: what each knows is a chain of :mod:`branches`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from branches import Branch
from convicting import ELECTORATE
from founding import make_genesis
from histories import leaves_of
from split_views import cosign, prove_extension, tree_of, write_note

from kpledger.api.gossip import Rumour, decode_gossip, decode_rumour, encode_gossip
from kpledger.base.codec import encode
from kpledger.base.hashing import Digest
from kpledger.log.certificates import CommitCertificate
from kpledger.log.conviction import Conviction
from kpledger.log.merkle import TreeSize, compute_root
from kpledger.log.path import ShownHeader
from kpnode.addresses import Address
from kpnode.config import PeersSection
from kpnode.docket import Docket, judge_encoded
from kpnode.gossip.addresses import AddressBook
from kpnode.gossip.rumours import Rumours, Taken
from kpnode.signatures import Signatures

NOWHERE: Final = Path("/nonexistent/addresses")
"""Where nothing is kept."""


@dataclass
class Chain:
    """What is final at a node."""

    branch: Branch
    newest_commit: CommitCertificate | None = None

    @property
    def leaves(self) -> tuple[Digest, ...]:
        return leaves_of(self.branch)

    def head_at(self, index: int) -> bytes | None:
        heads = (make_genesis().chain, *self.branch.heads)
        return heads[index] if index < len(heads) else None

    def shown(self, first: int, last: int) -> tuple[ShownHeader, ...]:
        return self.branch.shown[first - 1 : last]

    def root_at(self, size: TreeSize) -> Digest | None:
        return compute_root(self.leaves[:size]) if size <= len(self.leaves) else None

    def prove_consistency(self, old: TreeSize, new: TreeSize) -> tuple[Digest, ...]:
        return prove_extension(self.leaves[:new], old)


class Drawer:
    """Keeps evidence in memory (a :class:`kpnode.docket.EvidenceStore`)."""

    def __init__(self) -> None:
        self._kept: dict[bytes, bytes] = {}

    def put_evidence(self, digest: bytes, encoded: bytes) -> None:
        self._kept[digest] = encoded

    def read_evidence(self) -> tuple[bytes, ...]:
        return tuple(self._kept.values())


class Gossiper:
    """A node that gossips, and keeps on its docket what convicts somebody."""

    def __init__(self, chain: Chain, file: Path = NOWHERE) -> None:
        self.chain = chain
        self.book = AddressBook(make_genesis(), PeersSection(listen=Address("[::]:7700")), file)
        self.check = Signatures().check_statement
        self.docket = Docket(ELECTORATE, Drawer(), self.check)
        self.rumours = Rumours(
            make_genesis(),
            chain,
            chain,
            lambda: self.docket.exhibits,
            self.check,
            addresses=self.book,
        )

    def hear(self, *rumours: Rumour | bytes) -> Taken:
        """Take rumours, and put evidence on the docket."""
        encoded = [one if isinstance(one, bytes) else encode(one) for one in rumours]
        taken = self.rumours.take(encoded)
        for evidence in taken.evidence:
            self.docket.take(judge_encoded(evidence, ELECTORATE, self.check))
        return taken

    def has(self) -> tuple[bytes, ...]:
        """Give the ids of all that it would tell."""
        return self.rumours.message().has

    def notes(self) -> list[str]:
        """Give the checkpoints that it would tell."""
        told = map(decode_rumour, self.rumours.message(()).rumours)
        return [one.checkpoint for one in told if one.checkpoint is not None]

    def convicted(self) -> list[Conviction]:
        """Say whom its evidence convicts."""
        return [one.conviction for one in self.docket.exhibits]

    def answer(self, encoded: bytes) -> bytes:
        """Answer a message as a node does."""
        asked = decode_gossip(encoded, make_genesis())
        self.hear(*asked.rumours)
        return encode_gossip(self.rumours.message(asked.has))

    def exchange(self, other: "Gossiper") -> None:
        """Exchange with another node, as one does that asks."""
        known: tuple[bytes, ...] | None = None
        for _ in range(2):
            asked = encode_gossip(self.rumours.message(known))
            answer = decode_gossip(other.answer(asked), make_genesis())
            self.hear(*answer.rumours)
            known = answer.has


def tell_cosigned(branch: Branch, *nodes: str, size: int | None = None, time_s: int = 1) -> Rumour:
    """Tell of a checkpoint that nodes have cosigned."""
    tree = tree_of(leaves_of(branch)[:size])
    return Rumour(checkpoint=write_note(tree, *(cosign(tree, node, time_s) for node in nodes)))


def make_gossiper(branch: Branch, *voters: str) -> Gossiper:
    """Give a node with a chain, which these voters made final; none if they are no majority."""
    return Gossiper(Chain(branch, branch.finalise(*voters) if voters else None))
