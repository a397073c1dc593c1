"""What nodes tell each other about what was signed: the bytes of ``/v1/gossip``.

A message says what its sender has, by ids of 16 bytes, and carries rumours that the other one
lacks. A rumour is one thing that somebody has signed, or evidence; it stands for itself, so that
whoever is told it believes nobody.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kpledger.api.address_record import AddressRecord
from kpledger.base.codec import decode, encode
from kpledger.base.errors import AnotherLedgerError, MalformedError
from kpledger.base.hashing import sha256
from kpledger.base.ids import Digest32
from kpledger.log.certificates import CommitCertificate
from kpledger.log.evidence import AnyStatement, CheckpointNote, EncodedOpening
from kpledger.log.genesis import Genesis

MAX_GOSSIP_BYTES: Final = 256 * 1024
"""Of a message."""
MAX_RUMOUR_BYTES: Final = 128 * 1024
"""What is longer is not told; evidence of a whole block stands at ``/v1/evidence`` alone."""
MAX_RUMOURS: Final = 2048
"""That one node has at once, and more than it ever has."""
_ID_BYTES: Final = 16
"""With eight, a voter that lies finds two states of the tree that have one id, in 2**32 signatures;
then whoever has the one takes the other one for known."""

RumourId = Annotated[bytes, Meta(min_length=_ID_BYTES, max_length=_ID_BYTES)]
EncodedRumour = Annotated[bytes, Meta(max_length=MAX_RUMOUR_BYTES)]


class Rumour(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One thing that is told on: exactly one field is there."""

    address: AddressRecord | None = None
    """Where a node is."""
    certificate: CommitCertificate | None = None
    """That a block is final."""
    checkpoint: CheckpointNote | None = None
    """A state of the tree, signed by nodes."""
    statement: AnyStatement | None = None
    """What a voter said in consensus."""
    opening: EncodedOpening | None = None
    """Who was elected in a term."""
    evidence: Annotated[bytes, Meta(max_length=MAX_RUMOUR_BYTES)] | None = None
    """Evidence, as its id is made of (:func:`kpledger.log.evidence_file.encode_evidence`)."""


class GossipMessage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one node tells another."""

    chain: Digest32
    """The ledger that is spoken of."""
    config_hash: Digest32
    """Its voters."""
    has: Annotated[tuple[RumourId, ...], Meta(max_length=MAX_RUMOURS)]
    """All that the sender has, in ascending order."""
    rumours: Annotated[tuple[EncodedRumour, ...], Meta(max_length=MAX_RUMOURS)] = ()
    """What the other one lacks, as much as there is room for."""


def rumour_id(encoded: bytes) -> bytes:
    """Give the id of an encoded rumour; it saves sending it again, and proves nothing."""
    return sha256(encoded)[:_ID_BYTES]


def decode_rumour(encoded: bytes) -> Rumour:
    """Decode a rumour; nothing is verified.

    Raises:
        LedgerError: oversized, malformed, not canonical, or not exactly one thing.
    """
    rumour = decode(encoded, Rumour, what="rumour", max_bytes=MAX_RUMOUR_BYTES)
    there = [name for name in rumour.__struct_fields__ if getattr(rumour, name) is not None]
    if len(there) != 1:
        raise MalformedError("rumour", f"{len(there)} things stand where one is due")
    return rumour


def encode_gossip(message: GossipMessage) -> bytes:
    """Encode a message."""
    return encode(message)


def decode_gossip(encoded: bytes, genesis: Genesis) -> GossipMessage:
    """Decode a message about a ledger; its rumours stay as they are.

    Raises:
        AnotherLedgerError: it is about another one.
        LedgerError: oversized, malformed, not canonical, or of other voters.
    """
    message = decode(encoded, GossipMessage, what="gossip", max_bytes=MAX_GOSSIP_BYTES)
    if message.chain != genesis.chain:
        found = message.chain.hex()
        raise AnotherLedgerError("gossip", found=found, pinned=genesis.chain.hex())
    if message.config_hash != genesis.config_hash:
        raise MalformedError("gossip", "it names other voters", field="config_hash")
    return message
