"""Key files: an Ed25519 key at rest, encrypted under a passphrase.

A file is PKCS#8 in PEM (RFC 5958, RFC 7468), encrypted by PBES2 with scrypt (RFC 7914) and
AES-256-CBC; OpenSSL opens it where it is allowed the memory. In front stand three lines that say
whose key it is. Half of scrypt's salt is the hash of these lines, so that nobody can relabel a key:
it would not open any more. What scrypt costs stands in the file, so that one with another cost
opens as well.

Files of the format before are opened, and not written any more. They are JSON; the seed is sealed
with ChaCha20-Poly1305 (RFC 8439) under a key of scrypt, and all else in the file is authenticated
along with it.
"""

import hashlib
import re
import secrets
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Final, Literal

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from kpledger.base.ids import HexDigest
from kpledger.scheme.event import Author

_FILE: Final = re.compile(
    rb"(?P<label>Name: (?P<name>[^\n]{1,64})\nAuthor: (?P<participant>[A-Z]{2}|KPCS)/"
    rb"(?P<authority>[a-z0-9-]{1,32})\nPublic-Key: (?P<public_key>[0-9a-f]{64})\n)"
    rb"(?P<pem>-----BEGIN ENCRYPTED PRIVATE KEY-----\n[A-Za-z0-9+/=\n]+"
    rb"-----END ENCRYPTED PRIVATE KEY-----\n)"
)

