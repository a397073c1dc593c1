"""Blocks that were fetched and are not known to be final yet: stored above the tip, in one line.

Each follows the one before, was made by the leader whom votes elected in its term, and holds the
events that its header counts. So nobody without a voter's key fills the disk, and a changed bit is
found where it came in. A commit certificate proves a block final, and with it all below; nothing
else does. Until then nothing of this is executed, shown to others, or answered from.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NoReturn

from kpledger.base.codec import encode
from kpledger.base.errors import LedgerError
from kpledger.base.hashing import EMPTY_ROOT, hash_leaf
from kpledger.log.block import BlockHeader, BlockKind, decode_block, decode_block_header
from kpledger.log.certificates import CommitCertificate
from kpledger.log.chain import Tip
from kpledger.log.genesis import Genesis
from kpledger.log.invalid_block import InvalidBlockError
from kpledger.log.layout import BLOCK_ENTRY, NOOP_ENTRY, StoredEntry, decode_stored_entry
from kpledger.log.merkle import compute_root
from kpledger.log.opening import derive_opening
from kpledger.log.path import PathBlock, ShownHeader, follow_path
from kpledger.log.statements import ERA, Electorate, SignatureCheck
from kpnode.raft import Entry, EntryKind, Index, Term
from kpnode.storage.leveldb import LevelStorage

_READ_BYTES: Final = 1 << 20


class UncertifiedError(LedgerError):
    """A block is not the one that a majority has signed to be final in its place."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a chain stands, as far as the next block has to fit."""

    block: PathBlock
    has_votes: bool
    """Whether a term was opened with votes; then each later one has to be."""


class Backlog:
    """The blocks above the tip of one ledger; belongs to the thread that writes the storage.

    Attributes:
        proven: the newest block that is known to be final, and is stored.
        proofs: certificates of blocks up to there, whose blocks are not executed yet.
    """

    def __init__(
        self, genesis: Genesis, storage: LevelStorage, tip: Tip, check: SignatureCheck
    ) -> None:
        """Stand at the tip, with nothing above it; ``check`` verifies a signature."""
        self._electorate = Electorate.of(genesis)
        self._storage = storage
        self._check = check
        self._expected: dict[int, CommitCertificate] = {}
        self._end = self._final = _stand_at(genesis, tip)
        self.proven = tip.height
        self.proofs: list[CommitCertificate] = []

    @property
    def height(self) -> int:
        """The newest block."""
        return self._end.block.header.height

    def recall(self) -> None:
        """Take up what is stored above the newest block, as far as it fits."""
        while self.height < self._storage.last_index():
            first, last = Index(self.height + 1), self._storage.last_index()
            for entry in self._storage.entries(first, last, _READ_BYTES):
                try:
                    self._follow(
                        entry.index, StoredEntry(entry.kind.value, entry.term, entry.payload)
                    )
                except LedgerError:
                    # Whatever is fetched next takes its place.
                    return
                self._publish()

    def expect(self, certificate: CommitCertificate) -> None:
        """Compare a block with this, which was verified, when it comes, or has come already."""
        index = certificate.index
        if index <= self.proven:
            return
        self._expected[index] = certificate
        if index <= self.height:
            self.drop()
            self.recall()

    def drop(self) -> None:
        """Forget what is not known to be final; what is fetched next takes its place."""
        self._end = self._final

    def take(self, blocks: Iterable[tuple[int, bytes]]) -> None:
        """Store blocks that follow, as far as they do; at return they are durable.

        Raises:
            UncertifiedError: one is not what was signed to be final: all that is not is dropped.
            LedgerError: one does not follow; those before it are kept.
            StorageFailedError: it cannot be written; the node must stop.
        """
        entries = []
        try:
            for height, stored in blocks:
                entry = decode_stored_entry(stored)
                self._follow(height, entry)
                kind = EntryKind(entry.kind)
                entries.append(Entry(Index(height), Term(entry.term), kind, entry.payload))
        finally:
            self._storage.save(None, tuple(one for one in entries if one.index <= self.height))
            self._publish()

    def _publish(self) -> None:
        """Let be executed what is final, now that just this is stored."""
        self.proven = self._final.block.header.height

    def _follow(self, height: int, entry: StoredEntry) -> None:
        """See that a block follows, and let it be the newest."""
        before, has_votes = self._end.block, self._end.has_votes
        if height != before.header.height + 1:
            _fail(height, "height", f"it comes where block {before.header.height + 1} is due")
        block = follow_path(
            self._electorate,
            before,
            _show(before, height, entry),
            voteless_up_to=0 if has_votes else height,
            check=self._check,
        )
        if block.header.term != entry.term:
            _fail(
                height, "term", f"the header is of {block.header.term}, the entry of {entry.term}"
            )
        self._end = _Place(block, has_votes or block.opening is not None)
        certificate = self._expected.pop(height, None)
        if certificate is not None:
            self._prove(certificate)

    def _prove(self, certificate: CommitCertificate) -> None:
        end = self._end.block.end
        if certificate.end != end:
            self._expected[end.index] = certificate
            self.drop()
            problem = f"{end.head.hex()} of term {end.term} is not what the voters signed"
            raise UncertifiedError(f"block {end.index}: {problem}")
        self._final = self._end
        self.proofs.append(certificate)


def _stand_at(genesis: Genesis, tip: Tip) -> _Place:
    """Stand at a tip: its header as far as the next block depends on it."""
    header = BlockHeader(
        chain=genesis.chain,
        era=ERA,
        term=tip.term,
        height=tip.height,
        prev_head=genesis.chain,
        first_event=tip.tree.size,
        event_count=0,
        payload_root=EMPTY_ROOT,
        tree_size=tip.tree.size,
        tree_root=tip.tree.root(),
        state_digest=tip.digest.digest,
        config_hash=genesis.config_hash,
        leader="",
        time_ms=tip.time_ms,
        kind=BlockKind.NOOP,
    )
    return _Place(PathBlock(header, tip.head, None, tip.leader), tip.leader is not None)


def _show(before: PathBlock, height: int, entry: StoredEntry) -> ShownHeader:
    """Give the header of an entry, and what makes it somebody's; see that it is of these events."""
    if entry.kind == NOOP_ENTRY:
        header = derive_opening(before.header, before.head, entry.term)
        return ShownHeader(header=encode(header), seal=entry.payload)
    if entry.kind != BLOCK_ENTRY:
        _fail(height, "kind", "the voters cannot be changed yet")
    block = decode_block(entry.payload)
    header = decode_block_header(block.header)
    root = compute_root([hash_leaf(event) for event in block.events])
    if (header.event_count, header.payload_root) != (len(block.events), root):
        _fail(height, "payload_root", "it holds other events than its header says")
    return ShownHeader(header=block.header, seal=block.signature)


def _fail(height: int, field: str, problem: str) -> NoReturn:
    raise InvalidBlockError(height, field, problem)
