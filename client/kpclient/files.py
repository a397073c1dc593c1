"""Small files that survive a crash: written whole or not at all, and on disk before it returns.

Keys, the outbox and what was last seen of a ledger are all a few hundred bytes; none of them may be
found half written after a power cut. Nobody but their owner may read them.
"""

import os
import stat
import tempfile
from pathlib import Path
from typing import ClassVar, Final

from kpclient.errors import FileError, UsageError
from kpledger.reading import read_file, read_text

PRIVATE_FILE: Final = 0o600
PRIVATE_DIRECTORY: Final = 0o700
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class TooOpenError(FileError):
    """A private file or directory that others may read."""


class UnreadableError(FileError):
    """A file that cannot be read, or is larger than any of its kind."""

    TROUBLE: ClassVar[str] = " cannot be read"


class UnwritableError(FileError):
    """A file that cannot be written."""

    TROUBLE: ClassVar[str] = " cannot be written"


def check_destination(option: str, path: Path, *, parents: bool = False) -> None:
    """Refuse a place where nothing new can be made, before there is anything to write.

    Args:
        option: what was typed for it.
        path: the file or directory that is wanted.
        parents: whether the directories above it are made as well.

    Raises:
        UsageError: it exists, or cannot be made.
    """
    if os.path.lexists(path):
        raise UsageError(option, f"{path} exists already", "a new name")
    above = next(one for one in path.absolute().parents if not parents or one.exists())
    try:
        with tempfile.TemporaryFile(dir=above):
            pass
    except OSError as error:
        problem = f"{path} cannot be written: {error.strerror}"
        raise UsageError(option, problem, "a name where files can be made") from None


def make_private_directory(directory: Path) -> None:
    """Make a directory, and those above it, for its owner alone; it may not be open already.

    Raises:
        TooOpenError: others may look into it.
    """
    for one in reversed((directory, *directory.parents)):
        if not one.exists():
            one.mkdir(mode=PRIVATE_DIRECTORY, exist_ok=True)
    check_private(directory)


def check_private(path: Path) -> None:
    """Refuse what others may read.

    Raises:
        TooOpenError: they may.
    """
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & _OTHERS:
        wanted = PRIVATE_DIRECTORY if path.is_dir() else PRIVATE_FILE
        problem = f"others may read it (mode {mode:o}); close it with: chmod {wanted:o} {path}"
        raise TooOpenError(path, problem)


def write_durably(path: Path, content: bytes, *, replace: bool) -> None:
    """Write a private file in one step: after a crash it is there whole, or as it was before.

    Raises:
        FileExistsError: it exists, and is not to be replaced.
        UnwritableError: nothing can be made where it is to be.
    """
    try:
        # It has mode 0600, so that it is never open to others, not for a moment.
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise UnwritableError(path, error.strerror or str(error)) from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            Path(temporary).replace(path)
        else:
            path.hardlink_to(temporary)  # unlike a rename, this fails if the name is taken
    finally:
        Path(temporary).unlink(missing_ok=True)
    sync_directory(path.parent)


def write_public(path: Path, content: bytes) -> None:
    """Write a new file that is nobody's secret, whole or not at all.

    Raises:
        UnwritableError: it cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=".kpledger-", dir=path.parent) as directory:
            temporary = Path(directory) / "new"
            temporary.write_bytes(content)
            temporary.replace(path)
    except OSError as error:
        raise UnwritableError(path, error.strerror or str(error)) from None


def sync_directory(directory: Path) -> None:
    """Make names that were added to or removed from a directory durable."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_bounded(path: Path, *, max_bytes: int) -> bytes:
    """Read a whole file of limited size.

    Raises:
        UnreadableError: it is not there, not readable, no regular file, or too large.
    """
    try:
        return read_file(path, max_bytes=max_bytes)
    except OSError as error:
        raise UnreadableError(path, error.strerror or str(error)) from None


def read_text_bounded(path: Path, *, max_bytes: int) -> str:
    """Read a whole text file of limited size, as :func:`kpledger.reading.read_text` does.

    Raises:
        UnreadableError: it is not there, not readable, no regular file, too large, or no text.
    """
    try:
        return read_text(path, max_bytes=max_bytes)
    except OSError as error:
        raise UnreadableError(path, error.strerror or str(error)) from None
