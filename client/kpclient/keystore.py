"""The keystore: Ed25519 keys at rest, each encrypted under a passphrase in a file of its own.

A file is PKCS#8 in PEM (RFC 5958, RFC 7468), as OpenSSL writes and opens it: encrypted by PBES2
with scrypt (RFC 7914) and AES-256-CBC. In front stand three lines that say whose key it is. Half of
scrypt's salt is the hash of these lines, so that nobody can relabel a key: it would not open any
more. The store is no agent: a key is opened for one command and forgotten.

Files of the format before (:mod:`kpclient.keyfile_v1`) are opened as well; ``keys rewrite`` writes
them anew.
"""

import hashlib
import re
import secrets
from base64 import b64decode, b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher
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

from kpclient import keyfile_v1
from kpclient.errors import ClientError
from kpclient.files import check_private, make_private_directory, read_bounded, write_durably
from kpledger.base.keys import SEED_BYTES, SigningKey
from kpledger.scheme.event import Author

MAX_PASSPHRASE_BYTES: Final = 1024
_MAX_FILE_BYTES: Final = 4096
_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
_SUFFIX: Final = ".key"
_FILE: Final = re.compile(
    rb"(?P<label>Name: (?P<name>[^\n]{1,64})\nAuthor: (?P<participant>[A-Z]{2}|KPCS)/"
    rb"(?P<authority>[a-z0-9-]{1,32})\nPublic-Key: (?P<public_key>[0-9a-f]{64})\n)"
    rb"(?P<pem>-----BEGIN ENCRYPTED PRIVATE KEY-----\n[A-Za-z0-9+/=\n]+"
    rb"-----END ENCRYPTED PRIVATE KEY-----\n)"
)

# RFC 7914 section 2: 16 MiB, which OpenSSL opens without asking, and some 0.1 s for each command.
_SCRYPT_N: Final = 2**14
_SCRYPT_R: Final = 8
_SCRYPT_P: Final = 2
_SALT_BYTES: Final = 16
_IV_BYTES: Final = 16
_PBES2: Final = bytes.fromhex("06092a864886f70d01050d")
_SCRYPT: Final = bytes.fromhex("06092b06010401da47040b")
_AES_256_CBC: Final = bytes.fromhex("060960864801650304012a")
"""Object identifiers: of RFC 8018, RFC 7914 section 7 and NIST."""
_SALT_AT: Final = 35
"""Where the salt begins; initialisation vector and ciphertext have their places from the end."""


class KeystoreError(ClientError):
    """A key that cannot be made, found or opened."""


class WrongPassphraseError(KeystoreError):
    """The passphrase does not open the key, or its file was changed; nobody can tell which."""


class UnknownKeyError(KeystoreError):
    """There is no key of this name."""


class ExistingKeyError(KeystoreError):
    """A key of this name exists; it is never overwritten."""


