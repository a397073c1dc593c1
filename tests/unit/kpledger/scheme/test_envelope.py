"""The envelope: DSSE around exact bytes, in MessagePack and in JSON."""

import base64
from pathlib import Path

import msgspec
import pytest
from founding import make_certificate, make_event, signing_key
from hypothesis import given, strategies as st

from kpledger.base.errors import LedgerError, MalformedError, OversizedError
from kpledger.scheme.envelope import (
    MAX_ENVELOPE_BYTES,
    MAX_ENVELOPE_JSON_BYTES,
    PAYLOAD_TYPE,
    add_signature,
    decode_envelope,
    decode_trusted_envelope,
    encode_pae,
    format_envelope_json,
    open_envelope,
    parse_envelope_json,
    sign_event,
    verify_envelope,
)
from kpledger.scheme.event import MAX_EVENT_BYTES, EventSignature, compute_event_id
from kpledger.scheme.v1.events.certificate import CertificateIssued

VECTORS = sorted((Path(__file__).parents[3] / "vectors" / "envelope").glob("*.json"))

NAMES = ("BW/gaborone", "BW/root", "EU/antwerp", "KPCS/chair")
EVENT = make_event("BW/gaborone", CertificateIssued(certificate=make_certificate()))
PAYLOAD = decode_envelope(EVENT).payload


