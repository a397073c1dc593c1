"""The keystore: Ed25519 seeds at rest, each sealed under a passphrase in a file of its own.

A file is JSON, so that people can see whose key it is. The seed is sealed with ChaCha20-Poly1305
(RFC 8439) under a key that scrypt (RFC 7914) derives from the passphrase; everything else in the
file is authenticated along with it, so that nobody can relabel a key. The store is no agent: a key
is unsealed for one command and forgotten.
"""

import base64
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from msgspec import Meta

from kpclient.errors import ClientError
from kpclient.files import (
    check_private,
    make_private_directory,
    read_bounded,
    write_durably,
)
from kpledger.base.keys import SEED_BYTES, SigningKey
from kpledger.scheme.event import Author

FORMAT: Final = "kpledger-key/1"
MAX_PASSPHRASE_BYTES: Final = 1024
_MAX_FILE_BYTES: Final = 4096
_NAME_PATTERN: Final = r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?\Z"
_SUFFIX: Final = ".key"
_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12

# RFC 7914 section 2: N = 2^15 and r = 8 take 32 MiB and some 0.1 s, once for each command.
_SCRYPT_N: Final = 2**15
_SCRYPT_R: Final = 8
_SCRYPT_P: Final = 1


class KeystoreError(ClientError):
    """A key that cannot be made, found or opened."""


class WrongPassphraseError(KeystoreError):
    """The passphrase does not open the key, or its file was tampered with.

    Attributes:
        name: the key.
    """

    def __init__(self, name: str) -> None:
        """Say which key stays closed; the seal cannot tell the two reasons apart."""
        super().__init__(f"key {name}: wrong passphrase, or its file was changed")
        self.name = name


class UnknownKeyError(KeystoreError):
    """There is no key of this name.

    Attributes:
        name: what was asked for.
        known: the names that exist.
    """

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        """Say what was asked for and what there is."""
        there = ", ".join(known) or "none; make one with: kpledger keys new"
        super().__init__(f"there is no key {name!r}; there is {there}")
        self.name = name
        self.known = known


class ExistingKeyError(KeystoreError):
    """A key of this name exists; it is never overwritten.

    Attributes:
        name: the key.
    """

    def __init__(self, name: str) -> None:
        """Say which."""
        super().__init__(f"there is a key {name!r} already; it is not overwritten")
        self.name = name


class DamagedKeyError(KeystoreError):
    """A key's file is not what this program writes.

    Attributes:
        path: the file.
    """

    def __init__(self, path: Path, problem: str) -> None:
        """Say which file, and what is wrong with it."""
        super().__init__(f"{path} is no key file: {problem}")
        self.path = path


class _Scrypt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parameters of RFC 7914; the limits keep a forged file from taking all memory."""

    n: Annotated[int, Meta(ge=2**10, le=2**18)]
    r: Annotated[int, Meta(ge=1, le=16)]
    p: Annotated[int, Meta(ge=1, le=4)]
    salt: str


class _Label(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a key's file says in clear."""

    format: Literal["kpledger-key/1"]
    name: Annotated[str, Meta(pattern=_NAME_PATTERN)]
    author: Author
    public_key: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    scrypt: _Scrypt
    nonce: str


