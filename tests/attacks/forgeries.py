"""Envelopes that nobody signed who may: what strangers can make without a key of anybody."""

import secrets
from collections.abc import Sequence

from kpledger.base.codec import encode
from kpledger.base.keys import SIGNATURE_BYTES, SigningKey
from kpledger.scheme.envelope import PAYLOAD_TYPE, Envelope, encode_pae, open_envelope
from kpledger.scheme.event import MAX_SIGNATURES, EventSignature

STRANGERS = tuple(SigningKey.from_seed(bytes([one]) * 32) for one in range(MAX_SIGNATURES - 1))


def forge(envelope: bytes) -> bytes:
    """Put noise in the place of every signature: the ids of keys are public."""
    opened = open_envelope(envelope)
    return _seal(opened.payload, [_noise(one.keyid) for one in opened.signatures])


def sign_as_strangers(envelope: bytes) -> bytes:
    """Sign an event by as many strangers as may sign, beside noise under the ids of its keys."""
    opened = open_envelope(envelope)
    message = encode_pae(opened.payload)
    noise = [_noise(one.keyid) for one in opened.signatures]
    keys = STRANGERS[: MAX_SIGNATURES - len(noise)]
    return _seal(opened.payload, [*noise, *(_sign(key, message) for key in keys)])


def add_noise(envelope: bytes, key_id: bytes) -> bytes:
    """Leave an event as it is signed, and put noise under one more key id beside."""
    opened = open_envelope(envelope)
    return _seal(opened.payload, [*opened.signatures, _noise(key_id)])


def _noise(key_id: bytes) -> EventSignature:
    return EventSignature(keyid=key_id, sig=secrets.token_bytes(SIGNATURE_BYTES))


def _sign(key: SigningKey, message: bytes) -> EventSignature:
    return EventSignature(keyid=key.public_key, sig=key.sign(message))


def _seal(payload: bytes, signatures: Sequence[EventSignature]) -> bytes:
    ordered = tuple(sorted(signatures, key=lambda one: one.keyid))
    return encode(Envelope(payload=payload, payloadType=PAYLOAD_TYPE, signatures=ordered))