class EnvelopeVector(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    envelope: str
    error: str | None
    field: str


@pytest.mark.parametrize("vector", VECTORS, ids=lambda path: path.stem)
def test_vector_is_judged_as_it_says(vector: Path) -> None:
    case = msgspec.json.decode(vector.read_bytes(), type=EnvelopeVector)
    reason, field = None, ""
    try:
        verify_envelope(decode_envelope(bytes.fromhex(case.envelope)))
    except LedgerError as error:
        reason = type(error).__name__
        field = error.field if isinstance(error, MalformedError) else ""
    assert (reason, field) == (case.error, case.field)
    assert (case.error is None) == vector.stem.startswith("good-")


def test_vectors_are_present() -> None:
    assert len(VECTORS) > 20


def test_what_was_verified_is_decoded_the_same_without_checks() -> None:
    assert decode_trusted_envelope(EVENT) == decode_envelope(EVENT)


def test_preauthentication_encoding_is_that_of_dsse() -> None:
    assert encode_pae(b"hello world") == (
        b"DSSEv1 41 application/vnd.kpledger.event.v1+msgpack 11 hello world"
    )


@given(st.permutations(NAMES), st.integers(1, len(NAMES)))
def test_order_of_signing_does_not_show(names: list[str], count: int) -> None:
    keys = [signing_key(name) for name in names[:count]]
    encoded = sign_event(PAYLOAD, keys)
    event = decode_envelope(encoded)
    verify_envelope(event)
    assert event.signers == tuple(sorted(key.public_key for key in keys))
    one_by_one = sign_event(PAYLOAD, keys[-1:])
    for key in keys[:-1]:
        one_by_one = add_signature(one_by_one, key)
    assert one_by_one == encoded


def test_second_signature_by_the_same_key_changes_nothing() -> None:
    assert add_signature(EVENT, signing_key("BW/gaborone")) == EVENT


def test_signatures_do_not_change_the_event_id() -> None:
    twice = decode_envelope(add_signature(EVENT, signing_key("BW/root")))
    assert twice.event_id == decode_envelope(EVENT).event_id == compute_event_id(PAYLOAD)


@given(st.sets(st.sampled_from(NAMES), min_size=1))
def test_json_form_comes_back_as_the_same_bytes(names: set[str]) -> None:
    encoded = sign_event(PAYLOAD, [signing_key(name) for name in sorted(names)])
    assert parse_envelope_json(format_envelope_json(encoded)) == encoded


def test_json_form_is_standard_dsse() -> None:
    found = msgspec.json.decode(format_envelope_json(EVENT))
    key = signing_key("BW/gaborone")
    assert found == {
        "payload": base64.b64encode(PAYLOAD).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [
            {
                "keyid": key.public_key.hex(),
                "sig": base64.b64encode(key.sign(encode_pae(PAYLOAD))).decode(),
            }
        ],
    }


def _spell(encoded: bytes, altchars: bytes) -> bytes:
    """Write an event in JSON with the 63rd and 64th digit of base64 as given, slashes escaped."""
    event = decode_envelope(encoded)
    (one,) = event.signatures
    texts = [event.payload, one.sig]
    payload, sig = (base64.b64encode(one, altchars).decode().replace("/", "\\/") for one in texts)
    signature = f'{{"keyid": "{one.keyid.hex()}", "sig": "{sig}"}}'
    return (
        f'{{"payload": "{payload}", "payloadType": "{PAYLOAD_TYPE}", "signatures": [{signature}]}}'
    ).encode()


@pytest.mark.parametrize("altchars", [b"+/", b"-_"], ids=["standard", "URL-safe"])
def test_both_alphabets_of_base64_give_the_same_event(altchars: bytes) -> None:
    body = CertificateIssued(certificate=make_certificate())
    for nonce in range(20):
        encoded = make_event("BW/gaborone", body, nonce=nonce)
        found = parse_envelope_json(_spell(encoded, altchars))
        assert found == encoded
        assert decode_envelope(found).event_id == decode_envelope(encoded).event_id
        assert format_envelope_json(found) == format_envelope_json(encoded)


def _json(**changes: object) -> bytes:
    found: dict[str, object] = msgspec.json.decode(format_envelope_json(EVENT))
    return msgspec.json.encode({**found, **changes})


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (b"", ""),
        (b"[]", ""),
        (b"\xff", ""),
        (b'{"payloadType": "\xff"}', ""),
        (b'{"payload": "\xff"}', "payload"),
        (b"[" * 50_000, ""),
        (_json(extra=1), ""),
        (_json(payload=7), "payload"),
        (_json(payload="%%%%"), "payload"),
        (_json(payload="QQ"), "payload"),
        (_json(payload="\u00e9"), "payload"),
        (_json(payload="QQ="), "payload"),
        (_json(payload="QQ\n=="), "payload"),
        (_json(payload="A+_="), "payload"),
        (_json(payloadType="text/plain"), "payloadType"),
        (_json(signatures=[{"keyid": "zz", "sig": ""}]), "signatures[0].keyid"),
        (_json(signatures=[{"keyid": "00", "sig": "%"}]), "signatures[0].sig"),
    ],
)
def test_json_of_another_form_is_refused(text: bytes, field: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_envelope_json(text)
    assert (caught.value.what, caught.value.field) == ("envelope", field)


@pytest.mark.parametrize(
    "signatures",
    [
        [],
        [{"keyid": "00" * 31, "sig": base64.b64encode(bytes(64)).decode()}],
        [{"keyid": "00" * 32, "sig": base64.b64encode(bytes(63)).decode()}],
        [{"keyid": "00" * 32, "sig": base64.b64encode(bytes(64)).decode()}] * 2,
    ],
)
def test_json_with_impossible_signatures_is_refused(signatures: list[dict[str, str]]) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_envelope_json(_json(signatures=signatures))
    assert caught.value.field.startswith("signatures")


def test_largest_event_with_all_signatures_fits() -> None:
    signature = EventSignature(keyid=bytes(32), sig=bytes(64))
    overhead = 200 + 16 * len(msgspec.msgpack.encode(signature))
    assert MAX_EVENT_BYTES + overhead <= MAX_ENVELOPE_BYTES < 2**16


def test_larger_than_the_limits_is_refused_at_the_door() -> None:
    with pytest.raises(OversizedError):
        open_envelope(b"\xc1" * (MAX_ENVELOPE_BYTES + 1))
    with pytest.raises(OversizedError):
        parse_envelope_json(b" " * (MAX_ENVELOPE_JSON_BYTES + 1))


def test_seventeenth_signature_makes_no_envelope() -> None:
    encoded = sign_event(PAYLOAD, [signing_key(f"officer {number}") for number in range(16)])
    with pytest.raises(MalformedError) as caught:
        add_signature(encoded, signing_key("officer 16"))
    assert caught.value.field == "signatures"
