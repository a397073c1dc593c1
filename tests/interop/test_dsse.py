"""securesystemslib (of TUF and in-toto) verifies our events, and notices every changed bit."""

import json
from collections.abc import Iterator

import pytest
from founding import issue, make_certificate, number_of, open_trade, public_hex
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer._key import SSlibKey

from kpledger.log.block import decode_block
from kpledger.scheme.envelope import decode_envelope, format_envelope_json


def _envelopes() -> Iterator[bytes]:
    """Give events that were signed by one and by several."""
    ledger = open_trade()
    issue(ledger, make_certificate(number_of("BW", 1)))
    for block in ledger.blocks:
        if isinstance(block, bytes):
            yield from decode_block(block).events


ENVELOPES = list(_envelopes())


def _key(public: str) -> SSlibKey:
    return SSlibKey(public, "ed25519", "ed25519", {"public": public})


def _verify(written: bytes, publics: list[str]) -> bytes:
    envelope = Envelope.from_dict(json.loads(written))
    envelope.verify([_key(public) for public in publics], len(publics))
    payload: bytes = envelope.payload
    return payload


def test_every_event_of_a_ledger_is_accepted_with_all_its_signatures() -> None:
    signed_by = set()
    for encoded in ENVELOPES:
        event = decode_envelope(encoded)
        keys = [each.keyid.hex() for each in event.signatures]
        assert _verify(format_envelope_json(encoded), keys) == event.payload
        signed_by.add(len(keys))
    assert signed_by >= {1, 2}


def test_key_that_has_not_signed_is_noticed() -> None:
    encoded = ENVELOPES[0]
    keys = [each.keyid.hex() for each in decode_envelope(encoded).signatures]
    with pytest.raises(VerificationError):
        _verify(format_envelope_json(encoded), [*keys[:-1], public_hex("stranger")])


def test_no_bit_of_payload_or_signature_can_change() -> None:
    encoded = ENVELOPES[-1]
    [signature] = decode_envelope(encoded).signatures
    keys = [signature.keyid.hex()]
    good = Envelope.from_dict(json.loads(format_envelope_json(encoded)))
    good.verify([_key(key) for key in keys], 1)
    for place in range(len(good.payload) * 8):
        changed = bytearray(good.payload)
        changed[place // 8] ^= 1 << place % 8
        bad = Envelope(bytes(changed), good.payload_type, good.signatures)
        with pytest.raises(VerificationError):
            bad.verify([_key(key) for key in keys], 1)
    written = json.loads(format_envelope_json(encoded))
    for place in range(len(signature.sig) * 8):
        changed = bytearray(signature.sig)
        changed[place // 8] ^= 1 << place % 8
        bad = Envelope.from_dict(json.loads(json.dumps(written)))
        bad.signatures[keys[0]].signature = bytes(changed).hex()
        with pytest.raises(VerificationError):
            bad.verify([_key(key) for key in keys], 1)
