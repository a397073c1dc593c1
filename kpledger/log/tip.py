"""The end of a chain as bytes, for whoever keeps it beside the state that belongs to it."""

from typing import Final

import msgspec

from kpledger.base.codec import decode, encode
from kpledger.base.hashing import decode_digest
from kpledger.base.multiset import MultisetHash
from kpledger.log.chain import Tip
from kpledger.log.merkle import Frontier

_MAX_BYTES: Final = 64 * 1024


class _StoredTip(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Earlier versions knew of no leader."""

    height: int
    term: int
    head: bytes
    time_ms: int
    tree: bytes
    digest: bytes
    leader: str | None = None


def encode_tip(tip: Tip) -> bytes:
    """Encode the end of a chain."""
    return encode(
        _StoredTip(
            height=tip.height,
            term=tip.term,
            head=tip.head,
            time_ms=tip.time_ms,
            tree=tip.tree.encode(),
            digest=tip.digest.encode(),
            leader=tip.leader,
        )
    )


def decode_tip(encoded: bytes) -> Tip:
    """Decode what :func:`encode_tip` gave.

    Raises:
        LedgerError: it is damaged.
    """
    stored = decode(encoded, _StoredTip, what="stored tip", max_bytes=_MAX_BYTES)
    return Tip(
        height=stored.height,
        term=stored.term,
        head=decode_digest(stored.head),
        time_ms=stored.time_ms,
        tree=Frontier.decode(stored.tree),
        digest=MultisetHash.decode(stored.digest),
        leader=stored.leader,
    )
