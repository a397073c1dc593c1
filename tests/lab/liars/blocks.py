"""Blocks with real headers, heads and signatures, whose events nobody executes."""

from dataclasses import dataclass
from functools import cache

import msgspec
from lab.liars.roll import Roll

from kpledger.base.codec import encode
from kpledger.base.errors import BadSignatureError, LedgerError
from kpledger.base.hashing import Digest, hash_leaf
from kpledger.base.keys import SigningKey
from kpledger.log.block import (
    BlockHeader,
    BlockKind,
    SealedBlock,
    block_preimage,
    compute_head,
    decode_block,
    decode_block_header,
)
from kpledger.log.certificates import LeaderCertificate, decode_opening
from kpledger.log.genesis import Genesis
from kpledger.log.invalid_block import InvalidBlockError
from kpledger.log.merkle import Frontier, compute_root
from kpledger.log.opening import derive_opening, verify_base
from kpledger.log.path import ShownHeader
from kpledger.log.statements import LogEnd
from kpnode.raft import Entry, EntryKind, Index, Term


@dataclass(frozen=True, slots=True)
class Block:
    """A block that was verified, or made."""

    header: BlockHeader
    encoded: bytes
    """The header."""
    head: Digest
    payload: bytes
    """Of its entry in the log."""
    seal: bytes
    """The signature of its leader, or the votes that open a term."""
    tree: Frontier
    """All events up to here."""
    events: tuple[bytes, ...] = ()
    opening: LeaderCertificate | None = None

    @property
    def leader(self) -> str:
        """Who made it, or was elected by it."""
        return self.header.leader or (self.opening.candidate if self.opening else "")

    @property
    def end(self) -> LogEnd:
        """A log that ends with it."""
        return LogEnd(term=self.header.term, index=self.header.height, head=self.head)

    @property
    def shown(self) -> ShownHeader:
        """It, as others are shown it."""
        return ShownHeader(header=self.encoded, seal=self.seal)

    @property
    def entry(self) -> Entry:
        """It, as the log has it."""
        kind = EntryKind.BLOCK if self.header.kind is BlockKind.BLOCK else EntryKind.NOOP
        return Entry(Index(self.header.height), Term(self.header.term), kind, self.payload)


@cache
def begin_chain(genesis: Genesis) -> Block:
    """Give what stands before the first block."""
    tree = Frontier.empty()
    header = BlockHeader(
        chain=genesis.chain,
        era=0,
        term=0,
        height=0,
        prev_head=bytes(32),
        first_event=0,
        event_count=0,
        payload_root=compute_root(()),
        tree_size=0,
        tree_root=tree.root(),
        state_digest=bytes(32),
        config_hash=genesis.config_hash,
        leader="",
        time_ms=genesis.file.created_at,
        kind=BlockKind.NOOP,
    )
    return Block(header, b"", genesis.chain, b"", b"", tree)


def follow(
    before: Block, leader: str, term: int, time_ms: int, events: tuple[bytes, ...]
) -> tuple[BlockHeader, Frontier]:
    """Give the header that a leader's events make after a block."""
    leaves = [hash_leaf(event) for event in events]
    tree = before.tree.extend(leaves)
    header = msgspec.structs.replace(
        before.header,
        term=term,
        height=before.header.height + 1,
        prev_head=before.head,
        first_event=before.tree.size,
        event_count=len(events),
        payload_root=compute_root(leaves),
        tree_size=tree.size,
        tree_root=tree.root(),
        leader=leader,
        time_ms=max(time_ms, before.header.time_ms),
        kind=BlockKind.BLOCK,
    )
    return header, tree


def seal(header: BlockHeader, tree: Frontier, events: tuple[bytes, ...], key: SigningKey) -> Block:
    """Sign a header, whatever it says."""
    encoded = encode(header)
    head = compute_head(encoded)
    signature = key.sign(block_preimage(header, head))
    payload = encode(SealedBlock(header=encoded, signature=signature, events=events))
    return Block(header, encoded, head, payload, signature, tree, events)


def read_entry(roll: Roll, before: Block, entry: Entry) -> Block:
    """Verify that an entry of the log follows a block.

    Raises:
        LedgerError: it does not, as far as headers and signatures can tell.
    """
    asked = before.head, before.leader, entry
    known = roll.blocks.get(asked)
    if known is None:
        read = _read_opening if entry.kind is EntryKind.NOOP else _read_block
        known = roll.blocks[asked] = read(roll, before, entry)
    return known


def _read_block(roll: Roll, before: Block, entry: Entry) -> Block:
    sealed = decode_block(entry.payload)
    header = decode_block_header(sealed.header)
    head = compute_head(sealed.header)
    expected, tree = follow(before, header.leader, header.term, header.time_ms, sealed.events)
    if (header.term, header.leader) != (before.header.term, before.leader):
        problem = f"{header.leader} in term {header.term} after {before.leader}"
        raise InvalidBlockError(entry.index, "leader", problem)
    if header.term != entry.term or header.height != entry.index:
        raise InvalidBlockError(entry.index, "term", "its entry is of another place")
    for field in header.__struct_fields__:
        if getattr(header, field) != getattr(expected, field):
            raise InvalidBlockError(entry.index, field, "is not what follows")
    key = roll.electorate.key(header.leader)
    if not roll.check(key, block_preimage(header, head), sealed.signature):
        raise BadSignatureError(f"block {header.height} by {header.leader}", key)
    return Block(header, sealed.header, head, entry.payload, sealed.signature, tree, sealed.events)


def _read_opening(roll: Roll, before: Block, entry: Entry) -> Block:
    if entry.term <= before.header.term:
        raise InvalidBlockError(entry.index, "term", f"{entry.term} does not rise")
    header = derive_opening(before.header, before.head, entry.term)
    opening = decode_opening(entry.payload)
    try:
        verify_base(opening, header, before.header.term)
        opening.verify(roll.electorate, roll.check)
    except LedgerError as error:
        raise InvalidBlockError(entry.index, "payload", str(error)) from None
    encoded = encode(header)
    return Block(
        header,
        encoded,
        compute_head(encoded),
        entry.payload,
        entry.payload,
        before.tree,
        opening=opening,
    )