class DamagedKeyError(KeystoreError):
    """A key's file is not what this program writes."""


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A key as it can be seen without its passphrase."""

    name: str
    author: Author
    """The office it is meant to sign for."""
    public_key: bytes
    is_old: bool = False
    """Its file has the format of an earlier version."""


class Keystore:
    """The keys in one directory."""

    def __init__(self, directory: Path) -> None:
        """Look at a directory; it is made when the first key is."""
        self._directory = directory

    def create(self, *, name: str, author: Author, seed: bytes, passphrase: bytes) -> KeyEntry:
        """Encrypt a key under a passphrase and keep it.

        Raises:
            KeystoreError: the name is not a name, or is taken, or the passphrase is no passphrase.
            TooOpenError: others may look into the directory.
        """
        return self._write(name, author, seed, passphrase, replace=False)

    def rewrite(self, name: str, passphrase: bytes) -> KeyEntry:
        """Write the file of a key anew, in the format of this version.

        Raises:
            KeystoreError: as :meth:`unseal`.
            TooOpenError: others may read it.
        """
        seed, author = self.unseal(name, passphrase), self.entry(name).author
        return self._write(name, author, seed, passphrase, replace=True)

    def entries(self) -> tuple[KeyEntry, ...]:
        """Give all keys, by name.

        Raises:
            DamagedKeyError: one of the files is no key file.
            TooOpenError: others may read one of them.
        """
        return tuple(map(self.entry, self._names()))

    def entry(self, name: str) -> KeyEntry:
        """Give one key.

        Raises:
            KeystoreError: there is none of this name, or its file is damaged.
            TooOpenError: others may read it.
        """
        entry, _ = self._load(name)
        return entry

    def unseal(self, name: str, passphrase: bytes) -> bytes:
        """Give the seed of a key.

        Raises:
            WrongPassphraseError: the passphrase does not open it.
            KeystoreError: there is none of this name, or its file is damaged.
            TooOpenError: others may read it.
        """
        entry, content = self._load(name)
        _check_passphrase(passphrase)
        try:
            seed = (
                keyfile_v1.unseal(content, passphrase)
                if entry.is_old
                else _decrypt(content, passphrase)
            )
        except ValueError as error:
            raise DamagedKeyError(f"{self._path(name)} is not a key file: {error}") from None
        if seed is None or SigningKey.from_seed(seed).public_key != entry.public_key:
            raise WrongPassphraseError(f"key {name}: wrong passphrase, or its file was changed")
        return seed

    def open(self, name: str, passphrase: bytes) -> SigningKey:
        """Give a key, ready to sign.

        Raises:
            KeystoreError: as :meth:`unseal`.
            TooOpenError: others may read it.
        """
        return SigningKey.from_seed(self.unseal(name, passphrase))

    def _write(
        self, name: str, author: Author, seed: bytes, passphrase: bytes, *, replace: bool
    ) -> KeyEntry:
        path = self._path(name)
        _check_passphrase(passphrase)
        entry = KeyEntry(name, author, SigningKey.from_seed(seed).public_key)
        label = f"Name: {name}\nAuthor: {author}\nPublic-Key: {entry.public_key.hex()}\n".encode()
        make_private_directory(self._directory)
        try:
            write_durably(path, label + _encrypt(label, seed, passphrase), replace=replace)
        except FileExistsError:
            problem = f"there is a key {name!r} already; it is not overwritten"
            raise ExistingKeyError(problem) from None
        return entry

    def _names(self) -> tuple[str, ...]:
        if not self._directory.is_dir():
            return ()
        check_private(self._directory)
        found = self._directory.glob(f"*{_SUFFIX}")
        return tuple(sorted(path.stem for path in found if _NAME.fullmatch(path.stem)))

    def _path(self, name: str) -> Path:
        if _NAME.fullmatch(name) is None:
            problem = f"{name!r} is not a name for a key; accepted: 1 to 64 letters, digits, . _ -"
            raise KeystoreError(problem)
        return self._directory / f"{name}{_SUFFIX}"

    def _load(self, name: str) -> tuple[KeyEntry, bytes]:
        """Give what a key's file says in clear, and the whole file."""
        path = self._path(name)
        if not path.is_file():
            there = ", ".join(self._names()) or "none; make one with: kpledger keys new"
            raise UnknownKeyError(f"there is no key {name!r}; the keys are: {there}")
        check_private(self._directory)
        check_private(path)
        content = read_bounded(path, max_bytes=_MAX_FILE_BYTES)
        try:
            entry = _read_label(content)
        except ValueError as error:
            raise DamagedKeyError(f"{path} is not a key file: {error}") from None
        if entry.name != name:
            raise DamagedKeyError(f"{path} is not a key file: it holds key {entry.name!r}")
        return entry, content


def make_seed() -> bytes:
    """Draw the seed of a new key."""
    return secrets.token_bytes(SEED_BYTES)


def _check_passphrase(passphrase: bytes) -> None:
    if not 1 <= len(passphrase) <= MAX_PASSPHRASE_BYTES:
        raise KeystoreError(
            f"a passphrase has 1 to {MAX_PASSPHRASE_BYTES} bytes, not {len(passphrase)}"
        )


