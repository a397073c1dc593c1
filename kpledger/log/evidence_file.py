"""Evidence as bytes: MessagePack for nodes, whose hash is its id, and a JSON file for people."""

from typing import Final

import msgspec

from kpledger.base.codec import DECODE_ERRORS, decode, encode, malformed
from kpledger.base.errors import LedgerError, MalformedError, OversizedError
from kpledger.base.hashing import Digest, Domain, hash_with_domain
from kpledger.log.evidence import Evidence

EVIDENCE_FORMAT: Final = "kpledger-evidence/1"
MAX_EVIDENCE_BYTES: Final = 5 * 1024 * 1024
"""Room for a whole block, or for the longest path, and for what stands beside it."""
MAX_EVIDENCE_JSON_BYTES: Final = 2 * MAX_EVIDENCE_BYTES


class _Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: str
    evidence: Evidence


class _Written(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: str
    summary: str = ""
    """For whoever opens the file; no program reads it."""
    evidence: Evidence


_json_decoder: Final = msgspec.json.Decoder(_Written)


def encode_evidence(evidence: Evidence) -> bytes:
    """Encode evidence in its canonical form."""
    return encode(_Kept(format=EVIDENCE_FORMAT, evidence=evidence))


def decode_evidence(encoded: bytes) -> Evidence:
    """Decode evidence; nothing is verified.

    Raises:
        LedgerError: oversized, malformed, not canonical, or of another format.
    """
    kept = decode(encoded, _Kept, what="evidence", max_bytes=MAX_EVIDENCE_BYTES)
    _check_format(kept.format)
    return kept.evidence


def evidence_id(encoded: bytes) -> Digest:
    """Give the id of encoded evidence."""
    return hash_with_domain(Domain.EVIDENCE, encoded)


def format_evidence(evidence: Evidence) -> bytes:
    """Write evidence as a file that people can open; above it stands what it is said to show."""
    try:
        summary = evidence.accusation
    except LedgerError as error:
        summary = str(error)
    written = _Written(format=EVIDENCE_FORMAT, summary=summary, evidence=evidence)
    return msgspec.json.format(msgspec.json.encode(written), indent=2) + b"\n"


def parse_evidence(text: bytes) -> Evidence:
    """Read a file of evidence; nothing is verified.

    Raises:
        LedgerError: oversized, malformed, or of another format.
    """
    if len(text) > MAX_EVIDENCE_JSON_BYTES:
        raise OversizedError("evidence file", size=len(text), limit=MAX_EVIDENCE_JSON_BYTES)
    try:
        written = _json_decoder.decode(text)
    except DECODE_ERRORS as error:
        raise malformed("evidence file", error) from None
    _check_format(written.format)
    return decode_evidence(encode_evidence(written.evidence))


def _check_format(found: str) -> None:
    if found != EVIDENCE_FORMAT:
        raise MalformedError("evidence", f"{found!r} is not {EVIDENCE_FORMAT}", field="format")
