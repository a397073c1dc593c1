"""The signed event: a DSSE envelope around the canonical payload of an event.

Signed are the exact payload bytes under the pre-authentication encoding of DSSE v1
(secure-systems-lab), never a re-encoding. On disk and between nodes the envelope is MessagePack;
at the HTTP edge and in files it is the standard DSSE JSON, with base64 in either alphabet.

Example of the JSON form (payload shortened)::

    {"payload": "iKZhdXRob3KC...", "payloadType": "application/vnd.kpledger.event.v1+msgpack",
     "signatures": [{"keyid": "<64 hex digits>", "sig": "<base64>"}]}
"""

import re
from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kpledger.base.codec import DECODE_ERRORS, decode, decode_trusted, encode, malformed
from kpledger.base.errors import MalformedError, OversizedError
from kpledger.base.keys import SigningKey, verify_signature
from kpledger.scheme.event import (
    MAX_EVENT_BYTES,
    MAX_SIGNATURES,
    Body,
    EventHeader,
    EventSignature,
    SignedEvent,
    compute_event_id,
    decode_event_header,
)
from kpledger.scheme.rulebook import RELEASED, Rulebook

PAYLOAD_TYPE: Final = "application/vnd.kpledger.event.v1+msgpack"
MAX_ENVELOPE_BYTES: Final = MAX_EVENT_BYTES + 4096
"""The largest envelope; below 65,535 so that every one fits an entry of a C2SP tile."""
MAX_ENVELOPE_JSON_BYTES: Final = 2 * MAX_ENVELOPE_BYTES

_URL_SAFE: Final = re.compile(rb'"[A-Za-z0-9_-]+={0,2}"')
"""A JSON string in the URL-safe alphabet of base64, which DSSE allows as well (envelope.md)."""
_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
_PAE_PREFIX: Final = b"DSSEv1 %d %s " % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode())


