"""The keystore: the key files of one person, in one directory.

It is no agent: a key is opened for one command and forgotten. What is in a file is told in
:mod:`kpclient.keyfile`; ``keys rewrite`` writes those of an earlier format anew.
"""

import codecs
import re
import secrets
import unicodedata
from pathlib import Path
from typing import ClassVar, Final

from kpclient import keyfile
from kpclient.errors import ClientError, FileError
from kpclient.files import (
    UnreadableError,
    check_private,
    make_private_directory,
    read_bounded,
    write_durably,
)
from kpclient.keyfile import KeyEntry
from kpledger.base.keys import SEED_BYTES, SigningKey
from kpledger.scheme.event import Author

MAX_PASSPHRASE_BYTES: Final = 1024
MIN_PASSPHRASE_LENGTH: Final = 12
"""Characters: whoever has the file may try as many as he can pay for, and nobody stops him."""
_MIN_DIFFERENT: Final = 5
_MAX_FILE_BYTES: Final = 4096
_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
_SUFFIX: Final = ".key"


class KeystoreError(ClientError):
    """A key that cannot be made, found or opened."""


class WrongPassphraseError(KeystoreError):
    """The passphrase does not open the key, or its file was changed; nobody can tell which."""


class UnknownKeyError(KeystoreError):
    """There is no key of this name."""


class DamagedKeyError(KeystoreError, FileError):
    """A key's file is not what this program writes, or would take too much to open."""

    TROUBLE: ClassVar[str] = " is not a key file that can be used"


class Keystore:
    """The keys in one directory.

    Every method raises a :class:`KeystoreError` where a key cannot be made, found or opened, and
    :class:`~kpclient.files.TooOpenError` where others may look into the directory or a file.
    """

    def __init__(self, directory: Path) -> None:
        """Look at a directory; it is made when the first key is."""
        self._directory = directory

    def create(self, *, name: str, author: Author, seed: bytes, passphrase: bytes) -> KeyEntry:
        """Encrypt a key under a passphrase and keep it; one of this name is not overwritten."""
        _check_strength(_spell(passphrase))
        return self._write(name, author, seed, passphrase, replace=False)

    def rewrite(self, name: str, passphrase: bytes) -> KeyEntry:
        """Write the file of a key anew, in the format and at the cost of this version."""
        seed, author = self.unseal(name, passphrase), self.entry(name).author
        return self._write(name, author, seed, passphrase, replace=True)

    def entries(self) -> tuple[list[KeyEntry], list[ClientError]]:
        """Give all keys, by name, and what is wrong with each file that cannot be used."""
        entries: list[KeyEntry] = []
        problems: list[ClientError] = []
        for name in self._names():
            try:
                entries.append(self.entry(name))
            except ClientError as error:
                problems.append(error)
        return entries, problems

    def entry(self, name: str) -> KeyEntry:
        """Give one key, which is not opened."""
        entry, _ = self._load(name)
        return entry

    def unseal(self, name: str, passphrase: bytes) -> bytes:
        """Give the seed of a key.

        Raises:
            WrongPassphraseError: the passphrase does not open it.
        """
        entry, content = self._load(name)
        # Earlier versions took every byte as it came.
        ways = dict.fromkeys((_spell(passphrase, strictly=False), passphrase.partition(b"\n")[0]))
        try:
            tried = (keyfile.unseal(content, one) for one in ways)
            seed = next(filter(None, tried), None)
        except (ValueError, RecursionError) as error:
            raise DamagedKeyError(self._path(name), str(error)) from None
        if seed is None or SigningKey.from_seed(seed).public_key != entry.public_key:
            raise WrongPassphraseError(f"key {name}: wrong passphrase, or its file was changed")
        return seed

    def open(self, name: str, passphrase: bytes) -> SigningKey:
        """Give a key, ready to sign."""
        return SigningKey.from_seed(self.unseal(name, passphrase))

    def _write(
        self, name: str, author: Author, seed: bytes, passphrase: bytes, *, replace: bool
    ) -> KeyEntry:
        path, phrase = self._path(name), _spell(passphrase)
        entry = KeyEntry(name, author, SigningKey.from_seed(seed).public_key)
        make_private_directory(self._directory)
        try:
            write_durably(path, keyfile.seal(entry, seed, phrase), replace=replace)
        except FileExistsError:
            problem = f"there is a key {name!r} already; it is not overwritten"
            raise KeystoreError(problem) from None
        return entry

    def _names(self) -> tuple[str, ...]:
        try:
            check_private(self._directory)
            found = [path for path in self._directory.iterdir() if path.suffix == _SUFFIX]
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise UnreadableError(self._directory, error.strerror or str(error)) from None
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
            entry = keyfile.read_label(content)
        except (ValueError, RecursionError) as error:
            raise DamagedKeyError(path, str(error)) from None
        if entry.name != name:
            raise DamagedKeyError(path, f"it holds key {entry.name!r}")
        return entry, content


def make_seed() -> bytes:
    """Draw the seed of a new key."""
    return secrets.token_bytes(SEED_BYTES)


def _spell(passphrase: bytes, *, strictly: bool = True) -> bytes:
    """Give the one spelling of a passphrase, wherever it was typed (RFC 8265, OpaqueString).

    It is the first line, without the byte order mark before it and the carriage return behind it
    that an editor adds; every kind of space is a plain one, and accents are composed (NFC).
    """
    line = passphrase.partition(b"\n")[0].removeprefix(codecs.BOM_UTF8).rstrip(b"\r")
    text = line.decode(errors="surrogateescape")
    spaced = "".join(" " if unicodedata.category(one) == "Zs" else one for one in text)
    text = unicodedata.normalize("NFC", spaced)
    if strictly and not text.isprintable():
        problem = "the passphrase of a new key has a character that nobody can type, or is not text"
        raise KeystoreError(f"{problem}; accepted: printable characters, in UTF-8")
    spelled = text.encode(errors="surrogateescape")
    if not 1 <= len(spelled) <= MAX_PASSPHRASE_BYTES:
        limits = f"1 to {MAX_PASSPHRASE_BYTES} bytes"
        raise KeystoreError(f"a passphrase has {limits}, not {len(spelled)}")
    return spelled


def _check_strength(passphrase: bytes) -> None:
    """Refuse a passphrase that is tried in no time, whatever trying one costs."""
    text = passphrase.decode("utf-8", "replace")
    if len(text) < MIN_PASSPHRASE_LENGTH or len(set(text)) < _MIN_DIFFERENT:
        found = f"{len(text)}, of which {len(set(text))} differ"
        accepted = f"{MIN_PASSPHRASE_LENGTH} characters or more, {_MIN_DIFFERENT} of them different"
        problem = f"the passphrase of a new key has {accepted}; this one has {found}"
        raise KeystoreError(f"{problem}. A few words that do not belong together are a good one")