def _read_label(content: bytes) -> KeyEntry:
    if content.startswith(b"{"):
        old = keyfile_v1.read_label(content)
        return KeyEntry(old.name, old.author, bytes.fromhex(old.public_key), is_old=True)
    found = _FILE.fullmatch(content)
    if found is None:
        raise ValueError("it is not a labelled, encrypted private key in PEM")
    said = {name: value.decode() for name, value in found.groupdict().items()}
    author = Author(participant=said["participant"], authority=said["authority"])
    return KeyEntry(said["name"], author, bytes.fromhex(said["public_key"]))


def _encrypt(label: bytes, seed: bytes, passphrase: bytes) -> bytes:
    """Give a key as PEM, tied to its label.

    ``cryptography`` encrypts PKCS#8 with PBKDF2 only, 2048 rounds; so the envelope is put around
    its unencrypted form here, and opened by ``cryptography`` again.
    """
    salt = secrets.token_bytes(_SALT_BYTES) + _digest(label)
    iv = secrets.token_bytes(_IV_BYTES)
    key = Ed25519PrivateKey.from_private_bytes(seed)
    padder = PKCS7(AES256.block_size).padder()
    plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    derived = Scrypt(salt=salt, length=32, n=_SCRYPT_N, r=_SCRYPT_R, p=_SCRYPT_P).derive(passphrase)
    encryptor = Cipher(AES256(derived), CBC(iv)).encryptor()
    sealed = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
    text = b64encode(_wrap(salt, iv, sealed)).decode()
    lines = "\n".join(text[start : start + 64] for start in range(0, len(text), 64))
    what = "ENCRYPTED PRIVATE KEY"
    return f"-----BEGIN {what}-----\n{lines}\n-----END {what}-----\n".encode()


def _decrypt(content: bytes, passphrase: bytes) -> bytes | None:
    """Give the seed in a file; None if the passphrase, or the label, is not the one it was.

    Raises:
        ValueError: it is encrypted otherwise than by this program.
    """
    found = _FILE.fullmatch(content)
    if found is None:
        raise ValueError("it is not a labelled, encrypted private key in PEM")
    der = b64decode(b"".join(found["pem"].splitlines()[1:-1]), validate=True)
    salt, iv, sealed = der[_SALT_AT : _SALT_AT + 32], der[-82:-66], der[-64:]
    # The costs have to be ours, and not what somebody wrote there to take all memory.
    if der != _wrap(salt, iv, sealed):
        raise ValueError("it is not encrypted as this program does")
    if salt[_SALT_BYTES:] != _digest(found["label"]):
        return None
    try:
        key = load_pem_private_key(found["pem"], passphrase)
    except ValueError:
        return None
    return key.private_bytes_raw() if isinstance(key, Ed25519PrivateKey) else None


def _digest(label: bytes) -> bytes:
    return hashlib.sha256(label).digest()[:_SALT_BYTES]


def _wrap(salt: bytes, iv: bytes, sealed: bytes) -> bytes:
    """Write the EncryptedPrivateKeyInfo of RFC 5958 with the parameters of RFC 7914."""
    costs = (_SCRYPT_N, _SCRYPT_R, _SCRYPT_P)
    integers = [_der(0x02, one.to_bytes(one.bit_length() // 8 + 1)) for one in costs]
    derivation = _der(0x30, _SCRYPT, _der(0x30, _der(0x04, salt), *integers))
    encryption = _der(0x30, _AES_256_CBC, _der(0x04, iv))
    algorithm = _der(0x30, _PBES2, _der(0x30, derivation, encryption))
    return _der(0x30, algorithm, _der(0x04, sealed))


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    # Nothing here is longer than 255 bytes; from 128 on, one byte says that one of length follows.
    long = bytes([0x81]) if len(content) >> 7 else b""
    return bytes([tag]) + long + bytes([len(content)]) + content