class Envelope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A DSSE envelope in its MessagePack form."""

    payload: Annotated[bytes, Meta(min_length=1, max_length=MAX_EVENT_BYTES)]
    """The canonical event."""
    payloadType: str  # noqa: N815 (the name is DSSE's)
    """Always :data:`PAYLOAD_TYPE`."""
    signatures: Annotated[tuple[EventSignature, ...], Meta(min_length=1, max_length=MAX_SIGNATURES)]
    """In ascending order of key id, one for each key."""


class _JsonSignature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    keyid: str
    sig: bytes


class _JsonEnvelope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    payload: bytes
    payloadType: str  # noqa: N815 (the name is DSSE's)
    signatures: list[_JsonSignature]


_json_decoder: Final = msgspec.json.Decoder(_JsonEnvelope)


def encode_pae(payload: bytes) -> bytes:
    """Give the pre-authentication encoding that is signed (DSSE v1 protocol, *PAE*)."""
    return _PAE_PREFIX + b"%d " % len(payload) + payload


def sign_event(payload: bytes, keys: Sequence[SigningKey]) -> bytes:
    """Sign a payload with one or more keys and give the encoded envelope."""
    message = encode_pae(payload)
    signatures = [EventSignature(keyid=key.public_key, sig=key.sign(message)) for key in keys]
    return _encode(payload, signatures)


def add_signature(encoded: bytes, key: SigningKey) -> bytes:
    """Add one more signature to an envelope; a key that signed already changes nothing.

    Raises:
        LedgerError: the envelope is not acceptable, before or after.
    """
    event = decode_envelope(encoded)
    if key.public_key in event.signers:
        return encoded
    added = EventSignature(keyid=key.public_key, sig=key.sign(encode_pae(event.payload)))
    signed = _encode(event.payload, [*event.signatures, added])
    open_envelope(signed)
    return signed


def _encode(
    payload: bytes, signatures: Sequence[EventSignature], payload_type: str = PAYLOAD_TYPE
) -> bytes:
    ordered = tuple(sorted(signatures, key=lambda signature: signature.keyid))
    return encode(Envelope(payload=payload, payloadType=payload_type, signatures=ordered))


def decode_envelope(encoded: bytes, rules: Rulebook = RELEASED) -> SignedEvent:
    """Decode and check the form of an envelope, its event and its body.

    Args:
        encoded: the envelope, as stored and sent.
        rules: the versions of the rules that the caller has; they know the shapes of bodies.

    Raises:
        OversizedError: larger than :data:`MAX_ENVELOPE_BYTES`.
        MalformedError: not an envelope around a known event; names the field.
        NotCanonicalError: a second spelling of one.
    """
    envelope = open_envelope(encoded)
    header = decode_event_header(envelope.payload)
    return _assemble(encoded, envelope, header, rules.decode_body(header))


def decode_trusted_envelope(encoded: bytes, rules: Rulebook = RELEASED) -> SignedEvent:
    """Decode an envelope out of a block that was verified or committed, checking nothing again.

    Raises:
        LedgerError: no version that the caller has can read the body.
    """
    envelope = decode_trusted(encoded, Envelope)
    header = decode_trusted(envelope.payload, EventHeader)
    return _assemble(encoded, envelope, header, rules.decode_trusted_body(header))


def _assemble(encoded: bytes, envelope: Envelope, header: EventHeader, body: Body) -> SignedEvent:
    return SignedEvent(
        encoded=encoded,
        payload=envelope.payload,
        event_id=compute_event_id(envelope.payload),
        header=header,
        body=body,
        signatures=envelope.signatures,
    )


def open_envelope(encoded: bytes) -> Envelope:
    """Decode an envelope without looking into its payload.

    Raises:
        OversizedError: larger than :data:`MAX_ENVELOPE_BYTES`.
        MalformedError: not an envelope; names the field.
        NotCanonicalError: a second spelling of one.
    """
    envelope = decode(encoded, Envelope, what="envelope", max_bytes=MAX_ENVELOPE_BYTES)
    if envelope.payloadType != PAYLOAD_TYPE:
        raise MalformedError(
            "envelope", f"{envelope.payloadType!r} is not {PAYLOAD_TYPE}", field="payloadType"
        )
    keys = [signature.keyid for signature in envelope.signatures]
    if keys != sorted(set(keys)):
        raise MalformedError("envelope", "key ids do not ascend, each once", field="signatures")
    return envelope


def verify_envelope(envelope: Envelope | SignedEvent) -> None:
    """Verify every signature of an envelope under the key it names.

    Whether those keys may speak for the author is a rule of the scheme, not looked at here.

    Raises:
        BadSignatureError: one of them does not verify.
    """
    message = encode_pae(envelope.payload)
    for signature in envelope.signatures:
        verify_signature(signature.keyid, message, signature.sig, what="the event")


def format_envelope_json(encoded: bytes) -> bytes:
    """Write an envelope as standard DSSE JSON.

    Raises:
        LedgerError: the envelope is not acceptable.
    """
    envelope = open_envelope(encoded)
    signatures = [_JsonSignature(keyid=one.keyid.hex(), sig=one.sig) for one in envelope.signatures]
    return msgspec.json.encode(
        _JsonEnvelope(
            payload=envelope.payload, payloadType=envelope.payloadType, signatures=signatures
        )
    )


def parse_envelope_json(text: bytes) -> bytes:
    """Read standard DSSE JSON and give the encoded envelope, signatures in ascending order.

    Base64 is that of RFC 4648, section 4 or 5, padded; which of the two leaves no trace.

    Raises:
        OversizedError: larger than :data:`MAX_ENVELOPE_JSON_BYTES`.
        MalformedError: not a DSSE envelope of an event; names the field.
    """
    if len(text) > MAX_ENVELOPE_JSON_BYTES:
        raise OversizedError("envelope", size=len(text), limit=MAX_ENVELOPE_JSON_BYTES)
    if b"-" in text or b"_" in text:  # which nothing else in an envelope has
        text = _URL_SAFE.sub(lambda match: match[0].translate(_STANDARD), text)
    try:
        found = _json_decoder.decode(text)
    except DECODE_ERRORS as error:
        raise malformed("envelope", error) from None
    signatures = [
        EventSignature(keyid=_parse_hex(one.keyid, f"signatures[{position}].keyid"), sig=one.sig)
        for position, one in enumerate(found.signatures)
    ]
    encoded = _encode(found.payload, signatures, found.payloadType)
    open_envelope(encoded)
    return encoded


def _parse_hex(text: str, field: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise MalformedError("envelope", "not hexadecimal", field=field) from None
