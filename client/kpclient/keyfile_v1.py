"""Key files as this program wrote them before it took to PKCS#8; they are only opened.

A file is JSON. The seed is sealed with ChaCha20-Poly1305 (RFC 8439) under a key that scrypt (RFC
7914) derives from the passphrase; everything else in the file is authenticated along with it.
"""

import base64
from typing import Annotated, Literal

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from msgspec import Meta

from kpledger.base.keys import SEED_BYTES
from kpledger.scheme.event import Author


class _Cost(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parameters of RFC 7914; the limits keep a forged file from taking all memory."""

    n: Annotated[int, Meta(ge=2**10, le=2**18)]
    r: Annotated[int, Meta(ge=1, le=16)]
    p: Annotated[int, Meta(ge=1, le=4)]
    salt: str


class KeyLabel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a key's file says in clear."""

    format: Literal["kpledger-key/1"]
    name: str
    author: Author
    public_key: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    scrypt: _Cost
    nonce: str


class _KeyFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    label: KeyLabel
    sealed_seed: str
    """Base64 of the sealed seed; the label is its associated data."""


def read_label(content: bytes) -> KeyLabel:
    """Give what a file says in clear.

    Raises:
        ValueError: it is no such file.
    """
    return msgspec.json.decode(content, type=_KeyFile).label


def unseal(content: bytes, passphrase: bytes) -> bytes | None:
    """Give the seed in a file; None if the passphrase does not open it.

    Raises:
        ValueError: it is no such file.
    """
    file = msgspec.json.decode(content, type=_KeyFile)
    cost = file.label.scrypt
    salt, nonce = _from_base64(cost.salt), _from_base64(file.label.nonce)
    key = Scrypt(salt=salt, length=32, n=cost.n, r=cost.r, p=cost.p).derive(passphrase)
    label = msgspec.json.encode(file.label, order="sorted")
    try:
        seed = ChaCha20Poly1305(key).decrypt(nonce, _from_base64(file.sealed_seed), label)
    except InvalidTag:
        return None
    if len(seed) != SEED_BYTES:
        raise ValueError(f"its seed has {len(seed)} bytes")
    return seed


def _from_base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
