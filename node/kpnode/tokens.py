"""Tokens by which an operator lets clients ask what is not for everybody.

A token is 256 random bits, shown once when it is made. The node keeps its SHA-256 alone, which is
enough for what nobody can guess (a passphrase would need a slow hash), in a file of lines
``NAME DAY SHA256`` that only its owner may read or write.
"""

import fcntl
import hashlib
import hmac
import logging
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kpledger.api.routes import BEARER_TOKEN
from kpledger.reading import read_text, say_trouble
from kpnode.errors import SetupError

TOKEN_PREFIX: Final = "kpt_"  # noqa: S105 (what each begins with)
"""So that a token which lies about is known for one, by people and by scanners for secrets."""
MAX_TOKENS: Final = 1_000
_TOKEN_BYTES: Final = 32
_MAX_FILE_BYTES: Final = 256 << 10
_MAX_TOKEN_BYTES: Final = 4096
_PRIVATE_MODE: Final = 0o600
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_LINE: Final = re.compile(rf"({_NAME.pattern}) (\d{{4}}-\d\d-\d\d) ([0-9a-f]{{64}})")
_HEADING: Final = (
    "# Hashes of tokens; change it with `kpnode token add` and `kpnode token revoke`.\n"
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TokenEntry:
    """A token as its node knows it."""

    name: str
    """Whose it is, in the operator's words."""
    day: str
    """When it was made, UTC."""
    sha256: str


def load_token(path: Path) -> str:
    """Read a token that is shown to other nodes.

    Raises:
        SetupError: it cannot be read, others may read it, or it holds no token.
    """
    try:
        token = read_text(path, max_bytes=_MAX_TOKEN_BYTES).strip()
        mode = path.stat().st_mode
    except OSError as error:
        raise SetupError(f"{path} cannot be read: {error.strerror}") from None
    if stat.S_ISREG(mode) and mode & 0o077:
        problem = f"others may read it (mode {stat.S_IMODE(mode):o})"
        raise SetupError(f"{path}: {problem}; close it with: chmod 600 {path}")
    if BEARER_TOKEN.fullmatch(token) is None:
        accepted = "one token alone, as kpnode token add printed it"
        raise SetupError(f"{path} holds no token; accepted: {accepted}")
    return token


def read_tokens(path: Path) -> tuple[TokenEntry, ...]:
    """Read the file; one that is not there holds no token.

    Raises:
        SetupError: it cannot be read, others may read or write it, or a line is none.
    """
    try:
        mode = path.stat().st_mode
        text = read_text(path, max_bytes=_MAX_FILE_BYTES)
    except FileNotFoundError:
        return ()
    except OSError as error:
        why = error.strerror or error
        raise SetupError(f"{path} cannot be read: {why}") from None
    if mode & 0o077:
        problem = f"has mode {stat.S_IMODE(mode):04o}; others may read or write it; chmod 600 it"
        raise SetupError(f"{path} {problem}")
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line]
    found = []
    for number, line in lines:
        if line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise SetupError(f"{path}, line {number}: accepted: NAME YYYY-MM-DD SHA256")
        found.append(TokenEntry(*match.groups()))
    if len(found) > MAX_TOKENS:
        raise SetupError(f"{path} holds more than {MAX_TOKENS} tokens")
    return tuple(found)


def add_token(path: Path, name: str) -> str:
    """Make a token and add its hash to the file; gives the token, which nobody keeps.

    Raises:
        SetupError: there is one of this name, or the file cannot be used.
    """
    if _NAME.fullmatch(name) is None:
        accepted = "1 to 32 letters, digits, dots, hyphens and underscores, a letter or digit first"
        raise SetupError(f"NAME: {name!r}; accepted: {accepted}")
    token = TOKEN_PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
    with _changing(path) as entries:
        if any(one.name == name for one in entries):
            raise SetupError(f"{path} has a token {name} already; revoke it first")
        day = time.strftime("%Y-%m-%d", time.gmtime())
        _write(path, [*entries, TokenEntry(name, day, _hash(token))])
    return token


def revoke_token(path: Path, name: str) -> None:
    """Take a token out of the file; a running node refuses it from the next request on.

    Raises:
        SetupError: there is none of this name, or the file cannot be used.
    """
    with _changing(path) as entries:
        kept = [one for one in entries if one.name != name]
        if len(kept) == len(entries):
            known = ", ".join(one.name for one in entries) or "none"
            raise SetupError(f"{path} has no token {name!r}; accepted: {known}")
        _write(path, kept)


@contextmanager
def _changing(path: Path) -> Iterator[Sequence[TokenEntry]]:
    """Let nobody else change the file: what was revoked must not be written again."""
    try:
        lock = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield read_tokens(path)
        finally:
            os.close(lock)
    except OSError as error:
        raise SetupError(f"{path} cannot be written: {say_trouble(error)}") from None


def _write(path: Path, entries: Sequence[TokenEntry]) -> None:
    path = path.resolve()  # a link to it stays
    partial = path.with_name(path.name + ".new")
    partial.unlink(missing_ok=True)
    lines = [f"{one.name} {one.day} {one.sha256}\n" for one in entries]
    with os.fdopen(
        os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_MODE), "w", encoding="ascii"
    ) as file:
        if os.geteuid() == 0:
            # An administrator makes it for the user under whom the node runs.
            owner = path.parent.stat()
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        file.write(_HEADING + "".join(lines))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _hash(token: str) -> str:
    # What came in a header may be any bytes.
    return hashlib.sha256(token.encode(errors="surrogateescape")).hexdigest()


class TokenRegister:
    """The tokens of a running node: what the file says now, without a restart.

    A file that can no longer be used lets nobody in, and says so once in the log.
    """

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            SetupError: it cannot be used.
        """
        self._path = path
        self._seen = self._look()
        self._entries = read_tokens(path)

    def holds(self, token: str) -> bool:
        """Tell whether this is a token of the node, in a time that says nothing about others."""
        self._refresh()
        presented = _hash(token)
        found = [hmac.compare_digest(presented, one.sha256) for one in self._entries]
        return any(found)

    def _refresh(self) -> None:
        seen = self._look()
        if seen == self._seen:
            return
        self._seen, self._entries = seen, ()
        try:
            self._entries = read_tokens(self._path)
        except SetupError as error:
            _log.error("no token is accepted until this is mended: %s", error)
            return
        _log.info("%s: tokens that are accepted: %d", self._path, len(self._entries))

    def _look(self) -> tuple[int, ...]:
        """Give what differs when the file does."""
        try:
            found = self._path.stat()
        except OSError:
            return ()
        return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