class _KeyFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    label: _Label
    sealed_seed: str
    """Base64 of the sealed seed; the label is its associated data."""


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A key as it can be seen without its passphrase."""

    name: str
    author: Author
    """The office it is meant to sign for."""
    public_key: bytes


class Keystore:
    """The keys in one directory."""

    def __init__(self, directory: Path) -> None:
        """Look at a directory; it is made when the first key is."""
        self._directory = directory

    def create(self, *, name: str, author: Author, seed: bytes, passphrase: bytes) -> KeyEntry:
        """Seal a seed under a passphrase and keep it.

        Raises:
            KeystoreError: the name is not a name, or is taken, or the passphrase is no passphrase.
            TooOpenError: others may look into the directory.
        """
        path = self._path(name)
        _check_passphrase(passphrase)
        label = _Label(
            format=FORMAT,
            name=name,
            author=author,
            public_key=SigningKey.from_seed(seed).public_key.hex(),
            scrypt=_Scrypt(
                n=_SCRYPT_N,
                r=_SCRYPT_R,
                p=_SCRYPT_P,
                salt=_to_base64(secrets.token_bytes(_SALT_BYTES)),
            ),
            nonce=_to_base64(secrets.token_bytes(_NONCE_BYTES)),
        )
        sealed = _cipher(label, passphrase).encrypt(_nonce(label), seed, _encode(label))
        file = _KeyFile(label=label, sealed_seed=_to_base64(sealed))
        make_private_directory(self._directory)
        try:
            write_durably(path, msgspec.json.format(_encode(file)) + b"\n", replace=False)
        except FileExistsError:
            raise ExistingKeyError(name) from None
        return _entry(label)

    def entries(self) -> tuple[KeyEntry, ...]:
        """Give all keys, by name.

        Raises:
            DamagedKeyError: one of the files is no key file.
            TooOpenError: others may read one of them.
        """
        return tuple(_entry(self._load(name).label) for name in self._names())

    def entry(self, name: str) -> KeyEntry:
        """Give one key.

        Raises:
            KeystoreError: there is none of this name, or its file is damaged.
            TooOpenError: others may read it.
        """
        return _entry(self._load(name).label)

    def unseal(self, name: str, passphrase: bytes) -> bytes:
        """Give the seed of a key.

        Raises:
            WrongPassphraseError: the passphrase does not open it.
            KeystoreError: there is none of this name, or its file is damaged.
            TooOpenError: others may read it.
        """
        file = self._load(name)
        _check_passphrase(passphrase)
        try:
            sealed = _from_base64(file.sealed_seed)
            cipher = _cipher(file.label, passphrase)
            seed = cipher.decrypt(_nonce(file.label), sealed, _encode(file.label))
        except InvalidTag:
            raise WrongPassphraseError(name) from None
        except ValueError as error:
            raise DamagedKeyError(self._path(name), str(error)) from None
        if len(seed) != SEED_BYTES:
            raise DamagedKeyError(self._path(name), f"its seed has {len(seed)} bytes")
        return seed

    def open(self, name: str, passphrase: bytes) -> SigningKey:
        """Give a key, ready to sign.

        Raises:
            KeystoreError: as :meth:`unseal`.
            TooOpenError: others may read it.
        """
        return SigningKey.from_seed(self.unseal(name, passphrase))

    def _names(self) -> tuple[str, ...]:
        if not self._directory.is_dir():
            return ()
        check_private(self._directory)
        found = self._directory.glob(f"*{_SUFFIX}")
        return tuple(sorted(p.stem for p in found if re.match(_NAME_PATTERN, p.stem)))

    def _path(self, name: str) -> Path:
        if re.match(_NAME_PATTERN, name) is None:
            raise KeystoreError(
                f"{name!r} is no name for a key; accepted: 1 to 64 letters, digits, . _ -"
            )
        return self._directory / f"{name}{_SUFFIX}"

    def _load(self, name: str) -> _KeyFile:
        path = self._path(name)
        if not path.is_file():
            raise UnknownKeyError(name, self._names())
        check_private(self._directory)
        check_private(path)
        try:
            file = msgspec.json.decode(read_bounded(path, max_bytes=_MAX_FILE_BYTES), type=_KeyFile)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DamagedKeyError(path, str(error)) from None
        if file.label.name != name:
            raise DamagedKeyError(path, f"it holds key {file.label.name!r}")
        return file


def make_seed() -> bytes:
    """Draw the seed of a new key."""
    return secrets.token_bytes(SEED_BYTES)


def _check_passphrase(passphrase: bytes) -> None:
    if not 1 <= len(passphrase) <= MAX_PASSPHRASE_BYTES:
        raise KeystoreError(
            f"a passphrase has 1 to {MAX_PASSPHRASE_BYTES} bytes, not {len(passphrase)}"
        )


def _cipher(label: _Label, passphrase: bytes) -> ChaCha20Poly1305:
    cost = label.scrypt
    kdf = Scrypt(salt=_from_base64(cost.salt), length=32, n=cost.n, r=cost.r, p=cost.p)
    return ChaCha20Poly1305(kdf.derive(passphrase))


def _nonce(label: _Label) -> bytes:
    return _from_base64(label.nonce)


def _encode(value: msgspec.Struct) -> bytes:
    return msgspec.json.encode(value, order="sorted")


def _entry(label: _Label) -> KeyEntry:
    return KeyEntry(label.name, label.author, bytes.fromhex(label.public_key))


def _to_base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _from_base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
