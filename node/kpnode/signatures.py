"""Signatures that this node has verified, so that none costs arithmetic twice.

An event is verified where it comes in and met again in a block, the signature of a block before it
reaches the core. Any thread may ask and verify.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from kpledger.base.hashing import Digest, sha256
from kpledger.log.block import (
    BlockHeader,
    block_preimage,
    compute_head,
    decode_block,
    decode_block_header,
    verify_leader,
)
from kpledger.log.statements import verifies
from kpledger.scheme.envelope import open_envelope, verify_envelope
from kpledger.scheme.event import SignedEvent

_KEPT: Final = 16_384
"""More events than are on their way into a block, and what voters sign for those blocks."""


class Signatures:
    """Verifies, and remembers what verified by the digest of the very bytes."""

    def __init__(self, limit: int = _KEPT) -> None:
        """Remember nothing yet; at most twice ``limit`` later."""
        self._limit = limit
        self._recent: set[bytes] = set()
        self._older: set[bytes] = set()

    def knows(self, event: SignedEvent) -> bool:
        """Tell whether all signatures of an event were verified before."""
        return self._knows(sha256(event.encoded))

    def check(self, event: SignedEvent) -> None:
        """Verify all signatures of an event.

        Raises:
            BadSignatureError: one does not verify.
        """
        digest = sha256(event.encoded)
        if not self._knows(digest):
            verify_envelope(event)
            self._keep(digest)

    def check_leader(
        self, header: BlockHeader, head: Digest, signature: bytes, leader_key: bytes
    ) -> None:
        """Verify the signature of a block, as :func:`kpledger.log.block.verify_leader`.

        Raises:
            BadSignatureError: it does not verify.
        """
        # Remembered as a statement of the leader, as which it is met where headers are shown.
        digest = sha256(leader_key + signature + block_preimage(header, head))
        if not self._knows(digest):
            verify_leader(header, head, signature, leader_key)
            self._keep(digest)

    def check_statement(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        """Tell whether a voter signed a statement, as :func:`kpledger.log.statements.verifies`."""
        digest = sha256(public_key + signature + message)
        if self._knows(digest):
            return True
        is_good = verifies(public_key, message, signature)
        if is_good:
            self._keep(digest)
        return is_good

    def note_statement(self, public_key: bytes, message: bytes, signature: bytes) -> None:
        """Remember a statement that was signed here."""
        self._keep(sha256(public_key + signature + message))

    def note(self, verified: Iterable[bytes]) -> None:
        """Remember what another process of this node has verified, as its :attr:`verified`."""
        for digest in verified:
            self._keep(digest)

    @property
    def verified(self) -> set[bytes]:
        """The digests of what is remembered."""
        return self._recent | self._older

    def check_block(self, payload: bytes, leader_keys: Mapping[str, bytes]) -> None:
        """Verify all that is signed in a block, before it is executed.

        Raises:
            LedgerError: a signature does not verify, or something is no block or no envelope.
        """
        block = decode_block(payload)
        header = decode_block_header(block.header)
        leader_key = leader_keys.get(header.leader, b"")
        self.check_leader(header, compute_head(block.header), block.signature, leader_key)
        for encoded in block.events:
            digest = sha256(encoded)
            if not self._knows(digest):
                verify_envelope(open_envelope(encoded))
                self._keep(digest)

    def _knows(self, digest: bytes) -> bool:
        return digest in self._recent or digest in self._older

    def _keep(self, digest: bytes) -> None:
        # Two generations instead of an order of use; two threads may lose a few, which are
        # verified again.
        if len(self._recent) >= self._limit:
            self._recent, self._older = set(), self._recent
        self._recent.add(digest)
