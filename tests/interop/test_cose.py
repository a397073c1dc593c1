"""Two COSE libraries accept our receipts: one of SCITT all of it, the other the signature.

Of what stands in a receipt, a verifier of RFC 9942 can be deceived in nothing but the size and the
index: they are not signed, and a path fits every size in which the leaf has the same neighbours.
"""

from functools import partial

import cbor2
import pytest
from cosigned import roots_over
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cwt import COSE, COSEKey
from cwt.exceptions import CWTError
from founding import signing_key
from scitt_cose.receipt import verify_receipt

from kpledger.log.cose import CoseReceipt
from kpledger.log.merkle import TreeSize, prove_inclusion

ENTRIES = [b"event-%d" % number for number in range(700)]
KEY = signing_key("bw-1/consensus")
SUBJECT = "5f" * 32


def _pem(public_key: bytes) -> bytes:
    key = Ed25519PublicKey.from_public_bytes(public_key)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _issue(index: int, size: int) -> bytes:
    root_of = roots_over(ENTRIES)
    receipt = CoseReceipt(
        root=root_of(0, size),
        size=TreeSize(size),
        index=index,
        path=prove_inclusion(root_of, index, TreeSize(size)),
        issuer="ledger.example/kp",
        subject=SUBJECT,
    )
    return receipt.sign(KEY)


_judge = partial(verify_receipt, log_public_key_pem=_pem(KEY.public_key))


@pytest.mark.parametrize("size", [2, 3, 4, 5, 23, 24, 25, 255, 256, 257, 511, 700])
def test_receipt_is_accepted_as_a_whole(size: int) -> None:
    for index in (0, size // 3, size - 1):
        result = _judge(_issue(index, size), leaf_entry_hex=ENTRIES[index].hex())
        assert (result.ok, result.errors) == (True, [])
        assert (result.tree_size, result.leaf_index) == (size, index)
        assert result.root == roots_over(ENTRIES)(0, size).hex()
        assert (result.issuer, result.subject) == ("ledger.example/kp", SUBJECT)
        assert result.protected_header_ext == {4: KEY.public_key}


def test_receipt_of_another_entry_or_key_is_refused() -> None:
    data = _issue(2, 5)
    assert not _judge(data, leaf_entry_hex=ENTRIES[3].hex()).ok
    other = _pem(signing_key("eu-1/consensus").public_key)
    entry = ENTRIES[2].hex()
    assert not verify_receipt(data, leaf_entry_hex=entry, log_public_key_pem=other).ok


def test_no_bit_can_change_but_of_the_size_that_no_signature_covers() -> None:
    data, entry = _issue(2, 5), ENTRIES[2].hex()
    [proof] = cbor2.loads(data).value[1][396][-1]
    size_at = data.index(proof) + 1
    unnoticed = set()
    for place in range(len(data) * 8):
        changed = bytearray(data)
        changed[place // 8] ^= 1 << place % 8
        result = _judge(bytes(changed), leaf_entry_hex=entry)
        if result.ok:
            unnoticed.add(place // 8)
            assert (result.root, result.leaf_index) == (roots_over(ENTRIES)(0, 5).hex(), 2)
    assert unnoticed <= {size_at}


def test_second_library_verifies_the_signature_over_the_detached_root() -> None:
    key = COSEKey.from_pem(_pem(KEY.public_key), kid=KEY.public_key)
    data, root = _issue(5, 700), roots_over(ENTRIES)(0, 700)
    protected, unprotected, payload = COSE.new().decode_with_headers(
        data, key, detached_payload=root
    )
    assert payload == root
    assert protected[395] == 1
    assert list(unprotected) == [396]
    for other in (roots_over(ENTRIES)(0, 699), roots_over(ENTRIES)(1, 700)):
        with pytest.raises(CWTError):
            COSE.new().decode(data, key, detached_payload=other)