_COST = (2**17, 8, 1)
"""RFC 7914 section 2: n, r and p. 128 MiB and some 0.4 s for each passphrase that is tried, which
is what OWASP's Password Storage Cheat Sheet asks for; the ``openssl`` command stops at 32 MiB."""
MAX_COST: Final = 2**22
"""The largest n * r * p of a file that is opened: some seconds."""
MAX_MEMORY_MIB: Final = 512
"""The most memory that it may take; the blocks in it have 128 * r bytes."""
_MOST_COST_BYTES: Final = 4
_SALT_BYTES: Final = 16
_IV_BYTES: Final = 16
_PBES2: Final = bytes.fromhex("06092a864886f70d01050d")
_SCRYPT: Final = bytes.fromhex("06092b06010401da47040b")
_AES_256_CBC: Final = bytes.fromhex("060960864801650304012a")
"""Object identifiers: of RFC 8018, RFC 7914 section 7 and NIST."""
_SALT_AT: Final = 35
"""Where the salt begins; initialisation vector and ciphertext have their places from the end."""


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A key as it can be seen without its passphrase."""

    name: str
    author: Author
    """The office it is meant to sign for."""
    public_key: bytes
    is_old: bool = False
    """Its file was written by an earlier version: in another format, or cheaper to try."""


class _OldCost(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    n: int
    r: int
    p: int
    salt: bytes


class _OldLabel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: Literal["kpledger-key/1"]
    name: str
    author: Author
    public_key: HexDigest
    scrypt: _OldCost
    nonce: bytes


class _OldFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    label: _OldLabel
    sealed_seed: bytes
    """The label is its associated data."""


def read_label(content: bytes) -> KeyEntry:
    """Give what a file says in clear.

    Raises:
        ValueError: it is no key file.
    """
    if content.startswith(b"{"):
        old = msgspec.json.decode(content, type=_OldFile).label
        return KeyEntry(old.name, old.author, bytes.fromhex(old.public_key), is_old=True)
    found = _match(content)
    said = {name: value.decode() for name, value in found.groupdict().items()}
    author = Author(participant=said["participant"], authority=said["authority"])
    n, r, p = _read_cost(_read_der(found))
    is_old = n * r * p < _COST[0] * _COST[1] * _COST[2]
    return KeyEntry(said["name"], author, bytes.fromhex(said["public_key"]), is_old=is_old)


def seal(entry: KeyEntry, seed: bytes, passphrase: bytes) -> bytes:
    """Give the file of a key.

    ``cryptography`` encrypts PKCS#8 with PBKDF2 only, 2048 rounds; so the envelope is put around
    its unencrypted form here, and opened by ``cryptography`` again.
    """
    public_key = entry.public_key.hex()
    label = f"Name: {entry.name}\nAuthor: {entry.author}\nPublic-Key: {public_key}\n".encode()
    salt = secrets.token_bytes(_SALT_BYTES) + _digest(label)
    iv = secrets.token_bytes(_IV_BYTES)
    key = Ed25519PrivateKey.from_private_bytes(seed)
    padder = PKCS7(AES256.block_size).padder()
    plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    encryptor = Cipher(AES256(_derive(passphrase, salt, *_COST)), CBC(iv)).encryptor()
    sealed = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
    text = b64encode(_wrap(salt, _COST, iv, sealed)).decode()
    lines = "\n".join(text[start : start + 64] for start in range(0, len(text), 64))
    what = "ENCRYPTED PRIVATE KEY"
    return label + f"-----BEGIN {what}-----\n{lines}\n-----END {what}-----\n".encode()


def unseal(content: bytes, passphrase: bytes) -> bytes | None:
    """Give the seed in a file; None if the passphrase, or the label, is not the one it was.

    Raises:
        ValueError: it is no key file, or scrypt would cost too much.
    """
    if content.startswith(b"{"):
        return _unseal_old(msgspec.json.decode(content, type=_OldFile), passphrase)
    found = _match(content)
    der = _read_der(found)
    salt, iv, sealed = der[_SALT_AT : _SALT_AT + 32], der[-82:-66], der[-64:]
    cost = _read_cost(der)
    if der != _wrap(salt, cost, iv, sealed):
        raise ValueError("it is not encrypted as this program does")
    _check_cost(*cost)
    if salt[_SALT_BYTES:] != _digest(found["label"]):
        return None
    try:
        key = load_pem_private_key(found["pem"], passphrase)
    except ValueError:
        return None
    return key.private_bytes_raw() if isinstance(key, Ed25519PrivateKey) else None


def _unseal_old(file: _OldFile, passphrase: bytes) -> bytes | None:
    cost = file.label.scrypt
    key = _derive(passphrase, cost.salt, cost.n, cost.r, cost.p)
    label = msgspec.json.encode(file.label, order="sorted")
    try:
        return ChaCha20Poly1305(key).decrypt(file.label.nonce, file.sealed_seed, label)
    except InvalidTag:
        return None


def _match(content: bytes) -> re.Match[bytes]:
    found = _FILE.fullmatch(content)
    if found is None:
        raise ValueError("it is not a labelled, encrypted private key in PEM")
    return found


def _read_der(found: re.Match[bytes]) -> bytes:
    return b64decode(b"".join(found["pem"].splitlines()[1:-1]), validate=True)


def _derive(passphrase: bytes, salt: bytes, n: int, r: int, p: int) -> bytes:
    _check_cost(n, r, p)
    return Scrypt(salt=salt, length=32, n=n, r=r, p=p).derive(passphrase)


def _check_cost(n: int, r: int, p: int) -> None:
    """Refuse a file that somebody made to take all memory, or hours."""
    cost = f"n={n}, r={r}, p={p}"
    # RFC 7914 section 2; r * p is below 2^30 for every n * r * p that is let in.
    if n < 2 or n & (n - 1) or r < 1 or p < 1 or n.bit_length() > 16 * r:  # noqa: PLR2004
        limit = "n is a power of two, from 2 on and less than 2^(16 * r); r and p are at least 1"
        raise ValueError(f"scrypt has no such cost ({cost}): {limit}")
    # OpenSSL holds n blocks that are filled, p that are mixed, and two to work on.
    if n * r * p > MAX_COST or 128 * r * (n + p + 2) > MAX_MEMORY_MIB << 20:
        limit = f"n * r * p may be {MAX_COST} at the most, and its memory {MAX_MEMORY_MIB} MiB"
        raise ValueError(f"its scrypt would cost too much ({cost}): {limit}")


def _digest(label: bytes) -> bytes:
    return hashlib.sha256(label).digest()[:_SALT_BYTES]


def _wrap(salt: bytes, cost: tuple[int, ...], iv: bytes, sealed: bytes) -> bytes:
    """Write the EncryptedPrivateKeyInfo of RFC 5958 with the parameters of RFC 7914."""
    integers = [_der(0x02, one.to_bytes(one.bit_length() // 8 + 1)) for one in cost]
    derivation = _der(0x30, _SCRYPT, _der(0x30, _der(0x04, salt), *integers))
    encryption = _der(0x30, _AES_256_CBC, _der(0x04, iv))
    algorithm = _der(0x30, _PBES2, _der(0x30, derivation, encryption))
    return _der(0x30, algorithm, _der(0x04, sealed))


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    # Nothing here is longer than 255 bytes; from 128 on, one byte says that one of length follows.
    long = bytes([0x81]) if len(content) >> 7 else b""
    return bytes([tag]) + long + bytes([len(content)]) + content


def _read_cost(der: bytes) -> tuple[int, int, int]:
    """Read what :func:`_wrap` has written behind the salt; whether it is that, only it can tell."""
    found = []
    start = _SALT_AT + 2 * _SALT_BYTES
    for _ in range(3):
        end = start + 2 + min(int.from_bytes(der[start + 1 : start + 2]), _MOST_COST_BYTES)
        found.append(int.from_bytes(der[start + 2 : end]))
        start = end
    return found[0], found[1], found[2]
