"""Why a node's storage cannot be opened, read or written; each error names the directory."""

import errno
import os
from pathlib import Path
from typing import Final

_SHORTAGES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""What the system lacks for a moment: descriptors of the process or of all, memory."""
_SHORTAGES_IN_WORDS: Final = tuple(map(os.strerror, _SHORTAGES))
"""LevelDB hands on the words of the system, without a number."""


class StorageError(Exception):
    """The storage in a directory cannot do what it was asked.

    Attributes:
        directory: the database's directory.
        why: the trouble, in words.
    """

    def __init__(self, directory: Path, why: str) -> None:
        super().__init__(f"{directory}: {why}")
        self.directory = directory
        self.why = why


class StorageFailedError(StorageError):
    """A write or its sync failed, so that nothing is known about the disk; the node must stop."""


class StorageCorruptError(StorageError):
    """Stored bytes are not what was written.

    Attributes:
        height: the entry that cannot be read, None where no single entry is known.
        finding: what was found instead.
    """

    def __init__(self, directory: Path, *, height: int | None, finding: str) -> None:
        where = "the database is damaged" if height is None else f"height {height} is damaged"
        super().__init__(directory, f"{where}: {finding}")
        self.height = height
        self.finding = finding


class ShortageError(Exception):
    """The system has no descriptors or memory for the node now; one line that says which."""


def is_shortage(error: Exception) -> bool:
    """Tell whether the system was short of descriptors or memory, and nothing else is to blame."""
    if isinstance(error, StorageError):
        return error.why.endswith(_SHORTAGES_IN_WORDS)
    is_named = isinstance(error, OSError) and error.errno in _SHORTAGES
    return is_named or isinstance(error, MemoryError | ShortageError)
