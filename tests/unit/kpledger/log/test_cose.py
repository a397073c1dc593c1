"""A COSE receipt is written byte for byte as RFC 9942 and RFC 8949 have it."""

import hashlib
from dataclasses import replace

import pytest
from founding import signing_key
from nacl.signing import VerifyKey

from kpledger.base.errors import BadSignatureError, MalformedError
from kpledger.base.hashing import hash_leaf
from kpledger.log import cose
from kpledger.log.cose import CoseReceipt
from kpledger.log.merkle import TreeSize, compute_root, prove_inclusion

LEAVES = [hash_leaf(b"event-%d" % number) for number in range(5)]
KEY = signing_key("bw-1/consensus")
PATH = prove_inclusion(lambda start, end: compute_root(LEAVES[start:end]), 2, TreeSize(5))
SUBJECT = hashlib.sha256(b"event-2").hexdigest()

RECEIPT = CoseReceipt(
    root=compute_root(LEAVES),
    size=TreeSize(5),
    index=2,
    path=PATH,
    issuer="ledger.example/kp",
    subject=SUBJECT,
)


def test_receipt_is_written_byte_for_byte() -> None:
    """Put together by hand, item by item."""
    path, data = RECEIPT.path, RECEIPT.sign(KEY)
    protected = b"".join(
        (
            b"\xa4",  # a map of four
            b"\x01\x27",  # 1 (algorithm): -8 (EdDSA)
            b"\x04\x58\x20" + KEY.public_key,  # 4 (key id): 32 bytes
            b"\x0f\xa2",  # 15 (CWT claims): a map of two
            b"\x01\x71ledger.example/kp",  # 1 (issuer): 17 characters
            b"\x02\x78\x40" + SUBJECT.encode(),  # 2 (subject): 64 characters
            b"\x19\x01\x8b\x01",  # 395 (verifiable data structure): 1 (RFC9162_SHA256)
        )
    )
    proof = b"\x83\x05\x02\x83" + b"".join(b"\x58\x20" + digest for digest in path)
    head, signature = data[:-64], data[-64:]
    assert head == b"".join(
        (
            b"\xd2\x84",  # tag 18, an array of four
            b"\x58" + bytes([len(protected)]) + protected,
            b"\xa1\x19\x01\x8c\xa1\x20\x81",  # {396: {-1: [
            b"\x58" + bytes([len(proof)]) + proof,
            b"\xf6",  # the payload is detached
            b"\x58\x40",
        )
    )
    signed = b"\x84\x6aSignature1\x58" + bytes([len(protected)]) + protected
    VerifyKey(KEY.public_key).verify(signed + b"\x40\x58\x20" + compute_root(LEAVES), signature)


def test_leaf_that_is_the_whole_tree_has_no_such_receipt() -> None:
    alone = replace(RECEIPT, root=LEAVES[0], size=TreeSize(1), index=0, path=())
    with pytest.raises(MalformedError, match="has no path"):
        alone.sign(KEY)


def test_receipt_is_verified_by_what_it_should_say() -> None:
    keys = [signing_key(f"{voter}/consensus").public_key for voter in ("eu-1", "bw-1")]
    data = RECEIPT.sign(KEY)
    assert RECEIPT.verify(data, keys) == KEY.public_key
    with pytest.raises(MalformedError):
        RECEIPT.verify(data, keys[:1])
    for other in (
        replace(RECEIPT, size=TreeSize(6)),
        replace(RECEIPT, index=3),
        replace(RECEIPT, path=RECEIPT.path[::-1]),
        replace(RECEIPT, issuer="other.example"),
        replace(RECEIPT, subject="00" * 32),
    ):
        with pytest.raises(MalformedError):
            other.verify(data, keys)
    with pytest.raises(BadSignatureError):
        replace(RECEIPT, root=LEAVES[0]).verify(data, keys)
    for place in range(len(data)):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        with pytest.raises((MalformedError, BadSignatureError)):
            RECEIPT.verify(changed, keys)


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (0, "00"),
        (10, "0a"),
        (23, "17"),
        (24, "1818"),
        (255, "18ff"),
        (256, "190100"),
        (1000, "1903e8"),
        (65_535, "19ffff"),
        (65_536, "1a00010000"),
        (1_000_000, "1a000f4240"),
        (2**32, "1b0000000100000000"),
        (1_000_000_000_000, "1b000000e8d4a51000"),
        (2**63 - 1, "1b7fffffffffffffff"),
        (-1, "20"),
        (-24, "37"),
        (-25, "3818"),
        (-100, "3863"),
        (-1000, "3903e7"),
        (None, "f6"),
        (b"", "40"),
        (b"\x01\x02\x03\x04", "4401020304"),
        ("", "60"),
        ("IETF", "6449455446"),
        ("\u6c34", "63e6b0b4"),
        ([], "80"),
        ([1, [2, 3], [4, 5]], "8301820203820405"),
        (list(range(1, 26)), "98190102030405060708090a0b0c0d0e0f101112131415161718181819"),
        ({}, "a0"),
        ({3: 4, 1: 2}, "a201020304"),
        ({-1: 1, 100: 2, 10: 3}, "a30a03186402 2001".replace(" ", "")),
    ],
)
def test_value_is_encoded_as_rfc_8949_shows_it(value: cose._Value, encoded: str) -> None:
    """From appendix A, the lengths at the edges, and the order of section 4.2.1."""
    assert cose._encode(value).hex() == encoded
