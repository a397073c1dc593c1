"""SHA-256 digests: the ledger's own objects by domain, the leaves and nodes of RFC 9162.

It hashes bytes it is given; what those bytes mean, and that they are canonical, is the caller's
business. Every object of the ledger is hashed under its own ASCII tag, so that no digest of one
kind can be passed off as a digest of another.
"""

import hashlib
from enum import Enum
from typing import Final, NewType

from kpledger.base.errors import MalformedError

Digest = NewType("Digest", bytes)
"""The 32 bytes of a SHA-256."""

DIGEST_BYTES: Final = 32


class Domain(Enum):
    """What is hashed; the value is the ASCII tag in front of the preimage."""

    EVENT = "kpledger/event/v1"
    HEAD = "kpledger/head/v1"
    GENESIS = "kpledger/genesis/v1"
    CONFIG = "kpledger/config/v1"
    STATE = "kpledger/state/v1"
    EVIDENCE = "kpledger/evidence/v1"

    def __init__(self, tag: str) -> None:
        self.prefix = tag.encode("ascii") + b"\x00"
        # Copying a hash that has already seen the tag is the cheapest way to start from it.
        self.started = hashlib.sha256(self.prefix)


def decode_digest(data: bytes) -> Digest:
    """Accept bytes from outside as a digest.

    Raises:
        MalformedError: not exactly 32 bytes.
    """
    if len(data) != DIGEST_BYTES:
        raise MalformedError("digest", f"it has {len(data)} bytes, not {DIGEST_BYTES}")
    return Digest(data)


def sha256(data: bytes) -> Digest:
    """Hash bytes as they are; only for formats that others have defined without a domain."""
    return Digest(hashlib.sha256(data).digest())


def hash_with_domain(domain: Domain, *parts: bytes) -> Digest:
    """Hash the concatenation of the parts under the tag of the domain.

    The parts are not delimited: at most one of them may have a variable length.
    """
    state = domain.started.copy()
    for part in parts:
        state.update(part)
    return Digest(state.digest())


def hash_leaf(entry: bytes) -> Digest:
    """Hash the exact stored bytes of an entry as a leaf (RFC 9162 section 2.1.1)."""
    return Digest(hashlib.sha256(b"\x00" + entry).digest())


def hash_node(left: Digest, right: Digest) -> Digest:
    """Hash two subtrees as their parent (RFC 9162 section 2.1.1)."""
    return Digest(hashlib.sha256(b"\x01" + left + right).digest())


EMPTY_ROOT: Final = sha256(b"")
"""The root of the tree without leaves (RFC 9162 section 2.1.1)."""
