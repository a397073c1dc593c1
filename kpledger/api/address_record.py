"""Where a node is, as it says itself: others pass that on, so that a node which moves is found.

An address is trusted for nothing: who is there has to hold the key that the genesis file pins. Of
each node the newest record counts, and only the node makes one. Of two with one number, which a
directory that was put back or copied can bring about, all keep the same: they are evidence of
nothing, since no ledger depends on them.
"""

import struct
from typing import Annotated, Final, Self

import msgspec
from msgspec import Meta

from kpledger.base.codec import encode
from kpledger.base.hashing import sha256
from kpledger.base.ids import NodeName, Signature64
from kpledger.base.keys import SigningKey, verify_signature
from kpledger.log.genesis import Genesis

_PORT: Final = (
    "[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"
)
_HOST: Final = r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\]"
HOST_AND_PORT: Final = rf"^({_HOST}):({_PORT})\Z"
MAX_ADDRESS_NUMBER: Final = 2**63 - 1
_SIGNED: Final = struct.Struct(">20s32sQ32s")
"""Tag and a zero byte, chain, number, SHA-256 of the address."""


class AddressRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a node takes connections of other nodes."""

    node: NodeName
    peers: Annotated[str, Meta(pattern=HOST_AND_PORT, max_length=259)]
    """``host:port``, with an IPv6 address in brackets."""
    number: Annotated[int, Meta(ge=1, le=MAX_ADDRESS_NUMBER)]
    """Rises with each record of the node: Unix milliseconds, or one more than the last."""
    signature: Signature64

    @classmethod
    def sign(cls, genesis: Genesis, node: str, peers: str, number: int, key: SigningKey) -> Self:
        """Say where a node is, with its cosigning key."""
        signature = key.sign(_preimage(genesis, peers, number))
        return cls(node=node, peers=peers, number=number, signature=signature)

    @property
    def rank(self) -> tuple[int, bytes]:
        """Of two records of one node the one with the higher rank counts."""
        return self.number, encode(self)

    def verify(self, genesis: Genesis) -> None:
        """See that the node itself has made it.

        Raises:
            GenesisError: it is no node of this ledger.
            BadSignatureError: somebody else has made it, or for another ledger.
        """
        # A key is of one node: whose it is says whose address it is.
        key = bytes.fromhex(genesis.node(self.node).cosigning_key)
        signed = _preimage(genesis, self.peers, self.number)
        verify_signature(key, signed, self.signature, what="an address")


def _preimage(genesis: Genesis, peers: str, number: int) -> bytes:
    return _SIGNED.pack(b"kpledger/address/v1\x00", genesis.chain, number, sha256(peers.encode()))
