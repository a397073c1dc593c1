"""What travels beside a message of the consensus core: the proofs and signatures it rests on.

The core carries them as bytes and never reads them.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kpledger.base.codec import decode, encode
from kpledger.log.certificates import MAX_CERTIFICATE_BYTES, MAX_OPENING_BYTES, MAX_TERM_PROOF_BYTES
from kpledger.log.path import ShownHeader
from kpledger.log.statements import MAX_STATEMENT_BYTES

MAX_PATH: Final = 8192
"""Blocks that a candidate shows at most, some 3 MB: what may be uncommitted at once is less."""
MAX_ATTACHED_BYTES: Final = 4 << 20

Path = Annotated[tuple[ShownHeader, ...], Meta(max_length=MAX_PATH)]


class Attachment(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Proofs and signatures, each encoded as :mod:`kpledger.log.certificates` has it."""

    opening: Annotated[bytes, Meta(max_length=MAX_OPENING_BYTES)] | None = None
    """The leader certificate of the sender's term."""
    term_proof: Annotated[bytes, Meta(max_length=MAX_TERM_PROOF_BYTES)] | None = None
    """Why the sender may be in its term, which nobody leads yet."""
    commit: Annotated[bytes, Meta(max_length=MAX_CERTIFICATE_BYTES)] | None = None
    """The newest commit certificate that the sender knows on its chain."""
    path: Path = ()
    """Of a candidate: its log from the block of ``commit`` on, or from the first."""
    statement: Annotated[bytes, Meta(max_length=MAX_STATEMENT_BYTES)] | None = None
    """What the message says, signed: a vote, a pre-vote, an acknowledgement, a nomination."""


NOTHING: Final = Attachment()


def encode_attachment(attachment: Attachment) -> bytes:
    """Encode; no bytes for nothing."""
    return encode(attachment) if attachment != NOTHING else b""


def decode_attachment(encoded: bytes) -> Attachment:
    """Decode what a peer has attached; nothing in it is verified.

    Raises:
        LedgerError: oversized, malformed or not canonical.
    """
    if not encoded:
        return NOTHING
    return decode(encoded, Attachment, what="attachment", max_bytes=MAX_ATTACHED_BYTES)
