"""Blocks: the entries of the log as the ledger sees them.

A header chains to the one before by hash and says what the ledger is after the block: how many
events, under which Merkle root, in which state. One signature on one header therefore covers the
whole history, every inclusion proof and the result of every rule.

The block that opens a term (NOOP) is a pure function of its predecessor and the term. It says
nothing that its leader could have chosen, so it has no leader, no time of its own and no signature;
the first signed block of the term chains to it.
"""

import struct
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kpledger.base.codec import decode, encode
from kpledger.base.hashing import Digest, Domain, hash_with_domain
from kpledger.base.ids import Digest32, Signature64
from kpledger.base.keys import SigningKey, verify_signature
from kpledger.base.units import TimeMs

MAX_BLOCK_EVENTS: Final = 4096
"""A voter executes a block before it answers: a larger one would outlast the leader's patience."""

MAX_BLOCK_BYTES: Final = 4 * 1024 * 1024
"""Likewise for the disk and the line; some 80 of the largest events."""

MAX_COUNT: Final = 2**53 - 1
"""The largest term, height or size: what JSON readers in every language still hold exactly."""

LogCount = Annotated[int, Meta(ge=0, le=MAX_COUNT)]


class BlockKind(StrEnum):
    """What a block carries."""

    NOOP = "NOOP"
    """Nothing: it opens a term."""
    BLOCK = "BLOCK"
    """Events."""
    CONFIG = "CONFIG"
    """A new set of voters."""


class BlockHeader(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a block commits to."""

    chain: Digest32
    """The hash of the genesis file."""
    era: Annotated[int, Meta(ge=0, le=2**32 - 1)]
    """Counts disaster recoveries; 0 until the first."""
    term: LogCount
    """Raft term in which the block was made; never changes."""
    height: Annotated[int, Meta(ge=1, le=MAX_COUNT)]
    """Raft index, 1-based."""
    prev_head: Digest32
    """Head of the block before; of block 1, the chain id."""
    first_event: LogCount
    """Index of its first event: the tree size before it."""
    event_count: Annotated[int, Meta(ge=0, le=MAX_BLOCK_EVENTS)]
    """How many events it has."""
    payload_root: Digest32
    """RFC 6962 root over the envelopes of this block."""
    tree_size: LogCount
    """Events in the ledger after this block."""
    tree_root: Digest32
    """RFC 6962 root over all of them."""
    state_digest: Digest32
    """Digest of the state after this block."""
    config_hash: Digest32
    """The voters in force."""
    leader: str
    """The node that made it; empty for NOOP."""
    time_ms: TimeMs
    """Block time: what rules call *now*. Never goes back."""
    kind: BlockKind
    """What it carries."""


class SealedBlock(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A header, its leader's signature, and the events: the payload of a BLOCK entry."""

    header: Annotated[bytes, Meta(max_length=1024)]
    """The encoded header."""
    signature: Signature64
    """The leader's, over the block preimage."""
    events: Annotated[tuple[bytes, ...], Meta(min_length=1, max_length=MAX_BLOCK_EVENTS)]
    """The encoded envelopes."""


_FIXED: Final = struct.Struct(">32sI32sQQ32s")


def decode_block_header(encoded: bytes) -> BlockHeader:
    """Decode a header.

    Raises:
        LedgerError: oversized, malformed or not canonical.
    """
    return decode(encoded, BlockHeader, what="block header", max_bytes=1024)


def compute_head(encoded_header: bytes) -> Digest:
    """Give the head: the hash that the next block names as its predecessor."""
    return hash_with_domain(Domain.HEAD, encoded_header)


def block_preimage(header: BlockHeader, head: Digest) -> bytes:
    """Give the bytes that a leader signs: a tag, a zero byte, then fixed-width fields."""
    return b"kpledger/block/v1\x00" + _FIXED.pack(
        header.chain, header.era, header.config_hash, header.term, header.height, head
    )


def encode_block(header: BlockHeader, events: tuple[bytes, ...], key: SigningKey) -> bytes:
    """Sign a header as its leader and encode the block."""
    encoded = encode(header)
    signature = key.sign(block_preimage(header, compute_head(encoded)))
    return encode(SealedBlock(header=encoded, signature=signature, events=events))


def decode_block(encoded: bytes) -> SealedBlock:
    """Decode a block; its header and events stay encoded.

    Raises:
        LedgerError: oversized, malformed or not canonical.
    """
    return decode(encoded, SealedBlock, what="block", max_bytes=MAX_BLOCK_BYTES)


def verify_leader(header: BlockHeader, head: Digest, signature: bytes, leader_key: bytes) -> None:
    """Verify the leader's signature on a block.

    Raises:
        BadSignatureError: it does not verify.
    """
    what = f"block {header.height} by {header.leader}"
    verify_signature(leader_key, block_preimage(header, head), signature, what=what)
