"""Receipts in COSE, for those whose tools speak SCITT: written here, compared, and never read.

A COSE receipt (RFC 9942) is a signature over a root of the tree, by one key, with the path from a
leaf to that root beside it. It says less than a receipt of :mod:`kpledger.log.receipt`: one voter's
word, and no quorum of them.

What it needs of CBOR (RFC 8949) is little, and is written in its one deterministic encoding
(section 4.2.1).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kpledger.base.errors import MalformedError
from kpledger.base.hashing import Digest
from kpledger.base.keys import SIGNATURE_BYTES, SigningKey, verify_signature
from kpledger.log.merkle import TreeSize

_Value = int | bytes | str | Sequence["_Value"] | Mapping[int, "_Value"] | None

# Major types of CBOR (RFC 8949 section 3.1), and its null.
_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG = range(7)
_NULL: Final = b"\xf6"
_IN_FIRST_BYTE: Final = 24

_SIGN1_TAG, _SIGN1_ITEMS = 18, 4  # COSE_Sign1, RFC 9052 section 4.2
_ALGORITHM, _KEY_ID = 1, 4  # header parameters, RFC 9052 section 3.1
_EDDSA: Final = -8  # RFC 9053 section 2.2
_CLAIMS, _ISSUER, _SUBJECT = 15, 1, 2  # RFC 9597, and RFC 8392 section 3.1
_STRUCTURE, _PROOFS = 395, 396  # the kind of tree, and proofs in it: RFC 9942
_RFC9162_SHA256, _INCLUSION = 1, -1  # RFC 9942


@dataclass(frozen=True, slots=True, kw_only=True)
class CoseReceipt:
    """What a receipt in COSE says, but for who signed it.

    A verifier calculates the root itself, from the leaf and the path, and the signature covers
    that; size and index stand in the path's company only, and are not signed.
    """

    root: Digest
    """The root of a tree."""
    size: TreeSize
    """How many leaves it has."""
    index: int
    """The 0-based place of the leaf."""
    path: tuple[Digest, ...]
    """As :func:`kpledger.log.merkle.prove_inclusion` gives it."""
    issuer: str
    """The origin of the log."""
    subject: str
    """What the leaf is: the id of an event."""

    def sign(self, key: SigningKey) -> bytes:
        """Write the receipt, signed by a key of the log; its public key is the key id.

        Raises:
            MalformedError: the leaf is the whole tree.
        """
        head, signed = self._prepare(key.public_key)
        return head + key.sign(signed)

    def verify(self, data: bytes, keys: Iterable[bytes]) -> bytes:
        """Verify that a receipt says this, and nothing else; gives which of the keys signed it.

        Raises:
            BadSignatureError: the signature does not hold.
            MalformedError: it says something else, or none of the keys has signed it.
        """
        for key in keys:
            head, signed = self._prepare(key)
            if data[:-SIGNATURE_BYTES] == head:
                verify_signature(key, signed, data[-SIGNATURE_BYTES:], what="the COSE receipt")
                return key
        raise MalformedError("COSE receipt", "it says something else, or is signed by another key")

    def _prepare(self, public_key: bytes) -> tuple[bytes, bytes]:
        """Give all of a receipt but the signature, and what that covers."""
        if not self.path:
            problem = "a leaf that is the whole tree has no path, and RFC 9942 no form for that"
            raise MalformedError("COSE receipt", problem)
        protected = _encode(
            {
                _ALGORITHM: _EDDSA,
                _KEY_ID: public_key,
                _CLAIMS: {_ISSUER: self.issuer, _SUBJECT: self.subject},
                _STRUCTURE: _RFC9162_SHA256,
            }
        )
        proof = _encode([self.size, self.index, self.path])
        head = _head(_TAG, _SIGN1_TAG) + _head(_ARRAY, _SIGN1_ITEMS) + _encode(protected)
        head += _encode({_PROOFS: {_INCLUSION: [proof]}}) + _encode(None)
        head += _head(_BYTES, SIGNATURE_BYTES)
        return head, _encode(["Signature1", protected, b"", self.root])


def _encode(value: _Value) -> bytes:
    """Write a value in CBOR's deterministic encoding (RFC 8949 section 4.2.1)."""
    match value:
        case None:
            return _NULL
        case int():
            return _head(_UNSIGNED, value) if value >= 0 else _head(_NEGATIVE, -1 - value)
        case bytes():
            return _head(_BYTES, len(value)) + value
        case str():
            return _head(_TEXT, len(value.encode())) + value.encode()
        case Mapping():
            items = sorted((_encode(key), _encode(item)) for key, item in value.items())
            return _head(_MAP, len(items)) + b"".join(map(b"".join, items))
        case _:
            return _head(_ARRAY, len(value)) + b"".join(map(_encode, value))


def _head(major: int, argument: int) -> bytes:
    """Write a major type and its argument in as few bytes as can be."""
    if argument < _IN_FIRST_BYTE:
        return bytes([major << 5 | argument])
    exponent = next(one for one in range(4) if argument < 1 << (8 << one))
    return bytes([major << 5 | _IN_FIRST_BYTE + exponent]) + argument.to_bytes(1 << exponent, "big")
